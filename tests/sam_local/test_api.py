"""The plot over HTTP, by the real `sam local start-api`."""

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from io import BytesIO

import pytest
from PIL import Image

from local.container import Application
from local.invoke import Invocation, in_process, variables
from local.kept import Kept, tail

START_SECONDS = 60


@pytest.fixture(scope="module")
def api(application: Application) -> Iterator[str]:
    """The address of the running API."""
    port = free_port()
    plot = Invocation.named("capacity_plot", "png")
    command = application.sam_local(
        ["start-api", "--port", str(port), "--warm-containers", "LAZY"],
        {plot.logical_id: variables(application.engine, plot)},
    )
    sam = Kept.start("start-api", list(map(str, command)), application.environment(), application.engine.folder)
    try:
        wait_for(port, sam)
        yield f"http://127.0.0.1:{port}"
    finally:
        sam.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, sam: Kept) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and sam.alive():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"sam local start-api does not answer:\n{tail(sam.log)}")


def get(url: str) -> HTTPResponse:
    """Ask as browsers and curl do: without `Accept`, sam would not decode the body. API Gateway always does."""
    request = urllib.request.Request(url, headers={"Accept": "*/*"})
    response: HTTPResponse = urllib.request.urlopen(request, timeout=60)
    return response


def test_a_png_is_a_png(api: str) -> None:
    with get(f"{api}/plot?size=800x400") as response:
        assert response.headers["Content-Type"] == "image/png"
        body = response.read()
    assert body.startswith(b"\x89PNG\r\n\x1a\n")
    image = Image.open(BytesIO(body))
    image.load()
    assert image.size == (800, 400)


@pytest.mark.usefixtures("clean")
def test_json_holds_the_totals_that_tracking_wrote(api: str, application: Application) -> None:
    assert in_process(application.engine, Invocation.named("capacity_track", "batch")) == 0
    with get(f"{api}/plot?format=json&from=-1h") as response:
        assert response.headers["Content-Type"] == "application/json"
        plot = json.load(response)
    assert [point["total_size"] for point in plot["points"]] == [10, 30, 70, 72, 32]


def test_a_bad_parameter_is_refused_by_name(api: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{api}/plot?format=bmp")
    with refused.value as answer:
        assert answer.code == 400
        assert json.load(answer)["parameter"] == "format"
