"""What a newer gitml would lay down, merged into a project: three ways, so that what people changed stays."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Literal, NamedTuple

from gitml import __version__
from gitml.errors import GitmlError, WrongUsage
from gitml.git import repository
from gitml.git.command import git
from gitml.git.merge import merge_with_marks
from gitml.git.objects import Objects
from gitml.scaffold import changes, requirement, stamp, template
from gitml.scaffold.stamp import Stamp, blob_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Does = Literal["write", "replace", "merge", "conflict", "delete", "yours"]

NOTEBOOK = ".ipynb"
"""JSON is not merged by lines."""


class NotLaidDown(WrongUsage):
    """There is nothing to merge into."""

    def __init__(self, root: Path) -> None:
        super().__init__(
            f"{root} was not laid down by gitml init",
            "There is no template whose newer form could be merged. Hooks and CI's files are renewed by themselves:",
            ("gitml hooks install", "gitml ci template github"),
        )


class NotCommitted(GitmlError):
    """Files that would change have changes that git does not have."""

    def __init__(self, paths: Sequence[str]) -> None:
        named = ", ".join(paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")
        super().__init__(
            f"{named} {'has' if len(paths) == 1 else 'have'} changes that are not committed",
            "They would be mixed with what is merged in. Commit them first, or put them aside.",
            ("git commit", "git stash"),
        )


class Change(NamedTuple):
    """What becomes of one file.

    Attributes
    ----------
    path
        From the top.
    does
        ``write``: it is new in the template. ``replace``: nobody changed it. ``merge`` and ``conflict``: both sides
        changed it. ``delete``: the template has it no more, and nobody changed it. ``yours``: it stays.
    content
        What will be in it; None where it goes or stays.
    why
        Why it stays, or what is to be done.
    """

    path: str
    does: Does
    content: bytes | None = None
    why: str = ""


class Upgrade(NamedTuple):
    """What would change.

    Attributes
    ----------
    old, new
        gitml's version that the project was laid down by, and this one's.
    changes
        File by file.
    stamp
        What the project is laid down from afterwards.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    stamp: Stamp

    @property
    def written(self) -> tuple[Change, ...]:
        """The files that will be other than they are."""
        return tuple(one for one in self.changes if one.does != "yours")


def plan(root: Path) -> Upgrade:
    """Return what the template of this gitml would change in a project.

    Parameters
    ----------
    root
        The working tree's top folder, with a commit.

    Raises
    ------
    NotLaidDown
        It was not laid down by `gitml init`.
    NotCommitted
        What would change is not committed.
    NotAPlaceForFiles
        A link is where a file should be.
    """
    old = stamp.read(root)
    if old is None or not repository.has_head(root):
        raise NotLaidDown(root)
    line = requirement.pinned("", old.answers.forge)
    answers = old.answers._replace(gitml=requirement.for_project(line), pinned=line) if line else old.answers
    files = template.render(answers)
    new = Stamp.of(answers, files)
    head = git("rev-parse", "--verify", "HEAD^{commit}", at=root)
    found: list[Change] = []
    unsaved: list[str] = []
    with Objects(root) as objects:
        for path in sorted({*old.files, *new.files}):
            mine = objects.read_file(head, path)
            base = objects.read(old.files[path]) if path in old.files else None
            change = _change(path, mine, old.files.get(path), base, files.get(path))
            if change is None:
                continue
            found.append(change)
            if change.does != "yours" and changes.read(path, root) not in (mine, change.content):
                unsaved.append(path)  # neither as HEAD has it, nor as a killed upgrade has left it
    if unsaved:
        raise NotCommitted(unsaved)
    return Upgrade(old.version, __version__, tuple(found), new)


def carry_out(upgrade: Upgrade, root: Path) -> None:
    """Write the files, each whole; the stamp is last, so that the same command again finishes what was killed."""
    doing = [
        changes.Change(one.path, one.content or b"", "remove" if one.content is None else "write")
        for one in upgrade.written
    ]
    last = changes.Change(stamp.FILE, upgrade.stamp.written(), "write")
    changes.carry_out([*doing, last], root)


def _change(path: str, mine: bytes | None, old: str | None, base: bytes | None, new: bytes | None) -> Change | None:
    """Return what becomes of a file; None where nothing does.

    Parameters
    ----------
    path
        The file.
    mine
        As HEAD has it.
    old, base
        The id of what was laid down, and its bytes; None where there was none, or the repository has it no more.
    new
        What this gitml lays down.
    """
    if (new is not None and old == blob_id(new)) or mine == new:
        return None  # the template is as it was, or the project has this already
    if mine is None:
        return Change(path, "write", new) if old is None else None  # somebody deleted it, and meant it
    is_untouched = blob_id(mine) == old
    if new is None:
        return Change(path, "delete") if is_untouched else Change(path, "yours", why="the template has it no more")
    if is_untouched:
        return Change(path, "replace", new)
    if old is None:
        return Change(path, "yours", why="it is new in the template, and you have one of your own")
    if base is None:
        return Change(path, "yours", why="what was laid down is not in this clone's history (git fetch --unshallow?)")
    if path.endswith(NOTEBOOK):
        return Change(path, "yours", why="notebooks are not merged")
    merged, has_conflicts = merge_with_marks(base, mine, new, ("yours", "as it was laid down", f"gitml {__version__}"))
    return Change(path, "conflict" if has_conflicts else "merge", merged) if merged != mine else None


def as_commands(upgrade: Upgrade) -> list[str]:
    """Return what to do next."""
    if not upgrade.written:
        return ["gitml status"]
    conflicts = [quote(one.path) for one in upgrade.changes if one.does == "conflict"]
    edit = [f"git diff {' '.join(conflicts)}   # resolve the conflicts"] if conflicts else ["git diff"]
    return [*edit, f'git add --all && git commit -m "infra: what gitml {upgrade.new} lays down"']
