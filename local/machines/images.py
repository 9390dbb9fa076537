"""Images that are registered have the tags that they are given: in EC2, not in moto."""

from typing import Any

from moto.ec2.responses.amis import AmisResponse

_register = AmisResponse.register_image


def register_with_tags(self: Any) -> Any:
    """As moto does; then the tags."""
    answer: Any = _register(self)
    given = self._parse_tag_specification().get("image", {})
    self.ec2_backend.amis[answer.result["ImageId"]].add_tags(given)
    return answer


def mend() -> None:
    """In this process, from now on."""
    AmisResponse.register_image = register_with_tags  # type: ignore[method-assign]
