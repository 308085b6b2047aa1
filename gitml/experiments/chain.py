"""The commits of a sweep: points that are kept while others run, their chain on the branch, and the one that closes it.

The branch has the points one on the other, in the order in which they were asked for. The closing commit has the tree
of the best point and the report, and says by a trailer where the sweep began.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions import trailers
from gitml.conventions.trailers import Trailer
from gitml.experiments import commit, message, reporting, start, table
from gitml.experiments.commit import Differences, Made, Produced
from gitml.experiments.ranking import Point, Ranked, Spread, label
from gitml.experiments.snapshot import layout_of
from gitml.experiments.words import MAIN
from gitml.git import oplog, trees
from gitml.git.command import git
from gitml.git.objects import Objects, list_tree
from gitml.git.refs import list_refs
from gitml.git.transaction import RefMoved, commit_tree, compare_and_swap, delete
from gitml.git.trees import Known
from gitml.pipeline.layout import Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gitml.experiments.desk import Desk

KEPT = "refs/gitml/sweep/"
"""Where the points are that are done, until the branch has them."""

BASE = "Sweep-Base"
BEST = "Best"


class Block(NamedTuple):
    """The sweep that a branch ends with.

    Attributes
    ----------
    base
        Full id of the commit with which its points are compared.
    closing
        Full id of its last commit; None where the branch ends with no sweep.
    points
        Its points by their inputs, in their order.
    """

    base: str
    closing: str | None
    points: Mapping[str, str]

    @property
    def code(self) -> str:
        """The sum of the code of its points; empty where there are none."""
        return next(iter(self.points), "").partition("-")[0]


class Closing(NamedTuple):
    """What the closing commit says.

    Attributes
    ----------
    slug
        The experiment.
    ranked, best
        The points, and the one whose tree it has.
    failed
        Label and last line of each point without a result.
    spread
        Of several seeds.
    hypothesis
        What a person expected; may be empty.
    reports
        Full id of the tree or commit whose report is gone on with; None for the best point's.
    """

    slug: str
    ranked: Ranked
    best: Point
    failed: Sequence[tuple[str, str]]
    spread: Sequence[Spread]
    hypothesis: str
    reports: str | None


def read(tip: str, at: Path | None = None) -> Block:
    """Return the sweep that a commit closes."""
    base = git("log", "-1", f"--format=%(trailers:key={BASE},valueonly,separator=%x20)", tip, at=at).strip()
    if not trees.OBJECT_ID.fullmatch(base):
        return Block(tip, None, {})
    form = "--format=%H %(trailers:key=Inputs,valueonly,separator=%x20)"
    lines = git("log", "--first-parent", "--reverse", form, f"{base}..{tip}", at=at).split("\n")
    pairs = [line.partition(" ") for line in lines]
    return Block(base, tip, {inputs: oid for oid, _, inputs in pairs if inputs})


def kept(slug: str, at: Path | None = None) -> dict[str, str]:
    """Return the points that are kept, by their inputs."""
    folder = f"{KEPT}{slug}/"
    return {ref.name.removeprefix(folder): ref.oid for ref in list_refs(folder, at=at)}


def is_point(commit: str, tree: str, base: str, at: Path | None = None) -> bool:
    """Say whether a commit that is kept is what the point would be now: files beside the results may have changed."""
    return git("log", "-1", "--format=%T %P", commit, at=at) == f"{tree} {base}"


def keep(slug: str, inputs: str, made: str, old: str | None, at: Path | None = None) -> str:
    """Keep a point in place of an older one, and return its commit; where somebody was first, that one's."""
    try:
        compare_and_swap(f"{KEPT}{slug}/{inputs}", made, old, "gitml exp sweep", at)
    except RefMoved as moved:
        return moved.now or made
    return made


def forget(slug: str, at: Path | None = None) -> None:
    """Let the points go that the branch has."""
    for inputs, oid in kept(slug, at).items():
        try:
            delete(f"{KEPT}{slug}/{inputs}", oid, "gitml exp sweep", at)
        except RefMoved:
            continue


def make_point(desk: Desk, base: str, produced: Produced, differences: Differences, name: str, source: str = "") -> str:
    """Make the commit of a point, for now on the base of the sweep.

    Parameters
    ----------
    desk
        The repository.
    base
        Full id of the commit that it is compared with.
    produced, differences
        What it gave.
    name
        What was set.
    source
        The run whose results it has; empty where it was run itself.
    """
    said = f"It has the results of {source[:10]}, which is of the same code, data and parameters." if source else ""
    run_id = oplog.new_id(time.time())
    text = message.write(run_id, produced.inputs, differences.params, differences.metrics, said, desk.config, name)
    return commit_tree(produced.tree, [base], text, at=desk.root)


def link(points: Sequence[str], parent: str, at: Path | None = None) -> list[str]:
    """Make the points' commits again, one on the other, and return them."""
    with Objects(at) as objects:
        raw = objects.read_each(points, lambda content: content.decode("utf-8", "surrogateescape"), kind="commit")
    made = []
    for oid in points:
        head, _, text = raw[oid].partition("\n\n")
        tree = head.partition("\n")[0].removeprefix("tree ")
        parent = commit_tree(tree, [parent], text, at=at)
        made.append(parent)
    return made


def close(desk: Desk, closing: Closing, base: str, parent: str) -> Made:
    """Make the closing commit: the best point's tree, and the report with all points."""
    tree = git("rev-parse", f"{closing.best.commit}^{{tree}}", at=desk.root)
    tree = _with_reports(desk, closing, tree)
    produced = Produced(tree, layout_of(desk, tree), Inputs("", ""), ())
    told = commit.compare(desk, base, produced)
    written = reporting.write(
        reporting.Results(
            desk,
            closing.slug,
            tree,
            base,
            closing.hypothesis,
            produced.layout,
            told.before,
            told.after,
            (),
            table.markdown(closing.ranked, closing.failed, closing.spread),
        )
    )
    files: dict[str, trees.Change] = {path: trees.Blob("100644", content) for path, content in written.files.items()}
    tree = trees.tree_with(tree, files, desk.root)
    return Made(
        commit_tree(tree, [parent], _text(desk, closing, told, base, written), at=desk.root), tree, told, written
    )


def _with_reports(desk: Desk, closing: Closing, tree: str) -> str:
    if closing.reports is None:
        return tree
    folder = f"reports/{closing.slug}/"
    found = [entry for entry in list_tree(closing.reports, desk.root) if entry.path.startswith(folder)]
    changes: dict[str, trees.Change] = {entry.path: Known(entry.mode, entry.oid) for entry in found}
    return trees.tree_with(tree, changes, desk.root) if changes else tree


def _text(desk: Desk, closing: Closing, told: Differences, base: str, written: reporting.Written) -> str:
    count = len(closing.ranked.points)
    if closing.spread:
        first = next((one for one in closing.spread if one.name == closing.ranked.metric), closing.spread[0])
        sd = f" ± {first.sd:.2g}" if first.sd is not None else ""
        subject = f"{count} seed{'s' * (count != 1)}, {first.name} {first.mean:.4f}{sd}"
    else:
        subject = f"{count} point{'s' * (count != 1)}, best {label(closing.best.values, 40)}"
    hypothesis = "\n".join(message.printable(line) for line in closing.hypothesis.split("\n")).strip()
    text = start.subject(message.printable(subject), desk.config) + (f"\n{hypothesis}\n" if hypothesis else "")
    lines = [Trailer("Params", message.printable(str(one))) for one in told.params]
    lines += [Trailer("Metrics", message.printable(str(one))) for one in told.metrics[: message.MOST_METRICS]]
    said = commit.against_main(desk, written)
    lines += [Trailer(MAIN, said)] if said else []
    return trailers.append(text, [*lines, Trailer(BEST, closing.best.commit), Trailer(BASE, base)])
