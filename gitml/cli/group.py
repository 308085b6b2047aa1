"""click's group of all commands, which imports a command only when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module

import click

from gitml import __version__
from gitml.cli.commands import NAMES, overview
from gitml.errors import WrongUsage


class Commands(click.Group):
    """The commands of the table; each module is imported when its command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command.

        Raises
        ------
        WrongUsage
            There is no such command.
        """
        if cmd_name not in NAMES:
            near = get_close_matches(cmd_name, NAMES, n=1)
            why = f"Did you mean {near[0]}?" if near else ""
            raise WrongUsage(
                f"there is no command {cmd_name!r}", why, (f"gitml {near[0]}" if near else "gitml --help",)
            )
        command: click.Command = import_module(f"gitml.cli.{cmd_name.replace('-', '_')}").command
        return command

    def get_help(self, ctx: click.Context) -> str:
        """Return the overview, made from the table."""
        return overview()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, message="gitml %(version)s")
def gitml() -> None:
    """Keep an ML team's experiments, models and production in one git repository."""


def run(words: list[str]) -> int:
    """Run the command that `words` name, and return the exit status.

    Raises
    ------
    WrongUsage
        An option or an argument is unknown, missing or wrong.
    KeyboardInterrupt
        A question was answered with Ctrl-C.
    """
    try:
        with _usage_errors(), gitml.make_context("gitml", list(words)) as context:
            gitml.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return 0


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Give click's complaints the shape of every other error."""
    try:
        yield
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        message = error.format_message().strip().rstrip(".")
        what, _, why = message.partition(". ")
        command = context.command_path if context is not None else "gitml"
        raise WrongUsage(what[:1].lower() + what[1:], why, (f"{command} --help",)) from None
