"""What a repository has before gitml comes into it: read from git alone, and nothing is changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gitml import config
from gitml.conventions import branches
from gitml.doctor import names
from gitml.errors import GitFailed, WrongUsage
from gitml.git import repository, server
from gitml.git.command import ask, git
from gitml.git.history import Commit, History
from gitml.git.objects import Entry, Objects, list_tree
from gitml.pipeline import layout, metrics
from gitml.pipeline.project import projects
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.verify import judge_snapshot
from gitml.policy import contents
from gitml.policy.contents import NewFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gitml.doctor.names import Names
    from gitml.git.repository import Repository
    from gitml.pipeline.findings import Verdict
    from gitml.policy.rules import Violation

LAST_COMMITS = 200
"""Commits whose first lines tell the style of a project."""

MOST_READ = 64 * 2**20
"""Bytes of a tree that are searched for credentials; of a larger one the rest is not looked into."""

_AT_ONCE = 8 * 2**20
_OF_LINE_ENDS = ("text", "eol", "crlf")


class NotHere(WrongUsage):
    """There is no repository with files that gitml could be added to."""


class Contents(NamedTuple):
    """What the files of HEAD say to the rules about files.

    Attributes
    ----------
    violations
        One a file and rule.
    is_whole
        Whether all of it was looked into.
    """

    violations: tuple[Violation, ...] = ()
    is_whole: bool = True


class Tree(NamedTuple):
    """What HEAD's files are, as far as gitml has to do with them.

    Attributes
    ----------
    entries
        All of them.
    dvc
        The folders of the DVC projects; the empty one is the top.
    has_pipeline
        Whether one of them has a dvc.yaml.
    metrics
        The numbers that their metrics files have, by name.
    hashed
        Files in git whose bytes a dvc.lock has a sum of; a folder ends with ``/``.
    verdict
        How the dvc.lock files agree with it; None where there are none.
    contents
        What the rules about files say.
    """

    entries: tuple[Entry, ...] = ()
    dvc: tuple[str, ...] = ()
    has_pipeline: bool = False
    metrics: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    verdict: Verdict | None = None
    contents: Contents = Contents()


class Survey(NamedTuple):
    """What a repository has.

    Attributes
    ----------
    repository, root
        Where it is.
    commit
        Full id of HEAD; empty before the first commit.
    main
        Short name of the branch that is taken for the main one.
    is_main_told
        Whether git itself says so, by ``gitml.main`` or the remote's HEAD, or it is called main.
    names
        Its branches and tags.
    commits
        The last ones.
    tree
        HEAD's files.
    has_line_ends
        Whether somebody told git what to do with line ends.
    is_shallow
        Whether its history is cut off.
    """

    repository: Repository
    root: Path
    commit: str
    main: str
    is_main_told: bool
    names: Names
    commits: tuple[Commit, ...]
    tree: Tree
    has_line_ends: bool
    is_shallow: bool


def survey(at: Path | None = None) -> Survey:
    """Return what the repository around a folder has.

    Raises
    ------
    NotHere
        There is none, or it has no working tree.
    """
    where = find(at)
    root = where.root
    assert root is not None
    settings = repository.settings(root)
    found = names.read(repository.ref_names(root), settings)
    commit = commit_of_head(root)
    with Objects(root) as objects:
        commits = _last_commits(commit, objects, root) if commit else []
        is_partial = "extensions.partialclone" in settings
        tree = _tree(commit, root, objects, is_partial) if commit else Tree(dvc=_dvc_on_disk(root, ()))
        has_line_ends = _has_line_ends(tree.entries, settings, root, objects)
    main, is_told = _main(found, root)
    is_shallow = git("rev-parse", "--is-shallow-repository", at=root) == "true"
    return Survey(where, root, commit, main, is_told, found, tuple(commits), tree, has_line_ends, is_shallow)


def commit_of_head(root: Path) -> str:
    """Return the full id of HEAD; empty before the first commit."""
    answer = ask("rev-parse", "--quiet", "--verify", "HEAD^{commit}", at=root)
    return answer.out.strip() if answer.code == 0 else ""


def find(at: Path | None = None) -> Repository:
    """Return the repository around a folder.

    Raises
    ------
    NotHere
        There is none, or it has no working tree.
    """
    try:
        where = repository.find(at)
    except GitFailed as failed:
        raise NotHere("there is no git repository here", failed.stderr, ("git init", "gitml init")) from None
    if where.is_bare:
        raise NotHere(
            "a bare repository has no files to add gitml to",
            "What it can have is pre-receive, which judges every push; the files come from a clone.",
            ("gitml hooks install --server", f"git clone {where.common_dir} && gitml init   # in the clone"),
        )
    if where.root is None:
        raise NotHere("this folder is inside .git", "gitml is added to the files of a repository.", ("cd ..",))
    return where


def _last_commits(commit: str, objects: Objects, root: Path) -> list[Commit]:
    oids = git("rev-list", f"--max-count={LAST_COMMITS}", commit, at=root).split()
    return History(objects, root).read(oids)


def _main(found: Names, root: Path) -> tuple[str, bool]:
    """Return the branch that is taken for the main one, and whether git says so itself."""
    told = server.main_here(root)
    every = found.branches
    if told in every or not every:
        head = ask("symbolic-ref", "--quiet", "--short", "HEAD", at=root).out.strip()
        if not every and head and head != told:  # before the first commit
            return head, False
        return told, True
    here = [name for name in ("master", "trunk", "default", "develop") if name in every]
    if here:
        return here[0], False
    return (found.local[0], False) if len(found.local) == 1 else (branches.MAIN, True)


def _tree(commit: str, root: Path, objects: Objects, is_partial: bool) -> Tree:
    entries = tuple(list_tree(commit, root))
    snapshot = Snapshot(entries, objects)
    is_dvc = any(one.path == "dvc.yaml" or one.path.endswith(("/dvc.yaml", ".dvc")) for one in entries)
    dvc = _dvc_on_disk(root, entries)
    told = Contents(is_whole=False) if is_partial else _contents(entries, objects)
    if not is_dvc:
        return Tree(entries, dvc, contents=told)
    found = [layout.layout(project) for project in projects(snapshot)]
    figures = metrics.read(snapshot).metrics
    numbers = tuple(name for name, value in figures.items() if _is_number(value))
    hashed = dict.fromkeys(path for one in found for path in (*one.deps, *one.kept) if path not in one.uncovered)
    in_git = [
        path if path in snapshot.files else f"{path}/"
        for path in hashed
        if path in snapshot.files or snapshot.below(path)
    ]
    has_pipeline = any(project.pipelines for project in projects(snapshot))
    return Tree(entries, dvc, has_pipeline, numbers, tuple(in_git), judge_snapshot(snapshot), told)


def _dvc_on_disk(root: Path, entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the folders with a ``.dvc``: those of the commit, and the top's that is not committed yet."""
    found: dict[str, None] = {}
    for entry in entries:
        head, mark, _ = f"/{entry.path}".partition("/.dvc/")
        if mark:
            found[head.removeprefix("/")] = None
    if (root / ".dvc").is_dir():
        found[""] = None
    return tuple(found)


def _contents(entries: Iterable[Entry], objects: Objects) -> Contents:
    """Judge HEAD's files by the rules about files; some of them are in memory at a time."""
    files = [entry for entry in entries if entry.is_file]
    sizes = {oid: size for oid, (kind, size) in objects.describe({one.oid for one in files}).items() if kind == "blob"}
    found = Contents(is_whole=all(one.oid in sizes for one in files))
    batch: list[Entry] = []
    read = in_batch = 0
    for entry in (one for one in files if one.oid in sizes):
        size = sizes[entry.oid]
        is_read = contents.is_worth_reading(entry.path, size, config.DEFAULTS)
        if not is_read or read + size > MOST_READ:
            found = _and(found, [NewFile(entry.path, size, None)], is_whole=not is_read)
            continue
        batch.append(entry)
        read += size
        in_batch += size
        if in_batch > _AT_ONCE:
            found = _and(found, _read(batch, objects))
            batch, in_batch = [], 0
    return _and(found, _read(batch, objects))


def _read(entries: list[Entry], objects: Objects) -> list[NewFile]:
    read = objects.read_each({one.oid for one in entries}, bytes)
    return [NewFile(one.path, len(read[one.oid]), read[one.oid]) for one in entries if one.oid in read]


def _and(found: Contents, files: list[NewFile], is_whole: bool = True) -> Contents:
    violations = (*found.violations, *contents.judge(files, config.DEFAULTS))
    return Contents(violations, found.is_whole and is_whole)


def _has_line_ends(entries: Iterable[Entry], settings: dict[str, str], root: Path, objects: Objects) -> bool:
    """Say whether git was told what to do with line ends, in a .gitattributes or in this clone's configuration."""
    if settings.get("core.autocrlf", "false") not in ("false", "0", "no", "off") or "core.eol" in settings:
        return True
    texts = [objects.read(one.oid, config.LARGEST) for one in entries if _is_attributes(one)]
    texts += [_on_disk(root / ".gitattributes")]
    return any(_says_of_line_ends(text or b"") for text in texts)


def _is_attributes(entry: Entry) -> bool:
    return entry.is_file and (entry.path == ".gitattributes" or entry.path.endswith("/.gitattributes"))


def _on_disk(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(config.LARGEST)
    except OSError:
        return b""


def _says_of_line_ends(text: bytes) -> bool:
    """Say whether a .gitattributes turns the change of line ends on for some files; ours turns it off."""
    for line in os.fsdecode(text).splitlines():
        for word in line.split()[1:] if not line.startswith("#") else ():
            if word.lstrip("!").partition("=")[0] in _OF_LINE_ENDS:
                return True
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
