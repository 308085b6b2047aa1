"""Every experiment of a repository, read in one pass."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gitml.experiments.refs import Ref, list_refs
from gitml.experiments.rows import Line, Record, Run
from gitml.git.command import git
from gitml.git.server import main_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.config import Config


class Place(NamedTuple):
    """Where the repository is.

    Attributes
    ----------
    common_dir
        The folder that all its working trees share.
    top
        This working tree's top folder; None in a bare repository.
    """

    common_dir: Path
    top: Path | None


class Entry(NamedTuple):
    """One row: a ref, what its commit says, and how it came from main. Texts are parsed only when asked for."""

    ref: Ref
    record: Record
    line: Line

    @property
    def name(self) -> str:
        """What it is called in a list."""
        return self.ref.name

    @property
    def kind(self) -> str:
        """As in `gitml.experiments.refs.Ref`."""
        return self.ref.kind

    def figure(self, metric: str) -> float | None:
        """Return a metric's value; None where it has none that is a number."""
        if self.record.ranked == metric:
            return self.record.figure
        from gitml.experiments.rows import number

        return number(json.loads(f"{{{self.record.body}}}")["metrics"].get(metric))

    def run(self) -> Run:
        """Return all that is known."""
        told = json.loads(f"{{{self.record.head}, {self.record.body}}}")
        ref, line = self.ref, self.line
        return Run(
            ref.name,
            ref.kind,
            ref.full,
            ref.remote,
            ref.is_checked_out,
            ref.is_pushed,
            self.record.commit,
            line.fork,
            line.runs,
            json.loads(line.changed),
            **told,
        )

    def as_json(self) -> str:
        """Return all that is known as a JSON object, made of the texts that are kept."""
        ref = self.ref
        own = {
            "name": ref.name,
            "kind": ref.kind,
            "ref": ref.full,
            "remote": ref.remote,
            "is_checked_out": ref.is_checked_out,
            "is_pushed": ref.is_pushed,
            "commit": self.record.commit,
            "fork": self.line.fork,
            "runs": self.line.runs,
        }
        text = json.dumps(own)[:-1]
        return f'{text}, "changed": {self.line.changed}, {self.record.head}, {self.record.body}}}'


class Store(NamedTuple):
    """What one pass found.

    Attributes
    ----------
    entries
        Main, experiments, finished experiments and models; by kind and name.
    is_blocked
        Whether a branch is called ``experiments``, so that no experiment can be made.
    unread
        Names of refs whose commit is missing, or that point to none.
    """

    entries: tuple[Entry, ...]
    is_blocked: bool = False
    unread: tuple[str, ...] = ()

    @property
    def main(self) -> Entry | None:
        """The main branch; None where there is none."""
        return next((entry for entry in self.entries if entry.kind == "main"), None)

    def of(self, *kinds: str) -> list[Entry]:
        """Return the entries of some kinds."""
        return [entry for entry in self.entries if entry.kind in kinds]


def locate(at: Path | None = None) -> Place:
    """Return where the repository around a folder is, in one call of git.

    Raises
    ------
    GitFailed
        There is none.
    """
    words = ("rev-parse", "--path-format=absolute", "--git-common-dir", "--is-inside-work-tree", "--show-prefix")
    common_dir, is_inside, *prefix = git(*words, at=at).split("\n")
    if is_inside != "true":
        return Place(Path(common_dir), None)
    depth = prefix[0].count("/") if prefix else 0
    return Place(Path(common_dir), Path(at or ".", *[".."] * depth))


def read_config(place: Place) -> Config:
    """Return the project's configuration: the working tree's, or main's where there is no working tree.

    Raises
    ------
    WrongConfig
        It says what has no meaning.
    """
    from gitml import config

    if place.top is not None:
        return config.read(str(place.top))
    from gitml.errors import GitFailed

    try:
        main = f"refs/heads/{main_here(place.common_dir)}"
        return config.parse(git("cat-file", "blob", f"{main}:{config.FILE}", at=place.common_dir).encode())
    except GitFailed:
        return config.DEFAULTS


def read(at: Path | None = None, place: Place | None = None, metric: str = "", has_index: bool = True) -> Store:
    """Read every experiment, finished experiment and model, and main.

    Parameters
    ----------
    at
        A folder in the repository; None for the current one.
    place
        Where that is, if it is known.
    metric
        The metric that will be asked for, if it is known: its value is then kept beside each row.
    has_index
        Whether rows are looked up in the index and kept there.

    Raises
    ------
    GitFailed
        There is no repository, or it is broken.
    """
    from gitml.experiments.index import Index, key_of  # who only asks where the repository is needs no SQLite

    place = place or locate(at)
    listing = list_refs(at)
    index = Index(place.common_dir) if has_index else None
    main = listing.main.oid if listing.main is not None else ""
    refs = _with_remotes_ahead(listing.refs, listing.pairs, at)
    kept = index.read({key_of(ref.oid, ref.slug) for ref in refs}) if index is not None else {}
    is_old = [ref for ref in refs if (one := kept.get(key_of(ref.oid, ref.slug))) is None or one.main != main]
    if is_old:
        from gitml.experiments.refresh import refresh

        kept = refresh(refs, kept, main, metric, index, at)
    if index is not None and is_old:
        index.drop_others(kept)
    entries = []
    for ref in refs:
        one = kept.get(key_of(ref.oid, ref.slug))
        if one is not None:
            entries.append(Entry(ref, one.record, one.line))
    read_ones = {entry.name for entry in entries}
    unread = tuple(ref.name for ref in refs if ref.name not in read_ones)
    return Store(tuple(entries), listing.is_blocked, unread)


def read_commit(commit: str, slug: str = "", at: Path | None = None) -> Entry:
    """Read one commit that no ref of an experiment may point to.

    Parameters
    ----------
    commit
        Its full object id.
    slug
        The folder of its report; empty for none.
    """
    return read_commits([commit], slug, at)[0]


def read_commits(commits: Sequence[str], slug: str = "", at: Path | None = None) -> list[Entry]:
    """Read some commits, given by their full object ids; what is missing is left out."""
    from gitml.experiments.index import key_of
    from gitml.experiments.refresh import refresh

    listing = list_refs(at)
    refs = [Ref("commit", oid[:10], slug, oid, oid) for oid in commits]
    kept = refresh(refs, {}, listing.main.oid if listing.main is not None else "", "", None, at)
    found = ((ref, kept.get(key_of(ref.oid, ref.slug))) for ref in refs)
    return [Entry(ref, one.record, one.line) for ref, one in found if one is not None]


def _with_remotes_ahead(refs: tuple[Ref, ...], pairs: dict[str, Ref], at: Path | None) -> list[Ref]:
    """Add a remote's ref where it has commits that the local one of the same name lacks."""
    if not pairs:
        return list(refs)
    from gitml.experiments.lineage import behind

    ahead = behind({ref.oid: pairs[ref.full].oid for ref in refs if ref.full in pairs}, at)
    more = [pairs[ref.full] for ref in refs if ref.full in pairs and ref.oid not in ahead and ref.kind == "experiment"]
    return sorted([*refs, *more], key=lambda ref: (ref.kind, ref.name))


def unfetched_remotes(at: Path | None = None) -> list[str]:
    """Return the remotes whose experiments this clone was told not to fetch, as a single-branch clone is."""
    from gitml.errors import GitFailed

    try:
        listed = git("config", "--get-regexp", r"^remote\..*\.fetch$", at=at)
    except GitFailed:
        return []
    has_all: dict[str, bool] = {}
    for line in listed.splitlines():
        key, _, spec = line.partition(" ")
        remote = key.removeprefix("remote.").removesuffix(".fetch")
        source = spec.lstrip("+").partition(":")[0]
        is_wide = source.endswith("*") and "refs/heads/experiments/x".startswith(source[:-1])
        has_all[remote] = has_all.get(remote, False) or is_wide
    return [remote for remote, is_all in has_all.items() if not is_all]
