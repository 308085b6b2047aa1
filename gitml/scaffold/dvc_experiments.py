"""Experiments that ``dvc exp`` keeps in ``refs/exps``: which there are, and branches that anybody can see.

A branch gets, for each commit of the experiment, one with the same files, author and date, and with gitml's message:
DVC's own (``dvc: commit experiment …``) says nothing and breaks the rule about prefixes, and its files may hold DVC's
scratch (``.dvc/tmp``). The trailer ``Dvc-Commit`` names DVC's. Nothing in ``refs/exps`` is moved, so that ``dvc exp``
goes on as before; the same experiment again gives the same commit.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.conventions import branches
from gitml.conventions.trailers import Trailer, append
from gitml.errors import WrongUsage
from gitml.experiments import message
from gitml.experiments.store import read_commits
from gitml.git import oplog, refs, trees
from gitml.git.command import ask, git
from gitml.git.objects import Objects, list_tree
from gitml.git.oplog import Move
from gitml.git.transaction import Author, commit_tree, compare_and_swap, delete
from gitml.pipeline import layout, metrics
from gitml.pipeline.layout import Inputs
from gitml.pipeline.project import projects
from gitml.pipeline.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gitml.config import Config

FOLDER = "refs/exps/"
TRAILER = "Dvc-Commit"
HEADS = "refs/heads/"

LONGEST_CHAIN = 1_000
"""Commits of one experiment that become commits of the branch; of a longer one the last alone does."""

_REF = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38}|[0-9a-f]{62})/([^/]+)")
_SCRATCH = "/.dvc/tmp/"


class Offer(NamedTuple):
    """One experiment of DVC.

    Attributes
    ----------
    name
        As DVC has it.
    ref, oid
        Its full ref and commit.
    baseline
        The full id of the commit that it was made on.
    branch
        Full name of the branch that it would be, or is.
    is_there
        Whether that branch has it already.
    why
        Why the branch has another name; empty where it has not.
    """

    name: str
    ref: str
    oid: str
    baseline: str
    branch: str
    is_there: bool = False
    why: str = ""

    @property
    def slug(self) -> str:
        """The experiment's name for gitml."""
        return self.branch.removeprefix(f"{HEADS}experiments/")


class Imported(NamedTuple):
    """A branch that still is what was made of an experiment of DVC."""

    branch: str
    tip: str
    name: str


class NoSuchExperiment(WrongUsage):
    """DVC keeps no experiment of a name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = get_close_matches(name, known, n=1)
        why = f"Did you mean {near[0]}?" if near else "It keeps " + (", ".join(known[:8]) or "none") + "."
        super().__init__(f"dvc exp keeps no experiment {name!r}", why, ("dvc exp list --all-commits",))


def offers(at: Path) -> list[Offer]:
    """Return the experiments that DVC keeps, in the order of their names; what waits in its queue is none."""
    kept = [(match, ref) for ref in refs.list_refs(FOLDER, at=at) if (match := _REF.fullmatch(ref.name)) is not None]
    if not kept:
        return []
    there = _imported_before(at)
    taken = {ref.name for ref in refs.list_refs(f"{HEADS}experiments", "refs/tags/exp/", at=at)}
    found = []
    for match, ref in sorted(kept, key=lambda pair: (pair[0][3], pair[1].name)):
        name, baseline = match[3], match[1] + match[2]
        if ref.oid in there:
            found.append(Offer(name, ref.name, ref.oid, baseline, there[ref.oid], True))
            continue
        branch, why = _free(name, ref.oid, taken, at)
        taken.add(branch)
        found.append(Offer(name, ref.name, ref.oid, baseline, branch, False, why))
    return found


def carry_out(chosen: Sequence[Offer], config: Config, at: Path) -> list[Offer]:
    """Make the branches, each by one compare-and-swap, and return those that were made.

    What another command made since they were chosen is there, and is left out.

    Raises
    ------
    RefMoved, RefInTheWay, NoIdentity
        One cannot be made; those before it are there, and the same command again makes the rest.
    """
    moves: list[Move] = []
    made: list[Offer] = []
    wanted = {offer.oid for offer in chosen}
    try:
        for offer in _not_there(wanted, at) if wanted else ():
            commit = _made(offer, config, at)
            compare_and_swap(offer.branch, commit, None, f"gitml init: {offer.name} of dvc exp", at)
            moves.append(Move(offer.branch, None, commit))
            made.append(offer)
    finally:
        if moves:
            oplog.record(("init", "--experiments"), moves, at=at)
    return made


def _not_there(wanted: set[str], at: Path) -> list[Offer]:
    return [offer for offer in offers(at) if offer.oid in wanted and not offer.is_there]


def imported(at: Path) -> list[Imported]:
    """Return the branches that are still as they were made, and whose experiment DVC still keeps.

    One that is checked out is left out: git would be on nothing.
    """
    kept = {ref.oid: ref.name for ref in refs.list_refs(FOLDER, at=at) if _REF.fullmatch(ref.name) is not None}
    found = []
    in_use = refs.checked_out(at) if kept else {}
    for ref in refs.list_refs(f"{HEADS}experiments/", at=at) if kept else ():
        said = git("log", "-1", f"--format=%T %(trailers:key={TRAILER},valueonly,separator=%x20)", ref.oid, at=at)
        tree, _, origin = said.strip().partition(" ")
        if origin in kept and ref.name not in in_use and tree == _tree(origin, at):
            found.append(Imported(ref.name, ref.oid, kept[origin].rpartition("/")[2]))
    return found


def take_back(gone: Iterable[Imported], at: Path) -> None:
    """Delete branches that are as they were made; ``gitml undo`` brings them back.

    Raises
    ------
    RefMoved
        One was moved meanwhile; it is kept.
    """
    moves: list[Move] = []
    try:
        for one in gone:
            delete(one.branch, one.tip, "gitml init --remove", at)
            moves.append(Move(one.branch, one.tip, None))
    finally:
        if moves:
            oplog.record(("init", "--remove"), moves, at=at)


def _imported_before(at: Path) -> dict[str, str]:
    """Return the refs that have an experiment of DVC in their history, by its commit."""
    form = f"--format=%S %(trailers:key={TRAILER},valueonly,separator=%x20)"
    places = ("--branches=experiments/*", "--tags=exp/*")
    listed = git("log", "--source", "--basic-regexp", f"--grep=^{TRAILER}: ", form, *places, at=at)
    found: dict[str, str] = {}
    for line in listed.splitlines():
        ref, _, origins = line.partition(" ")
        full = ref if ref.startswith("refs/") else f"{HEADS}{ref}"
        found.update((origin, full) for origin in origins.split() if trees.OBJECT_ID.fullmatch(origin))
    return found


def _free(name: str, oid: str, taken: set[str], at: Path) -> tuple[str, str]:
    """Return the branch for an experiment, and why it has another name."""
    slug = (branches.suggestion(f"experiments/{name}") or f"experiments/dvc-{oid[:10]}").removeprefix("experiments/")
    why = "" if slug == name else "no branch can be called so"
    number, free = 2, slug
    while reason := _reason(free, oid, taken, at):
        why = reason
        suffix = f"-{number}"
        free = slug[: branches.LONGEST_SLUG - len(suffix)] + suffix
        number += 1
    return f"{HEADS}experiments/{free}", why


def _reason(slug: str, oid: str, taken: set[str], at: Path) -> str:
    branch = f"experiments/{slug}"
    if f"{HEADS}{branch}" in taken or f"refs/tags/exp/{slug}" in taken:
        return f"{branch} is another experiment"
    if ask("cat-file", "-e", f"{oid}:{branch}", at=at).code == 0:
        return f"{branch} is a path in its files"
    return ""


def _made(offer: Offer, config: Config, at: Path) -> str:
    """Write the commits of a branch, and return the last."""
    parent, chain = _chain(offer, at)
    for oid in chain:
        parent = _commit(oid, parent, offer.name, config, at)
    return parent


def _chain(offer: Offer, at: Path) -> tuple[str, list[str]]:
    """Return what an experiment stands on, and its commits, the first one first."""
    is_below = ask("merge-base", "--is-ancestor", offer.baseline, offer.oid, at=at).code == 0
    if is_below:
        words = ("--first-parent", f"--max-count={LONGEST_CHAIN + 1}", offer.oid, "--not", offer.baseline)
        chain = git("rev-list", *words, at=at).split()[::-1]
        if 0 < len(chain) <= LONGEST_CHAIN:
            return offer.baseline, chain
        return offer.baseline, [offer.oid]
    parents = git("log", "-1", "--format=%P", offer.oid, at=at).split()
    return (parents[0] if parents else offer.oid), [offer.oid]


def _commit(oid: str, parent: str, name: str, config: Config, at: Path) -> str:
    form = "--format=%an%x00%ae%x00%ad%x00%at"
    author, email, date, seconds = git("log", "-1", "--date=raw", form, oid, at=at).split("\0")
    tree = _tree(oid, at)
    run_id = oplog.new_id(float(seconds), int(oid[:20], 16))
    text = _message(run_id, tree, parent, name, config, at)
    text = append(text, [Trailer("Dvc-Experiment", message.printable(name)), Trailer(TRAILER, oid)])
    who = Author(author, email) if author.strip() and email.strip() else None
    return commit_tree(tree, [parent], text, who, date, at)


def _tree(oid: str, at: Path) -> str:
    """Return an experiment's files without DVC's scratch, which it takes in at times."""
    scratch = [entry.path for entry in list_tree(oid, at) if _SCRATCH in f"/{entry.path}"]
    if not scratch:
        return git("rev-parse", "--verify", f"{oid}^{{tree}}", at=at)
    return trees.tree_with(oid, dict.fromkeys(scratch), at)


def _message(run_id: str, tree: str, parent: str, name: str, config: Config, at: Path) -> str:
    with Objects(at) as objects:
        old, new = (Snapshot(list_tree(one, at), objects) for one in (parent, tree))
        before, after = metrics.read(old), metrics.read(new)
        found = [(project, layout.layout(project)) for project in projects(new) if project.pipelines]
        used = {one.name for _, paths in found for one in layout.known_params(new, paths) if one.is_used}
        inputs = layout.inputs(new, *found[0]) if found else Inputs("none", "none")
    params = [one for one in message.changes(before.params, after.params) if one.name in used]
    figures = [
        message.Change(key, before.metrics.get(key), value) for key, value in after.metrics.items() if _is_number(value)
    ]
    hypothesis = f"Made by dvc exp as {message.printable(name)}."
    subject = message.joined(params, message.LONGEST - len("experiment: ")) or f"{message.printable(name)} of dvc exp"
    return message.write(run_id, inputs, params, figures, hypothesis, config, subject)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def choose(found: Sequence[Offer], names: Sequence[str]) -> list[Offer]:
    """Return the experiments that somebody names; all of them for ``all``.

    Raises
    ------
    NoSuchExperiment
        A name is none of theirs.
    """
    if "all" in names:
        return list(found)
    known = {word: offer for offer in found for word in (offer.oid, offer.oid[:7], offer.slug, offer.name)}
    for name in names:
        if name not in known:
            raise NoSuchExperiment(name, [offer.name for offer in found])
    return [offer for offer in found if offer in {known[name] for name in names}]


def figures(found: Sequence[Offer], config: Config, at: Path) -> tuple[str, dict[str, float]]:
    """Return the metric that ranks experiments, and its value for each that has one, by DVC's commit."""
    entries = read_commits([offer.oid for offer in found], at=at) if found else []
    ranked = [entry.record.ranked for entry in entries if entry.record.ranked]
    metric = config.metric.name if config.metric is not None else max(ranked, key=ranked.count, default="")
    values = ((entry.record.commit, entry.figure(metric)) for entry in entries if metric)
    return metric, {commit: value for commit, value in values if value is not None}
