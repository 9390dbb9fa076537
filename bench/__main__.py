"""All benchmarks."""

import typer

from bench.capacity.__main__ import main

if __name__ == "__main__":
    typer.run(main)
