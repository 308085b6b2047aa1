"""A run whose branch got another run meanwhile: whether it can be the next one there, with the files it was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.experiments import reporting
from gitml.git import trees
from gitml.git.command import ask, git
from gitml.git.index import differences
from gitml.git.objects import Objects, list_tree
from gitml.git.trees import Known
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.snapshot import Snapshot
from gitml.reports import document

if TYPE_CHECKING:
    from gitml.experiments.commit import Produced
    from gitml.experiments.desk import Desk


class CannotGoOn(Exception):
    """The run's tree, put behind the new tip, would take back what somebody did; the text says what."""


def go_on(desk: Desk, slug: str, produced: Produced, base: str, tip: str) -> Produced:
    """Return what was produced, ready to be committed on another tip than it began at.

    Its code, parameters and results stay those that were run: a mixture would be a commit that nobody ran. So only
    runs may have come between, and they may have changed parameters and results, but no code that this one has
    otherwise. The report of the tip is gone on with.

    Parameters
    ----------
    desk, slug
        The repository and the experiment.
    produced
        What the pipeline made, from `base`.
    base, tip
        Full ids of the commits where the branch was, and is.

    Raises
    ------
    CannotGoOn
        The tip has more than that.
    """
    root = desk.root
    if ask("merge-base", "--is-ancestor", base, tip, at=root).code != 0:
        raise CannotGoOn("It was reset.")
    form = "--format=%h %(trailers:key=Run-Id,valueonly,separator=%x20)"
    for line in git("log", form, f"{base}..{tip}", at=root).split("\n"):
        commit, _, run_id = line.partition(" ")
        if not run_id:
            raise CannotGoOn(f"It has {commit}, which no run made.")
    own = (*produced.layout.written, *produced.layout.params, f"reports/{slug}/")
    theirs = {one.path for one in differences(base, tip, root)}
    apart = sorted(theirs & {one.path for one in differences(tip, produced.tree, root)})
    code = [path for path in apart if not any(is_inside(path, one.rstrip("/")) for one in own)]
    if code:
        raise CannotGoOn(f"A run there has another {', '.join(code[:3])}.")
    return produced._replace(tree=_with_report(desk, slug, produced.tree, base, tip))


def _with_report(desk: Desk, slug: str, tree: str, base: str, tip: str) -> str:
    """Return the tree with the tip's report and pictures, unless a person wrote into both."""
    report = reporting.path(slug)
    with Objects(desk.root) as objects:
        snapshots = [Snapshot(list_tree(one, desk.root), objects) for one in (base, tip, tree)]
        old, theirs, ours = (_words(snapshot.read(report)) for snapshot in snapshots)
    if ours not in (old, theirs):
        if theirs != old:
            raise CannotGoOn(f"Both have other words in {report}.")
        return tree
    changes: dict[str, trees.Change] = {}
    for path, entry in snapshots[1].files.items():
        if path.startswith(f"reports/{slug}/"):
            changes[path] = Known(entry.mode, entry.oid)
    return trees.tree_with(tree, changes, desk.root) if changes else tree


def _words(content: bytes | None) -> str | None:
    """Return what people wrote in a report."""
    return None if content is None else document.fill(document.decoded(content), methodology="", results="")
