"""The stack's own REST API, called as any client calls it: over HTTPS, signed."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from boto3 import Session


class PlotRefused(Exception):
    """The plot API answered something else than a plot."""


@dataclass(frozen=True, slots=True)
class SignedPlotApi:
    """`GET url` with the session's credentials, signed with SigV4 as AWS_IAM asks for."""

    session: "Session"
    url: str

    def png(self, bucket: str, start: datetime, end: datetime) -> bytes:
        query = {"bucket": bucket, "from": start.isoformat(), "to": end.isoformat(), "format": "png"}
        request = AWSRequest("GET", f"{self.url}?{urlencode(query)}", headers={"Accept": "image/png"})
        credentials = self.session.get_credentials()
        if credentials is None:
            raise PlotRefused("there are no AWS credentials to sign the request with")
        SigV4Auth(credentials, "execute-api", self.session.region_name).add_auth(request)
        answer = URLLib3Session(timeout=30).send(request.prepare())
        if answer.status_code != 200 or not answer.content.startswith(b"\x89PNG"):
            raise PlotRefused(f"GET {self.url} answered {answer.status_code}: {answer.content[:200]!r}")
        return answer.content
