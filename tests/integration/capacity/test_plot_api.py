"""The stack's API as the drive calls it: signed, and suspicious of the answer."""

from datetime import UTC, datetime

import boto3
import pytest

from holdfast.adapters.execute_api import PlotRefused, SignedPlotApi
from tests import aws
from tests.integration.capacity.plot_api import PNG, PlotApi, serving

START, END = datetime(2026, 1, 15, 9, 30, tzinfo=UTC), datetime(2026, 1, 15, 10, tzinfo=UTC)


def ask(api: PlotApi, session: boto3.Session | None = None) -> bytes:
    keys = boto3.Session("AKIAEXAMPLE", "secret", region_name=aws.REGION)
    with serving(api):
        return SignedPlotApi(session or keys, f"{api.url}/prod/plot").png("my+bucket", START, END)


def test_a_plot_of_the_range_is_asked_for_and_comes_back() -> None:
    api = PlotApi()
    assert ask(api) == PNG
    ((path, query, _),) = api.asked
    assert path == "/prod/plot"
    assert query == {
        "bucket": "my+bucket",
        "from": "2026-01-15T09:30:00+00:00",
        "to": "2026-01-15T10:00:00+00:00",
        "format": "png",
    }


def test_the_request_is_signed_for_the_api_of_the_region() -> None:
    api = PlotApi()
    ask(api)
    ((_, _, headers),) = api.asked
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    assert "/us-east-1/execute-api/aws4_request" in headers["Authorization"]
    assert headers["Accept"] == "image/png"


@pytest.mark.parametrize(
    ("api", "told"),
    [
        (PlotApi(403, b'{"message":"Forbidden"}'), 'answered 403: b\'{"message":"Forbidden"}\''),
        (PlotApi(200, b"iVBORw0KGgo="), "answered 200: b'iVBORw0KGgo='"),
        (PlotApi(502, b"x" * 1000), f"answered 502: b'{'x' * 200}'"),
    ],
    ids=["refused", "base64 instead of bytes", "long"],
)
def test_any_other_answer_is_an_error_that_shows_it(api: PlotApi, told: str) -> None:
    with pytest.raises(PlotRefused) as refused:
        ask(api)
    assert str(refused.value) == f"GET {api.url}/prod/plot {told}"


def test_without_credentials_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = boto3.Session(region_name=aws.REGION)
    monkeypatch.setattr(nobody, "get_credentials", lambda: None)
    api = PlotApi()
    with pytest.raises(PlotRefused, match="there are no AWS credentials to sign the request with"):
        ask(api, nobody)
    assert api.asked == []
