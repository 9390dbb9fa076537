"""Where restored objects go: back to where they were, or into another place under the same keys."""

from dataclasses import dataclass

from holdfast.objects.model import Original
from holdfast.objects.naming import LIMIT


class BadTarget(ValueError):
    """A place is not one to restore to."""


class KeyTooLong(ValueError):
    """A key under a prefix is longer than S3 takes."""


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and what is put before every key in it."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str, backup_bucket: str) -> "Place":
        """Read `BUCKET/PREFIX`. Raises BadTarget."""
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
        if not bucket:
            raise BadTarget(f"--to {text!r} names no bucket: it is BUCKET/PREFIX")
        if bucket == backup_bucket:
            raise BadTarget(f"--to {text!r} is the backup bucket, which holds copies and nothing else")
        return cls(bucket, prefix)

    def of(self, original: Original) -> Original:
        """Raises KeyTooLong."""
        key = self.prefix + original.key
        if (length := len(key.encode())) > LIMIT:
            raise KeyTooLong(f"under {self.bucket}/{self.prefix} its key has {length:,} bytes, and S3 takes {LIMIT:,}")
        return Original(self.bucket, key)
