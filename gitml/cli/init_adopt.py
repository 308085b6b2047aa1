"""``gitml init`` in a repository that is there already, and ``gitml init --remove``: shown, asked, done, said."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gitml import config
from gitml.cli.init_adopt_text import Adopted, adopted, adopted_as_json, preview, removed, removed_as_json
from gitml.cli.terminal import printable
from gitml.conventions.shell import command as shell_command
from gitml.errors import WrongUsage
from gitml.git import lock
from gitml.scaffold import adoption, ci, dvc_experiments, removal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gitml.scaffold.adoption import Plan, Wish
    from gitml.scaffold.ci import Forge
    from gitml.scaffold.dvc_experiments import Offer


class NobodyToAsk(WrongUsage):
    """A question has no terminal."""

    def __init__(self, *words: str) -> None:
        super().__init__(
            "there is no terminal to ask whether this shall be done",
            "Nothing was changed.",
            (shell_command([*words, "--yes"]), shell_command([*words, "--dry-run"])),
        )


def adopt(
    at: Path | None = None,
    *,
    forge: Forge | None = None,
    pin: str = "",
    python: str = ci.PYTHON,
    has_dvc: bool = False,
    experiments: Sequence[str] | None = None,
    is_yes: bool = False,
    is_dry_run: bool = False,
    as_json: bool = False,
) -> None:
    """Add gitml to the repository around a folder: show what would be done, ask, do it, and say what is next.

    Parameters
    ----------
    at
        A folder in it; None for the current one.
    forge, pin, python, has_dvc
        As for `gitml.scaffold.adoption.Wish`.
    experiments
        Names of experiments of ``dvc exp`` that become branches, or ``all``; None to ask for them.
    is_yes
        Whether nothing is asked; experiments are then left where they are, unless they are named.
    is_dry_run
        Whether it is shown and no more.
    as_json
        Whether a JSON object is written instead of text. It asks nothing: it needs `is_yes` or `is_dry_run`.

    Raises
    ------
    NobodyToAsk
        There is no terminal, and neither `is_yes` nor `is_dry_run` is given; nothing was changed.
    NoSuchExperiment
        DVC keeps no experiment of such a name; nothing was changed.
    GitmlError
        As for `gitml.scaffold.adoption`.
    """
    wish = adoption.Wish(forge, pin, python, has_dvc)
    plan = adoption.plan(wish, at)
    root = plan.found.root
    offers = dvc_experiments.offers(root)
    chosen = [one for one in dvc_experiments.choose(offers, experiments or ()) if not one.is_there]
    shown = Adopted(plan, offers, chosen, *dvc_experiments.figures(offers, _config_of(plan), root))
    if is_dry_run:
        again = [_again(wish, experiments or ())]
        print(adopted_as_json(shown, again) if as_json else preview(shown))
        _say_next(again, as_json)
        return
    if not is_yes:
        answer = _asked(shown, is_open=experiments is None, as_json=as_json)
        if answer is None:
            print("nothing was changed")
            return
        chosen = answer
    done = adoption.carry_out(plan, wish)
    with lock.hold(root):
        made = dvc_experiments.carry_out(chosen, config.read(str(root)), root)
    shown = shown._replace(plan=done, chosen=made, is_done=True)
    commands = [*adoption.next_commands(done), *(_of_those_left(root) if offers else ())]
    print(adopted_as_json(shown, commands) if as_json else adopted(shown) or "gitml is in this repository already")
    _say_next(commands, as_json)


def remove(at: Path | None = None, *, is_yes: bool = False, is_dry_run: bool = False, as_json: bool = False) -> None:
    """Take gitml out of the repository around a folder: show what would go, ask, do it, and say what is kept.

    Parameters
    ----------
    at, is_yes, is_dry_run, as_json
        As for `adopt`. Without a question the branches that still are experiments of ``dvc exp`` go, too: it keeps
        them, and ``gitml undo`` brings the branches back.

    Raises
    ------
    NobodyToAsk
        As for `adopt`.
    GitmlError
        As for `gitml.scaffold.removal`.
    """
    plan = removal.plan(at)
    if is_dry_run:
        again = ["gitml init --remove"]
        print(removed_as_json(plan, again, False) if as_json else removed(plan, is_done=False))
        _say_next(again, as_json)
        return
    takes_branches = True
    if not is_yes and not plan.is_empty:
        _check_can_ask(as_json, "gitml", "init", "--remove")
        print(removed(plan, is_done=False))
        if not click.confirm("Take this out?", default=False):
            print("nothing was changed")
            return
        if plan.branches:
            takes_branches = click.confirm("The branches of dvc exp's experiments, too?", default=False)
    done = removal.carry_out(plan, takes_branches) if not plan.is_empty else plan
    commands = removal.next_commands(done)
    print(removed_as_json(done, commands, True) if as_json else removed(done, is_done=True))
    _say_next(commands, as_json)


def _asked(shown: Adopted, is_open: bool, as_json: bool) -> list[Offer] | None:
    """Return the experiments that become branches; None where nothing shall be done."""
    waiting = [one for one in shown.experiments if not one.is_there]
    chosen = list(shown.chosen)
    has_to_ask = is_open and waiting
    if shown.plan.is_done and not chosen and not has_to_ask:
        return chosen
    _check_can_ask(as_json, "gitml", "init")
    print(preview(shown))
    if not (shown.plan.is_done and not chosen) and not click.confirm("Add this?", default=True):
        return None
    if has_to_ask:
        said = click.prompt("Which of dvc exp's experiments become branches? all, none, or names", default="none")
        names = said.replace(",", " ").split()
        chosen = [] if names == ["none"] else dvc_experiments.choose(waiting, names)
    return chosen


def _check_can_ask(as_json: bool, *words: str) -> None:
    if as_json or not sys.stdin.isatty():
        raise NobodyToAsk(*words)


def _config_of(plan: Plan) -> config.Config:
    """Return what the project's gitml.toml will say."""
    content = next((one.content for one in plan.changes if one.path == config.FILE), b"")
    return config.parse(content)


def _again(wish: Wish, experiments: Sequence[str]) -> str:
    words = ["gitml", "init"]
    words += ["--forge", wish.forge] if wish.forge is not None else []
    words += ["--dvc"] if wish.has_dvc else []
    words += [word for name in experiments for word in ("--experiments", name)]
    return shell_command(words)


def _of_those_left(root: Path) -> list[str]:
    left = [one for one in dvc_experiments.offers(root) if not one.is_there]
    count = f"{len(left)} experiment{'s' if len(left) != 1 else ''}"
    return [f"gitml init --experiments all   # branches of {count} of dvc exp"] if left else []


def _say_next(commands: Sequence[str], as_json: bool) -> None:
    for command in commands if not as_json else ():
        print(printable(f"next  {command}"))
