"""CI's files for a forge: what they say, and how they come into a working tree without a loss."""

from __future__ import annotations

import difflib
import json
import re
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from gitml import __version__
from gitml.errors import BrokenEnvironment, GitmlError, WrongUsage
from gitml.git.files import replace_file
from gitml.git.repository import shelf
from gitml.scaffold import texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Forge = Literal["github", "gitlab"]
Does = Literal["write", "rewrite", "keep"]

PYTHON = "3.11"
"""The Python of CI, if nobody says another."""

SETUP_PYTHON = "actions/setup-python@a309ff8b426b58ec0e2a45f0f869d46889d02405 # v6.2.0"
"""The only action that is used: by commit, because a tag can be moved."""

FILES: dict[Forge, dict[str, str]] = {
    "github": {
        ".github/workflows/gitml.yml": "github.yml",
        ".github/workflows/gitml-record.yml": "github-record.yml",
        ".github/workflows/gitml-reproduce.yml": "github-reproduce.yml",
    },
    "gitlab": {".gitlab/gitml.yml": "gitlab.yml"},
}
"""For each forge its files, and the templates they are made of."""

LARGEST = 2**20
"""Bytes of a file that is compared with ours."""

_PYTHON = re.compile(r"3\.(1[1-9]|[2-9]\d)(\.\d{1,3})?")
_BRANCH = re.compile(r"[A-Za-z0-9][\w./-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?", re.ASCII)
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[\w.~+-]+)+", re.ASCII)


class Change(NamedTuple):
    """One file.

    Attributes
    ----------
    path
        Where, from the top of the working tree.
    text
        What will be in it.
    does
        Whether it is new, differs from what is there, or is there already.
    difference
        From what is there, as a unified diff; empty for a new file.
    """

    path: str
    text: str
    does: Does
    difference: str = ""


class NoPin(WrongUsage):
    """It is not known which gitml CI shall install."""

    def __init__(self, why: str, forge: Forge) -> None:
        super().__init__(
            "CI needs one gitml that never changes by itself",
            why,
            (f"gitml ci template {forge} --gitml git+https://HOST/OWNER/gitml@COMMIT   # all 40 digits",),
        )


class WouldOverwrite(GitmlError):
    """A file is there already, and somebody may have changed it."""

    def __init__(self, paths: Sequence[str], forge: Forge) -> None:
        is_one = len(paths) == 1
        super().__init__(
            f"{', '.join(paths)} {'differs' if is_one else 'differ'} from what gitml would write",
            f"{'It' if is_one else 'They'} may have been changed by hand, so nothing was written.",
            (f"gitml ci template {forge} --force",),
        )


class NotAPlaceForFiles(BrokenEnvironment):
    """Something else is where a file should be."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is no plain file or folder of this repository",
            "A link would lead out of it, and nothing is written through one.",
            (f"git rm --cached {path} && rm {path}",),
        )


def requirement(asked: str, forge: Forge) -> str:
    """Return the line for pip that installs one gitml and no other.

    Parameters
    ----------
    asked
        A version, a commit, or ``git+https://…@COMMIT``; empty for the gitml that runs.
    forge
        Named in the command that mends an error.

    Raises
    ------
    NoPin
        It is neither, or what runs came from a folder.
    """
    address, commit, version = _origin(direct_url(), __version__)
    if _VERSION.fullmatch(asked):
        return f"gitml=={asked}"
    if _COMMIT.fullmatch(asked):
        commit = asked
    elif asked:
        address, _, commit = asked.removeprefix("git+").rpartition("@")
        if not asked.startswith("git+"):
            raise NoPin(f"{asked!r} is no version, no commit, and no git+https://… with one.", forge)
    elif version:
        return f"gitml=={version}"
    if not _COMMIT.fullmatch(commit):
        why = f"{commit!r} can be moved; a commit cannot." if asked else "This one was installed from a folder."
        raise NoPin(why, forge)
    if not _ADDRESS.fullmatch(address):
        why = f"{address!r} is no plain https address." if address else "Of a commit alone nobody knows the repository."
        raise NoPin(why, forge)
    return f"gitml @ git+{address}@{commit}"


def direct_url() -> str | None:
    """Return what pip noted of where gitml came from (PEP 610); None where that was an index."""
    try:
        return metadata.distribution("gitml").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return "{}"


def _origin(direct_url: str | None, version: str) -> tuple[str, str, str]:
    """Return address and commit of what pip installed from git, or the version of what came from an index."""
    if direct_url is None:
        return "", "", version
    try:
        told: Any = json.loads(direct_url)
        url, commit = str(told["url"]), str(told["vcs_info"]["commit_id"])
    except (ValueError, KeyError, TypeError):
        return "", "", ""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", commit, ""


def templates(forge: Forge, pinned: str, python: str = PYTHON, main: str = "main") -> dict[str, str]:
    """Return the text of each file by its path.

    Parameters
    ----------
    forge
        Whose.
    pinned
        What pip installs, as `requirement` returns it.
    python
        A version of Python, from 3.11.
    main
        The short name of the branch whose rules count.

    Raises
    ------
    WrongUsage
        The version or the name cannot be used.
    """
    if not _PYTHON.fullmatch(python):
        raise WrongUsage(
            f"{python!r} is no Python for gitml",
            "It needs 3.11 or newer.",
            (f"gitml ci template {forge} --python {PYTHON}",),
        )
    if not _BRANCH.fullmatch(main):
        raise WrongUsage(
            f"{main!r} cannot be written into CI's files",
            "CI would read it as a pattern, or a shell as a command.",
            ("git config gitml.main main",),
        )
    values = {"@GITML@": pinned, "@PYTHON@": python, "@MAIN@": main, "@SETUP_PYTHON@": SETUP_PYTHON}
    return {path: texts.filled("ci", name, values) for path, name in FILES[forge].items()}


def plan(wanted: dict[str, str], root: Path) -> list[Change]:
    """Return what writing the files would do to a working tree.

    Raises
    ------
    NotAPlaceForFiles
        A link, or anything but a file, is where one should be.
    """
    return [_change(path, text, root) for path, text in wanted.items()]


def _change(path: str, text: str, root: Path) -> Change:
    place = root
    *folders, name = path.split("/")
    for folder in folders:
        place /= folder
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise NotAPlaceForFiles(str(place.relative_to(root)))
    place /= name
    if place.is_symlink() or (place.exists() and not place.is_file()):
        raise NotAPlaceForFiles(path)
    if not place.exists():
        return Change(path, text, "write")
    with place.open("rb") as opened:
        old = opened.read(LARGEST)
    if old == text.encode():
        return Change(path, text, "keep")
    lines = old.decode("utf-8", "backslashreplace").splitlines()
    difference = difflib.unified_diff(lines, text.splitlines(), path, path, lineterm="")
    return Change(path, text, "rewrite", "\n".join(difference))


def carry_out(changes: Sequence[Change], root: Path) -> None:
    """Write the files; each is there in whole or as it was.

    Raises
    ------
    OSError
        One cannot be written.
    """
    for change in changes:
        if change.does != "keep":
            place = root / change.path
            place.parent.mkdir(parents=True, exist_ok=True)
            replace_file(place, change.text.encode(), shelf(root))
