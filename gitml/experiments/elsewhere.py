"""Running the pipeline elsewhere than in the user's working tree: in a slot of the pool, as often as wanted at once."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitml.experiments.commit import Produced
from gitml.experiments.progress import State, Watch
from gitml.experiments.reporting import environment_in
from gitml.experiments.snapshot import no_pipeline
from gitml.git import repository, trees
from gitml.git.objects import Objects, list_tree
from gitml.git.transaction import commit_tree
from gitml.pipeline import slot
from gitml.pipeline.checkout import put_data
from gitml.pipeline.ignore import is_inside
from gitml.pipeline.layout import inputs, layout, project_at
from gitml.pipeline.repro import Outcome, RunFailed, last_lines, repro
from gitml.pipeline.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitml.experiments.desk import Desk
    from gitml.pipeline.layout import Layout
    from gitml.pipeline.project import Project


class Elsewhere(NamedTuple):
    """What was produced in a slot.

    Attributes
    ----------
    produced
        The tree with its results.
    outcome
        How the pipeline ended.
    """

    produced: Produced
    outcome: Outcome


def produce(
    desk: Desk,
    slug: str,
    tree: str,
    tell: Callable[[State], None] = lambda state: None,
    log: Path | None = None,
) -> Elsewhere:
    """Run the pipeline on a tree in a slot, and return the tree with its results.

    Nothing of the user's working tree is read or changed; the DVC cache is shared. No ref is moved.

    Parameters
    ----------
    desk
        The repository, the folder of its DVC project, its configuration.
    slug
        The experiment, for who watches.
    tree
        Full id of the tree that is run.
    tell
        Called with the state about ten times a second.
    log
        The file for what the stages write; by default one beside the slot.

    Raises
    ------
    NoPipeline
        The tree has nothing to run.
    DataIsMissing
        DVC's cache does not have what a .dvc file tracks.
    RunFailed
        A stage failed.
    KeyboardInterrupt
        Ctrl-C; all that ran has ended.
    """
    with Objects(desk.root) as objects:
        snapshot = Snapshot(list_tree(tree, desk.root), objects)
        project = project_at(snapshot, desk.project)
        if project is None:
            raise no_pipeline(desk)
        found = layout(project)
        sums = inputs(snapshot, project, found)
        data = _data(project, found)
    commit = commit_tree(tree, [desk.commit], f"experiment: {slug}, before it is run\n", at=desk.root)
    kept = [*found.cached, *(posixpath.join(desk.project, path) for path, _ in data)]
    with slot.acquire(commit, kept, desk.project, desk.root) as borrowed:
        folder = borrowed.path.parent / f"{borrowed.name}.state"
        repository.make_folder(folder)
        places = dict.fromkeys(
            place
            for out in (*found.kept, *found.cached)
            for place in (borrowed.path / out, (borrowed.path / out).parent)
        )
        watch = Watch(slug, folder, found.stages, tuple(places), tell)
        written = log if log is not None else folder / "run.log"
        put_data(
            borrowed.path / desk.project, data, folder / "data", folder / "checkout.log", (borrowed.lock.descriptor,)
        )
        try:
            place = borrowed.path / desk.project
            outcome = repro(
                place,
                written,
                watch.see,
                (borrowed.lock.descriptor,),
                is_all=found.has_other_folders,
                has_run_cache=not found.uncovered,
            )
        finally:
            watch.end()
        if not outcome.is_done:
            raise RunFailed(outcome, last_lines(written))
        done = trees.tree_with_files(tree, borrowed.path, found.written)
        environment = environment_in(borrowed.path, found)
    return Elsewhere(Produced(done, found, sums, environment), outcome)


def with_results(desk: Desk, tree: str, commit: str, written: Sequence[str]) -> str:
    """Return a tree with the results that another commit of the same inputs has.

    Parameters
    ----------
    desk
        The repository.
    tree, commit
        Full ids of what would be run, and of what was run.
    written
        The files and folders that a run writes.
    """
    there, here = list_tree(commit, desk.root), list_tree(tree, desk.root)
    changes: dict[str, trees.Change] = {entry.path: None for entry in here if _is_below(entry.path, written)}
    changes |= {entry.path: trees.Known(entry.mode, entry.oid) for entry in there if _is_below(entry.path, written)}
    return trees.tree_with(tree, changes, desk.root)


def _is_below(path: str, places: Sequence[str]) -> bool:
    return any(is_inside(path, place) for place in places)


def _data(project: Project, found: Layout) -> list[tuple[str, str]]:
    """Return the outs of .dvc files that stages read, from the project's folder, and what each file tracks."""
    data = []
    for path, maker in project.makers.items():
        is_read = found.reads(path) or any(is_inside(dep, path) for dep in found.deps)
        if maker.name.endswith(".dvc") and maker.recorded is not None and is_read:
            names = [posixpath.relpath(one, project.root or ".") for one in (path, maker.name)]
            data.append((names[0], f"{names[1]} {maker.recorded.md5}"))
    return data
