"""Signature Version 4 of S3, for requests without query and body.

The SDK signs anything, and takes as long for it as all the rest of a copy. Its signatures are the same, which is
tested.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

_NOTHING = sha256().hexdigest()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests to one host in one region."""

    host: str
    region: str

    def signed(
        self, method: str, path: str, headers: Mapping[str, str], credentials: "ReadOnlyCredentials", now: datetime
    ) -> dict[str, str]:
        """All headers to send. `path` is quoted; `headers` have names in small letters, and no needless spaces in their
        values. `now` is in UTC."""
        moment = now.strftime("%Y%m%dT%H%M%SZ")
        day = moment[:8]
        scope = f"{day}/{self.region}/s3/aws4_request"
        signed = {**headers, "host": self.host, "x-amz-content-sha256": _NOTHING, "x-amz-date": moment}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        names = sorted(signed)
        listed = ";".join(names)
        lines = "\n".join([f"{name}:{signed[name]}" for name in names])
        request = f"{method}\n{path}\n\n{lines}\n\n{listed}\n{_NOTHING}"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = _hmac(_key(credentials.secret_key, day, self.region), text).hex()
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={listed}, Signature={signature}"
        )
        return signed


@lru_cache(maxsize=4)
def _key(secret_key: str, day: str, region: str) -> bytes:
    """Kept for the day: each HMAC lets go of the interpreter's lock, and many threads then wait for it in turn."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
