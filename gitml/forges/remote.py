"""Which forge a remote's URL leads to, and the addresses of its pages and its API."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from gitml.conventions.shell import can_be_typed
from gitml.errors import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.forges.base import Kind

KINDS: tuple[Kind, ...] = ("github", "gitlab", "gitea")

_KNOWN: dict[str, Kind] = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "gitea.com": "gitea",
    "codeberg.org": "gitea",
}
_LABELS: dict[str, Kind] = {"github": "github", "gitlab": "gitlab", "gitea": "gitea", "forgejo": "gitea"}
_SSH_HOSTS = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}
"""Hosts that only answer SSH, on port 443, and what they stand for."""

_API = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
_SCHEMES = ("https", "http", "ssh", "git", "git+ssh", "ssh+git")
_SCP = re.compile(r"(?:[^@/:\s]+@)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9][A-Za-z0-9.-]+):(?!//)/*(.+)")
"""``user@host:path``; a host of one letter is a drive."""


class Place(NamedTuple):
    """A repository on a forge.

    Attributes
    ----------
    kind
        Which software it is.
    web
        Address of its pages, without the repository.
    api
        Address of its API.
    path
        The repository's, as the forge calls it: ``owner/name``, with groups on GitLab.
    is_named
        Whether a person named the forge's address, and not only a remote's URL.
    """

    kind: Kind
    web: str
    api: str
    path: str
    is_named: bool = False

    @property
    def host(self) -> str:
        """The host, with its port where it is not the usual one."""
        return urlsplit(self.web).netloc

    @property
    def owner(self) -> str:
        """What stands before the repository's own name."""
        return self.path.rpartition("/")[0]


def place(remote_url: str, kind: str = "", url: str = "") -> Place | None:
    """Return where a remote's URL leads; None where that is no forge that is known here.

    Parameters
    ----------
    remote_url
        As ``git remote get-url`` tells it.
    kind
        ``github``, ``gitlab`` or ``gitea`` (Forgejo, too), where the URL does not tell.
    url
        Address of the forge or of its API. It comes from a person, never from a file of the repository: this is
        where tokens are sent.

    Raises
    ------
    WrongUsage
        `kind` or `url` is none.
    """
    if kind and kind not in KINDS:
        raise WrongUsage(f"{kind!r} is no forge", f"There are {', '.join(KINDS)}.", ("gitml forge verify --help",))
    found = _split(remote_url)
    if found is None and not url:
        return None
    scheme, host, path = found or ("https", "", remote_url.strip("/"))
    web = _web(url) if url else f"{scheme}://{host}"
    guessed = kind or _guess(urlsplit(web).hostname or "")
    if not guessed:
        return None
    chosen = next(one for one in KINDS if one == guessed)
    api = _API[chosen]
    if url and urlsplit(url).path.rstrip("/").endswith(api):
        web = web.removesuffix(api)
    below = urlsplit(web).path.strip("/")
    path = path.removeprefix(f"{below}/") if below else path
    if found is None or not _is_repository(path, chosen):
        return None
    return Place(chosen, web, _api(chosen, web), path, bool(url))


def compare_url(remote_url: str, head: str, base: str, kind: str = "", url: str = "") -> str:
    """Return the page on which a person opens a pull request; empty where there is none.

    >>> compare_url("git@github.com:ada/flights.git", "promote/model-v4", "main")
    'https://github.com/ada/flights/compare/main...promote/model-v4?expand=1'
    """
    there = place(remote_url, kind, url)
    if there is None:
        return ""
    page = f"{there.web}/{quote(there.path)}"
    if there.kind == "gitlab":
        asked = urlencode({"merge_request[source_branch]": head, "merge_request[target_branch]": base})
        return f"{page}/-/merge_requests/new?{asked}"
    return f"{page}/compare/{quote(base)}...{quote(head)}" + ("?expand=1" if there.kind == "github" else "")


def _split(remote_url: str) -> tuple[str, str, str] | None:
    """Return the scheme of its pages, the host with a port for them, and the path."""
    if not can_be_typed(remote_url) or not remote_url:
        return None
    if "://" in remote_url:
        try:
            parts = urlsplit(remote_url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            return None
        if parts.scheme not in _SCHEMES or not host:
            return None
        host = _SSH_HOSTS.get(host, host)
        host = f"[{host}]" if ":" in host else host
        is_web = parts.scheme in ("https", "http")
        with_port = f"{host}:{port}" if is_web and port else host
        return (parts.scheme if is_web else "https"), with_port, _repository(unquote(parts.path))
    scp = _SCP.fullmatch(remote_url)
    if scp is None:
        return None
    host = scp[1].lower()
    return "https", _SSH_HOSTS.get(host, host), _repository(scp[2])


def _repository(path: str) -> str:
    return path.strip("/").removesuffix(".git").strip("/")


def _is_repository(path: str, kind: Kind) -> bool:
    parts = path.split("/")
    is_plain = all(re.fullmatch(r"[A-Za-z0-9_.~+-]+", part) and part not in (".", "..") for part in parts)
    return is_plain and (len(parts) >= 2 if kind == "gitlab" else len(parts) == 2)


def _guess(host: str) -> str:
    if host in _KNOWN:
        return _KNOWN[host]
    if host.endswith(".ghe.com"):
        return "github"
    return next((kind for label, kind in _LABELS.items() if host.startswith(f"{label}.")), "")


def _web(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("https", "http") or not parts.hostname or not can_be_typed(url):
        raise WrongUsage(
            "the forge's address cannot be understood", "It is like https://git.example.org.", ("gitml forge --help",)
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    host = "github.com" if host == "api.github.com" else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _api(kind: Kind, web: str) -> str:
    host = urlsplit(web).hostname or ""
    if host == "github.com":
        return "https://api.github.com"
    if kind == "github" and host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return web + _API[kind]
