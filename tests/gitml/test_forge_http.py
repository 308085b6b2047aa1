"""What lies between gitml and a forge: lost connections, limits, redirects, answers that are none, secrets."""

from __future__ import annotations

import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from gitml.errors import GitmlError
from gitml.forges import http as room
from gitml.forges.answer import text
from gitml.forges.base import Forge
from gitml.forges.client import Client
from gitml.forges.connect import connect
from gitml.forges.http import Connection, Unanswered, is_this_machine
from gitml.forges.problems import (
    ForgeSaysNo,
    ForgeUnreachable,
    NotAllowed,
    OddAnswer,
    RateLimited,
    UnsafeToken,
)
from gitml.forges.remote import place
from gitml.forges.token import Token

from .conftest import ROOT
from .forge_github import GitHubServer
from .forge_server import ForgeServer
from .test_forge_requests import KINDS, connected, pushed

Serve = Callable[..., str]


@pytest.fixture
def forge(github_server: GitHubServer) -> Forge:
    pushed(github_server)
    github_server.add("experiments/lr", "main", "t", "", "ada")
    return connected(github_server)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that gives one answer to everything, and return its address."""
    servers = []

    def start(status: int = 200, body: bytes = b"{}", headers: dict[str, str] | None = None, **more: Any) -> str:
        class Handles(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(dict(self.headers.items()))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PATCH = do_PUT = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        seen = more.get("seen", [])
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handles)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def of(address: str, secret: str = "s3cret-0123456789") -> Forge:  # pragma: allowlist secret
    made = connect(f"{address}/ada/flights", kind="github", url=address, environ={"GITML_FORGE_TOKEN": secret})
    assert made is not None
    return made


class TestAgain:
    @pytest.mark.parametrize("status", [0, 429, 502, 503, 504])
    def test_a_question_is_asked_again(
        self, forge: Forge, github_server: GitHubServer, pauses: list, status: int
    ) -> None:
        github_server.fail_next(status, times=2, headers={"Retry-After": "3"} if status == 429 else {})
        assert forge.state(1).number == 1
        assert len(pauses) == 2
        if status == 429:
            assert pauses == [3.0, 3.0]
        else:
            assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1

    def test_a_change_that_sets_the_same_twice_is_asked_again(
        self, forge: Forge, github_server: GitHubServer, pauses: list
    ) -> None:
        github_server.fail_next(502, method="PATCH", is_done=True)
        assert forge.update(1, title="new").title == "new"

    def test_not_for_ever(self, forge: Forge, github_server: GitHubServer, pauses: list) -> None:
        github_server.fail_next(503, times=99)
        with pytest.raises(ForgeUnreachable) as error:
            forge.state(1)
        assert (error.value.exit_code, len(pauses)) == (3, 3)
        assert error.value.why.startswith("It answers 503. It was asked 4 times.")

    def test_nobody_is_there(self, pauses: list) -> None:
        with pytest.raises(ForgeUnreachable, match="could not be reached") as error:
            of("http://127.0.0.1:9").state(1)
        assert error.value.why.startswith("Nothing listens there.")
        with pytest.raises(ForgeUnreachable):  # nothing was sent, so a POST is asked again as well
            of("http://127.0.0.1:9").open("a", "b", "c", "d")
        assert len(pauses) == 6

    def test_a_name_that_leads_nowhere(self, pauses: list) -> None:
        environ = {"GITML_FORGE_TOKEN": "x" * 20, "GITML_FORGE_URL": "https://github.invalid"}
        made = connect("https://github.invalid/ada/flights", environ=environ)
        with pytest.raises(ForgeUnreachable) as error:
            made.state(1)  # type: ignore[union-attr]
        assert error.value.why.startswith("Its name leads nowhere")

    def test_500_is_an_answer(self, forge: Forge, github_server: GitHubServer, pauses: list) -> None:
        github_server.fail_next(500)
        with pytest.raises(ForgeSaysNo, match="refuses GET /repos/ada/flights/pulls/1"):
            forge.state(1)
        assert pauses == []

    def test_ctrl_c_while_it_waits(self, github_server: GitHubServer, tmp_path: Path) -> None:
        """A real process, a real signal, while the client waits for a rate limit."""
        github_server.fail_next(429, {"Retry-After": "50"}, times=99)
        repo = github_server.clone()
        line = [sys.executable, "-m", "gitml", "forge", "verify"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        running = subprocess.Popen(line, cwd=repo.path, env=environment, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while not github_server.requests and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.3)
        running.send_signal(2)
        _, said = running.communicate(timeout=30)
        assert (running.returncode, said) == (130, "\ngitml: interrupted\n")


class TestLimits:
    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            (429, {"Retry-After": "3600"}),
            (403, {"Retry-After": "3600"}),
            (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "{reset}"}),
            (429, {"RateLimit-Reset": "{reset}"}),
            (429, {"Retry-After": "{date}"}),
        ],
    )
    def test_a_long_wait_is_an_error_that_says_until_when(
        self, forge: Forge, github_server: GitHubServer, pauses: list, status: int, headers: dict[str, str]
    ) -> None:
        then = int(time.time()) + 3600
        told = {name: value.format(reset=then, date=formatdate(then)) for name, value in headers.items()}
        github_server.fail_next(status, told)
        with pytest.raises(RateLimited, match=r"takes no more requests until \d\d:\d\d:\d\d") as error:
            forge.state(1)
        assert 3500 < error.value.seconds <= 3600
        assert pauses == []

    def test_a_limit_without_a_time(self, forge: Forge, github_server: GitHubServer, pauses: list) -> None:
        body = b'{"message": "You have exceeded a secondary rate limit."}'
        github_server.fail_next(403, body=body)
        assert forge.state(1).number == 1
        assert pauses == [60.0]

    def test_a_post_that_was_refused_by_a_limit_was_not_done(
        self, forge: Forge, github_server: GitHubServer, pauses: list
    ) -> None:
        github_server.fail_next(429, {"Retry-After": "1"}, method="POST")
        assert forge.comment(1, "x", "evidence")
        assert len(github_server.pulls[1].comments) == 1

    @pytest.mark.parametrize("told", ["-1", "soon", "1e9", "9" * 30, ""])
    def test_a_retry_after_that_is_none(
        self, forge: Forge, github_server: GitHubServer, pauses: list, told: str
    ) -> None:
        github_server.fail_next(429, {"Retry-After": told})
        assert forge.state(1).number == 1
        assert pauses == [60.0]


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "mend"),
        [
            ("github", "gh auth login --hostname 127."),
            ("gitlab", "glab auth login --hostname 127."),
            ("gitea", "export GITEA_TOKEN"),
        ],
    )
    def test_401(self, kind: str, mend: str, request: pytest.FixtureRequest) -> None:
        server = request.getfixturevalue(f"{kind}_server")
        with pytest.raises(NotAllowed, match="does not know this token") as error:
            connected(server, "wrong-token").state(1)
        assert (error.value.status, error.value.exit_code) == (401, 3)
        assert error.value.mend[0].startswith(mend)

    @pytest.mark.parametrize("kind", KINDS)
    def test_404(self, kind: str, request: pytest.FixtureRequest) -> None:
        server = request.getfixturevalue(f"{kind}_server")
        made = connect(f"{server.url}/ada/other.git", environ=os.environ)
        with pytest.raises(NotAllowed, match="ada/other or what is in it was not found") as error:
            made.state(1)  # type: ignore[union-attr]
        assert "private" in error.value.why

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(400, ForgeSaysNo), (405, ForgeSaysNo), (409, ForgeSaysNo), (422, ForgeSaysNo), (403, NotAllowed)],
    )
    def test_its_words_are_quoted_and_cleaned(
        self, forge: Forge, github_server: GitHubServer, status: int, kind: type[GitmlError]
    ) -> None:
        body = {"message": "Validation\x1b[31m Failed", "errors": [{"message": "x" * 2000}, {"a": 1}]}
        github_server.fail_next(status, body=json.dumps(body).encode())
        with pytest.raises(kind) as error:
            forge.state(1)
        assert rf"says {status}: Validation\x1b[31m Failed; xxx" in error.value.why
        assert len(error.value.why) < 800
        assert error.value.mend

    def test_an_answer_in_html(self, forge: Forge, github_server: GitHubServer) -> None:
        github_server.fail_next(400, body=b"<html>\x1b[31m")
        with pytest.raises(ForgeSaysNo, match="refuses") as error:
            forge.state(1)
        assert error.value.why.endswith("says 400: nothing more.")


class TestOddAnswers:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b"null",
            b'{"number": NaN}',
            b'{"number": 1, "number": 2}',
            b"\xff\xfe",
            b"[" * 5000,
            b'{"number": true, "html_url": "https://x", "state": "open", "title": "t"}',
            b'{"number": 1, "html_url": "javascript:alert(1)", "state": "open", "title": "t"}',
            b'{"number": 1, "html_url": "https://x", "state": 1, "title": "t"}',
            b'{"number": 1, "html_url": "https://x", "state": "open", "title": "t", "head": {"ref": "a", "sha": "-"}}',
            b'{"number": 1, "html_url": "https://x", "state": "open", "title": "t", "head": 7}',
        ],
    )
    def test_what_is_no_pull_request(self, serve: Serve, body: bytes) -> None:
        with pytest.raises(OddAnswer, match="cannot be read"):
            of(serve(body=body)).state(1)

    def test_a_list_of_anything(self, serve: Serve) -> None:
        with pytest.raises(OddAnswer):
            of(serve(body=b"[7]")).find("a", "b")

    def test_one_that_is_too_large(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(room, "LARGEST", 2**20)
        with pytest.raises(ForgeUnreachable) as error:
            of(serve(body=b" " * (2**20 + 1))).state(1)
        assert error.value.why.startswith("Its answer is larger than")

    def test_one_that_breaks_off(self, serve: Serve, pauses: list) -> None:
        with pytest.raises(ForgeUnreachable) as error:
            of(serve(body=b"{}", headers={"Content-Length": "99"})).state(1)
        assert error.value.why.startswith("Its answer broke off.")

    def test_one_that_trickles(self, serve: Serve, pauses: list, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(room, "SECONDS_OF_ANSWER", -1.0)
        with pytest.raises(ForgeUnreachable, match="could not be reached"):
            of(serve(body=b"{}")).state(1)

    def test_silence(self, pauses: list, monkeypatch: pytest.MonkeyPatch) -> None:
        import socket

        monkeypatch.setattr(room, "SECONDS_OF_SILENCE", 0.1)
        with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(ForgeUnreachable) as error:
            of(f"http://127.0.0.1:{listening.getsockname()[1]}").state(1)
        assert error.value.why.startswith("It said nothing for")

    @pytest.mark.parametrize("link", ["{0}/x?page=2", "http://[?page=2", "file:///etc/x?page=2", "?page=2#x"])
    def test_a_next_page_is_asked_for_at_the_same_place(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, link: str
    ) -> None:
        monkeypatch.setattr("gitml.forges.client.MOST_PAGES", 3)
        elsewhere: list[dict[str, str]] = []
        there = serve(body=b"[]", headers={"Link": f'<{link.format(serve(seen=elsewhere))}>; rel="next"'})
        with pytest.raises(OddAnswer) as error:
            of(there).find("a", "b")
        assert "more than 3 pages" in error.value.why
        assert elsewhere == []

    @pytest.mark.parametrize("link", ["", "<x", '<x>; rel="last"', '<x>; rel="next"', "<" * 9999, "\xff"])
    def test_no_next_page(self, serve: Serve, link: str) -> None:
        assert of(serve(body=b"[]", headers={"Link": link})).find("a", "b") is None

    def test_pages_without_an_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gitml.forges.client.MOST_PAGES", 3)
        asked: list[str] = []

        def answer(method: str, url: str, body: bytes | None) -> room.Raw:
            asked.append(url)
            return room.Raw(200, {"link": '<https://x.invalid/>; rel="prev", </?page=2>; rel="next"'}, b"[]")

        there = place("https://github.com/ada/flights")
        assert there is not None
        with pytest.raises(OddAnswer) as error:
            list(Client(there, answer, str).pages("/x"))
        assert asked == ["https://api.github.com/x", *["https://api.github.com/x?page=2"] * 2]
        assert "more than 3 pages" in error.value.why


class TestSecrets:
    SECRET = "ghp_abcDEF0123456789"  # pragma: allowlist secret

    def test_it_is_shown_to_its_own_host_only(self, serve: Serve) -> None:
        """Neither a redirect nor a proxy nor another port gets it."""
        elsewhere: list[dict[str, str]] = []
        other = serve(seen=elsewhere)
        for status in (301, 302, 307, 308):
            with pytest.raises(OddAnswer) as error:
                of(serve(status, headers={"Location": f"{other}/x"})).state(1)
            assert "to another host" in error.value.why
        assert elsewhere == []

    def test_a_proxy_sees_nothing_of_this_machine(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[dict[str, str]] = []
        monkeypatch.setenv("http_proxy", serve(seen=seen))
        with pytest.raises(OddAnswer):
            of(serve()).state(1)
        assert seen == []

    def test_a_redirect_on_the_same_host_is_followed(
        self, forge: Forge, github_server: GitHubServer, pauses: list
    ) -> None:
        there = "/api/v3/repos/ada/flights/pulls/1"
        github_server.fail_next(301, {"Location": there})
        assert forge.state(1).number == 1
        github_server.fail_next(307, {"Location": there}, method="PATCH")
        assert forge.update(1, title="new").title == "new"
        github_server.fail_next(301, {"Location": there}, method="PATCH")
        with pytest.raises(ForgeSaysNo, match="has moved"):
            forge.update(1, title="newer")
        github_server.fail_next(301, {"Location": there}, times=99)
        with pytest.raises(OddAnswer) as error:
            forge.state(1)
        assert "without an end" in error.value.why

    def test_not_over_plain_http(self) -> None:
        for address in ("http://forge.example.com", "http://10.0.0.1", "http://localhost.evil.example"):
            with pytest.raises(UnsafeToken, match="over plain HTTP"):
                of(address)

    @pytest.mark.parametrize(
        ("host", "is_it"),
        [("localhost", True), ("127.0.0.1", True), ("::1", True), ("127.1", False), ("10.0.0.1", False)],
    )
    def test_what_this_machine_is_called(self, host: str, is_it: bool) -> None:
        assert is_this_machine(host) is is_it

    def test_what_a_forge_echoes_is_redacted(self, serve: Serve) -> None:
        body = json.dumps({"message": f"bad token {self.SECRET}, Bearer {self.SECRET}"}).encode()
        for status in (400, 401, 403, 404):
            with pytest.raises(GitmlError) as error:
                of(serve(status, body), self.SECRET).state(1)
            shown = "".join(traceback.format_exception(error.value)) + error.value.why + repr(error.value.__dict__)
            assert self.SECRET not in shown
            assert "bad token ***" in shown

    @pytest.mark.parametrize("secret", ["a b", "tok\nX-Evil: 1", "tök", "\x00"])
    def test_what_is_no_token(self, secret: str) -> None:
        with pytest.raises(UnsafeToken, match="the token of GITML_FORGE_TOKEN is none") as error:
            of("http://127.0.0.1:9", secret if secret != "\x00" else "a\x00b")
        assert "Evil" not in str(error.value.__dict__)

    def test_it_is_not_printed_nor_stored(self) -> None:
        import pickle

        token = Token(self.SECRET, "Authorization", "Bearer ", "GITHUB_TOKEN")
        assert self.SECRET not in f"{token!r} {token} {[token]}"
        with pytest.raises(TypeError, match="not stored"):
            pickle.dumps(token)

    def test_in_the_command_lines_traceback(self, github_server: GitHubServer) -> None:
        """With GITML_DEBUG=1 and an answer that echoes the token, in a process of its own."""
        github_server.fail_next(400, times=99, body=json.dumps({"message": github_server.token}).encode())
        environment = {"GITML_DEBUG": "1", "PYTHONPATH": str(ROOT)}
        done = github_server.clone().run(sys.executable, "-m", "gitml", "forge", "verify", **environment)
        assert (done.code, "Traceback" in done.err, "says 400: ***" in done.err) == (1, True, True)
        assert github_server.token not in done.out + done.err

    def test_a_connection_asks_nobody_else(self) -> None:
        token = Token(self.SECRET, "Authorization", "Bearer ", "x")
        asks = Connection("https://api.github.com", token, {})
        for url in ("https://api.github.com.evil.example/", "http://api.github.com/", "https://api.github.com:444/"):
            with pytest.raises(Unanswered) as error:
                asks("GET", url, None)
            assert error.value.is_final


def test_a_certificate_that_nobody_signed(tmp_path: Path, pauses: list) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    line = ["openssl", *words, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(line, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        with pytest.raises(ForgeUnreachable) as error:
            of(f"https://localhost:{server.server_address[1]}").state(1)
    finally:
        server.shutdown()
        server.server_close()
    assert error.value.why.startswith("Its certificate is not to be trusted (self-signed certificate")
    assert pauses == []


def test_what_is_sent(forge: Forge, github_server: ForgeServer) -> None:
    forge.update(1, title="new")
    asked = next(one for one in github_server.requests if one.method == "PATCH")
    assert asked.body == {"title": "new"}
    assert asked.headers["authorization"] == f"Bearer {github_server.token}"
    assert asked.headers["accept"] == "application/vnd.github+json, application/json"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-github-api-version"] == "2022-11-28"
    assert asked.headers["user-agent"].startswith("gitml/")


def test_an_odd_field_names_itself() -> None:
    there = place("https://github.com/ada/flights")
    assert there is not None
    client = Client(there, lambda *_: room.Raw(200, {}, b'{"state": "open"}'), str)
    with pytest.raises(OddAnswer) as error:
        client.read(text, {}, "title")
    assert error.value.why.startswith("title is no text.")
