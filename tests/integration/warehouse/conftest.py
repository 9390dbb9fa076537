"""The warehouse system of the template in an account in memory, with the warehouse of the sample events."""

from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast import wiring
from local.invoke import SAMPLE_LAKE
from tests import aws
from tests.integration.clock import Clock
from tests.integration.warehouse.deployed import BEGINNING, Deployed
from tests.invocation import Functions

type Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(account: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deploy:
    """Deploys the stack with these parameters."""

    def deploy(**parameters: str) -> Deployed:
        clock = Clock(BEGINNING)
        monkeypatch.setattr(wiring, "now", clock.now)
        sources = {"WarehouseSources": f"s3://{SAMPLE_LAKE}/sales", "WarehouseSourceBuckets": SAMPLE_LAKE}
        made = aws.deploy(**sources | parameters)
        for told in made.environments.values():
            if "SCRATCH_FOLDER" in told:
                assert isinstance(told, dict)
                told["SCRATCH_FOLDER"] = str(tmp_path)
        deployed = Deployed(Functions(made), clock)
        deployed.make_lake()
        return deployed

    return deploy


@pytest.fixture
def deployed(deploy: Deploy) -> Deployed:
    """As a deploy makes it, whoever asks for nothing else."""
    return deploy()
