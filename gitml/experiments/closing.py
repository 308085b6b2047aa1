"""The last commit of an experiment: its report with the verdict, and what the rules say of it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

from gitml.conventions.shell import command
from gitml.errors import GitmlError
from gitml.experiments import reporting, snapshot
from gitml.experiments.desk import FOLDER, Desk
from gitml.experiments.start import subject
from gitml.experiments.verdict import STATUS, Verdict
from gitml.git import trees
from gitml.git.checkout import shelf_of
from gitml.git.command import git
from gitml.git.files import replace_file
from gitml.git.index import refresh_index
from gitml.git.objects import Objects, list_tree
from gitml.git.transaction import commit_tree
from gitml.pipeline.snapshot import Snapshot
from gitml.reports import document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.config import Config
    from gitml.policy.rules import Violation

_LEFT_BY_A_KILL = re.compile(r"/\.[^/]+\.[a-z0-9_]{8}\.tmp$")
"""What `gitml.git.files.replace_file` was writing."""


class Closing(NamedTuple):
    """What ends an experiment.

    Attributes
    ----------
    commit
        Full id of the commit with the verdict; no ref may know it yet.
    tip
        Full id of the branch's commit below it; the same where that has the verdict already.
    uncommitted
        Changed files of the working tree that are not in it.
    """

    commit: str
    tip: str
    uncommitted: tuple[str, ...] = ()


class NotAcceptable(GitmlError):
    """Rules say that an experiment must not go to main; nothing was changed."""

    def __init__(self, slug: str, violations: Sequence[Violation]) -> None:
        names = dict.fromkeys(violation.rule for violation in violations)
        super().__init__(
            f"{FOLDER}{slug} cannot be accepted ({', '.join(names)})",
            "\n".join(f"{violation.what}. {violation.why}".strip() for violation in violations),
            tuple(dict.fromkeys(mend for violation in violations for mend in violation.mend)),
        )
        self.violations = tuple(violations)


class NoVerdictPossible(GitmlError):
    """A report's front matter cannot be changed."""

    def __init__(self, slug: str, fault: str) -> None:
        super().__init__(
            f"the verdict cannot be written into {document.path(slug)}",
            f"What stands between the lines of dashes at its head cannot be changed: {fault or 'see its comments'}.",
            (command(["gitml", "report", "edit", slug]),),
        )


def close(desk: Desk, slug: str, tip: str, verdict: Verdict, place: Path | None, config: Config) -> Closing:
    """Make the commit that says how an experiment ended.

    Where its branch is checked out, the report and what lies beside it is taken as it is there: a person has just
    written the conclusions. Nothing else of the working tree is.

    Parameters
    ----------
    desk
        The repository.
    slug, tip
        The experiment, and the full id of its branch's commit.
    verdict
        How it ended.
    place
        The working tree that has it checked out; None for none.
    config
        The rules that count.

    Raises
    ------
    NotAcceptable
        What lies beside the report must not be committed.
    NoVerdictPossible
        The report's front matter cannot be read.
    """
    base, uncommitted = (tip, ()) if place is None else _with_report_of(place, slug, tip)
    path = document.path(slug)
    with Objects(desk.root) as objects:
        content = Snapshot(list_tree(base, desk.root), objects).read(path)
    if content is None:
        content = reporting.begin(desk, slug, tip[:10])
    told = with_verdict(content, verdict)
    if document.parse(document.decoded(told)).fields.get("verdict") != verdict:
        raise NoVerdictPossible(slug, document.parse(document.decoded(told)).fault)
    tree = trees.tree_with(base, {path: trees.Blob("100644", told)}, desk.root)
    if tree == git("rev-parse", f"{tip}^{{tree}}", at=desk.root):
        return Closing(tip, tip, uncommitted)
    _judge_files(desk._replace(commit=tip, config=config), slug, tree)
    message = subject(f"finish {slug}: {verdict}", config)
    return Closing(commit_tree(tree, [tip], message, at=desk.root), tip, uncommitted)


def with_verdict(content: bytes, verdict: str) -> bytes:
    """Return a report whose front matter says how it ended."""
    text = document.decoded(content)
    return document.encoded(document.fill(text, fields={"status": STATUS, "verdict": verdict}))


def follow(place: Path, slug: str, closing: Closing) -> None:
    """Let the working tree that has the experiment checked out follow its last commit.

    Only what lies in the report's folder is touched: what was staged there is committed now, and a report that was
    edited meanwhile keeps its words.
    """
    if closing.commit != closing.tip:
        folder = document.path(slug).rpartition("/")[0]
        listed = git("--literal-pathspecs", "ls-files", "--stage", "-z", "--", operands=[folder], at=place)
        staged: dict[str, trees.Change] = {}
        for line in listed.split("\0")[:-1]:
            head, _, path = line.partition("\t")
            mode, oid, stage = head.split(" ")
            if stage == "0":
                staged[path] = trees.Known(mode, oid)
        with Objects(place) as objects:
            content = Snapshot(list_tree(closing.commit, place), objects).read(document.path(slug)) or b""
        verdict = document.parse(document.decoded(content)).fields.get("verdict")
        file = place / document.path(slug)
        current = file.read_bytes() if file.is_file() else content
        file.parent.mkdir(parents=True, exist_ok=True)
        told = with_verdict(current, str(verdict))
        if not file.is_file() or told != current:
            with shelf_of(place) as shelf:
                replace_file(file, told, shelf)
        refresh_index(place, trees.tree_with(closing.tip, staged, place), closing.commit)


def _with_report_of(place: Path, slug: str, tip: str) -> tuple[str, tuple[str, ...]]:
    """Return the tip's tree with the report's folder as it is on disk, and what else is changed there."""
    folder = document.path(slug).rpartition("/")[0]
    words = ("--literal-pathspecs", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--")
    listed = git(*words, operands=[folder], at=place).split("\0")[:-1]
    there = [path for path in listed if _LEFT_BY_A_KILL.search(path) is None]
    before = git("ls-tree", "-r", "-z", "--name-only", tip, "--", operands=[f"{folder}/"], at=place).split("\0")[:-1]
    paths = sorted({*there, *before})
    tree = trees.tree_with_files(tip, place, paths)
    changed = git("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", at=place).split("\0")
    return tree, tuple(line[3:] for line in changed if line and not line[3:].startswith(f"{folder}/"))


def _judge_files(desk: Desk, slug: str, tree: str) -> None:
    refused = [
        violation
        for violation in snapshot.judge(desk, f"{FOLDER}{slug}", tree)
        if violation.severity == "error" and violation.rule != "branch-name"
    ]
    if refused:
        raise NotAcceptable(slug, refused)


def message(slug: str, verdict: Verdict, closing: Closing) -> str:
    """Return what the tag of an experiment says."""
    day = time.strftime("%Y-%m-%d")
    show = command(["git", "show", f"exp/{slug}:{document.path(slug)}"])
    return f"experiment {slug}: {verdict}\n\nFinished on {day}; its runs end at {closing.tip}.\nReport: {show}\n"
