"""capacity_plot on the tables and the bucket of the template."""

import json
from base64 import b64decode
from datetime import UTC, datetime

import pytest

from holdfast import wiring
from tests import aws
from tests.integration.capacity.deployed import Deployed


def kept(deployed: Deployed) -> dict[str, bytes]:
    """The plots in PlotBucket."""
    bucket = deployed.functions.stack.environments["capacity_plot"]["PLOT_BUCKET"]
    found = wiring.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    keys = [entry["Key"] for entry in found]
    return {key: wiring.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_a_picture_is_answered_and_kept(deployed: Deployed) -> None:
    deployed.holding(a=18, b=28)
    answer = deployed.try_out("capacity_plot/png").answer
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "image/png")
    (picture,) = kept(deployed).values()
    assert b64decode(answer["body"]) == picture
    assert picture.startswith(b"\x89PNG")


def test_the_points_are_those_of_the_history(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "now", lambda: datetime(2026, 1, 15, 9, 15, tzinfo=UTC))
    deployed.holding(a=18, b=28)
    answer = deployed.try_out("capacity_plot/json").answer
    told = json.loads(answer["body"])
    assert told["bucket"] == aws.SAMPLE_BUCKET
    assert [point["total_size"] for point in told["points"]] == [18, 46]


def test_a_wrong_question_is_answered_and_nothing_is_kept(deployed: Deployed) -> None:
    assert deployed.try_out("capacity_plot/unknown_bucket").answer["statusCode"] == 404
    assert kept(deployed) == {}
