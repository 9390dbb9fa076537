"""All benchmarks, or those of one system."""

import typer

from bench.capacity.__main__ import main as capacity
from bench.fleet.__main__ import main as fleet
from bench.objects.__main__ import main as objects
from bench.tables.__main__ import main as tables
from bench.warehouse.__main__ import main as warehouse

app = typer.Typer(invoke_without_command=True, add_completion=False)
app.command("capacity", help="What events cost, how long cold starts take, how many events come through a second.")(
    capacity
)
app.command(
    "objects", help="What events cost, how long cold starts take, how fast a bucket that already had objects is copied."
)(objects)
app.command(
    "tables",
    help="What a stream's records cost in either layout, how small segments get, how fast a table is made as it was.",
)(tables)
app.command(
    "warehouse", help="How long a plan takes and how much memory, how fast the direct engine copies what it found."
)(warehouse)
app.command("fleet", help="How long cold starts take.")(fleet)


@app.callback()
def main(asked: typer.Context) -> None:
    """Print tables, and write them as JSON. Without a command, all there are."""
    if asked.invoked_subcommand is None:
        capacity()
        objects()
        tables()
        warehouse()
        fleet()


if __name__ == "__main__":
    app()
