"""Names that git, a shell or another machine takes for something else: branches, tags, files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from gitml.conventions import branches
from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, and_more, go_to, shortened, typed
from gitml.errors import GitFailed
from gitml.git.command import git, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_MENDED = 5
"""Names for which a command is shown; the rest are counted."""

FOLDERS = ("experiments", "models", "promote", "production")
"""What gitml's branches are in: a branch of such a name leaves no room for them."""


class Names(NamedTuple):
    """The short names of what is under ``refs/``; those of remote-tracking branches without their remote."""

    local: tuple[str, ...]
    remote: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def branches(self) -> frozenset[str]:
        """All branches, of this clone and of its remotes."""
        return frozenset((*self.local, *self.remote))


def names(clone: Clone) -> list[Finding]:
    """Judge the names of branches, tags and files, by one look at all of them."""
    found = read(clone.refs, clone.settings)
    paths = _paths(clone)
    problems = [
        *blocking(found),
        *ambiguous(found),
        *named_like_files(found, _taken(clone, found, paths)),
        *twin_branches(found),
        *twin_files(paths, clone.here, clone.repository.root),
        *wrong(found, clone.config.branches if clone.config.level("branch-name") != "off" else ("*",)),
    ]
    number = len(found.local)
    return problems or [Finding("names", "ok", f"{number} branch{'es' * (number != 1)}, no clash")]


def read(refs: Iterable[str], settings: dict[str, str]) -> Names:
    """Sort full ref names; a remote's own name may have slashes in it."""
    remotes = sorted(
        (
            name[len("remote.") : -len(".url")]
            for name in settings
            if name.startswith("remote.") and name.endswith(".url")
        ),
        key=len,
        reverse=True,
    )
    kinds: dict[str, list[str]] = {"heads": [], "remotes": [], "tags": []}
    for ref in refs:
        _, kind, name = ref.split("/", 2)
        if kind == "remotes":
            remote = next((remote for remote in remotes if name.startswith(f"{remote}/")), name.partition("/")[0])
            name = name[len(remote) + 1 :]
        kinds[kind].append(name)
    return Names(*(tuple(names) for names in kinds.values()))


def blocking(found: Names) -> list[Finding]:
    """Judge whether a branch takes the place of a folder of branches."""
    findings = []
    here = [name for name in FOLDERS if name in found.local]
    for name in here:
        why = f"git keeps branches as files, so there can be no {name}/x beside it."
        mend = (f"git branch -m {name} {_free(f'experiments/{name}', found.branches)}",)
        findings.append(Finding("names", "broken", f"the branch {name} blocks {name}/*", why, mend))
    blocked: dict[str, list[str]] = {name: [f"{name}/*"] for name in FOLDERS if name in found.remote}
    every = found.branches
    for name in sorted(every):
        parts = name.split("/")
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        for over in every.intersection(above):
            blocked.setdefault(over, []).append(name)
    return findings + [_over(over, names, found) for over, names in sorted(blocked.items()) if over not in here]


def _over(over: str, names: list[str], found: Names) -> Finding:
    says = f"the branch {shortened(over)} blocks {and_more([shortened(name) for name in names])}"
    why = "One is in this clone and one on a remote: neither side can take the other's."
    if over in found.local:
        mend: tuple[str, ...] = (f"git branch -m -- {typed(over)} {_renamed(over, found.branches)}",)
    else:
        mend = (f"git push origin --delete {typed(f'refs/heads/{over}')}   # after its owner agreed",)
    return Finding("names", "warning", says, why, mend)


def ambiguous(found: Names) -> list[Finding]:
    """Judge whether a tag has a branch's name."""
    both = sorted(set(found.local) & set(found.tags))
    if not both:
        return []
    says = f"{and_more([shortened(name) for name in both])}: a branch and a tag"
    why = "git takes the tag, with a warning at most. Give the tag another name:"
    every = frozenset(found.tags) | found.branches
    mend: list[str] = []
    for name in both[:MOST_MENDED]:
        old, new = typed(f"refs/tags/{name}"), typed(f"refs/tags/{_free(f'{name}-tag', every)}")
        mend += [f"git update-ref {new} {old} && git update-ref -d {old}"]
    return [Finding("names", "warning", says, why, tuple(mend))]


def named_like_files(found: Names, taken: Iterable[str]) -> list[Finding]:
    """Judge whether a branch has the name of a file or folder."""
    both = sorted(taken)
    if not both:
        return []
    says = f"{and_more([shortened(name) for name in both])}: a branch and a file or folder"
    why = "git log, diff and checkout of that name stop: it is both a revision and a file name."
    mend = tuple(f"git branch -m -- {typed(name)} {_renamed(name, found.branches)}" for name in both[:MOST_MENDED])
    return [Finding("names", "warning", says, why, mend)]


def twin_branches(found: Names) -> list[Finding]:
    """Judge whether branches differ by nothing but capitals or the way an accent is written."""
    alike = _alike(found.branches)
    if not alike:
        return []
    ours = [name for name in alike[0] if name in found.local]
    ours.sort(key=lambda name: branches.parse(name) is not None)
    mend = tuple(f"git branch -m -- {typed(name)} {_renamed(name, found.branches)}" for name in ours[:1])
    return [_twins("branches", alike, mend)]


def twin_files(paths: list[str], here: Path, top: Path | None) -> list[Finding]:
    """Judge whether files or folders of HEAD do so; `top` is the working tree's top folder, if there is one."""
    alike = _alike(paths)
    if not alike:
        return []
    old, new = alike[0][0], _free(f"{alike[0][0]}-2", paths)
    mend = () if top is None else (f"{go_to(here, top)}git mv -- {typed(old)} {typed(new)}",)
    return [_twins("files", alike, mend)]


def _twins(what: str, alike: list[list[str]], mend: tuple[str, ...]) -> Finding:
    says = f"{' and '.join(map(shortened, alike[0][:2]))}: {what} that differ by case only"
    why = "On macOS and Windows one of them hides the other, and the next pull goes wrong."
    more = len(alike) - 1
    if more:
        why += f" There {'are' if more > 1 else 'is'} {more} more of the kind."
    return Finding("names", "warning", says, why, mend)


def _alike(every: Iterable[str]) -> list[list[str]]:
    """Return the groups of names that are one in another case; not what is in folders that are."""
    groups: dict[str, list[str]] = {}
    for name in every:
        groups.setdefault(_folded(name), []).append(name)
    alike = {folded: sorted(group) for folded, group in groups.items() if len(group) > 1}
    return sorted(group for folded, group in alike.items() if folded.rpartition("/")[0] not in alike)


def wrong(found: Names, extra: tuple[str, ...]) -> list[Finding]:
    """Judge whether the branches of this clone have names that the conventions allow."""
    if extra == ("*",):
        return []
    bad = [name for name in found.local if name not in FOLDERS and not branches.is_right(name, extra)]
    if not bad:
        return []
    says = f"{and_more([shortened(name) for name in bad])}: not how a branch is named here"
    why = "A push of it is refused: experiments/<name>, models/<model>-v<N>, main, and what gitml.toml adds."
    taken = set(found.branches)
    mend = []
    for name in bad[:MOST_MENDED]:
        new = _renamed(name, taken)
        taken.add(new)
        mend.append(f"git branch -m -- {typed(name)} {new}")
    return [Finding("names", "warning", says, why, tuple(mend))]


def _renamed(name: str, taken: Iterable[str]) -> str:
    """Return a right name for a branch that nobody has yet."""
    new = branches.suggestion(name)
    if new is None or new == name or (new == branches.MAIN and new in taken):
        last = branches.suggestion(f"experiments/{name.replace('/', '-')}")
        new = last if last not in (None, name) else "experiments/renamed"
    return _free(new, taken)


def _free(name: str, taken: Iterable[str]) -> str:
    every = set(map(_folded, taken))
    number = 2
    new = name
    while _folded(new) in every:
        new = f"{name}-{number}"
        number += 1
    return new


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    from unicodedata import normalize

    return normalize("NFC", normalize("NFC", name).casefold())


def _paths(clone: Clone) -> list[str]:
    """Return all files and folders of HEAD."""
    try:
        listed = git("ls-tree", "-r", "-t", "-z", "--full-tree", "--name-only", "HEAD", at=clone.folder)
    except GitFailed:  # no commit yet
        return []
    return [path for path in listed.split("\0") if path]


def _taken(clone: Clone, found: Names, paths: list[str]) -> set[str]:
    """Return the local branches that are also a path: in HEAD, in the working tree, or in their own tree."""
    taken = set(found.local) & set(paths)
    root = clone.repository.root
    if root is not None:
        taken |= {name for name in found.local if os.path.lexists(root / name)}
    if "extensions.partialclone" not in clone.settings:  # there a look at a tree may fetch it
        taken |= _in_their_own_trees(clone, found.local)
    return taken


def _in_their_own_trees(clone: Clone, local: tuple[str, ...]) -> set[str]:
    asked = "".join(f"refs/heads/{name}:{name}\n" for name in local)
    process = start("cat-file", "--batch-check=%(objecttype)", at=clone.folder)
    try:
        answers = process.communicate(os.fsencode(asked), timeout=60)[0].split(b"\n")
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return set()
    return {name for name, answer in zip(local, answers, strict=False) if answer in (b"tree", b"blob", b"commit")}
