"""What `sam build` makes, in real containers, beside a private engine with the stack in it."""

import contextlib
import functools
import gc
import io
import tarfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker  # type: ignore[import-untyped]
import pytest

from local import cloud, container
from local.cloud import Cloud
from local.container import Application
from local.invoke import SAMPLE_BUCKET, make_sample_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.sam_local)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Builds the application for a processor, once and from nothing. Returns the folder of what was built."""

    @functools.cache
    def build(architecture: str) -> Path:
        folder = tmp_path_factory.mktemp("sam") / architecture / "build"
        assert container.build(folder, architecture, "--no-cached") == 0
        return folder

    return build


@pytest.fixture(scope="session")
def containers() -> Any:
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        found = container.find()
        gc.collect()  # docker's client forgets to close the socket at which nobody answered
    if not found:
        pytest.skip("no container engine answers, neither at DOCKER_HOST nor at the default socket")
    return found


@pytest.fixture(scope="session")
def stack(containers: Any) -> Iterator[Cloud]:
    """Its own schedule cleans nothing while a container is to."""
    with cloud.temporary({"DisownedDelaySeconds": "86400"}) as filled:
        yield filled


@pytest.fixture(scope="session")
def application(stack: Cloud, containers: Any, build: Callable[[str], Path]) -> Iterator[Application]:
    """What was built for this machine. At the end no container of it is left, whatever happened."""
    built = build(cloud.parameters(stack.engine)["Architecture"])
    complete(containers, container.image(stack.engine))
    with Application.open(stack.engine, containers, built) as application:
        yield application
    for left in containers.containers.list(all=True):
        if any(Path(mount["Source"]).is_relative_to(built) for mount in left.attrs["Mounts"]):
            left.remove(force=True)


@pytest.fixture(scope="session")
def s3(stack: Cloud) -> "S3Client":
    """With the bucket of the sample events in it."""
    make_sample_bucket(stack.engine)
    client: S3Client = stack.engine.client("s3")
    return client


@pytest.fixture
def clean(stack: Cloud, s3: "S3Client") -> None:
    """As if nothing had been tried before."""
    outputs = stack.outputs
    ours = tuple(f"{name}BackupBucketName" for name in ("Objects", "Tables", "Warehouse", "Fleet"))
    for bucket in (SAMPLE_BUCKET, *(outputs[name] for name in ours)):
        for listed in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=listed["Key"])
    dynamodb = stack.engine.client("dynamodb")
    with contextlib.suppress(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.delete_table(TableName="holdfast-restored")
    for table in (name for output, name in outputs.items() if output.endswith("TableName")):
        keys = [key["AttributeName"] for key in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
        for row in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={key: row[key] for key in keys})


def complete(containers: Any, image: str) -> None:
    """Lambda's image has libdl.so.2, which wheels ask for. One that was made of this machine's files may lack it."""
    try:
        containers.containers.run(
            image, ["-c", "import ctypes; ctypes.CDLL('libdl.so.2')"], entrypoint="python3", remove=True
        )
    except docker.errors.ContainerError:
        library = next(Path("/lib").glob("**/libdl.so.2"))
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as packed:
            packed.add(library.resolve(), library.name)
        lacking = containers.containers.create(image)
        lacking.put_archive("/lib64", archive.getvalue())
        lacking.commit(*image.split(":"))
        lacking.remove()
