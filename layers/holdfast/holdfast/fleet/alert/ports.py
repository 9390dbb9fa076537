"""What alerts ask of the outside."""

from typing import Protocol

from holdfast.fleet.alert.model import Message


class NotDelivered(Exception):
    """A channel did not take a message. Says why, and nothing that is secret."""


class Channel(Protocol):
    """A way to people."""

    @property
    def name(self) -> str: ...

    @property
    def pages(self) -> bool:
        """Whether it keeps incidents open until it hears that they are over."""

    def send(self, message: Message) -> None:
        """What a channel does not carry (a pager, a good run) is sent as well. Raises NotDelivered."""
