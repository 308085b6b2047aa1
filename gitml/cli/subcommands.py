"""A group of commands that is a table: each is imported only when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module

import click

from gitml.errors import WrongUsage


class Subcommands(click.Group):
    """The commands of a table.

    Parameters
    ----------
    name
        The group's word; the click command of its ``x-y`` is ``command`` in ``gitml/cli/<name>_x_y.py``.
    table
        For each command what it does.
    overview
        What the group's help says.
    example
        A command a line.
    """

    def __init__(self, name: str, table: Mapping[str, str], overview: str, example: tuple[str, ...]) -> None:
        super().__init__(name, help=overview, epilog="\n  ".join(["\b\nExample:", *example]))
        self._word = name
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command.

        Raises
        ------
        WrongUsage
            There is no such command.
        """
        if cmd_name not in self._table:
            near = get_close_matches(cmd_name, self._table, n=1)
            why = f"Did you mean {near[0]}?" if near else ""
            mend = f"gitml {self._word} {near[0] if near else '--help'}"
            raise WrongUsage(f"there is no command {f'{self._word} {cmd_name}'!r}", why, (mend,))
        module = import_module(f"gitml.cli.{self._word}_{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, without importing what is in it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._table.items()))
