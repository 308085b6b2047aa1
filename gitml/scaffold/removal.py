"""Taking gitml out of a repository again: exactly what ``gitml init`` put in, in any clone.

What is ours is known by what is there, not by a record: lines between marks, files with a seal, CI files that are what
a template gives, scripts of hooks with gitml's sign. What somebody edited since is theirs: it is kept, and named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml import config
from gitml.conventions.shell import quoted
from gitml.git import lock
from gitml.git.command import ask, git
from gitml.hooks import install as installation
from gitml.pipeline.beginning import is_unused, take_back
from gitml.scaffold import adoption_files, adoption_record, adoption_survey, blocks, changes, ci, dvc_experiments
from gitml.scaffold.adoption_notes import Note
from gitml.scaffold.changes import Change

if TYPE_CHECKING:
    from pathlib import Path

    from gitml.hooks.install import Place, Step
    from gitml.scaffold.dvc_experiments import Imported


class Removal(NamedTuple):
    """What would be taken out.

    Attributes
    ----------
    root
        The working tree's top folder.
    changes
        The files.
    hooks, place
        The changes of the hooks, and where they are.
    settings
        Keys of git's configuration that are unset in this clone.
    branches
        Branches that still are what was made of an experiment of DVC.
    ends_dvc
        Whether DVC goes, because gitml began it here and nobody used it.
    notes
        What is kept, and why.
    """

    root: Path
    changes: tuple[Change, ...]
    hooks: tuple[Step, ...]
    place: Place
    settings: tuple[str, ...]
    branches: tuple[Imported, ...]
    ends_dvc: bool
    notes: tuple[Note, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing of gitml is left."""
        return not (self.changes or self.hooks or self.settings or self.branches or self.ends_dvc)


def plan(at: Path | None = None) -> Removal:
    """Return what would be taken out of the repository around a folder.

    Raises
    ------
    NotHere
        There is no repository with a working tree.
    NotAPlaceForFiles, TooLargeToChange
        A file cannot be read.
    """
    root = adoption_survey.find(at).root
    assert root is not None
    record = adoption_record.read(root)
    ends_dvc = record.begins_dvc and is_unused(root)
    made: list[Change] = []
    said: list[Note] = []
    for path in (adoption_files.ATTRIBUTES, *_files_named(adoption_files.IGNORED_BY_DVC, root)):
        _take_lines(path, root, made, said)
    for path in (adoption_files.REPORTS, config.FILE):
        _take_file(path, root, made, said)
    for path in (path for paths in ci.FILES.values() for path in paths):
        _take_ci(path, root, made, said)
    place = installation.find(root)
    hooks = installation.plan_uninstall(place)
    settings = tuple(key for key, value in record.settings if _is_set(key, value, root))
    branches = tuple(dvc_experiments.imported(root))
    said += _what_stays(root, len(branches))
    return Removal(root, tuple(made), tuple(hooks), place, settings, branches, ends_dvc, tuple(said))


def carry_out(shown: Removal, takes_branches: bool = True) -> Removal:
    """Take out what was shown, and return what was done.

    Parameters
    ----------
    shown
        The plan.
    takes_branches
        Whether the branches go, too.

    Raises
    ------
    ChangedMeanwhile
        A file was edited since the plan was made; nothing was changed.
    """
    root = shown.root
    with lock.hold(root):
        now = plan(root)
        before = {one.path: one for one in shown.changes}
        different = [one.path for one in now.changes if before.get(one.path) != one]
        if different:
            raise changes.ChangedMeanwhile(different, "gitml init --remove")
        changes.carry_out(now.changes, root)
        installation.carry_out(list(now.hooks), now.place)
        if takes_branches:
            known = set(shown.branches)
            dvc_experiments.take_back([one for one in now.branches if one in known], root)
        for key in now.settings:
            git("config", "--local", "--unset", key, at=root)
        if now.ends_dvc:
            take_back(root)
        adoption_record.forget(root)
    return now if takes_branches else now._replace(branches=())


def next_commands(done: Removal) -> list[str]:
    """Return what a person does next: nothing was committed for them."""
    paths = " ".join(map(quoted, changes.uncommitted([one.path for one in done.changes], done.root)))
    if not paths:
        return ["git status"]
    return [f'git add -- {paths} && git commit -m "infra: take gitml out" -- {paths}']


def _take_lines(path: str, root: Path, made: list[Change], said: list[Note]) -> None:
    content = changes.read(path, root)
    found = blocks.without_lines(content or b"")
    if found.state == "edited":
        why = "The lines between the marks are not as gitml wrote them. Take them out by hand, marks included."
        said.append(Note(f"{path} is kept: it was edited", why))
    elif found.state == "as written":
        made.append(_without(path, found.content, content))


def _take_file(path: str, root: Path, made: list[Change], said: list[Note]) -> None:
    content = changes.read(path, root)
    state = blocks.state_of(content or b"")
    if state == "as written":
        made.append(_without(path, None, content))
    elif content is not None and (state == "edited" or path == config.FILE):
        why = "It was edited since gitml wrote it." if state == "edited" else "gitml init did not write it."
        said.append(Note(f"{path} is kept", why, (f"git rm -- {quoted(path)}",)))


def _take_ci(path: str, root: Path, made: list[Change], said: list[Note]) -> None:
    content = changes.read(path, root)
    if content is None:
        return
    if ci.is_ours(path, content):
        made.append(_without(path, None, content))
    else:
        why = "It was edited since gitml wrote it, or another gitml did."
        said.append(Note(f"{path} is kept", why, (f"git rm -- {quoted(path)}",)))


def _without(path: str, left: bytes | None, content: bytes | None) -> Change:
    if left is None:
        return Change(path, b"", "remove")
    return changes.change(path, left, content)


def _files_named(name: str, root: Path) -> list[str]:
    """Return the files of this name that git knows, and the one at the top."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", f":(glob)**/{name}", at=root)
    return list(dict.fromkeys([*(path for path in listed.split("\0") if path), name]))


def _is_set(key: str, value: str, root: Path) -> bool:
    return ask("config", "--local", "--get", key, at=root).out == f"{value}\n"


def _what_stays(root: Path, gone: int) -> list[Note]:
    """Name the experiments and models: they are the project's work, and no part of what init put in."""
    listed = git("for-each-ref", "--format=%(refname)", "refs/heads/experiments/", "refs/heads/models/", at=root)
    count = len(listed.split()) - gone
    if not count:
        return []
    plural = count != 1
    says = f"{count} branch{'es' if plural else ''} of experiments and models stay{'' if plural else 's'}"
    return [Note(says, "They are plain git branches, and work of yours.")]
