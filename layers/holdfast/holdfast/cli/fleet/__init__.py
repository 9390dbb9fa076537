"""Instances, databases and buckets: their backups, and what is restored of them."""

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)
