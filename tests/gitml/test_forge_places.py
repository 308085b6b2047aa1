"""Which forge a URL leads to, which token goes there, which words it takes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.errors import WrongUsage
from gitml.forges.connect import connect, place_of, url_of
from gitml.forges.gitea import Gitea
from gitml.forges.github import GitHub
from gitml.forges.gitlab import GitLab
from gitml.forges.problems import NoToken, UnsafeToken
from gitml.forges.push_options import push_options
from gitml.forges.remote import compare_url, place
from gitml.forges.token import find
from gitml.forges.words import body_that_fits, is_marked, marked, title_that_fits, without_quick_actions

from .conftest import Repo
from .forge_fixtures import VARIABLES
from .forge_gitlab import GitLabServer
from .test_forge_requests import connected, pushed

SECRET = "s3cret-0123456789"  # pragma: allowlist secret


BEARER, JOB = ("Authorization", "Bearer t"), ("JOB-TOKEN", "t")


class TestPlace:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://github.com/ada/flights.git", "github github.com api.github.com ada/flights"),
            # pragma: allowlist nextline secret
            ("https://ada:pw@GitHub.com/ada/flights/", "github github.com api.github.com ada/flights"),
            ("git@github.com:ada/flights.git", "github github.com api.github.com ada/flights"),
            ("github.com:/ada/flights", "github github.com api.github.com ada/flights"),
            ("ssh://git@ssh.github.com:443/ada/flights", "github github.com api.github.com ada/flights"),
            ("git://github.com/ada/flights", "github github.com api.github.com ada/flights"),
            ("https://x.ghe.com/ada/f", "github x.ghe.com api.x.ghe.com ada/f"),
            ("https://github.acme.io/ada/f", "github github.acme.io github.acme.io/api/v3 ada/f"),
            ("git@gitlab.com:g/s/t/p.git", "gitlab gitlab.com gitlab.com/api/v4 g/s/t/p"),
            ("ssh://git@altssh.gitlab.com:443/g/p", "gitlab gitlab.com gitlab.com/api/v4 g/p"),
            ("ssh://git@gitlab.acme.io:2222/g/p", "gitlab gitlab.acme.io gitlab.acme.io/api/v4 g/p"),
            ("https://gitlab.acme.io:8443/g/p", "gitlab gitlab.acme.io:8443 gitlab.acme.io:8443/api/v4 g/p"),
            ("https://codeberg.org/ada/f", "gitea codeberg.org codeberg.org/api/v1 ada/f"),
            ("https://forgejo.acme.io/ada/f", "gitea forgejo.acme.io forgejo.acme.io/api/v1 ada/f"),
        ],
    )
    def test_known_by_its_url(self, url: str, expected: str) -> None:
        kind, web, api, path = expected.split()
        assert place(url) == (kind, f"https://{web}", f"https://{api}", path, False)

    @pytest.mark.parametrize(
        "url",
        [
            "", "/srv/flights.git", "../flights", "file:///srv/flights.git", "C:/flights", "C:\\flights", "flights",
            "https://git.acme.io/ada/flights", "https://github.com/ada", "https://github.com/a/b/c", "https:///a/b",
            "https://github.com:x/a/b", "https://github.com/../b", "https://github.com/a/b\nc", "ftp://github.com/a/b",
            "https://github.com/a/b%2F..", "https://evil-github.com/a/b", "https://mygithub.com.evil.io/a/b",
            "git@github.com:a/$(x)", "https://github.com/a/b?x=1%0a",
        ],
    )  # fmt: skip
    def test_no_forge(self, url: str) -> None:
        found = place(url)
        assert found is None or (url.endswith("?x=1%0a") and found.path == "a/b")

    def test_one_of_ones_own(self) -> None:
        assert place("git@work:ada/flights", "github", "https://git.acme.io") == (
            "github",
            "https://git.acme.io",
            "https://git.acme.io/api/v3",
            "ada/flights",
            True,
        )
        assert place("https://acme.io/git/ada/flights", "gitea", "https://acme.io/git")[1:4] == (  # type: ignore[index]
            "https://acme.io/git",
            "https://acme.io/git/api/v1",
            "ada/flights",
        )
        assert place("git@h.io:g/p", "gitlab", "h.io/api/v4").api == "https://h.io/api/v4"  # type: ignore[union-attr]
        assert place("https://[::1]:3000/a/b", "gitea").web == "https://[::1]:3000"  # type: ignore[union-attr]
        assert place("git@github.com:a/b", url="https://api.github.com").api == "https://api.github.com"  # type: ignore[union-attr]
        assert place_of("git@h.io:g/p", environ={"GITML_FORGE": "gitlab"}).kind == "gitlab"  # type: ignore[union-attr]
        assert place("/srv/flights.git", "github", "https://git.acme.io") is None

    @pytest.mark.parametrize(
        ("kind", "url"),
        [
            ("gitbucket", ""),
            ("github", "ftp://x"),
            ("github", "https://"),
            ("github", "https://a:b:c"),
            ("", "https://x\ny"),
        ],
    )
    def test_words_that_name_none(self, kind: str, url: str) -> None:
        with pytest.raises(WrongUsage):
            place("https://git.acme.io/a/b", kind, url)

    @given(st.text())
    def test_any_text(self, url: str) -> None:
        found = place(url)
        assert found is None or found.host

    def test_the_page_on_which_a_person_goes_on(self) -> None:
        head, base = "promote/model-v4", "production/production-model"
        hosts = ("github.com", "gitlab.com", "gitea.com")
        assert [compare_url(f"git@{host}:ada/flights", head, base) for host in hosts] == [
            "https://github.com/ada/flights/compare/production/production-model...promote/model-v4?expand=1",
            "https://gitlab.com/ada/flights/-/merge_requests/new?merge_request%5Bsource_branch%5D=promote%2Fmodel-v4"
            "&merge_request%5Btarget_branch%5D=production%2Fproduction-model",
            "https://gitea.com/ada/flights/compare/production/production-model...promote/model-v4",
        ]  # fmt: skip
        assert compare_url("/srv/x.git", head, base) == ""

    def test_the_url_of_a_remote(self, repo: Repo) -> None:
        repo.git("remote", "add", "origin", "gh:ada/flights")
        assert url_of("origin", repo.path) == "gh:ada/flights"
        repo.git("config", "url.git@github.com:.insteadOf", "gh:")
        assert url_of("origin", repo.path) == "git@github.com:ada/flights"
        repo.git("config", "remote.origin.url", "https://github.com/ada/flights")
        repo.git("config", "url./srv/mirror.insteadOf", "https://github.com/ada/flights")
        assert url_of("origin", repo.path) == "https://github.com/ada/flights"
        assert url_of("other", repo.path) == url_of("--all", repo.path) == ""


def shown(url: str, **environ: str) -> tuple[str, str] | None:
    """Return the header of the token that is found for a URL."""
    there = place(url, environ.pop("kind", ""), environ.get("GITML_FORGE_URL", ""))
    assert there is not None
    found = find(there, environ)
    return found.token.header() if found.token is not None else None


class TestToken:
    @pytest.mark.parametrize(
        ("url", "environ", "header"),
        [
            ("https://github.com/a/b", {"GITHUB_TOKEN": "t"}, BEARER),
            ("https://github.com/a/b", {"GH_TOKEN": "t"}, BEARER),
            ("https://github.com/a/b", {"GITHUB_TOKEN": "other", "GITML_FORGE_TOKEN": " t\n"}, BEARER),
            ("https://gitlab.com/a/b", {"GITLAB_TOKEN": "t"}, BEARER),
            ("https://gitlab.com/a/b", {"CI_JOB_TOKEN": "t"}, JOB),
            ("https://codeberg.org/a/b", {"FORGEJO_TOKEN": "t"}, ("Authorization", "token t")),
            ("https://gitea.com/a/b", {"GITEA_TOKEN": "t"}, ("Authorization", "token t")),
            # of a server of one's own only where something says so
            ("https://github.acme.io/a/b", {"GITHUB_TOKEN": "t"}, None),
            ("https://github.acme.io/a/b", {"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://github.com"}, None),
            (
                "https://github.acme.io/a/b",
                {"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://github.acme.io"},
                BEARER,
            ),
            (
                "https://github.acme.io/a/b",
                {"GITHUB_TOKEN": "t", "GH_ENTERPRISE_TOKEN": "e", "GH_HOST": "github.acme.io"},
                ("Authorization", "Bearer e"),
            ),
            ("https://gitlab.evil.io/a/b", {"GITLAB_TOKEN": "t", "GITLAB_HOST": "gitlab.acme.io"}, None),
            ("https://gitlab.acme.io/a/b", {"GITLAB_TOKEN": "t", "GITLAB_HOST": "gitlab.acme.io"}, BEARER),
            ("https://gitlab.acme.io/a/b", {"CI_JOB_TOKEN": "t", "CI_SERVER_URL": "https://gitlab.acme.io"}, JOB),
            ("https://gitea.acme.io/a/b", {"GITEA_TOKEN": "t"}, None),
            ("https://gitlab.evil.io/a/b", {"GITML_FORGE_TOKEN": "t"}, None),
            ("https://gitlab.acme.io/a/b", {"GITLAB_TOKEN": "t", "GITML_FORGE_URL": "https://gitlab.acme.io"}, BEARER),
        ],
    )  # fmt: skip
    def test_from_the_environment(self, url: str, environ: dict[str, str], header: tuple[str, str] | None) -> None:
        assert shown(url, **environ) == header

    def test_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(NoToken, match="there is no token for gitlab.acme.io") as error:
            connect("https://gitlab.acme.io/a/b", environ={"GITLAB_TOKEN": SECRET})
        assert error.value.mend == (
            "export GITML_FORGE_URL=https://gitlab.acme.io",
            "glab auth login --hostname gitlab.acme.io",
            "export GITLAB_TOKEN=…",
        )
        assert "GITLAB_TOKEN is set, but nothing says that it is for gitlab.acme.io" in error.value.why
        assert SECRET not in str(error.value.__dict__)

    @pytest.mark.parametrize(
        ("url", "header"),
        [
            ("https://github.com/a/b", ("Authorization", f"Bearer {SECRET}")),
            ("https://codeberg.org/a/b", ("Authorization", "Basic YWRhOnMzY3JldC0wMTIzNDU2Nzg5")),
        ],
    )
    def test_from_gits_own_credentials(self, home: Path, url: str, header: tuple[str, str]) -> None:
        """A real helper of git's, for this host and no other."""
        host = url.split("/")[2]
        (home / ".git-credentials").write_text(f"https://ada:{SECRET}@{host}\n")
        with (home / ".gitconfig").open("a") as file:
            file.write("[credential]\n\thelper = store\n")
        assert shown(url) == header
        assert shown("https://gitlab.com/a/b") is None

    def test_git_asks_nobody(self, home: Path, tmp_path: Path) -> None:
        asked = tmp_path / "asked"
        script = tmp_path / "ask"
        script.write_text(f"#!/bin/sh\ntouch '{asked}'\necho {SECRET}\n")
        script.chmod(0o755)
        with (home / ".gitconfig").open("a") as file:
            file.write(f"[core]\n\taskPass = {script}\n")
        assert shown("https://github.com/a/b") is None
        assert not asked.exists()

    @pytest.mark.parametrize("name", ["gh", "glab"])
    def test_from_a_command_line(self, tmp_path: Path, name: str) -> None:
        """One that knows a token for one host, and in whose environment no other token is."""
        program = tmp_path / "bin" / name
        program.parent.mkdir()
        program.write_text(
            "#!/bin/sh\n"
            'case "$*" in *acme.io) ;; *) exit 1 ;; esac\n'
            'echo "$GITHUB_TOKEN$GH_TOKEN$GH_ENTERPRISE_TOKEN$GITLAB_TOKEN-of-$1"\n'
        )
        program.chmod(0o755)
        kind = "github" if name == "gh" else "gitlab"
        environ = {
            "PATH": f"{program.parent}:/usr/bin:/bin",
            "GITHUB_TOKEN": SECRET,
            "GH_ENTERPRISE_TOKEN": SECRET,
            "GITLAB_TOKEN": SECRET,
        }
        assert shown(f"https://{kind}.acme.io/a/b", **environ) == (
            "Authorization",
            f"Bearer -of-{'auth' if name == 'gh' else 'config'}",
        )
        assert shown(f"https://{kind}.evil.io/a/b", **environ) is None

    def test_a_command_line_that_hangs_or_cannot_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gitml.forges.token._SECONDS", 0.1)
        program = tmp_path / "gh"
        for script in ("#!/bin/sh\nexec sleep 60\n", "#!/nowhere\n", "#!/bin/sh\nprintf 'a b'\n"):
            program.write_text(script)
            program.chmod(0o755)
            if "a b" in script:
                monkeypatch.setattr("gitml.forges.token._SECONDS", 20)
                with pytest.raises(UnsafeToken, match="the token of gh auth token is none"):
                    shown("https://github.com/a/b", PATH=f"{tmp_path}:/usr/bin:/bin")
            else:
                assert shown("https://github.com/a/b", PATH=f"{tmp_path}:/usr/bin:/bin") is None

    def test_which_forge_is_made(self) -> None:
        environ = {"GITML_FORGE_TOKEN": SECRET}
        hosts = {"github.com": GitHub, "gitlab.com": GitLab, "codeberg.org": Gitea}
        for host, kind in hosts.items():
            assert type(connect(f"git@{host}:a/b", environ=environ)) is kind
        assert connect("/srv/x.git", environ=environ) is None


class TestWords:
    def test_titles(self) -> None:
        assert title_that_fits("a\n b") == "a b"
        assert title_that_fits("x" * 300) == "x" * 254 + "…"

    @given(st.text(), st.integers(200, 400))
    def test_no_body_is_too_long(self, body: str, most: int) -> None:
        assert len(body_that_fits(body * 20, most)) <= most

    def test_marks(self) -> None:
        assert is_marked(marked("body", "evidence", 99), "evidence")
        assert not is_marked(marked("body", "evidence", 99), "other")
        assert not is_marked("said: <!-- gitml: evidence -->", "evidence")

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("/merge", r"\/merge"),
            ("a\n/approve\nb", "a\n\\/approve\nb"),
            ("a\r/approve", "a\r\\/approve"),
            ("  /close now", r"  \/close now"),
            ("/usr/bin and a/b", "/usr/bin and a/b"),
            ("see /merge", "see /merge"),
            ("/merge\r\n", "\\/merge\r\n"),
        ],
    )
    def test_gitlab_is_given_no_orders(self, text: str, kept: str) -> None:
        assert without_quick_actions(text) == kept


class TestGitLabsOrders:
    def test_a_report_cannot_merge_by_a_line(self, gitlab_server: GitLabServer) -> None:
        """GitLab obeys a description's lines that begin with a slash, with the rights of whoever sends it."""
        pushed(gitlab_server)
        forge = connected(gitlab_server)
        evil = "fine\n/merge\n/approve\n"
        forge.open("experiments/lr", "main", "t", evil)
        forge.update(1, body=f"{evil}/close\n")
        forge.comment(1, evil, "evidence")
        forge.comment(1, f"{evil}.", "evidence")
        assert gitlab_server.executed == []
        before = len(gitlab_server.requests)
        assert forge.open("experiments/lr", "main", "t", f"{evil}/close\n").number == 1
        assert {one.method for one in gitlab_server.requests[before:]} == {"GET"}

    def test_a_push_opens_a_merge_request(self, gitlab_server: GitLabServer) -> None:
        repo = gitlab_server.clone()
        repo.git("switch", "--quiet", "--create", "experiments/lr")
        repo.commit("experiment: try", lr="1")
        options = push_options("main", "experiment:\ntry", "\nEvidence: -o x\n\n/merge\n")
        assert options == (
            "merge_request.create",
            "merge_request.target=main",
            "merge_request.title=experiment: try",
            "merge_request.description=Evidence: -o x",
        )
        repo.git("push", "--quiet", *(f"--push-option={one}" for one in options), "origin", "experiments/lr")
        found = connected(gitlab_server).find("experiments/lr", "main")
        assert found is not None
        assert found[5:8] == (repo.git("rev-parse", "HEAD"), "experiment: try", "Evidence: -o x")
        assert push_options("main", "t", "/merge\n")[-1] == r"merge_request.description=\/merge"
        assert len(push_options("main", "t")) == 3

    def test_a_server_without_push_options_refuses_the_push(self, gitlab_server: GitLabServer) -> None:
        gitlab_server.repository.git("config", "receive.advertisePushOptions", "false")
        repo = gitlab_server.clone()
        words = [f"--push-option={one}" for one in push_options("main", "t")]
        assert repo.run("git", "push", *words, "origin", "HEAD:refs/heads/experiments/x").code == 128
        assert gitlab_server.repository.tip("experiments/x") == ""

    def test_a_jobs_token_reads_but_opens_nothing(self, gitlab_server: GitLabServer) -> None:
        pushed(gitlab_server)
        gitlab_server.add("experiments/lr", "main", "t", "", "ada")
        environ = {"CI_JOB_TOKEN": gitlab_server.token, "GITML_FORGE_URL": gitlab_server.url, "GITML_FORGE": "gitlab"}
        forge = connect(gitlab_server.remote_url, environ=environ)
        assert forge is not None and forge.state(1).number == 1
        forge.comment(1, "one", "evidence")
        forge.comment(1, "two", "evidence")
        bodies = [one.body for one in gitlab_server.pulls[1].comments]
        assert len(bodies) == 2, "nobody knows whose comment is ours, so none is rewritten"


def test_the_token_of_an_actions_run_rewrites_its_own_comment(github_server) -> None:  # type: ignore[no-untyped-def]
    pushed(github_server)
    github_server.add("experiments/lr", "main", "t", "", "ada")
    from .forge_server import Account

    run, app = "ghs_0123456789", "ghs_of-an-app-0123"
    github_server.accounts[run] = Account("github-actions[bot]", False)
    github_server.accounts[app] = Account("app[bot]", False)
    environ = {"GITML_FORGE_URL": github_server.url, "GITML_FORGE": "github"}
    for number in range(2):
        made = connect(github_server.remote_url, environ={**environ, "GITHUB_TOKEN": run, "GITHUB_ACTIONS": "true"})
        made.comment(1, f"{number}", "evidence")  # type: ignore[union-attr]
        made = connect(github_server.remote_url, environ={**environ, "GITHUB_TOKEN": app})
        made.comment(1, f"{number}", "evidence")  # type: ignore[union-attr]
    writers = [one.login for one in github_server.pulls[1].comments]
    assert writers == ["github-actions[bot]", "app[bot]", "app[bot]"]


def test_importing_the_command_needs_no_network_room() -> None:
    """The group's help must not pay for HTTP and TLS."""
    code = "import sys, gitml.cli.forge; print([name for name in ('ssl', 'urllib.request') if name in sys.modules])"
    done = subprocess.run([os.sys.executable, "-c", code], capture_output=True, text=True, check=True)  # type: ignore[attr-defined]
    assert done.stdout == "[]\n"
