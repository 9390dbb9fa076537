"""`holdfast capacity` on the template's bucket and tables in memory."""

from typer.testing import CliRunner

from holdfast.cli import app
from tests import aws
from tests.integration.capacity.conftest import Deploy


def test_preview_passes_over_what_trim_would_pass_over(deploy: Deploy) -> None:
    deployed = deploy(ProtectedBuckets=aws.SAMPLE_BUCKET).holding(**{"copied.txt": 18})
    deployed.functions.invoke("objects_reconcile", {})
    deployed.holding(**{"larger.txt": 28})
    answer = CliRunner().invoke(app, ["capacity", "preview"])
    assert answer.exit_code == 0, answer.output
    assert answer.output == (
        "evict      'copied.txt': the largest that may go (18 bytes): total 46 >= limit 20\n"
        "pass over  'larger.txt': has no stored copy yet\n"
        "1 of 2 objects would go; 28 bytes would be left.\n"
        "That is not below the limit, and no other object may go.\n"
    )
    assert deployed.names() == ["copied.txt", "larger.txt"]
