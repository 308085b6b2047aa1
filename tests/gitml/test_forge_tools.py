"""GitHub's stand-in and its client against GitHub's own command line and GitHub's own description of its API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitml.forges.base import Forge, Protection
from gitml.forges.client import Client
from gitml.forges.connect import connect
from gitml.forges.gh import Gh
from gitml.forges.github import HEADERS, GitHub
from gitml.forges.http import Connection, Unanswered
from gitml.forges.problems import ForgeSaysNo, ForgeUnreachable, NotAllowed
from gitml.forges.remote import Place, place
from gitml.forges.token import Token

from . import forge_tools
from .conftest import Done, Registry
from .forge_github import GitHubServer
from .test_forge_requests import pushed

HOST = "github.acme.io"
URL = f"https://{HOST}/ada/flights"
WANTED = Protection()
Gitml = Callable[..., Done]


def everything(forge: Forge, server: GitHubServer) -> None:
    """Ask every question that gitml asks of GitHub."""
    repo = pushed(server)
    made = forge.open("experiments/lr", "main", "experiment: try", "Because.")
    assert forge.open("experiments/lr", "main", "experiment: try", "So.") == made._replace(body="So.")
    with pytest.raises(ForgeSaysNo) as refused:
        forge.open("experiments/none", "main", "t", "")
    assert refused.value.status == 422
    with pytest.raises(NotAllowed) as refused_too:
        forge.state(99)
    assert refused_too.value.status == 404
    first = forge.comment(1, "one", "evidence")
    assert forge.comment(1, "two", "evidence") == first
    server.approve(1, "bo")
    assert forge.state(1).approvals == ("bo",)
    for number in range(105):
        server.add("experiments/lr", "main", f"{number}", "", "cy")
    refresh, server.refresh = server.refresh, lambda: None  # type: ignore[method-assign]
    assert forge.find("experiments/lr", "main", "all").number == 106  # type: ignore[union-attr]
    server.pulls[1].head = "experiments/first"
    assert [one.number for one in forge.list_open("main")][-1] == 1
    server.pulls[1].head = "experiments/lr"
    server.refresh = refresh  # type: ignore[method-assign]
    merge = server.merge(1, "squash")
    assert forge.state(1)[2::8] == ("merged", merge)
    assert repo.git("rev-parse", "HEAD") != merge
    assert forge.protect(WANTED) != []
    server.rulesets[next(iter(server.rulesets))]["rules"].pop()
    assert [one.what for one in forge.protect(WANTED) if not one.cannot] == ["ruleset 'gitml: main'"]
    assert [one for one in forge.verify(WANTED) if one.state in ("wrong", "unknown")] == []


@pytest.mark.slow
class TestGh:
    """The real gh, which speaks to the stand-in through a unix socket."""

    @pytest.fixture
    def environ(
        self, github_server: GitHubServer, pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> dict[str, str]:
        program = forge_tools.gh(pytestconfig)
        socket = tmp_path / "s"
        github_server.start(socket)
        for name in ("GITML_FORGE", "GITML_FORGE_URL", "GITML_FORGE_TOKEN"):
            monkeypatch.delenv(name)
        folder = tmp_path / "gh"
        folder.mkdir()
        (folder / "config.yml").write_text(f"http_unix_socket: {socket}\n")
        (folder / "hosts.yml").write_text(f"{HOST}:\n    oauth_token: {github_server.token}\n    user: ada\n")
        monkeypatch.setenv("GH_CONFIG_DIR", str(folder))
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        return dict(os.environ)

    def test_everything(self, github_server: GitHubServer, environ: dict[str, str]) -> None:
        forge = connect(URL, environ=environ)
        assert forge is not None
        everything(forge, github_server)
        agents = {one.headers["user-agent"].partition(" ")[0] for one in github_server.requests}
        assert agents == {"GitHub"}, "it was gh that asked"
        asked = github_server.requests[0].headers
        assert asked["authorization"] == f"token {github_server.token}"
        assert asked["accept"] == HEADERS["Accept"]

    def test_the_command(self, gitml: Gitml, github_server: GitHubServer, environ: dict[str, str]) -> None:
        repo = github_server.clone()
        repo.git("config", "remote.origin.url", URL)
        assert gitml("forge", "protect", at=repo.path).code == 0
        assert gitml("forge", "verify", at=repo.path).code == 0

    def test_an_account_that_gh_does_not_know(self, environ: dict[str, str]) -> None:
        with pytest.raises(Exception, match="there is no token for github.other.io"):
            connect("https://github.other.io/ada/flights", environ=environ)

    def test_a_token_for_another_host_is_not_sent(self, github_server: GitHubServer, environ: dict[str, str]) -> None:
        """What gh finds in GH_ENTERPRISE_TOKEN it would send to any host."""
        with pytest.raises(Exception, match="there is no token for github.other.io"):
            connect("https://github.other.io/ada/flights", environ={**environ, "GH_ENTERPRISE_TOKEN": "x" * 20})
        assert github_server.requests == []

    def test_its_token_where_there_is_no_socket(self, github_server: GitHubServer, environ: dict[str, str]) -> None:
        (Path(environ["GH_CONFIG_DIR"]) / "config.yml").write_text("git_protocol: https\n")
        forge = connect(URL, environ=environ)
        assert isinstance(forge, GitHub)
        assert isinstance(forge._client._send, Connection)

    def test_a_socket_that_nobody_listens_on(self, environ: dict[str, str], pauses: list[float]) -> None:
        (Path(environ["GH_CONFIG_DIR"]) / "config.yml").write_text("http_unix_socket: /nowhere\n")
        forge = connect(URL, environ=environ)
        with pytest.raises(ForgeUnreachable) as error:
            forge.open("a", "main", "t", "")  # type: ignore[union-attr]
        assert "gh says: " in error.value.why


@pytest.mark.slow
class TestDescription:
    """prism lets nothing pass, in either direction, that GitHub's own description of its API does not allow."""

    @pytest.fixture
    def judged(self, github_server: GitHubServer, pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Forge]:
        with forge_tools.prism(pytestconfig, f"{github_server.url}/api/v3", tmp_path / "said") as address:
            there = Place("github", github_server.url, address, "ada/flights", True)
            token = Token(github_server.token, "Authorization", "Bearer ", "a test")
            yield GitHub(Client(there, Connection(address, token, HEADERS), token.redacted))

    def test_everything(self, github_server: GitHubServer, judged: Forge) -> None:
        """One start of prism, which takes a while, for all of it."""
        with pytest.raises(ForgeSaysNo) as refused:
            judged._client.post("/repos/ada/flights/pulls", {"head": 7})  # type: ignore[attr-defined]
        assert "Request body must have required property" in refused.value.said, "it does judge"
        github_server.settings["has_issues"] = "not a boolean"
        with pytest.raises(ForgeSaysNo) as refused:
            judged._client.get("/repos/ada/flights")  # type: ignore[attr-defined]
        assert refused.value.status == 500, "it judges answers, too"
        del github_server.settings["has_issues"]
        everything(judged, github_server)
        github_server.has_rulesets = False
        Registry(github_server.clone("registry")).open()
        judged.protect(WANTED)
        assert set(github_server.protections) == {"main", "production/production-model"}
        judged.verify(WANTED)


class TestOldGh:
    """What gh does not offer is played by a script: one that is too old to tell its token, one that fails."""

    def script(self, folder: Path, lines: str) -> dict[str, str]:
        program = folder / "bin/gh"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
        return {"PATH": f"{program.parent}:{os.environ['PATH']}"}

    def test_one_that_does_not_tell_its_token(self, tmp_path: Path) -> None:
        lines = 'case "$1 $2" in "auth status") echo "Logged in" >&2 ;; *) exit 1 ;; esac'
        forge = connect("https://github.com/ada/flights", environ=self.script(tmp_path, lines))
        assert isinstance(forge, GitHub) and isinstance(forge._client._send, Gh)

    @pytest.mark.parametrize(
        ("lines", "why", "may_be_done"),
        [
            ("echo oops >&2; exit 1", "gh says: oops.", True),
            ("printf 'HTTP/1.1 2'", "gh says: nothing.", True),
            ("exec sleep 60", "gh did not end in 0 s.", True),
        ],
    )
    def test_one_that_answers_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, why: str, may_be_done: bool
    ) -> None:
        monkeypatch.setattr("gitml.forges.gh.SECONDS_OF_ANSWER", 0.2 if "sleep" in lines else 60)
        asks = Gh(found(), {}, self.script(tmp_path, lines))
        with pytest.raises(Unanswered, match=why) as error:
            asks("GET", "https://api.github.com/user", None)
        assert error.value.may_be_done is may_be_done

    def test_what_it_answers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = r"""printf 'HTTP/2.0 404 Not Found\r\nLink: <x>; rel="next"\r\nA: b:c\r\n\r\n{"a":\n1}'; cat; exit 1"""
        asks = Gh(found(), {}, self.script(tmp_path, lines))
        assert asks("POST", "https://api.github.com/user", b"sent") == (
            404,
            {"link": '<x>; rel="next"', "a": "b:c"},
            b'{"a":\n1}sent',
        )
        monkeypatch.setattr("gitml.forges.gh.LARGEST", 3)
        with pytest.raises(Unanswered, match="larger"):
            asks("POST", "https://api.github.com/user", b"sent")

    def test_one_that_cannot_run(self, tmp_path: Path) -> None:
        with pytest.raises(Unanswered, match="could not be run") as error:
            Gh(found(), {}, {"PATH": str(tmp_path)})("GET", "https://api.github.com/user", None)
        assert error.value.is_final


def found() -> Place:
    there = place("https://github.com/ada/flights")
    assert there is not None
    return there
