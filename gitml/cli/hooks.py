"""``gitml hooks``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gitml.cli.terminal import filled, printable
from gitml.hooks import install as installation
from gitml.hooks import notebook_filter
from gitml.hooks.install import Place, Step

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
_VERBS = {
    "make": ("make", "made"),
    "keep": ("keep", "kept"),
    "write": ("write", "wrote"),
    "rewrite": ("rewrite", "rewrote"),
    "remove": ("remove", "removed"),
    "restore": ("put back", "put back"),
    "set": ("set", "set"),
    "unset": ("unset", "unset"),
}
_STATES = {
    "absent": "not installed",
    "installed": "installed",
    "outdated": "outdated",
    "replaced": "replaced",
    "behind": "installed",
}
_FILTER_STATES = {
    "absent": "not installed",
    "installed": "installed",
    "broken": "broken",
    "foreign": "your own",
}


@click.group(
    "hooks",
    epilog="\b\nExample:\n  gitml hooks install\n  gitml hooks status\n  gitml hooks uninstall --dry-run",
)
def command() -> None:
    """Install the hooks that keep the conventions, show them, take them out.

    In a clone: commit-msg asks for a prefix, and adds it on experiments/*; prepare-commit-msg opens the
    editor with it, and with what changed in params.yaml; pre-commit and pre-push refuse what a server
    would refuse; post-checkout lets DVC's files follow. In a bare repository (--server): pre-receive
    judges every push. Hooks that are there already are kept and run first. Where .gitattributes gives
    notebooks to the filter nbstripout, this clone gets it: what they print is then never committed.
    """


@command.command("install", epilog="\b\nExample:\n  gitml hooks install\n  gitml hooks install --server")
@_DRY_RUN
@click.option("--server", is_flag=True, help="Install pre-receive in this bare repository.")
def install(dry_run: bool, server: bool) -> None:
    """Install the hooks in this clone; again, renew what is outdated."""
    place = installation.find_for(server)
    steps = installation.plan_install(place)
    is_asked = _has_filter(place) and notebook_filter.is_asked(place.root)
    of_filter = notebook_filter.plan(place.root) if is_asked else []
    _do(steps, place, dry_run)
    if not steps:
        print(f"all hooks are in {printable(place.shown)} already")
    _do_filter(of_filter, place, dry_run)
    _say(installation.notes(place) + (notebook_filter.notes(place.root) if is_asked else []))
    print(f"next  {_installs(place) if dry_run and (steps or of_filter) else _next(place)}")


@command.command("status", epilog="\b\nExample:\n  gitml hooks status --json")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def status(as_json: bool) -> None:
    """Show which hooks run, in which order, and what keeps them from it."""
    place = installation.find()
    found = installation.status(place)
    is_asked = _has_filter(place) and notebook_filter.is_asked(place.root)
    of_notebooks = notebook_filter.look(place.root) if is_asked else None
    if as_json:
        import json

        hooks = [hook._asdict() for hook in found]
        value, level = place.hooks_path or (None, None)
        print(
            json.dumps(
                {
                    "folder": str(place.folder),
                    "hooks_path": value,
                    "hooks_path_level": level,
                    "shadowed": place.shadowed,
                    "hooks": hooks,
                    "notebook_filter": of_notebooks._asdict() if of_notebooks is not None else None,
                },
                indent=2,
            )
        )
        return
    print(f"in {printable(place.shown)}")
    for hook in found:
        runs = ", then ".join(hook.runs) or "nothing"
        print(f"{hook.name:19} {_STATES[hook.state]:14} runs {runs}")
    is_all_well = all(_STATES[hook.state] == "installed" for hook in found)
    if of_notebooks is not None:
        state, runs = _FILTER_STATES[of_notebooks.state], of_notebooks.clean or "nothing"
        print(f"{'notebook filter':19} {state:14} runs {printable(runs)}")
        is_all_well = is_all_well and of_notebooks.state in ("installed", "foreign")
    _say(installation.notes(place) + (notebook_filter.notes(place.root) if is_asked else []))
    print(f"next  {_next(place) if is_all_well else _installs(place)}")


@command.command("uninstall", epilog="\b\nExample:\n  gitml hooks uninstall")
@_DRY_RUN
def uninstall(dry_run: bool) -> None:
    """Take the hooks out of this clone; everything is as it was before."""
    place = installation.find()
    steps = installation.plan_uninstall(place)
    of_filter = notebook_filter.plan_uninstall(place.root) if _has_filter(place) else []
    _do(steps, place, dry_run)
    if not steps:
        print(f"no hook in {printable(place.shown)} is gitml's")
    _do_filter(of_filter, place, dry_run)
    print(f"next  {'gitml hooks uninstall' if dry_run and (steps or of_filter) else _installs(place)}")


@command.command("run", epilog="\b\nExample:\n  gitml hooks run commit-msg .git/COMMIT_EDITMSG")
@click.argument("hook", type=click.Choice(installation.HOOKS))
@click.argument("files", nargs=-1, type=click.Path())
def run(hook: str, files: tuple[str, ...]) -> None:
    """Run one hook, as the pre-commit framework calls it.

    The entries of gitml's .pre-commit-hooks.yaml are these commands. FILES is what the framework passes:
    for the hooks about messages, the file with the message.
    """
    from gitml.hooks import framework

    if not framework.run(hook, files):
        raise click.exceptions.Exit(1)


def _next(place: Place) -> str:
    return "git push, from a clone" if place.hooks == installation.SERVER_HOOKS else "git commit"


def _installs(place: Place) -> str:
    return f"gitml hooks install{' --server' if place.hooks == installation.SERVER_HOOKS else ''}"


def _has_filter(place: Place) -> bool:
    return place.hooks == installation.HOOKS


def _do(steps: list[Step], place: Place, is_dry: bool) -> None:
    if not is_dry:
        installation.carry_out(steps, place)
    _tell(steps, is_dry)


def _do_filter(steps: list[notebook_filter.Step], place: Place, is_dry: bool) -> None:
    if not is_dry:
        notebook_filter.carry_out(steps, place.root)
    _tell(steps, is_dry)


def _tell(steps: Sequence[Step | notebook_filter.Step], is_dry: bool) -> None:
    for step in steps:
        future, past = _VERBS[step.does]
        print(printable(f"would {future} {step.what}" if is_dry else f"{past} {step.what}"))


def _say(notes: list[str]) -> None:
    for note in notes:
        print(f"note  {filled(note, ' ' * 6)[6:]}")
