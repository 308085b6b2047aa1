"""Which rules judge which ref, and what they say of it: the same for a push, a pull request and a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.config import FILE
from gitml.conventions import branches, tags, versions
from gitml.conventions.versions import ModelVersion
from gitml.errors import BrokenEnvironment
from gitml.git import server
from gitml.git.command import git
from gitml.git.objects import Entry, list_tree
from gitml.pipeline.remote import lacking
from gitml.policy import approvals, contents, lock, origin, refs, release, rules
from gitml.policy.contents import NewFile
from gitml.policy.data import data_present
from gitml.policy.facts import Facts, Ground
from gitml.policy.law import RULE, readable_config
from gitml.policy.refs import Target
from gitml.policy.rules import Violation

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from gitml.conventions.branches import BranchName
    from gitml.git.history import Brought, Commit, History
    from gitml.git.objects import Objects
    from gitml.pipeline.snapshot import Snapshot
    from gitml.policy.refs import RefUpdate

DATA_PRESENT = "data-present"

_FEW = 4
"""Files that are not worth a fetch of their own."""

RELEASED = ("model", "promotion", "production")
"""Kinds of branches that hold a released model."""


class Judged(NamedTuple):
    """What a rule says of a ref."""

    ref: str
    violation: Violation


def check(updates: Sequence[RefUpdate], ground: Ground, objects: Objects, history: History) -> list[Judged]:
    """Judge ref updates together, as they are pushed together.

    Parameters
    ----------
    updates
        What is to be done.
    ground
        What is known of the server and its rules.
    objects, history
        Where blobs and commits are read.

    Returns
    -------
    judged
        In the order of the updates, the rules about names and refs first; what is said of a commit or a
        file is said once.

    Raises
    ------
    GitFailed
        History is missing, as in a shallow clone.
    """
    return _Check(updates, ground, objects, history).judged()


class _Check:
    """The state of one check: what was read, and what was said already."""

    def __init__(self, updates: Sequence[RefUpdate], ground: Ground, objects: Objects, history: History) -> None:
        self.updates = updates
        self.ground = ground
        self.config = ground.config
        self.known = (*ground.known, *_those_here(ground.config.since, objects))
        self.objects = objects
        self.history = history
        self.facts = Facts(updates, ground, objects, history)
        self._judged_commits: set[str] = set()
        self._judged_files: set[tuple[str, str]] = set()

    def judged(self) -> list[Judged]:
        found = []
        for update in self.updates:
            about = self._branch(update) if update.branch is not None else self._other(update)
            found += [Judged(update.ref, violation) for violation in about]
        return found

    def _branch(self, update: RefUpdate) -> Iterable[Violation]:
        name = branches.parse(update.branch or "")
        yield from self._of_refs(update, name)
        tip = self.history.commit(update.new) if update.new is not None else None
        if update.new is None:
            if update.ref == self.ground.law:
                why = "The rules for every push are those of its gitml.toml."
                yield Violation(RULE, "error", f"{update.branch} cannot be deleted", why)
            return
        if tip is None:
            yield Violation("commit-prefix", "error", f"{update.new[:10]} is no commit that can be read")
            return
        yield from self._law(update)
        yield from self._name(update, tip)
        new = self.history.new(tip.oid, self.known)
        yield from self._messages(update, new)
        yield from self._data(tip, name, update)
        if name is not None and name.kind in ("promotion", "production"):
            yield from self._agreed(update, name)
        if self._is_way_back(update, name, tip):
            was_there = {(entry.oid, entry.path) for entry in self.facts.snapshot(tip).files.values()}
            yield from self._files(new, was_there)
            return
        yield from self._config(tip, name)
        yield from self._files(new)
        yield from self._lock(tip, name)
        if name is None or name.kind not in RELEASED or self.ground.place == "pre-push":
            return
        is_release = name.kind == "model" and update.old is None  # production only opens with the empty tree
        if tip.has_files or is_release:
            behind = self.facts.behind(tip) if is_release else None
            if is_release:
                assert name is not None
                yield from self._provenance(tip, name)
            yield from release.judge(self.facts.snapshot(tip), self.facts.in_production(name), self.config, behind)

    def _other(self, update: RefUpdate) -> Iterable[Violation]:
        if update.tag is not None:
            yield from self._tag(update)
        found = refs.replacement(update, self.config)
        if found is not None:
            yield found
        if update.new is None:
            return
        oid, kind = self.objects.peel(update.new)
        if kind == "commit":
            yield from self._files(self.history.new(oid, self.known))
        else:
            yield from self._loose(oid, kind)

    def _of_refs(self, update: RefUpdate, name: BranchName | None) -> Iterable[Violation]:
        found = refs.immutable_branch(update, self.config)
        if found is not None:
            yield found
        if name is None:
            return
        if name.kind == "promotion":
            tip = self.history.commit(update.new) if update.new is not None else None
            release = self.facts.tip(str(branches.BranchName("model", name.name, name.number)))
            production = self.facts.tip(str(branches.BranchName("production", name.name)))
            is_yanked = self.facts.is_yanked(ModelVersion(name.name, name.number))
            found = refs.promote_shape(update, tip, production, release, self.config, is_yanked)
            if found is not None:
                yield found
        if name.kind == "production":
            yield from refs.production_tree(
                update,
                self.facts.move(update),
                self.facts.model_trees(name.name),
                update.old is not None,
                self.config,
                self.facts.yanked(name.name),
            )

    def _name(self, update: RefUpdate, tip: Commit) -> Iterable[Violation]:
        """Judge a name when it is new; an old one was there before the rule, and can only be told about."""
        assert update.branch is not None
        is_path = tip.has_files and self.facts.snapshot(tip).kind(update.branch) in ("file", "folder")
        paths = {update.branch} if is_path else set()
        found = rules.branch_name(update.branch, self.config, paths)
        if found is not None:
            yield found if update.old is None or paths else found._replace(severity="warn")

    def _messages(self, update: RefUpdate, new: list[str]) -> Iterable[Violation]:
        name = branches.parse(update.branch or "")
        is_promotion = name is not None and name.kind == "promotion"
        oids = [oid for oid in new if oid == update.new or not is_promotion]
        oids = [oid for oid in oids if oid not in self._judged_commits]
        self._judged_commits.update(oids)
        found = {commit.oid: commit for commit in self.history.read(oids)}
        for oid in reversed(oids):
            if oid not in found:
                yield Violation("commit-prefix", "error", f"{oid[:10]} is larger than a commit may be")
                continue
            yield from self._message(found[oid], update)

    def _message(self, commit: Commit, update: RefUpdate) -> Iterable[Violation]:
        parents = len(set(commit.parents))  # one that is named twice makes no merge
        violation = rules.commit_prefix(commit.subject, self.config, parents, update.branch or "")
        if violation is not None:
            is_tip = commit.oid == update.new
            mend = violation.mend if is_tip else (f"git rebase --interactive {commit.oid[:10]}^   # reword it",)
            yield violation._replace(what=f"{commit.oid[:10]} {violation.what}", mend=mend)

    def _files(self, new: Sequence[str], but: Container[tuple[str, str]] = ()) -> list[Violation]:
        """Judge what commits bring, once for all refs; `but` what is named by id and path."""
        if all(self.config.level(rule) == "off" for rule in contents.RULES):
            return []
        brought: dict[tuple[str, str], Brought] = {}
        for one in self.history.brings(new):
            if (one.oid, one.path) not in self._judged_files and (one.oid, one.path) not in but:
                brought[one.oid, one.path] = one
        self._judged_files.update(brought)
        return self._contents((one.path, one.oid) for one in brought.values())

    def _loose(self, oid: str, kind: str) -> list[Violation]:
        """Judge the files of a tag that points to a tree or a blob."""
        entries = list_tree(oid, self.ground.at) if kind == "tree" else [Entry("100644", oid, oid[:10])]
        return self._contents((entry.path, entry.oid) for entry in entries)

    def _contents(self, named: Iterable[tuple[str, str]]) -> list[Violation]:
        paths: dict[str, list[str]] = {}
        for path, oid in named:
            paths.setdefault(oid, []).append(path)
        if self.ground.place == "pull request" and len(paths) > _FEW:
            server.fetch_ahead(paths, self.ground.at)
        violations = []
        for oid, (_, size) in self.objects.describe(paths).items():
            is_read = any(contents.is_worth_reading(path, size, self.config) for path in paths[oid])
            content = self.objects.read(oid) if is_read else None  # one at a time in memory, whatever is pushed
            files = [NewFile(path, size, content) for path in paths[oid]]
            violations += contents.judge(files, self.config)
            if self.ground.place == "pull request":
                violations += [found for file in files for found in contents.verify_notebook(file, self.config)]
        return violations

    def _config(self, tip: Commit, name: BranchName | None) -> Iterable[Violation]:
        """Judge a gitml.toml where it may come to count; that of a released tree never does."""
        if name is None or name.kind not in RELEASED:
            entry = self.facts.snapshot(tip).files.get(FILE)
            found = readable_config(tip.oid, self.objects, entry.mode if entry is not None else "")
            if found is not None:
                yield found

    def _data(self, tip: Commit, name: BranchName | None, update: RefUpdate) -> Iterable[Violation]:
        """Judge whether the DVC remote has the commit's data; a server does not know the remote."""
        level = self.config.level(DATA_PRESENT)
        if self.ground.place == "server" or level == "off" or not tip.has_files:
            return
        is_released = name is not None and name.kind in RELEASED
        try:
            missing = lacking(tip.oid, self.ground.at, storage=self.ground.storage)
        except BrokenEnvironment as error:
            if is_released:
                says = f"it cannot be told whether the DVC remote has its data: {error.what}"
                yield Violation(DATA_PRESENT, level, says, error.why, error.mend)
            return
        yield from data_present(missing, self.config, is_released, update.branch or "")

    def _lock(self, tip: Commit, name: BranchName | None) -> Iterable[Violation]:
        if not tip.has_files:
            return
        verdict = self.facts.verdict(tip)
        is_released = name is not None and name.kind in RELEASED and self.ground.place != "pre-push"
        yield from lock.lock_forged(verdict, self.config)
        yield from lock.metric_covered(verdict, self.config)
        if is_released:  # what is around a model may be new while the model is not: that is said, and no more
            other = self._repackaged(tip)
            is_released = other is None or not origin.has_model_of(self.facts.snapshot(tip), other)
        yield from lock.lock_stale(verdict, self.config, is_released)

    def _tag(self, update: RefUpdate) -> Iterable[Violation]:
        misnamed = rules.tag_name(update.tag or "", self.config) if update.new is not None else None
        if misnamed is not None:
            yield misnamed
        target = self.facts.target(update.new) if update.new is not None else Target(None, True)
        parsed = tags.parse(update.tag or "")
        artifact = parsed.artifact if parsed is not None else ""
        now = self.facts.tip(f"production/production-{artifact}") if artifact else None
        in_production = now.tree if now is not None else ""
        before = (ref.removeprefix(refs.TAGS) for ref in self.ground.before if ref.startswith(refs.TAGS))
        counter = tags.next_counter(artifact, before) if artifact else 1
        releases, past = self.facts.releases(), self.facts.deployments(artifact)
        found = refs.model_tag(update, target, releases, past, self.config, in_production, counter)
        if found is not None:
            yield found
        elif parsed is not None and parsed.action == "register" and update.new is not None and target.commit:
            version = versions.parse(f"{parsed.artifact}@{parsed.version}")
            if version is not None:
                unsigned = approvals.signed_release(
                    update.new, version, target.commit, self.ground.signers, self.config, self.ground.at, is_new=True
                )
                if unsigned is not None:
                    yield unsigned

    def _provenance(self, tip: Commit, name: BranchName) -> Iterable[Violation]:
        parent = self.history.commit(tip.parents[0]) if len(tip.parents) == 1 else None
        before = self.facts.snapshot(parent) if parent is not None else None
        version, files = ModelVersion(name.name, name.number), self.facts.snapshot(tip)
        yield from origin.provenance(tip, version, files, before, self.config, self._repackaged(tip))

    def _repackaged(self, tip: Commit) -> Snapshot | None:
        """Return the files of the earlier release whose model a release says to have unchanged.

        It is one of the same model that was there before this push, so that none vouches for itself.
        """
        files = self.facts.snapshot(tip)
        own, old = origin.version_of(files), origin.repackaged(files)
        if (
            own is None
            or old is None
            or old.model != own.model
            or old.number >= own.number
            or self.facts.is_yanked(old)
        ):
            return None
        oid = self.ground.before.get(f"{refs.BRANCHES}{old.branch}")
        commit = self.history.commit(oid) if oid is not None else None
        return self.facts.snapshot(commit) if commit is not None else None

    def _agreed(self, update: RefUpdate, name: BranchName) -> Iterable[Violation]:
        if name.kind == "production":
            if self.ground.place == "server":
                yield from self._promoted(update, name)
            return
        version = ModelVersion(name.name, name.number)
        released = self.facts.tip(version.branch)
        if released is not None:
            yield from self._signed(version, released.commit)

    def _promoted(self, update: RefUpdate, name: BranchName) -> Iterable[Violation]:
        """Judge whether others agreed to what production gets, and whether it was signed.

        What it had before needs nobody's word.
        """
        had = self.facts.trees_of_production(name.name, is_before=True)
        for commit in reversed(self.facts.move(update).commits):
            release = self.facts.release_with(commit.tree, name.name) if commit.tree not in had else None
            if release is None:
                continue
            version, tip = release
            yield from self._signed(version, tip.commit)
            if self.config.approvals.needed > 0:
                yield from self._approved(commit, version, tip.commit)

    def _approved(self, commit: Commit, version: ModelVersion, release: str) -> Iterable[Violation]:
        # What was looked at is the promotion's commit: production's own, or the one that a merge brought as it was.
        brought = [
            one
            for one in self.history.read(commit.parents[1:])
            if one.tree == commit.tree and one.parents == commit.parents[:1]
        ]
        main = self.ground.before.get(self.ground.law)
        makers = approvals.makers(release, main, self.history)
        authors = approvals.authors_of([commit, *brought, *makers])
        found = [
            approvals.find(version, one.oid, self.facts.after, self.ground.signers, authors, self.ground.at)
            for one in (commit, *brought)
        ]
        violation = approvals.approvals(max(found, key=approvals.count), version, self.config)
        if violation is not None:
            yield violation

    def _signed(self, version: ModelVersion, commit: str) -> Iterable[Violation]:
        """Judge the tag of a release that goes to production: one that has none is not signed."""
        oid = self.facts.after.get(f"{refs.TAGS}{version.tag}", "")
        found = approvals.signed_release(oid, version, commit, self.ground.signers, self.config, self.ground.at)
        if found is not None:
            yield found

    def _law(self, update: RefUpdate) -> Iterable[Violation]:
        """Judge whether the branch of the rules goes forward only."""
        if update.ref != self.ground.law or self.ground.place != "server" or update.old is None or update.new is None:
            return
        if git("rev-list", "--max-count=1", update.old, "--not", update.new, at=self.ground.at):
            why = "The rules for every push are those of its gitml.toml, so what they were stays in its history."
            yield Violation(RULE, "error", f"{update.branch} cannot be forced", why, ("git revert COMMIT",))

    def _is_way_back(self, update: RefUpdate, name: BranchName | None, tip: Commit) -> bool:
        """Say whether a tree comes back that production had before: no new rule stops that, at night least of all."""
        if name is None or name.kind not in ("promotion", "production"):
            return False
        return tip.tree in self.facts.trees_of_production(name.name, is_before=True)


def _those_here(since: str, objects: Objects) -> tuple[str, ...]:
    """Return the commit with which gitml was adopted, if this repository has it."""
    return (since,) if since and objects.describe([since]).get(since, ("missing", 0))[0] == "commit" else ()
