"""What a run starts from: the working tree as it is now, kept as a tree before anything runs."""

from __future__ import annotations

import fnmatch
from typing import NamedTuple

from gitml.conventions.released import OF_A_RELEASE
from gitml.errors import GitmlError
from gitml.git import trees
from gitml.git.command import ask, git
from gitml.git.index import differences
from gitml.git.objects import Objects, list_tree
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.layout import Inputs, Layout, inputs, known_params, layout, project_at
from gitml.pipeline.snapshot import Snapshot
from gitml.policy import contents, rules
from gitml.policy.contents import NewFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitml.experiments.desk import Desk
    from gitml.pipeline.overrides import Known
    from gitml.pipeline.project import Project
    from gitml.policy.rules import Violation

CODE = ("stages/",)
"""Folders whose new files belong to a run even where no stage names them."""


class NoPipeline(GitmlError):
    """The dvc.yaml cannot be run, or there is none."""


class RulesSayNo(GitmlError):
    """What a run would commit breaks rules; nothing was run."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        names = dict.fromkeys(violation.rule for violation in violations)
        super().__init__(
            f"this cannot be committed, so it is not run ({', '.join(names)})",
            "\n".join(f"{violation.what}. {violation.why}".strip() for violation in violations),
            tuple(dict.fromkeys(mend for violation in violations for mend in violation.mend)),
        )
        self.violations = tuple(violations)


class Untracked(NamedTuple):
    """Files that git does not know yet.

    Attributes
    ----------
    taken
        Those that belong to the run.
    left
        The others.
    """

    taken: tuple[str, ...]
    left: tuple[str, ...]


class Start(NamedTuple):
    """What a run starts from.

    Attributes
    ----------
    tree
        Full id of the working tree's tree.
    layout
        What the run reads and writes.
    inputs
        What its results will come from.
    untracked
        What was new in it, and what was left out.
    known
        Every parameter of the files that stages depend on.
    """

    tree: str
    layout: Layout
    inputs: Inputs
    untracked: Untracked
    known: tuple[Known, ...]


def take(desk: Desk, slug: str, include: Sequence[str]) -> Start:
    """Keep the working tree as a tree, without a change to it or to its index.

    Raises
    ------
    NoPipeline
        There is nothing to run.
    MergeIsOpen
        There are conflicts.
    """
    tree = trees.snapshot(desk.root)
    with Objects(desk.root) as objects:
        files = Snapshot(list_tree(tree, desk.root), objects)
        untracked = sort_untracked(desk, slug, layout(_project(desk, files)), include)
        if untracked.taken:
            tree = trees.snapshot(desk.root, untracked.taken)
            files = Snapshot(list_tree(tree, desk.root), objects)
        if not files.files.keys().isdisjoint(OF_A_RELEASE):  # an experiment on a model is none
            tree = trees.tree_with(tree, dict.fromkeys(OF_A_RELEASE), desk.root)
            files = Snapshot(list_tree(tree, desk.root), objects)
        project = _project(desk, files)
        found = layout(project)
        known = tuple(known_params(files, found))
        return Start(tree, found, inputs(files, project, found), untracked, known)


def layout_of(desk: Desk, tree: str) -> Layout:
    """Return what a run of a tree reads and writes.

    Raises
    ------
    NoPipeline
        There is nothing to run.
    """
    with Objects(desk.root) as objects:
        return layout(_project(desk, Snapshot(list_tree(tree, desk.root), objects)))


def _project(desk: Desk, files: Snapshot) -> Project:
    project = project_at(files, desk.project)
    if project is None:
        raise no_pipeline(desk)
    return project


def sort_untracked(desk: Desk, slug: str, found: Layout, include: Sequence[str]) -> Untracked:
    """Sort the files that git does not know: those a stage reads, code, the report, and what was asked for are taken.

    Parameters
    ----------
    desk
        The working tree.
    slug
        The experiment.
    found
        What stages read.
    include
        Paths, folders or patterns from the top, whose new files are taken as well.
    """
    listed = git("ls-files", "--others", "--exclude-standard", "-z", "--full-name", ":/", at=desk.root)
    folders = (*CODE, f"reports/{slug}/")
    taken: list[str] = []
    left: list[str] = []
    dvc = f"{found.root}/.dvc" if found.root else ".dvc"
    written = {*found.kept, *found.cached, *found.locks, f"{dvc}/cache", f"{dvc}/tmp"}
    for path in listed.split("\0")[:-1]:
        if any(is_inside(path, one) for one in written):
            continue  # what the run makes, and what DVC keeps
        is_asked = any(is_inside(path, one.rstrip("/")) or fnmatch.fnmatchcase(path, one) for one in include)
        is_taken = is_asked or found.reads(path) or path.startswith(folders)
        (taken if is_taken else left).append(path)
    return Untracked(tuple(taken), tuple(left))


def judge(desk: Desk, branch: str, tree: str) -> list[Violation]:
    """Ask the rules that could refuse the commit of a run, before hours of training.

    Returns
    -------
    violations
        Errors and warnings of branch-name, no-large-file, clean-notebook and no-secret.
    """
    is_a_path = ask("cat-file", "-e", f"{tree}:{branch}", at=desk.root).code == 0
    name = rules.branch_name(branch, desk.config, {branch} if is_a_path else set())
    found = [] if name is None else [name]
    changed = {one.path: one.new[1] for one in differences(desk.commit, tree, desk.root) if one.new[1]}
    if not changed:
        return found
    with Objects(desk.root) as objects:
        sizes = {oid: size for oid, (kind, size) in objects.describe(changed.values()).items() if kind == "blob"}
        for path, oid in changed.items():
            if oid in sizes:
                is_read = contents.is_worth_reading(path, sizes[oid], desk.config)
                file = NewFile(path, sizes[oid], objects.read(oid) if is_read else None)
                found += contents.judge([file], desk.config)
    return found


def no_pipeline(desk: Desk) -> NoPipeline:
    """Return the error for a tree without a pipeline."""
    where = f" in {desk.project}" if desk.project else ""
    return NoPipeline(
        f"there is no dvc.yaml{where} that git knows",
        "A run is `dvc repro` of the stages that dvc.yaml names, and it is committed with them.",
        ("git add dvc.yaml", "dvc stage add --help"),
    )


def ask_the_rules(desk: Desk, branch: str, start: Start, note: Callable[[str], None]) -> None:
    """Ask the rules about what a run will commit, and say which untracked files it takes.

    Raises
    ------
    RulesSayNo
        What would be committed breaks a rule.
    """
    violations = judge(desk, branch, start.tree)
    refused = [violation for violation in violations if violation.severity == "error"]
    if refused:
        raise RulesSayNo(refused)
    for violation in violations:
        note(f"warning  {violation.what} ({violation.rule})")
    count = len(start.untracked.taken)
    if count:
        names = ", ".join(start.untracked.taken[:3]) + (f" and {count - 3} more" if count > 3 else "")
        note(f"also commits {count} untracked file{'s' * (count != 1)}: {names}")
    if start.untracked.left:
        names = ", ".join(start.untracked.left[:3])
        more = len(start.untracked.left) - 3
        note(f"leaves out {names}{f' and {more} more' if more > 0 else ''} (--include takes them)")
