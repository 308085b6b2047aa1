"""What the stand-ins of GitHub, GitLab and Gitea share: an HTTP server on this machine, people, pull requests.

A stand-in answers as the real one's documentation and source say, and its merges, hooks and refusals are real git in
a real bare repository. What it answers is no proof of what a real forge answers.
"""

from __future__ import annotations

import json
import re
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from .forge_repository import Comment, MergeRefused, Pull, Repository, Review, Terms

if TYPE_CHECKING:
    from .conftest import Repo

OWNER, NAME = "ada", "flights"
PATH = f"{OWNER}/{NAME}"


class Problem(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    login: str


@dataclass
class Failure:
    """An answer that is given in place of the right one.

    Attributes
    ----------
    status
        HTTP's; 0 breaks the connection off without a word.
    headers, body
        What comes with it.
    times
        For how many requests.
    is_done
        Whether what was asked is done all the same.
    method
        Which requests; empty for all.
    """

    status: int
    headers: dict[str, str]
    times: int
    is_done: bool = False
    method: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Account:
    """Who a token is of."""

    login: str
    is_admin: bool = True


Handler = Callable[..., Any]


class ForgeServer:
    """A forge with one repository.

    Attributes
    ----------
    remote
        The bare repository, which has gitml's pre-receive hook.
    token
        Of an administrator, `ada`.
    requests
        What was asked, in order.
    checks
        What was reported of each commit: ``{(commit, name): "success"}``.
    """

    api: ClassVar[str] = ""
    routes: ClassVar[list[tuple[str, str, str]]] = []

    def __init__(self, remote: Path) -> None:
        self.repository = Repository(remote)
        self.remote = remote
        self.token = "gitml-test-0123456789abcdef"  # pragma: allowlist secret
        self.accounts = {self.token: Account(OWNER)}
        self.requests: list[Asked] = []
        self.failures: list[Failure] = []
        self.pulls: dict[int, Pull] = {}
        self.checks: dict[tuple[str, str], str] = {}
        self.is_private = True
        self._numbers = 0
        self._lock = threading.RLock()
        self._servers: list[socketserver.BaseServer] = []
        self.url = ""

    # what a test does

    @property
    def remote_url(self) -> str:
        """The repository's URL, as a clone has it."""
        return f"{self.url}/{PATH}.git"

    def clone(self, name: str = "clone") -> Repo:
        """Clone the repository so that its remote's URL is the forge's, and git goes to the bare repository."""
        from .conftest import Repo  # which imports the fixtures of this

        made = Repo(self.remote.parent / name)
        Repo(self.remote.parent).git("clone", "--quiet", str(self.remote), name)
        made.git("config", f"url.{self.remote}.insteadOf", self.remote_url)
        made.git("config", "remote.origin.url", self.remote_url)
        return made

    def account(self, login: str, *, is_admin: bool = False) -> str:
        """Return a token of somebody else."""
        token = f"token-of-{login}-{'admin' if is_admin else 'writer'}"
        self.accounts[token] = Account(login, is_admin)
        return token

    def fail_next(self, status: int, headers: dict[str, str] | None = None, times: int = 1, **more: Any) -> None:
        """Let the next requests fail; see `Failure`."""
        self.failures.append(Failure(status, headers or {}, times, **more))

    def report(self, commit: str, state: str = "success", name: str = "gitml") -> None:
        """Report a check of a commit."""
        self.checks[commit, name] = state

    def approve(self, number: int, login: str, *, verdict: str = "approve", is_insider: bool = True) -> None:
        """Review a pull request's present head: ``approve``, ``reject``, ``comment`` or ``dismiss``."""
        with self._lock:
            pull = self.pull(number)
            when = self.repository.now()
            pull.reviews.append(Review(self.number(), login, verdict, pull.commit, when, is_insider))

    def say(self, number: int, login: str, body: str) -> int:
        """Write a comment as somebody."""
        with self._lock:
            made = Comment(self.number(), login, body, self.repository.now())
            self.pull(number).comments.append(made)
            return made.id

    def merge(self, number: int, how: str = "merge") -> str:
        """Merge as ``merge``, ``squash``, ``rebase`` or ``fast-forward``, and return the commit.

        Raises
        ------
        MergeRefused
            The forge's settings or the repository's hook say no.
        """
        with self._lock:
            pull = self.pull(number)
            if pull.state != "open":
                raise MergeRefused(405, "Pull Request is not mergeable")
            self._refuse(pull, how)
            pull.merge_commit = self.repository.merge(pull, how, self.message(pull, how))
            pull.state, pull.is_squashed = "merged", how == "squash"
            return pull.merge_commit

    # what a stand-in fills in

    def terms(self, branch: str) -> Terms:
        raise NotImplementedError

    def message(self, pull: Pull, how: str) -> str:
        raise NotImplementedError

    def not_found(self) -> Problem:
        raise NotImplementedError

    def bad_token(self) -> Problem:
        raise NotImplementedError

    def forbidden(self) -> Problem:
        raise NotImplementedError

    def path_of(self, asked: str) -> str:
        """Return the request's path below the repository, with ``REPO`` for it; raises what a stranger sees."""
        raise NotImplementedError

    # the machinery

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def pull(self, number: int) -> Pull:
        self.refresh()
        if number not in self.pulls:
            raise self.not_found()
        return self.pulls[number]

    def newest(self) -> list[Pull]:
        self.refresh()
        return sorted(self.pulls.values(), key=lambda pull: -pull.number)

    def add(self, head: str, base: str, title: str, body: str, author: str, *, is_from_fork: bool = False) -> Pull:
        """Open a pull request without a question."""
        commit = self.repository.tip(head)
        when = self.repository.now()
        number = max(self.pulls, default=0) + 1
        made = Pull(number, head, base, title, body, author, when, commit, is_from_fork=is_from_fork)
        made.versions.append((commit, when))
        self.pulls[number] = made
        return made

    def refresh(self) -> None:
        """Look at what was pushed since: heads that moved, that are gone, that are in their base."""
        for pull in self.pulls.values():
            if pull.state != "open" or pull.is_from_fork:
                continue
            head, base = self.repository.tip(pull.head), self.repository.tip(pull.base)
            if not head:
                pull.state = "closed"
            elif head != pull.commit:
                pull.commit = head
                pull.versions.append((head, self.repository.now()))
                if self.terms(pull.base).drops_stale:
                    pull.reviews = [one for one in pull.reviews if one.verdict != "approve"]
            if head and base and self.repository.has(head, base):
                pull.state, pull.merge_commit = "merged", head

    def approving(self, pull: Pull) -> list[str]:
        last = {one.login: one.verdict for one in pull.reviews if one.is_insider and one.verdict != "comment"}
        return [login for login, verdict in last.items() if verdict == "approve" and login != pull.author]

    def _refuse(self, pull: Pull, how: str) -> None:
        terms = self.terms(pull.base)
        if how not in terms.methods:
            raise MergeRefused(405, f"{how} merges are not allowed on this repository.")
        if len(self.approving(pull)) < terms.approvals:
            raise MergeRefused(405, f"At least {terms.approvals} approving review is required by reviewers.")
        for check in terms.checks:
            if not self.has_passed(pull.commit, check):
                raise MergeRefused(405, f'Required status check "{check}" is expected.')
        if terms.is_strict and not self.repository.has(self.repository.tip(pull.base), pull.commit):
            raise MergeRefused(405, "Head branch is out of date. Review and try the merge again.")

    def has_passed(self, commit: str, check: str) -> bool:
        return self.checks.get((commit, check)) == "success"

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        """Answer one request."""
        with self._lock:
            try:
                return self._routed(asked)
            except Problem as problem:
                return problem.status, {}, problem.body

    def _routed(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        if asked.login == "":
            raise self.bad_token()
        path = self.path_of(asked.path)
        for method, pattern, name in self.routes:
            found = re.fullmatch(pattern, path)
            if found and method == asked.method:
                groups = [int(one) if one.isdecimal() else unquote(one) for one in found.groups()]
                done = getattr(self, name)(asked, *groups)
                return done if isinstance(done, tuple) else (200, {}, done)
        raise self.not_found()

    def page(self, asked: Asked, rows: list[Any], size: str = "per_page", most: int = 30) -> tuple[int, dict, Any]:
        """Answer with one page of a list, and where the next one is."""
        count = min(int(asked.query.get(size, most)), 100)
        page = int(asked.query.get("page", 1))
        headers = {}
        if page * count < len(rows):
            query = "&".join(f"{key}={value}" for key, value in {**asked.query, "page": str(page + 1)}.items())
            address = f"{self.url}{asked.path}?{query}"
            headers["Link"] = f'<{address}>; rel="next", <{address}>; rel="last"'
        return 200, headers, rows[(page - 1) * count : page * count]

    def start(self, socket_file: Path | None = None) -> None:
        """Listen on a port of this machine, and on a unix socket where one is named."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._run(server)
        self.url = self.url or f"http://127.0.0.1:{server.server_address[1]}"
        if socket_file is not None:
            self._run(_OnSocket(str(socket_file), _handler(self)))

    def _run(self, server: socketserver.BaseServer) -> None:
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Handles(BaseHTTPRequestHandler):
    """Hands each request to a forge."""

    forge: ClassVar[ForgeServer]
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        raw = self._sent()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw.decode(errors="replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), body, headers, self._login(headers))
        self.forge.requests.append(asked)
        failure = self._failure()
        if failure is None:
            self._send(*self.forge.answer(asked))
            return
        if failure.is_done:
            self.forge.answer(asked)
        if failure.status == 0:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(failure.status, failure.headers, failure.body or {"message": f"failed with {failure.status}"})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

    def _sent(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _login(self, headers: dict[str, str]) -> str:
        shown = headers.get("authorization", "").partition(" ")[2] or headers.get("job-token", "")
        account = self.forge.accounts.get(shown)
        return account.login if account else ""

    def _failure(self) -> Failure | None:
        for failure in self.forge.failures:
            if failure.times > 0 and failure.method in ("", self.command):
                failure.times -= 1
                return failure
        return None

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        content = b"" if status == 204 or body is None else content
        self.send_response(status)
        told = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(content)), **headers}
        for name, value in {**told, "Connection": "close"}.items():  # nobody is left with a stale one
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def address_string(self) -> str:
        return "somebody"  # on a unix socket there is no address

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _handler(forge: ForgeServer) -> type[BaseHTTPRequestHandler]:
    return type("Handles", (_Handles,), {"forge": forge})
