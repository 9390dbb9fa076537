"""Random histories, judged together, against a checker that replays each version of each by itself."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.warehouse.delta.model import commit_name
from tests.unit.warehouse.delta.lake import BUCKET, Lake

type Action = dict[str, Any]

TABLES = 150
ABOUT: list[dict[str, object]] = [
    {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
    {"metaData": {"id": "x"}},
]

type Logical = tuple[str, str]
"""A path, and its deletion vector's name or nothing."""


@dataclass(slots=True)
class History:
    """What was written of a table, and what of it is still there."""

    versions: list[set[Logical]] = field(default_factory=list)
    commits: set[int] = field(default_factory=set)
    checkpoints: set[int] = field(default_factory=set)

    def replayable(self, version: int) -> bool:
        if version in self.checkpoints:
            return True
        return version in self.commits and (version == 0 or self.replayable(version - 1))

    @property
    def newest(self) -> int | None:
        return max(self.commits | self.checkpoints, default=None)


def write(lake: Lake, name: str, chance: random.Random) -> History:
    """A table of JSON alone: commits, and V2 checkpoints without sidecars. Its files are named, but not there."""
    told, live, gone = History(), set[Logical](), set[Logical]()
    for version in range(chance.randint(1, 8)):
        removed = {one for one in live if chance.random() < 0.3}
        hidden = {one for one in live - removed if chance.random() < 0.2}
        added = {(f"f{version}-{number}", "") for number in range(chance.randint(0, 2))}
        again = {one for one in live - removed - hidden if chance.random() < 0.1}
        added |= {(path, f"v{version}") for path, _ in hidden} | again
        added |= {one for one in gone if chance.random() < 0.1 and not any(one[0] == path for path, _ in live)}
        gone |= removed | hidden
        live = (live - removed - hidden) | added
        told.versions.append(set(live))
        actions: list[Action] = [{"remove": file(name, one)} for one in removed | hidden] + [
            {"add": file(name, one)} for one in added
        ]
        chance.shuffle(actions)
        if chance.random() < 0.93:
            told.commits.add(version)
            put(lake, name, commit_name(version), [*(ABOUT if version == 0 else []), *actions])
        if chance.random() < 0.25:
            told.checkpoints.add(version)
            uuid = f"00000000-0000-0000-0000-{version:012}"
            actions = [{"add": file(name, one)} for one in live] + [{"remove": file(name, one)} for one in removed]
            put(lake, name, f"{version:020}.checkpoint.{uuid}.json", ABOUT + actions)
    return told


def file(table: str, one: Logical) -> dict[str, Any]:
    path, vector = one
    told: dict[str, Any] = {"path": path, "size": 7}
    if vector:
        place = {"storageType": "p", "pathOrInlineDv": f"s3://{BUCKET}/vectors/{table}-{path}-{vector}.bin"}
        told["deletionVector"] = {**place, "offset": 1, "sizeInBytes": 10}
    return told


def put(lake: Lake, table: str, name: str, actions: list[Action]) -> None:
    path = lake.path(f"{table}/_delta_log/{name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(action) + "\n" for action in actions))


def needed(name: str, version: set[Logical]) -> set[tuple[str, int]]:
    return {(f"{name}/{path}", 7) for path, _ in version} | {
        (f"vectors/{name}-{path}-{vector}.bin", 19) for path, vector in version if vector
    }


@pytest.mark.parametrize("seed", range(2))
def test_the_newest_version_whose_every_file_is_stored_is_found(tmp_path: Path, seed: int) -> None:
    chance, lake = random.Random(seed), Lake(tmp_path)
    histories = {f"t{number:03}": write(lake, f"t{number:03}", chance) for number in range(TABLES)}
    everything = {one for name, told in histories.items() for version in told.versions for one in needed(name, version)}
    stored = {one for one in everything if chance.random() < 0.9}
    verdicts = {
        verdict.log.table: verdict for verdict in lake.judged(stored=[(BUCKET, *one) for one in sorted(stored)])
    }
    closure, vectors, found = lake.closure("data", "vector"), set[str](), 0
    for name, told in histories.items():
        possible = [
            version
            for version, live in enumerate(told.versions)
            if told.replayable(version) and needed(name, live) <= stored
        ]
        if told.newest is None:
            assert name not in verdicts
            continue
        verdict = verdicts[name]
        version = verdict.snapshot.version if verdict.snapshot else None
        assert (name, verdict.newest, version) == (name, told.newest, max(possible, default=None))
        if told.replayable(told.newest):
            missing = sorted(key for key, _ in needed(name, told.versions[told.newest]) - stored)
            assert (name, list(verdict.missing), verdict.missing_count) == (name, missing[:10], len(missing))
        if verdict.snapshot:
            found += 1
            assert verdict.snapshot.files == len(told.versions[verdict.snapshot.version])
            assert {key for key in closure if key.startswith(f"{name}/")} == {
                key for key, _ in needed(name, told.versions[verdict.snapshot.version]) if key.startswith(name)
            }
            vectors |= {key for key, _ in needed(name, told.versions[verdict.snapshot.version]) if "vectors/" in key}
    assert {key for key in closure if "vectors/" in key} == vectors
    assert found > TABLES / 2
