"""``gitml exp``: a table of its commands, each imported only when it runs."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

import click

from gitml.cli.exp_commands import OVERVIEW, SUBCOMMANDS
from gitml.errors import WrongUsage


class Subcommands(click.Group):
    """The commands of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command.

        Raises
        ------
        WrongUsage
            There is no such command.
        """
        if cmd_name not in SUBCOMMANDS:
            near = get_close_matches(cmd_name, SUBCOMMANDS, n=1)
            why = f"Did you mean {near[0]}?" if near else ""
            mend = f"gitml exp {near[0]}" if near else "gitml exp --help"
            raise WrongUsage(f"there is no command {f'exp {cmd_name}'!r}", why, (mend,))
        command: click.Command = import_module(f"gitml.cli.exp_{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, without importing what is in it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


@click.command(
    "exp", cls=Subcommands, help=OVERVIEW, epilog="\b\nExample:\n  gitml exp list\n  gitml exp show lower-lr"
)
def command() -> None:
    """Show and compare experiments."""
