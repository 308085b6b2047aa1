"""What a check asks of a repository, each thing once: tips, releases, production's past, the files of a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from gitml.conventions import branches, tags, trailers, versions
from gitml.conventions.versions import ModelVersion
from gitml.git.command import git
from gitml.git.history import LARGEST_COMMIT
from gitml.git.objects import list_tree
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.verify import judge_snapshot
from gitml.policy.figures import BEHIND
from gitml.policy.refs import BRANCHES, TAGS, Move, Target, Tip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gitml.config import Config
    from gitml.conventions.branches import BranchName
    from gitml.git.history import Commit, History
    from gitml.git.objects import Objects
    from gitml.pipeline.findings import Verdict
    from gitml.pipeline.storage import Storage
    from gitml.policy.refs import RefUpdate

Place = Literal["pre-push", "pull request", "server"]

LONGEST_HISTORY = 100_000
"""Commits of production that are looked back on."""


class Ground(NamedTuple):
    """What a check stands on.

    Attributes
    ----------
    place
        Where it is made.
    before
        Ids of the server's branches and tags by their full names, without the updates.
    known
        Words for ``git rev-list`` behind ``--not``: what is on the server already.
    config
        The rules that count.
    at
        As for `gitml.git.command.git`.
    law
        Full name of the branch whose gitml.toml counts; empty where it is no matter.
    storage
        Where data is looked for; None for what the working tree says.
    signers
        The file of main that names who may sign; empty where it has none.
    """

    place: Place
    before: Mapping[str, str]
    known: Sequence[str]
    config: Config
    at: Path | None = None
    law: str = ""
    storage: Storage | None = None
    signers: bytes = b""


class Facts:
    """What a repository has, before ref updates and after them.

    Parameters
    ----------
    updates
        What is to be done.
    ground
        What is known of the server.
    objects, history
        Where blobs and commits are read.
    """

    def __init__(self, updates: Sequence[RefUpdate], ground: Ground, objects: Objects, history: History) -> None:
        self._ground = ground
        self._objects = objects
        self._history = history
        self._after = dict(ground.before)
        for update in updates:
            self._after.pop(update.ref, None)
            if update.new is not None:
                self._after[update.ref] = update.new
        self._verdicts: dict[str, Verdict] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._deployed: dict[str, Mapping[str, str]] = {}

    def behind(self, tip: Commit) -> int | None:
        """Return how many commits of main a release lacks; None where nothing asks, or there is no main."""
        main = self._ground.before.get(self._ground.law)
        if main is None or all(gate.metric != BEHIND for gate in self._ground.config.gates):
            return None
        return int(git("rev-list", "--count", main, "--not", tip.oid, at=self._ground.at))

    def in_production(self, name: BranchName) -> Snapshot | None:
        """Return the files of the model that is in production; None before the first one."""
        tip = self._ground.before.get(f"{BRANCHES}{branches.BranchName('production', name.name)}")
        commit = self._history.commit(tip) if tip is not None else None
        return self.snapshot(commit) if commit is not None and commit.has_files else None

    def target(self, oid: str) -> Target:
        """Return what a tag's object leads to, through tags of tags."""
        peeled, kind = self._objects.peel(oid)
        content = self._objects.read(oid, LARGEST_COMMIT, "tag") if peeled != oid else None
        names = [line[4:] for line in (content or b"").partition(b"\n\n")[0].split(b"\n") if line.startswith(b"tag ")]
        name = names[0].decode("utf-8", "surrogateescape") if names else ""
        message = (content or b"").partition(b"\n\n")[2].decode("utf-8", "surrogateescape")
        about = next((one.value for one in trailers.parse(message) if one.key == "Deployment"), "")
        return Target(peeled if kind == "commit" else None, peeled != oid, name, about)

    def tip(self, branch: str) -> Tip | None:
        """Return where a branch is after the push; None where there is none."""
        oid = self._after.get(BRANCHES + branch)
        commit = self._history.commit(oid) if oid is not None else None
        return Tip(commit.oid, commit.tree) if commit is not None else None

    def releases(self) -> dict[str, Tip]:
        """Return the tips of the ``models/*`` branches after the push, by their short names."""
        prefix = f"{BRANCHES}models/"
        tips = {ref.removeprefix(BRANCHES): oid for ref, oid in self._after.items() if ref.startswith(prefix)}
        read = {commit.oid: commit.tree for commit in self._history.read(tips.values())}
        return {name: Tip(oid, read[oid]) for name, oid in tips.items() if oid in read}

    @property
    def after(self) -> Mapping[str, str]:
        """Ids of the server's branches and tags by their full names, as they are after the push."""
        return self._after

    def release_with(self, tree: str, model: str) -> tuple[ModelVersion, Tip] | None:
        """Return the release of a model that has a tree; None where there is none."""
        for name, tip in self.releases().items():
            parsed = branches.parse(name)
            if tip.tree == tree and parsed is not None and parsed.name == model:
                return ModelVersion(parsed.name, parsed.number), tip
        return None

    def is_yanked(self, version: ModelVersion) -> bool:
        """Say whether a release is withdrawn, by a tag of that name on the tip of its branch."""
        name = f"{version.tag}!"
        oid, tip = self._after.get(f"{TAGS}{name}"), self.tip(version.branch)
        if oid is None or tip is None:
            return False
        target = self.target(oid)
        return target.is_annotated and target.commit == tip.commit and target.name == name

    def yanked(self, model: str) -> dict[str, ModelVersion]:
        """Return the withdrawn releases of a model by their trees."""
        found = {}
        for ref in self._after:
            tag = tags.parse(ref.removeprefix(TAGS)) if ref.startswith(f"{TAGS}{model}@") else None
            version = versions.parse(f"{tag.artifact}@{tag.version}") if tag is not None else None
            if tag is not None and tag.action == "deregister" and version is not None and self.is_yanked(version):
                tip = self.tip(version.branch)
                assert tip is not None
                found[tip.tree] = version
        return found

    def model_trees(self, model: str) -> set[str]:
        """Return the trees of a model's releases."""
        releases = self.releases()
        named = {name: branches.parse(name) for name in releases}
        return {releases[name].tree for name, parsed in named.items() if parsed is not None and parsed.name == model}

    def move(self, update: RefUpdate) -> Move:
        """Return the commits that a production branch gets."""
        if update.new is None:
            return Move((), False)
        chain = self._history.read(self._history.first_parents(update.new, update.old, LONGEST_HISTORY))
        return Move(chain, update.old is None or (bool(chain) and chain[-1].parents[:1] == (update.old,)))

    def trees_of_production(self, model: str, is_before: bool = False) -> frozenset[str]:
        """Return the trees that production has had, after the push or before it."""
        ref = f"{BRANCHES}{branches.BranchName('production', model)}"
        tip = (self._ground.before if is_before else self._after).get(ref)
        if tip is None:
            return frozenset()
        return frozenset(self._past(tip).values())

    def deployments(self, model: str) -> Mapping[str, str]:
        """Return the commits that production has had, after the push, and their trees."""
        tip = self._after.get(f"{BRANCHES}{branches.BranchName('production', model)}")
        return self._past(tip) if tip is not None else {}

    def _past(self, tip: str) -> Mapping[str, str]:
        if tip not in self._deployed:
            chain = self._history.read(self._history.first_parents(tip, None, LONGEST_HISTORY))
            self._deployed[tip] = {commit.oid: commit.tree for commit in chain}
        return self._deployed[tip]

    def snapshot(self, tip: Commit) -> Snapshot:
        """Return the files of a commit."""
        if tip.tree not in self._snapshots:
            self._snapshots[tip.tree] = Snapshot(list_tree(tip.tree, self._ground.at), self._objects)
        return self._snapshots[tip.tree]

    def verdict(self, tip: Commit) -> Verdict:
        """Return how a commit's dvc.lock agrees with its files."""
        if tip.tree not in self._verdicts:
            self._verdicts[tip.tree] = judge_snapshot(self.snapshot(tip))
        return self._verdicts[tip.tree]
