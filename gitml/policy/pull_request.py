"""The rules for a pull request: those of a push of its head, and those of what merging it would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions import branches
from gitml.errors import BrokenEnvironment, GitFailed
from gitml.git import push, repository, server
from gitml.git.command import git
from gitml.git.history import History
from gitml.git.objects import Objects, list_tree
from gitml.git.refs import resolve
from gitml.pipeline.storage import Storage
from gitml.policy import rules
from gitml.policy.approvals import read_signers
from gitml.policy.check import Judged, check
from gitml.policy.facts import Ground
from gitml.policy.law import law
from gitml.policy.refs import BRANCHES, RefUpdate
from gitml.policy.rules import Violation, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gitml.config import Config

DVC_CONFIG = ".dvc/config"
LARGEST_CONFIG = 2**20
"""Bytes of a DVC configuration that is read."""


class Asked(NamedTuple):
    """What is to be merged into what.

    Attributes
    ----------
    remote
        Name of the remote whose branches are those of the server.
    base, head
        Short names of the branches.
    commit
        What is to be merged, as somebody writes a commit.
    title
        The pull request's title; None where it has none yet.
    is_from_fork
        Whether the head is in another repository, where names are free.
    """

    remote: str
    base: str
    head: str
    commit: str
    title: str | None = None
    is_from_fork: bool = False


class Answer(NamedTuple):
    """What the rules say of a pull request.

    Attributes
    ----------
    judged
        All that was found.
    commits
        How many commits are new in it.
    head
        Full id of the judged commit.
    law
        Full id of the commit whose gitml.toml counted; empty where the built-in rules did.
    note
        What is to be said about that; may be empty.
    """

    judged: tuple[Judged, ...]
    commits: int
    head: str
    law: str
    note: str


def answer(asked: Asked, at: Path | None = None) -> Answer:
    """Judge a pull request by the rules of the server's main branch, never by its own.

    Raises
    ------
    BrokenEnvironment
        A branch is not in this clone, or its history is too short to tell what is new.
    """
    before = server.refs_seen_from_clone(asked.remote, at)
    base = before.get(BRANCHES + asked.base)
    if base is None:
        raise BrokenEnvironment(
            f"{asked.remote}/{asked.base} is not in this clone",
            "Without it nobody can tell what is new in the pull request.",
            (f"git fetch {asked.remote} +refs/heads/*:refs/remotes/{asked.remote}/*",),
        )
    head = resolve(asked.commit, at)
    before |= _yanks(asked, before, at)
    main = server.default_branch(before, f"refs/remotes/{asked.remote}/HEAD", at)
    counted = before.get(BRANCHES + main)
    released = [f"--remotes={asked.remote}/{folder}" for folder in ("models", "production")]
    known = [base, *([counted] if counted is not None else []), *released]
    if is_cut(base, head, known, at):
        deepen(asked.remote, at)
    with Objects(at) as objects:
        project, note = law(counted, objects)
        history = History(objects, at)
        signers = read_signers(counted, project, objects)
        storage = storage_of(counted, objects, at)
        ground = Ground("pull request", before, known, project, at, BRANCHES + main, storage, signers)
        # a fork may call a branch main or models/model-v1: there it means nothing
        name = f"fork:{asked.head}" if asked.is_from_fork else asked.head
        update = RefUpdate(BRANCHES + (name or head), None, head)
        judged = check([update], ground, objects, history)
        if asked.is_from_fork:
            judged = [one for one in judged if one.violation.rule != "branch-name"]
        judged += [Judged(update.ref, found) for found in merging(asked, project)]
        commits = len(history.new(head, known))
    return Answer(tuple(judged), commits, head, counted or "", note)


def _yanks(asked: Asked, before: Mapping[str, str], at: Path | None) -> dict[str, str]:
    """Return the tags that withdraw releases of the model that is promoted, asked of the remote and fetched.

    A clone for CI may have no tags, and one made an hour ago may lack the one that counts.
    """
    name = branches.parse(asked.head) if not asked.is_from_fork else None
    if name is None or name.kind != "promotion":
        return {}
    there = push.list_remote(asked.remote, [f"refs/tags/{name.name}@v*!"], at)
    new = {ref: oid for ref, oid in there.items() if before.get(ref) != oid}
    if new:
        push.fetch(asked.remote, list(new), at)
    return new


def storage_of(commit: str | None, objects: Objects, at: Path | None = None, cache: Path | None = None) -> Storage:
    """Return where main says that data is: a pull request must not choose which server CI asks.

    Parameters
    ----------
    commit
        Full id of main's commit; None where there is no main.
    cache
        Where what is fetched goes on a machine without a cache; None where nothing is fetched.
    objects, at
        As for `gitml.policy.law.law` and `gitml.git.command.git`.
    """
    entries = list_tree(commit, at) if commit is not None else []
    configs = {entry.path: entry for entry in entries if entry.is_file and entry.path.endswith(DVC_CONFIG)}
    trusted = {
        path.removesuffix(DVC_CONFIG).removesuffix("/"): objects.read(entry.oid, LARGEST_CONFIG) or b""
        for path, entry in configs.items()
        if path == DVC_CONFIG or path.endswith(f"/{DVC_CONFIG}")
    }
    return Storage(repository.find(at).root, trusted, cache)


def merging(asked: Asked, config: Config) -> Iterator[Violation]:
    """Judge what the forge would do on a merge."""
    if asked.title is not None:
        found = rules.commit_prefix(asked.title, config, branch=asked.head)
        if found is not None:
            why = "A squash makes it the first line of a commit. " + found.why
            yield found._replace(what=f"the pull request's title: {found.what}", why=why, mend=())
    base = branches.parse(asked.base)
    head = branches.parse(asked.head) if not asked.is_from_fork else None
    if base is None or base.kind not in ("production", "model"):
        return
    if base.kind == "model":
        severity = severity_of(config, "immutable-model")
        if severity is not None:
            why = "A release is created once and never moves. A better one gets the next number."
            yield Violation(
                "immutable-model", severity, f"nothing is merged into {base}", why, ("gitml model release",)
            )
        return
    severity = severity_of(config, "production-tree")
    if severity is not None and (head is None or head.kind != "promotion" or head.name != base.name):
        why = f"{base} gets nothing but promotions of a released {base.name}, and this is none."
        says = f"{asked.head or 'this head'} cannot be merged into {base}"
        yield Violation("production-tree", severity, says, why, ("gitml model promote v<N>",))


def is_cut(base: str, head: str, known: Sequence[str], at: Path | None = None) -> bool:
    """Say whether the clone is too shallow to tell what is new in `head`.

    A merge base is not enough: of a branch that merged the base, what is older than the clone would not be seen.
    """
    if git("rev-parse", "--is-shallow-repository", at=at) == "false":
        return False
    try:
        git("merge-base", base, head, at=at)
        new = git("rev-list", head, "--not", *known, at=at).split()
        file = git("rev-parse", "--path-format=absolute", "--git-path", "shallow", at=at)
        with open(file, encoding="ascii") as opened:
            return not set(opened.read().split()).isdisjoint(new)
    except (GitFailed, OSError):
        return True


def deepen(remote: str, at: Path | None = None) -> None:
    """Fetch the history that a shallow clone left out.

    Raises
    ------
    BrokenEnvironment
        The remote cannot be asked.
    """
    try:
        git("fetch", "--quiet", "--unshallow", "--no-tags", "--end-of-options", remote, at=at)
    except GitFailed as failed:
        raise BrokenEnvironment(
            "this clone has not enough history to tell what is new",
            f"It is shallow, and asking {remote} for more failed: {failed.stderr}",
            ("git fetch --unshallow",),
        ) from None
