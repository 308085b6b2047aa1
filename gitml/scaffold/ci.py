"""CI's files for a forge: what they say, and how they come into a working tree without a loss."""

from __future__ import annotations

import json
import re
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from gitml import __version__
from gitml.errors import GitmlError, WrongUsage
from gitml.scaffold import changes, texts
from gitml.scaffold.changes import Change as Change
from gitml.scaffold.changes import NotAPlaceForFiles as NotAPlaceForFiles
from gitml.scaffold.changes import carry_out as carry_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Forge = Literal["github", "gitlab"]

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

_PYTHON = re.compile(r"3\.(1[1-9]|[2-9]\d)(\.\d{1,3})?")
_BRANCH = re.compile(r"[A-Za-z0-9][\w./-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?", re.ASCII)
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[\w.~+-]+)+", re.ASCII)
_FIELDS = {"@GITML@": r"gitml[^\"'\n]*", "@PYTHON@": r"3\.[\d.]+", "@MAIN@": r"[\w./-]+"}


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


def plan(wanted: Mapping[str, str], root: Path) -> list[Change]:
    """Return what writing the files would do to a working tree.

    Raises
    ------
    NotAPlaceForFiles
        A link, or anything but a file, is where one should be.
    """
    return changes.plan({path: text.encode() for path, text in wanted.items()}, root)


def is_ours(path: str, content: bytes) -> bool:
    """Say whether a file is what some `templates` of this gitml would write, whatever its pin, Python and main."""
    names = {name for files_of in FILES.values() for at, name in files_of.items() if at == path}
    if not names:
        return False
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    seen: set[str] = set()

    def field(word: str) -> str:
        if word not in _FIELDS:
            return re.escape(word)
        name = word.strip("@")
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{_FIELDS[word]})"

    whole = texts.filled("ci", names.pop(), {"@SETUP_PYTHON@": SETUP_PYTHON})
    words = re.split(f"({'|'.join(_FIELDS)})", whole)
    return re.fullmatch("".join(map(field, words)), text) is not None
