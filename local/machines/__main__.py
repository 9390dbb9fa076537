"""Moto's server, with the calls of EC2 that moto lacks answered as an account answers them that does not use them."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

from local.machines import images

UNUSED: Mapping[str, str] = {"DescribeLockedSnapshots": "snapshotSet"}
"""Nobody has locked a snapshot. The element in which an answer would list what there is."""

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"

type Start = Callable[[str, list[tuple[str, str]]], Any]
type Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


def answering(application: Application) -> Application:
    """The application, without the calls that are answered here."""

    def answer(environment: dict[str, Any], start: Start) -> Iterable[bytes]:
        action = _action(environment)
        if action not in UNUSED:
            return application(environment, start)
        start("200 OK", [("Content-Type", "text/xml")])
        return [f'<{action}Response xmlns="{NAMESPACE}"><{UNUSED[action]}/></{action}Response>'.encode()]

    return answer


def _action(environment: dict[str, Any]) -> str:
    """Which call a request is; what was read of it can be read again."""
    if not environment.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return ""
    body: bytes = environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
    environment["wsgi.input"] = BytesIO(body)
    return parse_qs(body.decode()).get("Action", [""])[0]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", required=True)
    options.add_argument("--port", type=int, required=True)
    told = options.parse_args()
    images.mend()
    run_simple(told.host, told.port, answering(DomainDispatcherApplication(create_backend_app)), threaded=True)


if __name__ == "__main__":
    main()
