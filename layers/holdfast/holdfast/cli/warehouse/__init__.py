"""The warehouse system: what is backed up of Delta Lake tables, and bringing it back."""

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)
