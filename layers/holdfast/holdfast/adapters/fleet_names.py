"""What the services of the fleet take as names and tags. Pure."""

import re
from collections.abc import Mapping
from hashlib import sha256

from holdfast.fleet.model import Tag

GIB = 1024**3

LONGEST_SNAPSHOT_NAME = 255
LONGEST_BUCKET_NAME = 63

_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+\-@]")


def snapshot_name(name: str) -> str:
    """An identifier that RDS takes, always the same for a name: letters, digits, single hyphens, a letter first. RDS
    stores it in lower case. Names that lose something, or are too long, are told apart by a digest.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html"""
    lower = name.lower()
    plain = re.sub(r"[^a-z0-9]+", "-", lower).strip("-")
    if not plain[:1].isalpha():
        plain = f"holdfast-{plain}".strip("-")
    if plain != lower or len(plain) > LONGEST_SNAPSHOT_NAME:
        digest = sha256(name.encode()).hexdigest()[:8]
        plain = f"{plain[: LONGEST_SNAPSHOT_NAME - 9].rstrip('-')}-{digest}"
    return plain


def image_name(name: str) -> str:
    """A name that EC2 takes of an image: 3 to 128 of letters, digits and a few signs. What is too long is cut, and told
    apart by a digest. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html"""
    plain = re.sub(r"[^A-Za-z0-9()\[\] ./\-'@_]", "-", name)
    if plain != name or not 3 <= len(plain) <= 128:
        plain = f"{plain[:119]}-{sha256(name.encode()).hexdigest()[:8]}"
    return plain


def tag_value(text: str) -> str:
    """A tag's value as RDS takes it: what it does not take becomes an underscore.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html"""
    return _NOT_IN_TAGS.sub("_", text)[:256]


def token(*what: str) -> str:
    """What makes asking twice one request: CopyImage and CreateJob take 64 characters."""
    return sha256("\n".join(what).encode()).hexdigest()


def is_same_backup(tags: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether parts with these tags are of one backup."""
    return Tag.RUN in tags and all(tags.get(tag) == others.get(tag) for tag in (Tag.STACK, Tag.SOURCE, Tag.RUN))
