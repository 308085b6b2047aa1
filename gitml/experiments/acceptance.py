"""Whether main can take in an experiment, and the merge that does: without a working tree."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitml.conventions import branches
from gitml.errors import GitmlError
from gitml.experiments import desk as desks
from gitml.experiments.closing import NotAcceptable
from gitml.experiments.desk import FOLDER
from gitml.experiments.ending import MainIsBehind, MainIsInUse
from gitml.git import checkout, repository
from gitml.git.command import ask, git
from gitml.git.merge import is_ancestor, merge_bases, merge_trees
from gitml.git.objects import Objects, list_tree
from gitml.git.transaction import commit_tree, value_of
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.verify import judge_snapshot
from gitml.policy import lock
from gitml.policy.report import report_complete
from gitml.reports import document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitml.config import Config
    from gitml.policy.rules import Violation

UPDATE = "gitml exp update"
"""The command that brings main into an experiment, and runs what is stale then."""


class Into(NamedTuple):
    """What takes in an experiment.

    Attributes
    ----------
    main
        Full id of main's commit here.
    place
        The working tree that has main checked out; None for none.
    remote
        Where it is pushed later.
    is_pull_request
        Whether it is the remote's main that takes it in, after a review.
    branch
        Short name of main.
    """

    main: str
    place: Path | None
    remote: str
    is_pull_request: bool
    branch: str = branches.MAIN


class DoesNotMerge(GitmlError):
    """Main and an experiment changed the same lines; nothing was changed."""

    def __init__(self, slug: str, paths: Sequence[str]) -> None:
        named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        super().__init__(
            f"{FOLDER}{slug} does not merge into main: {named} changed in both",
            "Bring main into the experiment first: parameters are merged by name, and what is stale then is run again.",
            (f"git switch {FOLDER}{slug} && {UPDATE}",),
        )
        self.paths = tuple(paths)


def accept(
    slug: str, commit: str, into: Into, config: Config, root: Path, note: Callable[[str], None] = lambda line: None
) -> str:
    """Merge, ask the rules for the experiment and for what main would be, and return the merge's id.

    No ref, index or file is touched.

    Parameters
    ----------
    slug, commit
        The experiment, and the full id of its last commit.
    into
        What takes it in.
    config
        The rules that count.
    root
        The working tree's top folder.
    note
        Called with warnings.

    Raises
    ------
    NotAcceptable
        A rule says no.
    DoesNotMerge
        There are conflicts.
    MainIsBehind
        A remote has more.
    MainIsInUse, Unfinished
        It is checked out, and its files cannot follow.
    """
    main = _main_to_merge_into(into, root, note)
    found = judge(slug, commit, config, root)
    merge_bases(main, commit, root)  # where there is none, the error says why
    merged = merge_trees(main, commit, root)
    _refuse(slug, found, note)
    if merged.conflicts:
        raise DoesNotMerge(slug, merged.conflicts)
    if merged.tree != git("rev-parse", f"{commit}^{{tree}}", at=root):
        _refuse(slug, judge(slug, merged.tree, config, root, is_merged=True), note)
    made = commit_tree(merged.tree, [main, commit], f"Merge experiment {slug}\n", at=root)
    if into.place is not None and not into.is_pull_request:
        what = repository.unfinished(repository.find(into.place).git_dir)
        if what is not None:
            raise desks.Unfinished(what)
        paths = checkout.in_the_way(into.place, main, made)
        if paths:
            raise MainIsInUse(into.place, paths)
    return made


def judge(slug: str, tree: str, config: Config, at: Path, is_merged: bool = False) -> list[Violation]:
    """Ask the rules for what goes to main.

    Parameters
    ----------
    slug
        The experiment.
    tree
        Full id of its tree or commit, or of the tree that main would have.
    config
        The rules that count.
    at
        As for `gitml.git.command.git`.
    is_merged
        Whether it is main's tree. What is wrong with that only is mended by bringing main in.

    Returns
    -------
    violations
        Of lock-forged, lock-stale and report-complete, errors and warnings.
    """
    with Objects(at) as objects:
        files = Snapshot(list_tree(tree, at), objects)
        verdict = judge_snapshot(files)
        found = [*lock.lock_forged(verdict, config), *lock.lock_stale(verdict, config, is_released=True)]
        if is_merged:
            return [one._replace(what=f"merged with main, {one.what}", mend=(UPDATE,)) for one in found]
        content = files.read(document.path(slug))
        text = document.decoded(content) if content is not None else None
        return [*found, *report_complete(slug, text, config)]


def _main_to_merge_into(into: Into, root: Path, note: Callable[[str], None]) -> str:
    """Return main here, or for a pull request what the remote is known to have."""
    remote = ask("config", "--get", f"branch.{into.branch}.remote", at=root).out.strip() or into.remote
    there = value_of(f"refs/remotes/{remote}/{into.branch}", root)
    if there is None or there == into.main:
        return into.main
    if into.is_pull_request:
        return there
    if is_ancestor(into.main, there, root):
        count = int(git("rev-list", "--count", f"{into.main}..{there}", at=root))
        raise MainIsBehind(remote, count, into.place, into.branch)
    if not is_ancestor(there, into.main, root):
        note(f"warning  {into.branch} here and on {remote} have both moved; bring them together before you push")
    return into.main


def _refuse(slug: str, violations: Sequence[Violation], note: Callable[[str], None]) -> None:
    refused = [one for one in violations if one.severity == "error"]
    if refused:
        raise NotAcceptable(slug, refused)
    for violation in violations:
        note(f"warning  {violation.what} ({violation.rule})")
