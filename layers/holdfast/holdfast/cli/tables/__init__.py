"""The tables system: what is archived of DynamoDB tables, and bringing it back."""

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)
