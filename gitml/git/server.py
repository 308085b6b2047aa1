"""Which branches and tags a server has, seen from itself or from a clone of it."""

from __future__ import annotations

from contextlib import suppress

from gitml.conventions.branches import is_branch_for_git
from gitml.errors import GitFailed
from gitml.git.command import ask, git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BRANCHES = "refs/heads/"
DEFAULT = "main"
SETTING = "gitml.main"
"""The git setting that names the branch whose gitml.toml counts."""


def refs(at: Path | None = None) -> dict[str, str]:
    """Return the object id of every branch and tag of this repository, by full name."""
    return _listed("refs/heads", "refs/tags", at=at)


def refs_seen_from_clone(remote: str, at: Path | None = None) -> dict[str, str]:
    """Return the branches of a remote as they were when it was asked last, under the names they have there.

    This clone's tags are among them.
    """
    prefix = f"refs/remotes/{remote}/"
    listed = _listed(prefix.removesuffix("/"), "refs/tags", at=at)
    return {
        BRANCHES + ref.removeprefix(prefix) if ref.startswith(prefix) else ref: oid
        for ref, oid in listed.items()
        if ref != f"{prefix}HEAD"
    }


def remotes(at: Path | None = None) -> list[str]:
    """Return the names of this clone's remotes."""
    return git("remote", at=at).splitlines()


def is_remote(name: str, at: Path | None = None) -> bool:
    """Say whether `name` is that of a remote, and not a URL."""
    return name in remotes(at)


def fetch_ahead(oids: Iterable[str], at: Path | None = None) -> None:
    """Fetch objects in one go where a clone left them out (``--filter``), else git asks for each by itself.

    What cannot be fetched so is left to be asked for.
    """
    try:
        setting = git("config", "--get-regexp", r"^remote\..*\.promisor$", "true", at=at).partition("\n")[0]
    except GitFailed:
        return  # nothing is left out
    remote = setting.removeprefix("remote.").rpartition(".promisor")[0]
    words = ("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--stdin")
    wanted = "".join(f"{oid}\n" for oid in oids).encode()
    with suppress(GitFailed):
        git("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", *words, operands=[remote], at=at, stdin=wanted)


def default_branch(known: dict[str, str], head: str = "HEAD", at: Path | None = None) -> str:
    """Return the short name of the branch whose rules count.

    Parameters
    ----------
    known
        The server's refs by their full names.
    head
        The symbolic ref that names the server's own default: ``HEAD``, or ``refs/remotes/origin/HEAD``.
    at
        As for `gitml.git.command.git`.
    """
    for words in (("config", "--get", SETTING), ("symbolic-ref", "--quiet", head)):
        try:
            said = git(*words, at=at)
        except GitFailed:
            continue
        name = said.removeprefix(BRANCHES) if words[0] == "config" else _short(said)
        if f"{BRANCHES}{name}" in known:
            return name
    return DEFAULT


def told_main(at: Path | None = None) -> str:
    """Return what ``git config gitml.main`` names; empty where it names nothing that a branch can be called."""
    told = ask("config", "--get", SETTING, at=at).out.strip().removeprefix(BRANCHES)
    return told if is_branch_for_git(told) else ""


def main_here(at: Path | None = None) -> str:
    """Return the short name of the main branch, as far as this clone knows: two calls of git.

    It is the one that ``git config gitml.main`` names; else ``main``, where this clone or a remote has one; else what
    a remote's HEAD names, origin's first; else ``main``.
    """
    setting = told_main(at)
    form = "--format=%(refname) %(symref)"
    patterns = (f"{BRANCHES}{DEFAULT}", f"refs/remotes/**/{DEFAULT}", "refs/remotes/**/HEAD")
    named = (f"{BRANCHES}{setting}", f"refs/remotes/**/{setting}") if setting else ()
    lines = [line.partition(" ") for line in git("for-each-ref", form, *patterns, *named, at=at).splitlines()]
    short = {ref.removeprefix(BRANCHES) if ref.startswith(BRANCHES) else _short(ref) for ref, _, _ in lines}
    if setting and setting in short:
        return setting
    if DEFAULT in short:
        return DEFAULT
    heads = sorted((ref != "refs/remotes/origin/HEAD", _short(told)) for ref, _, told in lines if told)
    return heads[0][1] if heads else DEFAULT


def _short(ref: str) -> str:
    if ref.startswith("refs/remotes/"):
        return ref.removeprefix("refs/remotes/").partition("/")[2]
    return ref.removeprefix(BRANCHES)


def _listed(*folders: str, at: Path | None) -> dict[str, str]:
    lines = git("for-each-ref", "--format=%(objectname) %(refname)", *folders, at=at).splitlines()
    return {ref: oid for oid, _, ref in (line.partition(" ") for line in lines)}
