"""Bringing experiments together: two sides and more to one tree, whose results are made again by running."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from gitml.errors import GitmlError
from gitml.experiments.commit import Differences, Produced, compare
from gitml.experiments.desk import FOLDER
from gitml.experiments.run import LOG
from gitml.experiments.setting import Chosen, Sets, choose
from gitml.experiments.snapshot import layout_of
from gitml.git import trees
from gitml.git.command import git
from gitml.git.objects import Objects, list_tree
from gitml.git.transaction import commit_tree
from gitml.pipeline import param_files
from gitml.pipeline.layout import Inputs, inputs, layout, project_at
from gitml.pipeline.merge import merge
from gitml.pipeline.merge_params import told
from gitml.pipeline.repro import Outcome
from gitml.pipeline.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitml.experiments.desk import Desk
    from gitml.pipeline.merge_params import KeyConflict
    from gitml.pipeline.merge_stages import Side
    from gitml.pipeline.overrides import Value


class Part(NamedTuple):
    """One of those that are brought together.

    Attributes
    ----------
    name
        As a person knows it: ``main``, ``experiments/lower-lr``.
    commit
        Full id.
    """

    name: str
    commit: str

    @property
    def slug(self) -> str:
        """The experiment; empty where it is none."""
        return self.name.removeprefix(FOLDER) if self.name.startswith(FOLDER) else ""


class Together(NamedTuple):
    """What several sides come to, before it is run.

    Attributes
    ----------
    tree
        Full id of the tree with code and parameters of all.
    chosen
        The parameters that somebody set on top.
    """

    tree: str
    chosen: Chosen


class CodeConflicts(GitmlError):
    """Both sides changed the same lines of code."""

    def __init__(self, ours: str, theirs: str, paths: Sequence[str], mend: tuple[str, ...]) -> None:
        named = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
        super().__init__(
            f"{ours} and {theirs} changed the same lines of {named}",
            "Only a person can say what both together should do. Nothing was changed. In a merge by hand dvc.lock and "
            "results stay ours, because the run makes them again.",
            mend,
        )
        self.paths = tuple(paths)


class ParamConflicts(GitmlError):
    """Both sides gave a parameter another value."""

    def __init__(self, ours: str, theirs: str, keys: Sequence[KeyConflict], command: str) -> None:
        lines = [
            f"{one.name} is {told(one.ours)} in {ours} and {told(one.theirs)} in {theirs}; it was {told(one.base)}."
            for one in keys
        ]
        sets = " ".join(f"-S {quote(f'{one.name}={told(one.theirs)}')}" for one in keys)
        super().__init__(
            f"{ours} and {theirs} set {', '.join(one.name for one in keys)} to different values",
            "\n".join([*lines, "Say which value it should be; nothing was changed."]),
            (f"{command} {sets}",),
        )
        self.keys = tuple(keys)


def bring_together(
    desk: Desk, sides: Sequence[Part], sets: Sets, command: str, own_slug: str = "", others: Side = "ours"
) -> Together:
    """Merge several sides, one after the other, and set parameters on top.

    Parameters
    ----------
    desk
        The repository, and the folder of its DVC project.
    sides
        Two at least; the first is what the others are brought into.
    sets
        Parameters that get a value whatever the sides say.
    command
        What somebody wrote, for the errors.
    own_slug
        The experiment that gets it all, whose report is the first side's; empty for a new one.
    others
        Whose version of a report counts that both sides changed and that is neither's own.

    Raises
    ------
    CodeConflicts, ParamConflicts
        They do not agree.
    NotRelated, HistoryIsShallow
        They have no common past, or it is not here.
    """
    commit, name, tree = sides[0].commit, sides[0].name, ""
    reports: dict[str, Side] = {slug: "ours" for slug in (sides[0].slug, own_slug) if slug}
    resolved: set[str] = set()
    for side in sides[1:]:
        owners: dict[str, Side] = {**({side.slug: "theirs"} if side.slug else {}), **reports}
        merged = merge(commit, side.commit, desk.project, owners, others, desk.root)
        if merged.conflicts:
            raise CodeConflicts(name, side.name, merged.conflicts, _by_hand(sides, side, merged.made, own_slug))
        keys = [one for one in merged.keys if _set_for(one, sets) is None]
        if keys:
            raise ParamConflicts(name, side.name, keys, command)
        resolved |= {found[0] for one in merged.keys if (found := _set_for(one, sets)) is not None}
        tree = _resolved(desk, merged.tree, merged.keys, sets)
        name = f"{name} with {side.name}"
        reports = dict.fromkeys(owners, "ours")
        if side is not sides[-1]:
            # No ref ever knows it: git merges commits, not trees.
            commit = commit_tree(tree, [commit, side.commit], f"experiment: {name}\n", at=desk.root)
    chosen = choose(desk, tree, tuple(one for one in sets if one[0] not in resolved))
    return Together(chosen.tree, chosen)


def is_within(desk: Desk, inner: str, outer: str) -> bool:
    """Say whether a commit has everything that another one has; both by their full ids."""
    return git("rev-list", "--count", inner, "--not", outer, at=desk.root) == "0"


def differences_of(desk: Desk, old: str, new: str) -> Differences:
    """Return what differs between a commit and a commit or tree, which need no run that is known."""
    return compare(desk, old, Produced(new, layout_of(desk, new), Inputs("", "")))


def without_a_run(desk: Desk) -> Outcome:
    """Return the outcome where a run was made by an earlier, killed command."""
    return Outcome(0, 0.0, (), desk.own_folder / LOG)


def sums_of(desk: Desk, tree: str) -> str:
    """Return what the results of a tree come from, as the commit of its run says it; empty without a pipeline."""
    with Objects(desk.root) as objects:
        snapshot = Snapshot(list_tree(tree, desk.root), objects)
        project = project_at(snapshot, desk.project)
        return "" if project is None else str(inputs(snapshot, project, layout(project)))


def _resolved(desk: Desk, tree: str, keys: Sequence[KeyConflict], sets: Sets) -> str:
    """Return the tree in which parameters that were in conflict have the values that somebody set.

    No stage need depend on them, unlike on what is set without a conflict.
    """
    for one in keys:
        found = _set_for(one, sets)
        if found is not None:
            with Objects(desk.root) as objects:
                files = Snapshot(list_tree(tree, desk.root), objects)
                changed = param_files.apply(
                    one.file, files.read(one.file) or b"", {one.name: found[1]}, param_files.anybody
                )
                mode = files.files[one.file].mode
            tree = trees.tree_with(tree, {one.file: trees.Blob(mode, changed)}, desk.root)
    return tree


def _set_for(conflict: KeyConflict, sets: Sets) -> tuple[str, Value] | None:
    """Return what somebody set a parameter in conflict to; None where they did not."""
    for written, value in sets:
        file, _, name = written.rpartition(":")
        if (not file or file == conflict.file) and f".{conflict.name}".endswith(f".{name}"):
            return written, value
    return None


def _by_hand(sides: Sequence[Part], side: Part, made: Sequence[str], own_slug: str) -> tuple[str, ...]:
    """Return the commands by which a person merges what gitml could not."""
    start = () if own_slug else (f"git switch -c {FOLDER}NAME {quote(sides[0].name)}",)
    paths = " ".join(map(quote, made))
    ours = (f"git checkout --ours -- {paths} && git add -- {paths}",) if made else ()
    resolve = "git add FILE && git commit   # when the files say what you want"
    return (*start, f"git merge {quote(side.name)}", *ours, resolve, "gitml exp run")
