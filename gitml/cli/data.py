"""``gitml data``."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from gitml.cli.data_update import update
from gitml.cli.terminal import filled, printable
from gitml.conventions.amounts import amount_in_words
from gitml.conventions.shell import command as shell_command
from gitml.errors import BrokenEnvironment, GitFailed, WrongUsage
from gitml.git import repository
from gitml.git.command import git
from gitml.pipeline import dvc
from gitml.pipeline import remote as transfer
from gitml.pipeline.storage import DataObject, NoCache, Storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitml.pipeline.remote import Plan

MOST_NAMED = 3
_NARROWEST = 8

_REFS = click.argument("refs", metavar="[REF]...", nargs=-1)
_REMOTE = click.option("--remote", metavar="NAME", default="", help="Use this DVC remote, not the default one.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")


class _Commit(NamedTuple):
    """A commit, and how it was named."""

    name: str
    oid: str


class _State(NamedTuple):
    """What of a commit's data is where; `not_there` is None where the remote could not be asked."""

    commit: _Commit
    objects: list[DataObject]
    not_here: list[DataObject]
    remotes: list[str]
    not_there: list[DataObject] | None
    fault: BrokenEnvironment | None


@click.group(
    "data",
    epilog="\b\nExample:\n  gitml data push\n  gitml data push experiments/lower-lr models/model-v4\n"
    "  gitml data update churn-march.csv\n"
    "  gitml data fetch main\n  gitml data status",
)
def command() -> None:
    """Push, fetch and update data and models, and show what is where.

    What DVC keeps of a commit is taken from its dvc.lock and .dvc files, so a branch need not be checked
    out. Only what the other side lacks is sent.
    """


@command.command("push", epilog="\b\nExample:\n  gitml data push\n  gitml data push experiments/lower-lr")
@_REFS
@_REMOTE
@_DRY_RUN
@_JSON
@click.pass_context
def push(context: click.Context, refs: tuple[str, ...], remote: str, dry_run: bool, as_json: bool) -> None:
    """Send the data of branches, tags or commits to the DVC remote; HEAD's without a REF.

    Exits with 1 if some of it is neither in this machine's cache nor in the remote.
    """
    commits, storage, objects = _asked(refs)
    plan = transfer.plan_push(objects, storage, remote)
    if not dry_run:
        plan = plan._replace(objects=tuple(transfer.push(plan, storage, remote)))
    if as_json:
        print(_sent_as_json("pushed", commits, plan, dry_run))
    else:
        _say_sent(("push", "pushed", "to", "git push"), commits, objects, plan, dry_run)
    if plan.nowhere:
        context.exit(1)


@command.command("fetch", epilog="\b\nExample:\n  gitml data fetch\n  gitml data fetch models/model-v4")
@_REFS
@_REMOTE
@_DRY_RUN
@_JSON
@click.pass_context
def fetch(context: click.Context, refs: tuple[str, ...], remote: str, dry_run: bool, as_json: bool) -> None:
    """Bring the data of branches, tags or commits into the cache; HEAD's into the working tree as well.

    Exits with 1 if some of it is neither in this machine's cache nor in the remote.
    """
    commits, storage, objects = _asked(refs)
    plan = transfer.plan_fetch(objects, storage, remote)
    changed = 0
    if not dry_run:
        plan = plan._replace(objects=tuple(transfer.fetch(plan, storage, remote)))
        if _resolved("HEAD") in [commit.oid for commit in commits]:
            known = [storage.settings(project) for project in sorted({each.project for each in objects})]
            changed = sum(dvc.checkout(each) for each in known if each.is_checked_out)
    if as_json:
        print(_sent_as_json("fetched", commits, plan, dry_run))
    else:
        more = f"checked out {changed} of DVC's files and folders" if changed else ""
        _say_sent(("fetch", "fetched", "from", "dvc repro"), commits, objects, plan, dry_run, more)
    if plan.nowhere:
        context.exit(1)


@command.command(
    "status", epilog="\b\nExample:\n  gitml data status main experiments/lower-lr\n  gitml data status --json"
)
@_REFS
@_REMOTE
@_JSON
@click.pass_context
def status(context: click.Context, refs: tuple[str, ...], remote: str, as_json: bool) -> None:
    """Show what of a commit's data this machine and the DVC remote lack; HEAD's without a REF.

    Exits with 3 if the remote cannot be asked, else with 0.
    """
    storage = _storage()
    found = [_look(commit, storage, remote) for commit in _commits(refs)]
    if as_json:
        import json

        print(json.dumps([_state_as_json(state) for state in found], indent=2))
    else:
        for state in found:
            _say_state(state)
        _say_next(found)
    if any(state.fault is not None for state in found):
        context.exit(3)


command.add_command(update)


def _commits(refs: Sequence[str]) -> list[_Commit]:
    return list(dict.fromkeys(_Commit(ref, _resolved(ref)) for ref in refs or ("HEAD",)))


def _resolved(ref: str) -> str:
    """Return the id of the commit that somebody named."""
    try:
        return git("rev-parse", "--verify", "--quiet", operands=[f"{ref}^{{commit}}"])
    except GitFailed:
        if ref == "HEAD":
            raise WrongUsage("there is no commit yet", "Data belongs to a commit.", ("git commit",)) from None
        raise WrongUsage(
            f"there is no branch, tag or commit {ref!r} here",
            "It may be in the remote repository only.",
            ("git fetch", "git branch --all"),
        ) from None


def _storage() -> Storage:
    found = repository.find()
    if found.root is None:
        raise NoCache
    return Storage(found.root)


def _asked(refs: Sequence[str]) -> tuple[list[_Commit], Storage, list[DataObject]]:
    storage = _storage()
    commits = _commits(refs)
    return commits, storage, transfer.objects_of([commit.oid for commit in commits], storage)


def _say_sent(
    words: tuple[str, str, str, str],
    commits: list[_Commit],
    objects: list[DataObject],
    plan: Plan,
    is_dry: bool,
    more: str = "",
) -> None:
    verb, past, way, after = words
    named = _and(commit.name for commit in commits)
    where = _and(plan.remotes)
    if plan.objects:
        does = f"would {verb}" if is_dry else past
        print(printable(f"{does} {_amount(plan.objects)} of {named} {way} {where}"))
    elif not objects:
        print(printable(f"DVC keeps nothing of {named}"))
    elif not plan.nowhere:
        print(printable(f"everything is {f'in {where}' if verb == 'push' else 'here'} already"))
    if plan.nowhere:
        place = f"in {where}" if where else "in a remote"
        says = (
            f"{_amount(plan.nowhere)} of {named} {_are(plan.nowhere)} neither here nor {place}: {_named(plan.nowhere)}"
        )
        print(f"note  {filled(says, ' ' * 6)[6:]}")
        after = "gitml data push, where they were made"
    if more:
        print(more)
    if is_dry and plan.objects:
        after = _again(verb, [commit.name for commit in commits])
    print(f"next  {after}")


def _look(commit: _Commit, storage: Storage, remote: str) -> _State:
    objects = storage.measured(transfer.objects_of([commit.oid], storage), remote)
    not_here = storage.absent(objects)
    try:
        remotes = list(dict.fromkeys(name for _, name, _ in storage.by_remote(objects, remote)))
        return _State(commit, objects, not_here, remotes, storage.missing(objects, remote, transfer.PATIENCE), None)
    except BrokenEnvironment as fault:
        return _State(commit, objects, not_here, [], None, fault)


def _say_state(state: _State) -> None:
    print(printable(f"{state.commit.name}  {_amount(state.objects) if state.objects else 'nothing that DVC keeps'}"))
    if not state.objects:
        return
    remote = printable(_and(state.remotes)) or "remote"
    width = max(len(remote), _NARROWEST)
    _say_place("here", width, _lacks(state.not_here))
    if state.not_there is not None:
        _say_place(remote, width, _lacks(state.not_there))
    elif state.fault is not None:
        _say_place(remote, width, state.fault.what, *state.fault.why.splitlines())


def _say_place(place: str, width: int, *says: str) -> None:
    indent = " " * (width + 4)
    lines = "\n".join(filled(line, indent) for line in says if line)
    print(f"  {place:{width}}  {lines.removeprefix(indent)}")


def _lacks(lacks: list[DataObject]) -> str:
    return f"lacks {_amount(lacks)}: {_named(lacks)}" if lacks else "all"


def _say_next(found: list[_State]) -> None:
    push = [
        state.commit.name
        for state in found
        if state.not_there and {each.key for each in state.not_there} - {each.key for each in state.not_here}
    ]
    fetch = [
        state.commit.name
        for state in found
        if state.not_here
        and state.not_there is not None
        and {each.key for each in state.not_here} - {each.key for each in state.not_there}
    ]
    faults = [state.fault for state in found if state.fault is not None]
    if faults:
        print(f"next  {faults[0].mend[0]}")
    elif push or fetch:
        print(f"next  {_again('push' if push else 'fetch', push or fetch)}")
    else:
        print("next  git push")


def _again(verb: str, refs: Sequence[str]) -> str:
    """Return the command that pushes or fetches."""
    return printable(shell_command(["gitml", "data", verb, *(refs if list(refs) != ["HEAD"] else ())]))


def _amount(objects: Sequence[DataObject]) -> str:
    return amount_in_words(sum(each.files for each in objects), [each.size for each in objects])


def _are(objects: Sequence[DataObject]) -> str:
    return "is" if sum(each.files for each in objects) == 1 else "are"


def _named(objects: Sequence[DataObject]) -> str:
    """Return the first paths, and how many more there are."""
    more = sum(each.files for each in objects[MOST_NAMED:])
    return ", ".join(each.path for each in objects[:MOST_NAMED]) + (f" and {more:,} more" if more else "")


def _and(names: Iterable[str]) -> str:
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _as_json(objects: Sequence[DataObject]) -> list[dict[str, Any]]:
    return [{"path": each.path, "md5": each.md5, "size": each.size, "files": each.files} for each in objects]


def _sent_as_json(verb: str, commits: list[_Commit], plan: Plan, is_dry: bool) -> str:
    import json

    return json.dumps(
        {
            "commits": [commit._asdict() for commit in commits],
            "remotes": plan.remotes,
            "dry_run": is_dry,
            verb: _as_json(plan.objects),
            "nowhere": _as_json(plan.nowhere),
        },
        indent=2,
    )


def _state_as_json(state: _State) -> dict[str, Any]:
    return {
        "ref": state.commit.name,
        "commit": state.commit.oid,
        "files": sum(each.files for each in state.objects),
        "remotes": state.remotes,
        "not_here": _as_json(state.not_here),
        "not_there": _as_json(state.not_there) if state.not_there is not None else None,
        "fault": state.fault.what if state.fault is not None else None,
    }
