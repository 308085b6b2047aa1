"""What a forge does for a CI run: git over HTTP with a token, the event, a job's scripts one after the other."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from .conftest import ROOT, Done, Repo

TOKEN = "token-of-the-run"
"""What may read, and in a job with `contents: write` push."""


class Hub(Repo):
    """A bare repository behind HTTP that lets in who has a token."""

    def __init__(self, path: Path, url: str) -> None:
        super().__init__(path)
        self.url = url
        self.seen: set[tuple[str, str]] = set()


@contextmanager
def served(path: Path, users: dict[str, str]) -> Iterator[Hub]:
    """Serve the bare repository at `path` by git's own http-backend; `users` are names and what they come with."""
    hub = Hub(path, "")
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant", "http.receivepack"):
        hub.git("config", setting, "true")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.headers.get("Authorization", "").removeprefix("Basic ")
            name, _, secret = base64.b64decode(sent).decode().partition(":")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not sent or users.get(name) != secret:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
                return
            hub.seen.add((name, self.path.rpartition("/")[2]))
            self._answer(name, body)

        do_POST = do_GET

        def _answer(self, name: str, body: bytes) -> None:
            where, _, query = self.path.partition("?")
            environment = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(path.parent),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": where,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_USER": name,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for field, value in fields.items():
                self.send_header(field, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        hub.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


class Run(NamedTuple):
    """A CI run: where its temporary files are, and what each script left."""

    folder: Path
    scripts: list[Done]

    @property
    def code(self) -> int:
        return self.scripts[-1].code

    @property
    def out(self) -> str:
        return self.scripts[-1].out

    def everything(self) -> bytes:
        """Return the bytes of all files that the run left."""
        return b"".join(file.read_bytes() for file in self.folder.rglob("*") if file.is_file())


def on_github(
    job: dict[str, Any], hub: Hub, event: dict[str, Any], folder: Path, main: str = "main", **secrets: str
) -> Run:
    """Run a job's scripts as the runner would, the installing one replaced by this gitml."""
    (folder / "gitml/bin").mkdir(parents=True)
    _gitml(folder / "gitml/bin/gitml")
    told = folder.parent / f"{folder.name}-event.json"
    told.write_text(json.dumps(event))
    workspace = folder.parent / f"{folder.name}-workspace"
    workspace.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_PATH": str(told),
        "GITHUB_REPOSITORY": hub.path.stem,
        "GITHUB_SERVER_URL": hub.url,
        "RUNNER_TEMP": str(folder),
        "MAIN": main,
    }
    known = {"github.token": TOKEN, "github.event.pull_request.number": str(event.get("number", ""))}
    known |= {f"secrets.{name}": value for name, value in secrets.items()}
    scripts = []
    for step in job["steps"]:
        if "run" not in step or step["name"].startswith("Install gitml"):
            continue
        own = {name: _evaluated(str(value), known) for name, value in step.get("env", {}).items()}
        scripts.append(_bash(step["run"], workspace, {**environment, **own}))
        if scripts[-1].code != 0:
            break
    assert list(workspace.iterdir()) == []
    return Run(folder, scripts)


def _evaluated(value: str, known: dict[str, str]) -> str:
    """Put in what an expression stands for: names, and the first of several that is something."""

    def first(found: re.Match[str]) -> str:
        return next(filter(None, (known.get(word.strip(), "") for word in found[1].split("||"))), "")

    return re.sub(r"\$\{\{(.*?)\}\}", first, value)


def on_gitlab(jobs: dict[str, Any], name: str, hub: Hub, folder: Path, **variables: str) -> Run:
    """Run a job's scripts in one shell as the runner would, with this gitml where pip would have put one."""
    folder.mkdir()
    shims = folder.parent / f"{folder.name}-shims"
    shims.mkdir()
    _gitml(shims / "installed")
    (shims / "python").write_text(
        f'#!/bin/sh\n[ "$*" = "-I -m venv tool" ] || exit 9\nmkdir -p tool/bin\ncp "{shims}/installed" tool/bin/gitml\n'
        "printf '#!/bin/sh\\n' > tool/bin/python\nchmod +x tool/bin/python\n"
    )
    (shims / "python").chmod(0o755)
    base, job = jobs[".gitml"], jobs[name]
    environment = {
        "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "TMPDIR": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_JOB_TOKEN": TOKEN,
        "CI_PROJECT_PATH": hub.path.stem,
        "CI_SERVER_URL": hub.url,
        "CI_SERVER_HOST": "127.0.0.1",
        **base["variables"],
        **job.get("variables", {}),
        **variables,
    }
    return Run(folder, [_bash("\n".join([*base["before_script"], *job["script"]]), folder, environment)])


def _bash(script: str, at: Path, environment: dict[str, str]) -> Done:
    line = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(line, cwd=at, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return Done(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


def _gitml(file: Path) -> None:
    """Write what pip writes for the command."""
    file.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from gitml.cli.main import main\nsys.exit(main())\n"
    )
    file.chmod(0o755)


def opened(number: int, head: str, branch: str, title: str, base: str = "main", **others: Any) -> dict[str, Any]:
    """Return GitHub's event for a pull request of the repository `flights`."""
    return {
        "action": "opened",
        "number": number,
        "pull_request": {
            "number": number,
            "title": title,
            "base": {"ref": base, "repo": {"full_name": "flights"}},
            "head": {"ref": branch, "sha": head, "repo": {"full_name": others.pop("of", "flights")}},
            **others,
        },
        "repository": {"default_branch": "main", "full_name": "flights"},
    }
