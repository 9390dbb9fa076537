"""The list of what the engine does not do, and the check of a template against it."""

import ast
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from local.cloud import ROOT
from local.gaps import EngineCannot, Known
from local.template import Resource

KNOWN = Known.read(
    {
        "engine": "1",
        "works": {"AWS::S3::Bucket": ["BucketName"]},
        "gap": [
            {
                "types": ["AWS::S3::Bucket"],
                "properties": ["Tags", "Lifecycle"],
                "happens": "dropped",
                "verdict": "harmless",
                "why": "nobody reads it",
                "noticed_by": "test_tags",
            },
            {
                "types": ["AWS::S3::Bucket"],
                "properties": ["Replication"],
                "happens": "dropped",
                "verdict": "stops",
                "why": "the copy would be missing",
                "noticed_by": "test_replication",
            },
            {
                "types": ["AWS::EC2::EIP", "AWS::EC2::Volume"],
                "happens": "refused",
                "verdict": "stops",
                "why": "the engine does not know the type",
                "noticed_by": "test_types",
            },
        ],
    }
)


def bucket(**properties: Any) -> Resource:
    return Resource("Store", "AWS::S3::Bucket", properties)


def refusal(*resources: Resource) -> list[str]:
    with pytest.raises(EngineCannot) as raised:
        KNOWN.check(resources)
    return [line.strip() for line in str(raised.value).splitlines() if line.startswith("  ")]


def test_what_works_meets_no_gap() -> None:
    assert KNOWN.check([bucket(BucketName="b")]) == []


def test_a_harmless_gap_is_told_once_however_many_meet_it() -> None:
    [gap] = KNOWN.check([bucket(Tags=[]), bucket(Tags=[], Lifecycle={})])
    assert gap.noticed_by == "test_tags"


def test_a_gap_that_matters_stops_with_resource_type_and_property() -> None:
    assert refusal(bucket(BucketName="b", Replication={})) == [
        "Store (AWS::S3::Bucket) Replication: dropped; the copy would be missing"
    ]


def test_a_property_that_nobody_tried_stops() -> None:
    assert refusal(bucket(ObjectLock=True, BucketName="b")) == ["Store (AWS::S3::Bucket) ObjectLock: not tried yet"]


def test_a_type_that_nobody_tried_stops() -> None:
    assert refusal(Resource("Line", "AWS::SQS::Queue", {"QueueName": "q"})) == ["Line (AWS::SQS::Queue): not tried yet"]


def test_a_type_that_the_engine_refuses_stops_once_whatever_its_properties() -> None:
    assert refusal(Resource("Disk", "AWS::EC2::Volume", {"Size": 1, "Encrypted": True})) == [
        "Disk (AWS::EC2::Volume): refused; the engine does not know the type"
    ]


def test_all_that_stops_is_told_at_once() -> None:
    assert len(refusal(bucket(ObjectLock=True, Replication={}), Resource("Disk", "AWS::EC2::Volume", {}))) == 3


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(EngineCannot, match=r"local/gaps\.toml"):
        KNOWN.check([Resource("Line", "AWS::SQS::Queue", {})])


def test_the_list_was_tried_with_the_engine_that_is_installed() -> None:
    assert Known.read().engine == version("ministack"), (
        "a new engine: run tests/e2e/test_engine.py, look through local/gaps.toml again, then set its version there"
    )


def test_every_gap_has_the_test_that_notices_it() -> None:
    module = ast.parse((ROOT / "tests/e2e/test_engine.py").read_text())
    tests = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    assert {gap.noticed_by for gap in Known.read().gaps} <= tests


def test_nothing_is_both_said_to_work_and_listed_as_a_gap() -> None:
    known = Known.read()
    both = {
        (type_, name)
        for gap in known.gaps
        for type_ in gap.types
        for name in known.works.get(type_, frozenset()) & set(gap.properties)
    }
    assert both == set()


def test_the_documentation_has_the_list() -> None:
    page = Path(ROOT / "docs/explanation/local-and-cloud.md").read_text()
    assert Known.read().table() in page, "python -m local gaps prints the table as it should stand there"
