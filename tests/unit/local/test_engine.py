"""How an engine is started, found, lost and stopped, and that nothing of the user's is in its reach."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import engine as engines
from local.engine import Engine, EngineDied, PortBusy, sdk
from local.kept import AlreadyRunning, Kept
from local.machines import MachinesDied


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine.start(tmp_path)
    yield engine
    engine.stop()


def test_it_answers_until_it_is_stopped(engine: Engine, tmp_path: Path) -> None:
    assert engine.client("sts").get_caller_identity()["Account"] == engines.ACCOUNT
    found = Engine.find(tmp_path)
    assert found
    assert (found.endpoint, found.machines.endpoint) == (engine.endpoint, engine.machines.endpoint)
    engine.stop()
    assert Engine.find(tmp_path) is None
    for port in (engine.port, engine.machines.port):
        with socket.socket() as client:
            assert client.connect_ex((engine.host, port)) != 0


def test_ec2_and_rds_are_beside_it_in_the_same_account(engine: Engine) -> None:
    name = engine.client("rds").create_db_subnet_group(
        DBSubnetGroupName="ours",
        DBSubnetGroupDescription="ours",
        SubnetIds=[engine.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]],
    )["DBSubnetGroup"]["DBSubnetGroupArn"]
    assert name == f"arn:aws:rds:{engines.REGION}:{engines.ACCOUNT}:subgrp:ours"


def test_the_death_of_the_machines_is_told_once(engine: Engine, tmp_path: Path) -> None:
    engine.machines.kept.stop()
    with pytest.raises(MachinesDied, match=r"machines\.log"):
        engine.check()
    with pytest.raises(EngineDied, match=r"(?s)has ended by itself.*machines\.log"):
        Engine.find(tmp_path)
    assert Engine.find(tmp_path) is None
    assert Kept.find("engine", tmp_path) is None


def test_one_folder_has_one_engine(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(AlreadyRunning, match=str(tmp_path)):
        Engine.start(tmp_path)
    engine.check()


def test_a_busy_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortBusy, match=rf"port {port} of 127\.0\.0\.1 .* make up PORT="):
            Engine.start(tmp_path, port)
    assert Engine.find(tmp_path) is None


@pytest.mark.parametrize("port", [-1, 70000])
def test_an_impossible_port_is_refused(port: int, tmp_path: Path) -> None:
    with pytest.raises(PortBusy, match=str(port)):
        Engine.start(tmp_path, port)


def test_an_engine_that_ends_while_it_starts_is_told_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = engines._settings
    monkeypatch.setattr(engines, "_settings", lambda *where: settings(*where) | {"GATEWAY_PORT": "none"})
    with pytest.raises(EngineDied, match=r"(?s)ended while it started.*engine\.log.*'none'"):
        Engine.start(tmp_path)
    assert Engine.find(tmp_path) is None


def test_an_engine_that_never_answers_is_given_up_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "READY_SECONDS", 0)
    with pytest.raises(EngineDied, match="did not answer within 0 seconds"):
        Engine.start(tmp_path)
    assert Kept.find("engine", tmp_path) is None


def test_the_death_of_an_engine_is_told_once(engine: Engine, tmp_path: Path) -> None:
    engine.kept.stop()  # without a word to the engine's own state, as when it is killed
    with pytest.raises(EngineDied, match=r"(?s)has ended by itself.*engine\.log"):
        engine.check()
    with pytest.raises(EngineDied, match="has ended by itself"):
        Engine.find(tmp_path)
    assert Engine.find(tmp_path) is None


def test_a_number_that_a_dead_engine_left_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text('{"host": "127.0.0.1", "port": 1}')
    (tmp_path / "engine.lock").write_text("1")
    (tmp_path / "engine.log").write_text("killed")
    with pytest.raises(EngineDied, match="killed"):
        Engine.find(tmp_path)


def test_nothing_of_the_user_reaches_a_child(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy")
    environment = engine.environment()
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY"} & environment.keys()
    assert environment["AWS_ENDPOINT_URL"] == engine.endpoint
    assert environment["AWS_ENDPOINT_URL_EC2"] == environment["AWS_ENDPOINT_URL_RDS"] == engine.machines.endpoint
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert Path(environment[file]).read_text() == ""


def test_a_client_is_blind_to_the_users_profile_and_proxy(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there is none of this name")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    sdk.cache_clear()
    assert engine.client("sts").get_caller_identity()["Account"] == engines.ACCOUNT


def test_no_snapshot_is_locked_which_moto_could_not_tell(engine: Engine) -> None:
    assert engine.client("ec2").describe_locked_snapshots()["Snapshots"] == []
