"""The report of an experiment, wherever it is now: in a working tree, on its branch, or under its tag."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml.errors import GitmlError
from gitml.experiments import landing, reporting, snapshot, verdict
from gitml.experiments.desk import FOLDER, Desk
from gitml.experiments.sharing import no_such
from gitml.git import server
from gitml.git.command import git
from gitml.git.files import replace_file
from gitml.git.objects import Objects, list_tree
from gitml.git.refs import list_refs
from gitml.git.repository import CannotWrite, shelf
from gitml.git.transaction import value_of
from gitml.git.worktrees import worktrees
from gitml.pipeline import metrics
from gitml.pipeline.snapshot import Snapshot
from gitml.reports import document

MOST_COMMITS = 10_000
"""Commits of a branch that are looked through for its last run."""


class Report(NamedTuple):
    """A report.

    Attributes
    ----------
    slug
        The experiment.
    ref
        Full name of the branch or tag that has it.
    file
        Where it is on disk; None where its branch is checked out nowhere.
    content
        Its bytes, on disk if it is there; None where nobody has begun it.
    """

    slug: str
    ref: str
    file: Path | None
    content: bytes | None

    @property
    def path(self) -> str:
        """Where it is in the commit."""
        return document.path(self.slug)

    @property
    def missing(self) -> tuple[str, ...]:
        """The sections that a person still owes; all of them where it was not begun."""
        return document.missing(document.decoded(self.content or b""))


class Refreshed(NamedTuple):
    """What a refresh came to.

    Attributes
    ----------
    commit
        Full id of the run whose results stand in the report.
    changed
        The files whose bytes became others, from the top of the repository.
    missing
        The sections that a person still owes.
    """

    commit: str
    changed: tuple[str, ...]
    missing: tuple[str, ...]


class NoRunYet(GitmlError):
    """An experiment has no results."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"{FOLDER}{slug} has no run yet",
            "What a run writes into a report comes from its results.",
            (f"git switch {FOLDER}{slug} && gitml exp run",),
        )


class IsNotCheckedOut(GitmlError):
    """A report is to be written, and its experiment is checked out nowhere."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"{FOLDER}{slug} is not checked out",
            "Its report is a file of its own branch.",
            (f"git switch {FOLDER}{slug}",),
        )


def find(desk: Desk, slug: str) -> Report:
    """Return the report of an experiment.

    Raises
    ------
    NoSuchExperiment
        No branch, fetched branch or tag has one of this name.
    """
    ref = verdict.branch_of(slug)
    place = _places(desk).get(ref)
    if place is not None:
        file = place / document.path(slug)
        return Report(slug, ref, file, file.read_bytes() if file.is_file() else None)
    if value_of(ref, desk.root) is None:
        fetched = [
            one.name for one in list_refs("refs/remotes/", at=desk.root) if one.name.endswith(f"/{FOLDER}{slug}")
        ]
        tags = [pin.ref for pin in reversed(verdict.pins(slug, desk.root))]
        known = [*fetched, *tags]
        if not known:
            raise no_such(slug, desk)
        ref = known[0]
    with Objects(desk.root) as objects:
        commit = git("rev-parse", "--verify", f"{ref}^{{commit}}", at=desk.root)
        return Report(slug, ref, None, objects.read_file(commit, document.path(slug)))


def find_all(desk: Desk) -> list[Report]:
    """Return the reports of all experiments that have a branch here, by name."""
    found = []
    places = _places(desk)
    with Objects(desk.root) as objects:
        for ref in list_refs(f"refs/heads/{FOLDER}", at=desk.root):
            slug = ref.short.removeprefix(FOLDER)
            file = places[ref.name] / document.path(slug) if ref.name in places else None
            if file is not None:
                content = file.read_bytes() if file.is_file() else None
            else:
                content = objects.read_file(ref.peeled, document.path(slug))
            found.append(Report(slug, ref.name, file, content))
    return found


def file_to_edit(desk: Desk, slug: str) -> Path:
    """Return the file of a report, begun where it is not there.

    Raises
    ------
    IsNotCheckedOut
        There is no file.
    CannotWrite
        It cannot be made.
    """
    landing.finish_elsewhere(desk, _places(desk).get(verdict.branch_of(slug)))
    found = find(desk, slug)
    if found.file is None:
        raise IsNotCheckedOut(slug)
    if found.content is None:
        _write(found.file, reporting.begin(desk, slug, desk.branch or desk.commit[:10]))
    return found.file


def refresh(desk: Desk, slug: str, is_dry: bool = False) -> Refreshed:
    """Write what a run writes into the report again, from the results that its last run committed.

    What main has now is what it is held against. A person's words stay; nothing is committed.

    Parameters
    ----------
    desk
        The repository.
    slug
        An experiment that is checked out.
    is_dry
        Whether nothing is written.

    Raises
    ------
    IsNotCheckedOut
        There is no file to write.
    NoRunYet
        There are no results.
    CannotWrite
        A file cannot be written.
    """
    if not is_dry:
        landing.finish_elsewhere(desk, _places(desk).get(verdict.branch_of(slug)))
    found = find(desk, slug)
    if found.file is None:
        raise IsNotCheckedOut(slug)
    place = found.file.parents[2]
    runs = _runs(found.ref, place)
    if not runs:
        raise NoRunYet(slug)
    commit, parent = runs[0]
    content = found.content if found.content is not None else reporting.begin(desk, slug, parent[:10])
    told = document.parse(document.decoded(content)).fields.get("parent")
    name = str(told) if len(runs) == 1 and told else f"{FOLDER}{slug}"
    with Objects(place) as objects:
        before, after = (metrics.read(Snapshot(list_tree(one, place), objects)) for one in (parent, commit))
    there = desk._replace(root=place, branch=name)
    layout = snapshot.layout_of(there, commit)
    written = reporting.write(reporting.Results(there, slug, commit, parent, "", layout, before, after))
    files = {**written.files, found.path: reporting.carried_over(content, written.files[found.path])}
    changed = [path for path, new in files.items() if _content_of(place / path) != new]
    for path in changed if not is_dry else ():
        _write(place / path, files[path])
    return Refreshed(commit, tuple(sorted(changed)), document.missing(document.decoded(files[found.path])))


def _places(desk: Desk) -> dict[str, Path]:
    listed = worktrees(desk.root)
    return {f"refs/heads/{one.branch}": one.path for one in listed if one.branch is not None and not one.is_gone}


def _runs(ref: str, at: Path) -> list[tuple[str, str]]:
    """Return the runs of a branch that main has not, and their parents, newest first; on main's own line, the last."""
    form = "--format=%H%x00%P%x00%(trailers:key=Run-Id,valueonly,separator=%x20)"
    words = ("log", "--first-parent", f"--max-count={MOST_COMMITS}", form, ref)
    main = value_of(f"refs/heads/{server.main_here(at)}", at)
    for excluded in ([f"^{main}"] if main is not None else [], []):
        found = []
        for line in git(*words, *excluded, "--", at=at).splitlines():
            commit, parents, run_id = line.split("\0")
            if run_id and parents:
                found.append((commit, parents.split(" ")[0]))
        if found:
            return found
    return []


def _content_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, content, shelf(file.parent))
    except OSError as error:
        raise CannotWrite(file, error.strerror or str(error)) from None
