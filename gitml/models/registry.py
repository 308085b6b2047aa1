"""Which models are released, which are in production, and which were withdrawn: read from refs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitml.conventions import branches, tags, trailers, versions
from gitml.conventions.branches import DEFAULT_MODEL, BranchName
from gitml.conventions.versions import ModelVersion
from gitml.errors import GitFailed, WrongUsage
from gitml.git.command import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PRODUCTION = "production"
"""The stage of GTO that follows the production branch."""

_LOG = ("--first-parent", "-z", "--format=%H%x00%T%x00%P%x00%ct%x00%cn%x00%B%x00")
_HEADS = "refs/heads/"
_TAGS = "refs/tags/"
_FIELDS = ("refname", "objectname", "*objectname", "taggerdate:unix", "taggername", "tag", "contents:subject")


class Mark(NamedTuple):
    """An annotated tag of the registry.

    Attributes
    ----------
    oid, commit
        Full ids of the tag and of what it marks.
    time
        When it was made, in seconds since 1970.
    person
        Who made it, by name.
    subject
        The first line of its message.
    name
        What the tag itself says that it is called; another ref name than this one would be a borrowed tag.
    """

    oid: str
    commit: str
    time: int
    person: str
    subject: str
    name: str = ""


class Deployment(NamedTuple):
    """One commit on production's first-parent history.

    Attributes
    ----------
    commit, tree
        Full ids.
    time
        When it was committed, in seconds since 1970.
    version
        The release that it brought, as its trailers say; None for the opening, and where they say nothing.
    reason
        Why, where it is a way back.
    person
        Who committed it, by name.
    """

    commit: str
    tree: str
    time: int
    version: ModelVersion | None
    reason: str
    person: str


class Release(NamedTuple):
    """One released model.

    Attributes
    ----------
    version
        Its name.
    commit
        Full id of the tip of its branch.
    tag
        The tag that marks it; None where there is none, as after a push that was broken by force.
    yanked
        The tag by which it was withdrawn; None where it was not.
    """

    version: ModelVersion
    commit: str
    tag: Mark | None
    yanked: Mark | None


class Registry(NamedTuple):
    """What a repository, or a remote of it as it was last seen, knows of models.

    Attributes
    ----------
    refs
        Full ids of branches by their full names on the server, and of tags.
    marks
        Annotated tags by their short names.
    releases
        By version.
    """

    refs: Mapping[str, str]
    marks: Mapping[str, Mark]
    releases: Mapping[ModelVersion, Release]

    def numbers(self, model: str) -> list[int]:
        """Return the numbers of a model's releases, and of tags that would stand in the way of one; sorted."""
        found = {version.number for version in self.releases if version.model == model}
        for ref in self.refs:
            tag = tags.parse(ref.removeprefix(_TAGS)) if ref.startswith(_TAGS) else None
            if tag is not None and tag.action == "register" and tag.artifact == model:
                version = versions.parse(f"{model}@{tag.version}")
                found |= {version.number} if version is not None else set()
        return sorted(found)

    def production(self, model: str) -> str | None:
        """Return the full id of production's tip; None where there is no such branch."""
        return self.refs.get(f"{_HEADS}{BranchName('production', model)}")

    def models(self) -> list[str]:
        """Return the names of all models that are released or in production, sorted."""
        found = {version.model for version in self.releases}
        for ref in self.refs:
            name = branches.parse(ref.removeprefix(_HEADS))
            found |= {name.name} if name is not None and name.kind == "production" else set()
        return sorted(found)


class NoSuchModel(WrongUsage):
    """A name that somebody gave is no release."""

    def __init__(self, text: str, known: Iterable[ModelVersion]) -> None:
        names = [str(version) for version in sorted(known, key=lambda one: (one.model, one.number))]
        why = f"There is {', '.join(names[-5:])}." if names else "Nothing is released yet."
        super().__init__(f"{text!r} is no released model", why, ("gitml model list", "git fetch"))


def read(remote: str | None = None, at: Path | None = None) -> Registry:
    """Return what is known here.

    What is in production is what a server says: a branch of one's own is as old as the last checkout of it.

    Parameters
    ----------
    remote
        Its branches as they were when it was asked last, and this clone's tags; None for all branches of this
        repository: those of origin, then of the other remotes, and its own where no remote has one.
    at
        As for `gitml.git.command.git`.
    """
    folders = ["models/", "production/", "promote/"]
    names = [f"refs/remotes/{remote}/"] if remote is not None else [*_remotes(at), _HEADS]
    patterns = [f"{prefix}{folder}" for prefix in names for folder in folders] + [_TAGS]
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    tagged: dict[str, str] = {}
    marks: dict[str, Mark] = {}
    listed = git("for-each-ref", f"--format={'%00'.join(f'%({field})' for field in _FIELDS)}", *patterns, at=at)
    for line in listed.split("\n") if listed else ():
        ref, oid, peeled, time, person, name, subject = line.split("\0")
        if ref.startswith(_TAGS):
            tagged[ref] = oid
            if peeled:
                marks[ref.removeprefix(_TAGS)] = Mark(oid, peeled, int(time or 0), person, subject, name)
        else:
            prefix = next(name for name in names if ref.startswith(name))
            found[prefix][_HEADS + ref.removeprefix(prefix)] = oid
    refs = {ref: oid for name in reversed(names) for ref, oid in found[name].items()} | tagged
    return Registry(refs, marks, _releases(refs, marks))


def _remotes(at: Path | None) -> list[str]:
    """Return the folders of the remotes' branches, that of origin first."""
    names = sorted(git("remote", at=at).splitlines(), key=lambda name: name != "origin")
    return [f"refs/remotes/{name}/" for name in names]


def limited(registry: Registry, refs: Mapping[str, str]) -> Registry:
    """Return what is left of a registry where only these refs are believed: full ids by full names."""
    kept = {ref: oid for ref, oid in registry.refs.items() if refs.get(ref) == oid}
    marks = {name: mark for name, mark in registry.marks.items() if kept.get(f"{_TAGS}{name}") == mark.oid}
    return Registry(kept, marks, _releases(kept, marks))


def find(text: str, registry: Registry, model: str = DEFAULT_MODEL) -> Release:
    """Return the release that a person means.

    Parameters
    ----------
    text
        ``v4``, ``model-v4``, ``model@v4.0.0`` or ``models/model-v4``.
    registry
        Where it is looked for.
    model
        The model that a bare ``v4`` is of.

    Raises
    ------
    NoSuchModel
        There is none.
    """
    version = versions.parse(text, model)
    if version is None or version not in registry.releases:
        raise NoSuchModel(text, registry.releases)
    return registry.releases[version]


def deployments(tip: str | None, at: Path | None = None, most: int = 0) -> list[Deployment]:
    """Return production's history, the newest first.

    Parameters
    ----------
    tip
        Full id of production's tip; None for nothing.
    at
        As for `gitml.git.command.git`.
    most
        How many; 0 for all.

    Raises
    ------
    GitFailed
        The commit is not in this clone.
    """
    if tip is None:
        return []
    words = [f"--max-count={most}"] if most else []
    return [one for one, _ in _first_parents(git("log", *_LOG, *words, operands=[tip], at=at))]


def histories(registry: Registry, at: Path | None = None) -> dict[str, list[Deployment]]:
    """Return the history of each model's production, the newest first; all of them by one git.

    Raises
    ------
    GitFailed
        A commit is not in this clone.
    """
    tips = {model: tip for model in registry.models() if (tip := registry.production(model)) is not None}
    if not tips:
        return {}
    asked = "".join(f"{tip}\n" for tip in tips.values()).encode()
    known = {
        one.commit: (one, before) for one, before in _first_parents(git("log", *_LOG, "--stdin", stdin=asked, at=at))
    }
    found: dict[str, list[Deployment]] = {}
    for model, tip in tips.items():
        chain = found[model] = []
        commit = tip
        while commit in known:
            one, commit = known[commit]
            chain.append(one)
    return found


def _first_parents(logged: str) -> Iterator[tuple[Deployment, str]]:
    """Yield each commit of a log with the id of its first parent, which is empty for the first one."""
    fields = logged.split("\0")
    for start in range(0, len(fields) - 6, 7):
        commit, tree, parents, time, person, message = (field.lstrip("\n") for field in fields[start : start + 6])
        said = {trailer.key.lower(): trailer.value for trailer in trailers.parse(message)}
        version = versions.parse(said.get("model", ""))
        one = Deployment(commit, tree, int(time), version, said.get("reason", ""), person)
        yield one, parents.partition(" ")[0]


def in_production(model: str, registry: Registry, at: Path | None = None) -> Release | None:
    """Return the release whose tree production has; None where it has none, or one that is not known here."""
    tip = registry.production(model)
    if tip is None:
        return None
    candidates = [one for version, one in registry.releases.items() if version.model == model]
    trees = trees_of([tip, *(one.commit for one in candidates)], at)
    same = [one for one in candidates if trees[one.commit] == trees[tip]]
    return max(same, key=lambda one: one.version.number, default=None)


def trees_of(commits: Iterable[str], at: Path | None = None) -> dict[str, str]:
    """Return the tree of each commit, by full ids."""
    wanted = list(dict.fromkeys(commits))
    asked = "".join(f"{commit}^{{tree}}\n" for commit in wanted).encode()
    lines = git("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked, at=at).split("\n")
    found = {}
    for commit, line in zip(wanted, lines, strict=True):
        oid, _, kind = line.rpartition(" ")
        if kind != "tree":
            raise GitFailed("cat-file --batch-check", 128, f"{commit[:10]} is not in this clone.")
        found[commit] = oid
    return found


def first_parents(commits: Iterable[str], at: Path | None = None) -> dict[str, str]:
    """Return the first parent of each commit that has one, by full ids."""
    wanted = "".join(f"{commit}\n" for commit in commits).encode()
    if not wanted:
        return {}
    lines = git("rev-list", "--no-walk=unsorted", "--parents", "--stdin", stdin=wanted, at=at).split("\n")
    return {words[0]: words[1] for words in (line.split(" ") for line in lines) if len(words) > 1}


def _releases(refs: Mapping[str, str], marks: Mapping[str, Mark]) -> dict[ModelVersion, Release]:
    found = {}
    for ref, oid in refs.items():
        name = branches.parse(ref.removeprefix(_HEADS)) if ref.startswith(_HEADS) else None
        if name is None or name.kind != "model":
            continue
        version = ModelVersion(name.name, name.number)
        tag, yanked = (_believed(marks, f"{version.tag}{suffix}", oid) for suffix in ("", "!"))
        found[version] = Release(version, oid, tag, yanked)
    return dict(sorted(found.items(), key=lambda pair: (pair[0].model, pair[0].number)))


def _believed(marks: Mapping[str, Mark], name: str, commit: str) -> Mark | None:
    """Return a release's tag; None where there is none, or it squats on another commit or under another name."""
    mark = marks.get(name)
    return mark if mark is not None and mark.commit == commit and mark.name == name else None
