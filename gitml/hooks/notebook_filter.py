"""nbstripout as git's clean filter: what a notebook printed stays on disk and never reaches a commit."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from gitml.errors import BrokenEnvironment
from gitml.git.command import ask, git
from gitml.policy.notebooks import OF_A_MACHINE

NAME = "nbstripout"
"""What .gitattributes calls the filter: ``*.ipynb filter=nbstripout``."""

CLEAN, SMUDGE, TEXTCONV = "filter.nbstripout.clean", "filter.nbstripout.smudge", "diff.ipynb.textconv"

_OPTIONS = ("-P", "-m", NAME, "--extra-keys", " ".join(OF_A_MACHINE))
_TEXTCONV = re.compile(rf'f\(\) \{{ .* -P -m {NAME} .*-t "\$1" 2>/dev/null \|\| cat "\$1"; \}}; f', re.DOTALL)

_WHAT = {
    CLEAN: "notebooks are committed without output",
    SMUDGE: "they are checked out as they were committed",
    TEXTCONV: "diffs do not show old output",
}

State = Literal["absent", "installed", "broken", "foreign"]

_SUFFIX = ".ipynb"
_PROBES = (f"notebook{_SUFFIX}", f"notebooks/notebook{_SUFFIX}")
"""Asked of the attributes where no notebook is tracked yet."""

_MOST_ASKED = 500
_PATIENCE = 2.0
"""Seconds to wait for another git that writes the configuration, and for a Python to start."""

_NOTHING_TO_UNSET = 5
"""The exit status of git config."""

_IS_THERE = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({NAME!r}) is None)"


class CannotSetFilter(BrokenEnvironment):
    """git's configuration of this clone cannot be changed."""

    def __init__(self, why: str) -> None:
        super().__init__("the notebook filter cannot be changed", why, ("gitml doctor", "gitml hooks install"))


class Filter(NamedTuple):
    """What runs where the attributes ask for nbstripout.

    Attributes
    ----------
    state
        ``absent``; ``installed``: gitml's; ``foreign``: somebody's own, which is kept; ``broken``: nbstripout
        is to be run by a program that is not there, or has none.
    clean
        The command as git has it; empty where there is none.
    level
        Where it is set: ``local``, ``worktree``, ``global``, ``system``, ``command``.
    """

    state: State
    clean: str = ""
    level: str = ""


class Step(NamedTuple):
    """One change of this clone's git configuration.

    Attributes
    ----------
    does
        ``set`` or ``unset``.
    what
        What it is for, as a person reads it.
    key, value
        The variable, and what it is set to, or is while it is unset.
    """

    does: Literal["set", "unset"]
    what: str
    key: str
    value: str


def is_asked(root: Path) -> bool:
    """Say whether the attributes of a working tree give notebooks to the filter."""
    listed = git("ls-files", "-z", "--", f"*{_SUFFIX}", at=root).split("\0")
    names = [*_PROBES, *(name for name in listed[:_MOST_ASKED] if name)]
    asked = "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")
    fields = git("check-attr", "-z", "--stdin", "filter", at=root, stdin=asked).split("\0")
    return NAME in fields[2::3]


def look(root: Path) -> Filter:
    """Return which filter this clone has, whether it is asked for or not."""
    level, clean = _settings(root).get(CLEAN, ("", ""))
    if not clean:
        return Filter("absent")
    words = _words(clean)
    if not _runs(words):
        return Filter("broken", clean, level)
    return Filter("installed" if _is_ours(words) else "foreign", clean, level)


def plan(root: Path) -> list[Step]:
    """Return what `install` would do; nothing where somebody's own filter works, or this Python has no nbstripout."""
    found = look(root)
    if found.state == "foreign" or not is_there():
        return []
    settings = {key: value for key, (_, value) in _settings(root).items()}
    steps = []
    if SMUDGE not in settings:
        steps.append(Step("set", f"{SMUDGE}: {_WHAT[SMUDGE]}", SMUDGE, "cat"))
    textconv = settings.get(TEXTCONV, "")
    if textconv != textconv_command() and (not textconv or _TEXTCONV.fullmatch(textconv)):
        steps.append(Step("set", f"{TEXTCONV}: {_WHAT[TEXTCONV]}", TEXTCONV, textconv_command()))
    if found.clean != clean_command():
        instead = f" in place of {_words(found.clean)[0]}" if found.state == "broken" else ""
        steps.append(Step("set", f"{CLEAN}{instead}: {_WHAT[CLEAN]}", CLEAN, clean_command()))
    return steps


def plan_uninstall(root: Path) -> list[Step]:
    """Return what takes gitml's filter out of this clone; nothing where there is none."""
    settings = {key: value for key, (_, value) in _settings(root, "--local").items()}
    is_ours = _is_ours(_words(settings.get(CLEAN, "")))
    ours = {
        SMUDGE: is_ours and settings.get(SMUDGE) == "cat",
        TEXTCONV: _TEXTCONV.fullmatch(settings.get(TEXTCONV, "")) is not None,
        CLEAN: is_ours,  # the last, so that what a kill leaves is still known as ours
    }
    return [Step("unset", key, key, settings[key]) for key, is_it in ours.items() if is_it]


def carry_out(steps: list[Step], root: Path) -> None:
    """Do what was planned.

    Raises
    ------
    CannotSetFilter
        The configuration cannot be written.
    """
    for step in steps:
        words = ("--replace-all",) if step.does == "set" else ("--fixed-value", "--unset-all")
        _write(root, *words, operands=(step.key, step.value))


def install(root: Path) -> list[Step]:
    """Give this clone the filter, unless it has one that works, and return what was done; errors as `carry_out`."""
    steps = plan(root)
    carry_out(steps, root)
    return steps


def uninstall(root: Path) -> list[Step]:
    """Take gitml's filter out of this clone and return what was done; errors as `carry_out`."""
    steps = plan_uninstall(root)
    carry_out(steps, root)
    return steps


def notes(root: Path) -> list[str]:
    """Return what a person should know who has asked for the filter, a sentence or two each."""
    found = look(root)
    if found.state == "foreign":
        return [f"filter.{NAME}.clean is {found.clean} ({found.level} configuration): kept as it is."]
    if found.state in ("absent", "broken") and not is_there():
        return [f"{NAME} is not installed beside gitml, so notebooks have no filter here: pip install {NAME}"]
    return []


def is_there() -> bool:
    """Say whether nbstripout is installed beside gitml."""
    return find_spec(NAME) is not None


def clean_command() -> str:
    """Return what git runs on a notebook that is staged, as git's configuration has it.

    ``-P``: git runs it in the top folder, and a ``json.py`` there is no part of Python. A percent sign is
    doubled, because git puts the path in place of ``%f``.
    """
    return f"{_python()} {shlex.join(_OPTIONS)}".replace("%", "%%")


def textconv_command() -> str:
    """Return what git runs to show a notebook; what cannot be stripped is shown as it is, or ``git diff`` would end."""
    return f'f() {{ {_python()} {shlex.join(_OPTIONS)} -t "$1" 2>/dev/null || cat "$1"; }}; f'


def _python() -> str:
    return shlex.quote(Path(sys.executable).as_posix())


def _settings(root: Path, *level: str) -> dict[str, tuple[str, str]]:
    """Return the level and the value that counts of each variable of the filter."""
    keys = rf"^(filter\.{NAME}|diff\.ipynb)\."
    answer = ask("config", *level, "--show-scope", "-z", "--get-regexp", keys, at=root)
    fields = answer.out.split("\0")
    found = {}
    for scope, field in zip(fields[0::2], fields[1::2], strict=False):
        key, _, value = field.partition("\n")
        found[key] = (scope, value)
    return found


def _words(clean: str) -> list[str]:
    try:
        return shlex.split(clean.replace("%%", "%"))
    except ValueError:
        return []


def _is_ours(words: list[str]) -> bool:
    """Say whether a gitml wrote the command, this one or another; people write no ``-P``."""
    return words[1:4] == ["-P", "-m", NAME] and words[4:5] in ([], ["--extra-keys"]) and len(words) in (4, 6)


def _runs(words: list[str]) -> bool:
    """Say whether nbstripout is there where a filter runs it; what runs something else is not judged."""
    module = next((place for place in range(1, len(words) - 1) if words[place : place + 2] == ["-m", NAME]), 0)
    if module:
        return _has_nbstripout(words[:module])
    is_alone = len(words) == 1 and Path(words[0]).name == NAME
    return not is_alone or shutil.which(words[0]) is not None


def _has_nbstripout(python: list[str]) -> bool:
    if python[0] == Path(sys.executable).as_posix():
        return is_there()
    try:
        done = subprocess.run(
            [*python, "-c", _IS_THERE], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return True
    except (OSError, ValueError):
        return False
    return done.returncode == 0


def _write(root: Path, *words: str, operands: tuple[str, ...]) -> None:
    """Change the configuration; of two at once the second finds git's lock, and tries again."""
    until = time.monotonic() + _PATIENCE
    while (answer := ask("config", "--local", *words, operands=operands, at=root)).code not in (0, _NOTHING_TO_UNSET):
        if time.monotonic() > until:
            raise CannotSetFilter(answer.err.strip())
        time.sleep(0.05)
