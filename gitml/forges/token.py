"""The token that is shown to a forge: where it is found, and where it may go."""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from gitml.errors import GitIsMissing
from gitml.forges.problems import UnsafeToken
from gitml.git.command import ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.forges.base import Kind
    from gitml.forges.remote import Place

_VARIABLES: dict[Kind, tuple[str, ...]] = {
    "github": ("GITHUB_TOKEN", "GH_TOKEN"),
    "gitlab": ("GITLAB_TOKEN", "CI_JOB_TOKEN"),
    "gitea": ("GITEA_TOKEN", "FORGEJO_TOKEN", "GITHUB_TOKEN"),
}
_HOSTED: dict[Kind, tuple[str, ...]] = {
    "github": ("github.com",),
    "gitlab": ("gitlab.com",),
    "gitea": ("gitea.com", "codeberg.org"),
}
"""Hosts for which a forge's variable is meant where nothing else is said."""

_ADDRESSES: dict[Kind, tuple[str, ...]] = {
    "github": ("GITHUB_SERVER_URL", "GH_HOST"),
    "gitlab": ("CI_SERVER_URL", "GITLAB_HOST", "GL_HOST"),
    "gitea": ("GITHUB_SERVER_URL", "GITEA_SERVER_URL", "GITEA_INSTANCE_URL"),
}
"""Variables of CI and of the forges' command lines that say for which host a token is meant."""

_OF_GH = ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
_OF_GLAB = ("GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN", "OAUTH_TOKEN")
_SECONDS = 20
QUIET_CLIS = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_PROMPT": "1", "NO_COLOR": "1"}
"""What keeps the forges' command lines from asking a person and from colours."""

_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GCM_INTERACTIVE": "never",
    "GCM_MODAL_PROMPT": "false",
}
"""What keeps git and the usual credential helpers from asking a person."""


class Token:
    """A secret, and how it is shown; nothing that prints it shows it.

    Parameters
    ----------
    secret
        What nobody else may see.
    header
        Name of the header in which it travels.
    before
        What stands before it there.
    came_from
        Where it was found, in words.

    Raises
    ------
    UnsafeToken
        It has letters that no token has: it would break out of its header.
    """

    __slots__ = ("_before", "_header", "_secret", "came_from")

    def __init__(self, secret: str, header: str, before: str, came_from: str) -> None:
        if not secret or not all("!" <= letter <= "~" for letter in secret):
            raise UnsafeToken(
                f"the token of {came_from} is none",
                "It is empty, or has spaces, line ends or letters that are not ASCII.",
                (f"set {came_from} again",),
            )
        self._secret, self._header, self._before, self.came_from = secret, header, before, came_from

    def __repr__(self) -> str:
        """Return what may be printed."""
        return f"Token(***, came_from={self.came_from!r})"

    def __reduce__(self) -> str:
        raise TypeError("a token is not stored")

    def header(self) -> tuple[str, str]:
        """Return the header that shows it."""
        return self._header, self._before + self._secret

    def redacted(self, text: str) -> str:
        """Return `text` without the secret, however it is written."""
        for secret in (self._secret, self._secret.removeprefix("oauth2:")):
            text = text.replace(secret, "***") if len(secret) > 3 else text
        return text


class Search(NamedTuple):
    """What was found.

    Attributes
    ----------
    token
        None where there is none.
    withheld
        A variable that is set, but for another host.
    """

    token: Token | None
    withheld: str = ""


def find(place: Place, environ: Mapping[str, str]) -> Search:
    """Look for a token: GITML_FORGE_TOKEN, the forge's variables, its command line, git's credentials.

    Nothing asks a person. A variable is used for the host that it is meant for only: the hosted forge's own, that of
    the CI run, or one that a person named. A clone of a stranger's server gets none.

    Raises
    ------
    UnsafeToken
        What was found is no token.
    """
    found = in_environment(place, environ)
    if found.token is not None:
        return found
    return Search(_of_command_line(place, environ) or _of_git(place), found.withheld)


def in_environment(place: Place, environ: Mapping[str, str]) -> Search:
    """Look for a token in the environment only; errors as for `find`."""
    withheld = ""
    names = _VARIABLES[place.kind]
    if place.kind == "github" and not _is_hosted(place):
        names = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", *names)
    for name in ("GITML_FORGE_TOKEN", *names):
        value = environ.get(name, "").strip()
        if value and _is_meant_for(place, environ):
            return Search(_shown(place.kind, name, value))
        withheld = withheld or (name if value else "")
    return Search(None, withheld)


def _is_meant_for(place: Place, environ: Mapping[str, str]) -> bool:
    """Say whether a variable of the forge may be sent there."""
    told = [environ[name] for name in _ADDRESSES[place.kind] if environ.get(name)]
    return place.is_named or _is_hosted(place) or _host_in(place.web) in map(_host_in, told)


def _is_hosted(place: Place) -> bool:
    return (urlsplit(place.web).hostname or "") in _HOSTED[place.kind]


def _host_in(address: str) -> str:
    try:
        return urlsplit(address if "://" in address else f"https://{address}").netloc.lower()
    except ValueError:
        return ""


def _shown(kind: Kind, name: str, value: str) -> Token:
    if name == "CI_JOB_TOKEN":
        return Token(value, "JOB-TOKEN", "", name)
    return Token(value, "Authorization", "token " if kind == "gitea" else "Bearer ", name)


def _of_command_line(place: Place, environ: Mapping[str, str]) -> Token | None:
    lines = {
        "github": ("gh", "auth", "token", "--hostname", place.host),
        "gitlab": ("glab", "config", "get", "token", "--host", place.host),
    }
    line = lines.get(place.kind)
    if line is None or _is_no_host(place.host):
        return None
    secret = said_by(line, stored_only(place, environ))
    return _shown(place.kind, " ".join(line[:3]), secret) if secret else None


def stored_only(place: Place, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which gh and glab know only what they have stored for a host.

    What they find in variables they would send to any host. A variable is kept where GH_HOST says that it is for this
    one.
    """
    dropped = (*(() if environ.get("GH_HOST") == place.host else _OF_GH), *_OF_GLAB)
    return {name: value for name, value in environ.items() if name not in dropped}


def _is_no_host(host: str) -> bool:
    return not host or host.startswith("-")


def said_by(line: tuple[str, ...], environ: Mapping[str, str], *, is_said_on_stderr: bool = False) -> str:
    """Return what a forge's command line says; empty where it is not installed, fails, or has nothing to say."""
    program = shutil.which(line[0], path=environ.get("PATH", ""))
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *line[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**environ, **QUIET_CLIS},
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = done.stdout + (done.stderr if is_said_on_stderr else b"")
    return os.fsdecode(said).strip() if done.returncode == 0 else ""


def _of_git(place: Place) -> Token | None:
    """Ask git's credential helpers, which know what a push over https showed."""
    parts = urlsplit(place.web)
    asked = f"protocol={parts.scheme}\nhost={parts.netloc}\npath={place.path}.git\n\n"
    words = ("-c", "credential.interactive=false", "credential", "fill")
    try:
        answer = ask(*words, stdin=asked.encode(), variables=_QUIET)
    except GitIsMissing:
        return None
    pairs = dict(line.partition("=")[::2] for line in answer.out.splitlines()) if answer.code == 0 else {}
    user, secret = pairs.get("username", ""), pairs.get("password", "")
    if not secret:
        return None
    if place.kind == "gitea":  # a password is as good as a token there
        return Token(b64encode(f"{user}:{secret}".encode()).decode(), "Authorization", "Basic ", "git credential fill")
    return _shown(place.kind, "git credential fill", secret)
