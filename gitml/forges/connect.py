"""From a remote's URL to the forge behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitml.forges import gh, gitea, github, gitlab, remote, token
from gitml.forges.client import Client
from gitml.forges.gitea import Gitea
from gitml.forges.github import GitHub
from gitml.forges.gitlab import GitLab
from gitml.forges.http import Connection
from gitml.forges.problems import NoToken
from gitml.git.command import ask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitml.forges.base import Forge
    from gitml.forges.client import Send
    from gitml.forges.remote import Place

_OF_A_RUN = ("GITML_FORGE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
"""Variables in which a workflow hands on the token of its run."""

_HEADERS = {"github": github.HEADERS, "gitlab": gitlab.HEADERS, "gitea": gitea.HEADERS}


def connect(remote_url: str, *, kind: str = "", url: str = "", environ: Mapping[str, str]) -> Forge | None:
    """Return the forge that a remote's URL leads to; None where it leads to none that is known. Asks it nothing yet.

    Parameters
    ----------
    remote_url
        As git has it: https, ssh, ``user@host:path``, a path.
    kind
        ``github``, ``gitlab`` or ``gitea`` where the URL does not tell; else GITML_FORGE.
    url
        Address of the forge or of its API; else GITML_FORGE_URL. A person's word, never that of a file in the
        repository: tokens are sent there.
    environ
        The environment.

    Raises
    ------
    NoToken
        There is nothing to show to the forge. Its `page` is where a person goes on.
    UnsafeToken
        The token is none, or would be sent where others can read it.
    WrongUsage
        `kind` or `url` is none.
    """
    found = place_of(remote_url, kind=kind, url=url, environ=environ)
    if found is None:
        return None
    send, secret = _way_in(found, environ)
    client = Client(found, send, secret.redacted if secret is not None else str)
    if found.kind == "gitlab":
        return GitLab(client)
    if found.kind == "gitea":
        return Gitea(client)
    is_in_actions = environ.get("GITHUB_ACTIONS") == "true" and secret is not None
    return GitHub(client, is_in_actions=is_in_actions and _is_of_actions(secret, environ))


def place_of(remote_url: str, *, kind: str = "", url: str = "", environ: Mapping[str, str]) -> Place | None:
    """Return where a remote's URL leads, by what was said and by GITML_FORGE and GITML_FORGE_URL."""
    return remote.place(remote_url, kind or environ.get("GITML_FORGE", ""), url or environ.get("GITML_FORGE_URL", ""))


def url_of(name: str, at: Path | None = None) -> str:
    """Return the URL of a remote as it is written down, or as git rewrites it where that one leads to a forge.

    Empty where there is no such remote.
    """
    written = ask("config", "--get", operands=[f"remote.{name}.url"], at=at)
    if written.code != 0:
        return ""
    raw = written.out.strip()
    rewritten = ask("ls-remote", "--get-url", "--", operands=[name], at=at).out.strip()
    return rewritten if remote.place(rewritten) is not None else raw


def _way_in(found: Place, environ: Mapping[str, str]) -> tuple[Send, token.Token | None]:
    headers = _HEADERS[found.kind]
    search = token.in_environment(found, environ)
    is_github = found.kind == "github"
    if search.token is None and is_github and gh.speaks_through_socket(environ) and gh.is_logged_in(found, environ):
        return gh.Gh(found, headers, environ), None
    search = search if search.token is not None else token.find(found, environ)
    if search.token is not None:
        return Connection(found.api, search.token, headers), search.token
    if is_github and gh.is_logged_in(found, environ):
        return gh.Gh(found, headers, environ), None
    raise NoToken(found.kind, found.host, search.withheld)


def _is_of_actions(secret: token.Token | None, environ: Mapping[str, str]) -> bool:
    """Say whether the token is the run's own, and not one that somebody put into a variable beside it."""
    if secret is None:
        return False
    return any(environ.get(name, "").startswith("ghs_") and secret.came_from == name for name in _OF_A_RUN)
