"""A newer table in the place of one that DVC keeps: compared, held to the schema, and committed by itself."""

from __future__ import annotations

import hashlib
import posixpath
import sys
import tempfile
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions import branches, commits, trailers
from gitml.conventions.amounts import amount_in_words
from gitml.conventions.trailers import Trailer
from gitml.errors import GitmlError
from gitml.experiments import desk as desks
from gitml.experiments import landing
from gitml.experiments.desk import NotReady
from gitml.experiments.kept_tables import SUFFIX, NoTable, is_source, kept_in, meant
from gitml.git import oplog, trees
from gitml.git.files import replace_by_copy
from gitml.git.index import advance, finish
from gitml.git.objects import Objects, list_tree
from gitml.git.oplog import Move
from gitml.git.plan import Plan, Step, carry_out
from gitml.git.repository import CannotWrite
from gitml.git.transaction import RefMoved, commit_tree, value_of
from gitml.pipeline import dvc_command, own_stages
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import Storage

if TYPE_CHECKING:
    from gitml.experiments.desk import Desk

COMMAND = "data update"
_MOST_LINES = 24
"""Lines of the comparison that the commit's message keeps."""


class Update(NamedTuple):
    """What came of it.

    Attributes
    ----------
    path
        The table, from the top.
    commit
        Full id; empty where nothing was new, or nothing was done.
    branch
        On which it is.
    subject
        The first line of its message.
    comparison
        What the stages say, as ``stages.comparison`` documents it; empty where the project has no such stage.
    page
        The same as text.
    """

    path: str
    commit: str
    branch: str
    subject: str
    comparison: dict[str, Any]
    page: str


class NotSaved(GitmlError):
    """The table was changed here, and DVC does not have what it is now."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} was changed here, and that is saved nowhere",
            "The new table would take its place. Commit the change first, as an update of its own, or give it up.",
            (f"gitml data update {quote(path)}", f"dvc checkout --force {quote(path + SUFFIX)}"),
        )


class ChangedMeanwhile(GitmlError):
    """The new table is not any more what was looked at."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} was written to while it was looked at",
            "Nothing was committed. Wait until it is whole.",
            (f"gitml data update {quote(str(file))}",),
        )


class BreaksTheSchema(GitmlError):
    """The new table is not what the pipeline takes."""

    def __init__(self, page: str, file: Path) -> None:
        super().__init__(
            f"{file.name} is not what the pipeline takes, so nothing was changed",
            page,
            (
                "edit data/schema.yaml, where the table is right and the schema is not",
                f"gitml data update {quote(str(file))} --force",
            ),
        )


class Session:
    """One update, step by step.

    Parameters
    ----------
    file
        The new table; it may be the kept one itself, edited.
    to
        The path of the table that it replaces; empty to find it.
    message
        What a person says about it.
    is_forced
        Whether it is taken although it breaks the schema.
    at
        A folder of the working tree; None for the current one.

    Raises
    ------
    NoTable, NoSuchTable, AnotherKind
        It is no file, or DVC keeps none that it could replace.
    NotSaved
        What is there would be lost.
    BreaksTheSchema
        The pipeline would refuse it.
    """

    def __init__(
        self, file: Path, to: str = "", message: str = "", is_forced: bool = False, at: Path | None = None
    ) -> None:
        self.desk = desks.find(at)
        finish(self.desk.root)
        desks.check_ready(self.desk, at)
        _check_branch(self.desk)
        self._file = file
        self._words = message
        with Objects(self.desk.root) as objects:
            snapshot = Snapshot(list_tree(self.desk.commit, self.desk.root), objects)
            kept = list(kept_in(snapshot))
            if not file.is_file():
                raise NoTable(file)
            self.kept = meant(file, to, kept, self.desk)
        self._place = self.desk.root / self.kept.path
        self._md5 = _md5_of(file)
        self.is_new = self._md5 != self.kept.md5
        self._check_saved()
        self.comparison = self._compared() if self.is_new else {}
        self.page = str(self.comparison.get("page", ""))
        if _is_refused(self.comparison) and not is_forced:
            raise BreaksTheSchema(self.page, file)
        self.commit = ""

    def plan(self) -> Plan:
        """Return what will be done."""
        path = self.kept.path
        steps = [
            Step("bring", f"copy {self._file} to {path}", self._bring),
            Step("add", f"let DVC keep it, by {self.kept.dvc_file}", self._add),
            Step("commit", f"commit {self.kept.dvc_file} on {self.desk.branch}: {self.subject}", self._commit),
            Step("log", "write down what was done, for gitml undo", self._log),
        ]
        return Plan(COMMAND, steps, 2)

    def carry_out(self) -> Update:
        """Do it, where anything is new.

        Raises
        ------
        AnotherRun, RefMoved
            Another command is under way here, or was while this one looked.
        NotSaved, ChangedMeanwhile
            The kept table, or the new one, was written to while this one looked.
        """
        if self.is_new:
            try:
                with landing.alone(self.desk):
                    self._check_as_before()
                    carry_out(self.plan())
            except OSError as error:
                raise CannotWrite(Path(error.filename or self._place), error.strerror or str(error)) from None
        return Update(self.kept.path, self.commit, self.desk.branch or "", self.subject, self.comparison, self.page)

    @property
    def subject(self) -> str:
        """The first line of the commit's message."""
        name = posixpath.basename(self.kept.path)
        rows = self.comparison.get("rows")
        if isinstance(rows, dict) and rows.get("old") is not None:
            return f"{self._prefix}: {name} {rows['old']:,} -> {rows['new']:,} rows"
        sizes = (amount_in_words(1, [size]).partition(", ")[2] for size in (self.kept.size, self._file.stat().st_size))
        return f"{self._prefix}: {name} {' -> '.join(sizes)}"

    @property
    def _prefix(self) -> str:
        prefixes = self.desk.config.prefixes
        return commits.likely_prefix("data/", prefixes)

    def _check_as_before(self) -> None:
        now = value_of(self.desk.head, self.desk.root)
        if now != self.desk.commit:
            raise RefMoved(self.desk.head, self.desk.commit, now)
        self._check_saved()
        if _md5_of(self._file) != self._md5:
            raise ChangedMeanwhile(self._file)

    def _check_saved(self) -> None:
        if not self._place.is_file() or self._place.samefile(self._file):
            return
        if _md5_of(self._place) not in (self.kept.md5, self._md5):
            raise NotSaved(self.kept.path)

    def _compared(self) -> dict[str, Any]:
        project = self.desk.project_folder
        if not own_stages.has("comparison", project) or not is_source(self.kept.path, self.desk):
            return {}
        with tempfile.TemporaryDirectory(prefix="gitml-") as folder:
            old = self._old(Path(folder))
            words = [*([str(old)] if old is not None else []), str(self._file.resolve())]
            told = own_stages.ask("comparison", words, project)
        _, _, rest = str(told.get("page", "")).partition("\n")
        before = self.kept.path if old is not None else None
        first = f"{before} -> {self._file}" if before is not None else str(self._file)
        return {**told, "old": before, "new": str(self._file), "page": f"{first}\n{rest}"}

    def _old(self, folder: Path) -> Path | None:
        """Return the table as HEAD has it, by a name that tells its kind; None where it is not on this machine."""
        if self._place.is_file() and _md5_of(self._place) == self.kept.md5:
            return self._place
        cache = Storage(self.desk.root).settings(self.desk.project).cache
        held = Path(cache, "files", "md5", self.kept.md5[:2], self.kept.md5[2:]) if cache is not None else None
        if held is None or not held.is_file():
            return None
        link = folder / posixpath.basename(self.kept.path)
        link.symlink_to(held)
        return link

    # The steps, in their order.

    def _bring(self) -> None:
        if not (self._place.is_file() and self._place.samefile(self._file)):
            replace_by_copy(self._place, self._file)

    def _add(self) -> None:
        dvc_command.add(self.desk.project_folder, posixpath.relpath(self.kept.path, self.desk.project or "."))

    def _commit(self) -> None:
        content = (self.desk.root / self.kept.dvc_file).read_bytes()
        if self._md5.encode() not in content:
            raise ChangedMeanwhile(self._file)
        tree = trees.tree_with(self.desk.commit, {self.kept.dvc_file: trees.Blob("100644", content)}, self.desk.root)
        self.commit = commit_tree(tree, [self.desk.commit], self._text(), at=self.desk.root)
        advance(self.desk.root, self.desk.head, self.commit, self.desk.commit, f"gitml {COMMAND}: {self.kept.path}")

    def _text(self) -> str:
        parts = [self.subject, *([self._words.strip()] if self._words.strip() else [])]
        lines = self.page.splitlines()[1:]
        more = [f"  and {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
        body = "\n".join([*lines[:_MOST_LINES], *more]).strip("\n")
        told = [Trailer("Data", f"{self.kept.path} {self.kept.md5} -> {self._md5}")]
        return trailers.append("\n\n".join([*parts, *([body] if body.strip() else [])]), told)

    def _log(self) -> None:
        oplog.record(sys.argv[1:], [Move(self.desk.head, self.desk.commit, self.commit)], at=self.desk.root)


def _check_branch(desk: Desk) -> None:
    name = branches.parse(desk.branch or "")
    if desk.branch is None:
        raise NotReady("no branch is checked out", "The commit would be on none.", ("git switch -c data/NAME",))
    if name is not None and name.kind in ("model", "promotion", "production"):
        raise NotReady(
            f"{desk.branch} does not take new data", "It holds what was released.", ("git switch -c data/NAME main",)
        )


def _is_refused(comparison: dict[str, Any]) -> bool:
    schema = comparison.get("schema") or {}
    return bool(schema.get("breaches") or comparison.get("refused"))


def _md5_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
