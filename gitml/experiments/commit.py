"""From a tree with results to the commit of a run: its report, its message, its differences to the parent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.experiments import message, reporting, words
from gitml.experiments.message import Change
from gitml.git import oplog, trees
from gitml.git.objects import Objects, list_tree
from gitml.git.transaction import commit_tree, value_of
from gitml.pipeline import metrics
from gitml.pipeline.layout import known_params
from gitml.pipeline.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.experiments.desk import Desk
    from gitml.pipeline.layout import Inputs, Layout


class Produced(NamedTuple):
    """What the pipeline made, before it is committed.

    Attributes
    ----------
    tree
        Full id of the tree with code, parameters and results.
    layout
        What was read and written.
    inputs
        What the results come from.
    environment
        What the train stage wrote down of its environment; None for what it wrote in the user's working tree.
    """

    tree: str
    layout: Layout
    inputs: Inputs
    environment: tuple[tuple[str, str], ...] | None = None


class Differences(NamedTuple):
    """A run beside its parent.

    Attributes
    ----------
    before, after
        All metrics and parameters of both.
    params
        The parameters that stages depend on and that are not the parent's.
    metrics
        All numbers of the run.
    """

    before: metrics.Results
    after: metrics.Results
    params: tuple[Change, ...]
    metrics: tuple[Change, ...]


class Made(NamedTuple):
    """The commit of a run; no ref knows it yet.

    Attributes
    ----------
    commit, tree
        Full ids.
    differences
        The run beside its parent.
    written
        Its report, and what a person still owes.
    """

    commit: str
    tree: str
    differences: Differences
    written: reporting.Written


def compare(desk: Desk, parent: str, produced: Produced) -> Differences:
    """Return what differs between a parent and what was produced."""
    with Objects(desk.root) as objects:
        old = Snapshot(list_tree(parent, desk.root), objects)
        new = Snapshot(list_tree(produced.tree, desk.root), objects)
        before, after = metrics.read(old), metrics.read(new)
        used = {one.name for one in known_params(new, produced.layout) if one.is_used}
    params = tuple(one for one in message.changes(before.params, after.params) if one.name in used)
    figures = tuple(
        Change(name, before.metrics.get(name), value) for name, value in after.metrics.items() if is_number(value)
    )
    return Differences(before, after, params, figures)


def make(
    desk: Desk,
    slug: str,
    parents: Sequence[str],
    produced: Produced,
    hypothesis: str = "",
    differences: Differences | None = None,
    subject: str = "",
    beside: Sequence[tuple[str, str]] = (),
) -> Made:
    """Write the report of a run into its tree, and make the commit.

    Parameters
    ----------
    desk
        The repository and its configuration.
    slug
        The experiment.
    parents
        Full ids; the run is compared with the first.
    produced
        What the pipeline made.
    hypothesis
        What a person expected.
    differences
        As `compare` gives them, where they are known already.
    subject
        The first line without its prefix; empty for what was changed.
    beside
        Further parents that the report compares with, as pairs of name and full id.

    Raises
    ------
    NoIdentity
        git does not know who commits.
    """
    told = differences if differences is not None else compare(desk, parents[0], produced)
    written = reporting.write(
        reporting.Results(
            desk,
            slug,
            produced.tree,
            parents[0],
            hypothesis,
            produced.layout,
            told.before,
            told.after,
            environment=produced.environment,
            beside=beside,
        )
    )
    files: dict[str, trees.Change] = {path: trees.Blob("100644", content) for path, content in written.files.items()}
    tree = trees.tree_with(produced.tree, files, desk.root)
    run_id = oplog.new_id(time.time())
    text = message.write(
        run_id,
        produced.inputs,
        told.params,
        told.metrics,
        hypothesis,
        desk.config,
        subject,
        against_main(desk, written),
    )
    return Made(commit_tree(tree, parents, text, at=desk.root), tree, told, written)


def against_main(desk: Desk, written: reporting.Written) -> str:
    """Return how a run compares with main as it is now, in words; empty where nothing was compared."""
    main = value_of(desk.main_ref, desk.root)
    return next((words.words(one) for one in written.comparisons if one.commit == main), "")


def is_number(value: Any) -> bool:
    """Say whether a value is a figure; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
