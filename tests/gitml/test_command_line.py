"""The command line: help, errors and exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
import pytest

import gitml as package
from gitml.cli.bug import report
from gitml.cli.commands import NAMES, SECTIONS, overview
from gitml.cli.terminal import framed, has_colours, painted

ROOT = Path(__file__).parents[2]

ABOVE = """\
Usage: gitml [-h | --version] COMMAND [OPTIONS] [ARGUMENTS]...

Keeps an ML team's experiments, models and production in one git repository.

Daily
"""
BELOW = """\

Example
  gitml exp run -n lower-lr -S lr=3e-4

gitml COMMAND --help says more about one. Exit codes: 0 done, 1 a rule says no,
2 wrong usage, 3 a broken environment, 130 interrupted. GITML_DEBUG=1 shows
the traceback of an error.
"""

ORDER = ["init", "status", "exp", "report", "data", "model", "undo", "doctor", "ci", "forge", "hooks", "rules"]
"""The commands that there are or will be, in the order in which a day needs them."""

EXPLODE = """
import types, click
from gitml import errors
from gitml.cli import commands

def explode(what):
    @click.command(what)
    def command():
        print("before")
        raise {
            "abort": click.Abort(),
            # pragma: allowlist nextline secret
            "crash": KeyError("a\\nb https://ada:s3cret@example.org/x " + __import__("os").path.expanduser("~/data")),
            "interrupt": KeyboardInterrupt(),
            "no": errors.GitmlError("the gate says no", "roc_auc 0.61 is below 0.70.", ("gitml exp run",)),
        }[what]
    commands.NAMES += (what,)
    sys.modules["gitml.cli." + what] = types.SimpleNamespace(command=command)

for what in ("abort", "crash", "interrupt", "no"):
    explode(what)
"""
"""Commands that end badly, as the real ones would."""


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",), ("--help", "--help")])
def test_help_shows_the_commands_there_are(gitml: Callable, tmp_path: Path, words: tuple[str, ...]) -> None:
    done = gitml(*words, at=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(ABOVE)
    assert done.out.endswith(BELOW)
    lines = done.out.removeprefix(ABOVE).removesuffix(BELOW).splitlines()
    table = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert list(table) == list(NAMES) == [name for name in ORDER if name in NAMES]
    assert all(
        line.endswith(does)
        for section in SECTIONS.values()
        for line, does in zip((table[name] for name in section), section.values(), strict=True)
    )
    assert all(len(line) <= 80 for line in lines)
    assert [line for line in lines if line and not line.startswith(" ")] == ["Operations"]


@pytest.mark.parametrize("words", [("--version",), ("--version", "doctor")])
def test_version(gitml: Callable, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert gitml(*words, at=tmp_path) == (0, f"gitml {package.__version__}\n", "")


def test_python_dash_m_is_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gitml", "--help"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, overview() + "\n", "")


def test_an_unknown_command_names_the_nearest(gitml: Callable, tmp_path: Path) -> None:
    assert gitml("docotr", at=tmp_path) == (
        2,
        "",
        "gitml: there is no command 'docotr'\n  Did you mean doctor?\nMend:\n  gitml doctor\n",
    )


def test_an_unknown_command_like_no_other_leads_to_the_list(gitml: Callable, tmp_path: Path) -> None:
    assert gitml("xyz", at=tmp_path) == (2, "", "gitml: there is no command 'xyz'\nMend:\n  gitml --help\n")


def test_an_unknown_option_names_the_nearest(gitml: Callable, tmp_path: Path) -> None:
    done = gitml("doctor", "--jsn", at=tmp_path)
    assert done == (
        2,
        "",
        "gitml: no such option '--jsn'\n  Did you mean '--json'?\nMend:\n  gitml doctor --help\n",
    )


def test_an_argument_too_many_is_wrong_usage(gitml: Callable, tmp_path: Path) -> None:
    done = gitml("doctor", "now", at=tmp_path)
    assert done == (2, "", "gitml: got unexpected extra argument (now)\nMend:\n  gitml doctor --help\n")


def test_an_error_says_what_why_and_how_to_mend(gitml_process: Callable) -> None:
    expected = "gitml: the gate says no\n  roc_auc 0.61 is below 0.70.\nMend:\n  gitml exp run\n"
    assert gitml_process("no", before=EXPLODE) == (1, "before\n", expected)


@pytest.mark.parametrize("how", ["interrupt", "abort"])
def test_an_interruption_is_130(gitml_process: Callable, how: str) -> None:
    assert gitml_process(how, before=EXPLODE) == (130, "before\n", "\ngitml: interrupted\n")


def test_a_bug_gives_a_report_without_secrets_and_home(gitml_process: Callable) -> None:
    done = gitml_process("crash", before=EXPLODE)
    assert (done.code, done.out) == (3, "before\n")
    assert (
        re.sub(r"\d+\.\d+\.\d+|:\d+ ", "N", done.err)
        == f"""\
gitml: this is a bug in gitml, not a mistake of yours
  Please open an issue with these lines:
    command  gitml crash
    error    KeyError: 'a\\nb https://***@example.org/x ~/data'
    at       <string>Nin command
    with     gitml N, Python N, {sys.platform}
The traceback is shown with GITML_DEBUG=1.
"""
    )


@pytest.mark.parametrize("how", ["crash", "no"])
def test_only_debug_shows_the_traceback(gitml_process: Callable, how: str) -> None:
    quiet, loud = gitml_process(how, before=EXPLODE), gitml_process(how, before=EXPLODE, GITML_DEBUG="1")
    assert "Traceback" not in quiet.err
    assert loud.err.startswith("Traceback (most recent call last):\n")
    assert loud.err.endswith(quiet.err)
    assert loud.code == quiet.code


def test_a_reader_who_leaves_is_no_error(gitml_process: Callable) -> None:
    leave = "import os\nread, write = os.pipe()\nos.close(read)\nos.dup2(write, 1)"
    assert gitml_process("--help", before=leave) == (141, "", "")


def test_a_terminal_without_utf8_shows_an_escape(gitml_process: Callable) -> None:
    done = gitml_process("é", PYTHONIOENCODING="ascii")
    assert done == (2, "", "gitml: there is no command '\\xe9'\nMend:\n  gitml --help\n")


def test_a_frame_fits_80_columns_and_obeys_no_escape() -> None:
    text = framed("it \x1b[31m went\n wrong", "Because of words. " * 9, ("git status",))
    assert text == (
        "gitml: it \\x1b[31m went\\n wrong\n"
        "  Because of words. Because of words. Because of words. Because of words.\n"
        "  Because of words. Because of words. Because of words. Because of words.\n"
        "  Because of words.\n"
        "Mend:\n"
        "  git status"
    )


def test_a_report_names_the_line_that_failed() -> None:
    try:
        framed(None, "", ())  # type: ignore[arg-type]
    except TypeError as error:
        assert re.search(r"^    at       conventions/shell\.py:\d+ in printable$", report(error, []), re.MULTILINE)


def test_colours_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(write, "w") as terminal, open(os.devnull, "w") as file:
        assert has_colours(terminal)
        assert not has_colours(file)
        monkeypatch.setenv("NO_COLOR", "1")
        assert not has_colours(terminal)
        monkeypatch.setenv("NO_COLOR", "")
        assert has_colours(terminal)
        monkeypatch.setenv("TERM", "dumb")
        assert not has_colours(terminal)
    os.close(read)
    assert painted("ok", "ok", True) == "\x1b[32mok\x1b[0m"
    assert painted("ok", "ok", False) == "ok"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = import_module(f"gitml.cli.{name.replace('-', '_')}").command
    text = command.get_help(click.Context(command, info_name=f"gitml {name}", max_content_width=80))
    does = next(commands[name] for commands in SECTIONS.values() if name in commands)
    assert does in text
    assert f"Example:\n    gitml {name}" in text
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    assert max(map(len, text.splitlines())) <= 80
