"""Other people's programs that the slow tests drive: GitHub's own command line, and a judge of its API description.

They are taken from where the machine has them, else fetched once into pytest's cache. Where that fails, the test fails:
nothing is skipped.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PRISM = "@stoplight/prism-cli@5.14.2"
"""Newer ones need a newer Node."""
DESCRIPTION = "@octokit/openapi@23.0.2"
_SECONDS = 300


def gh(config: pytest.Config) -> Path:
    """Return the program ``gh``."""
    there = shutil.which("gh")
    if there is not None:
        return Path(there)
    folder = Path(config.cache.mkdir("gh"))
    program = folder / "usr/bin/gh"
    if not program.exists():
        done = _done(["apt-get", "download", "gh"], folder)
        if done.returncode != 0:
            _done(["apt-get", "update"], folder)
            done = _done(["apt-get", "download", "gh"], folder)
        packages = sorted(folder.glob("gh_*.deb"))
        if not packages:
            pytest.fail(f"there is no gh here, and none to be had: install it.\n{done.stderr}")
        _done(["dpkg-deb", "--extract", str(packages[-1]), str(folder)], folder)
    return program


@contextmanager
def prism(config: pytest.Config, address: str, said: Path) -> Iterator[str]:
    """Judge what goes to `address` and back by GitHub's description of its API; yield where to ask instead."""
    folder = Path(config.cache.mkdir("prism"))
    program = folder / "node_modules/.bin/prism"
    description = folder / "node_modules/@octokit/openapi/generated/api.github.com.json"
    if not program.exists() or not description.exists():
        words = ["--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
        done = _done(["npm", "install", *words, PRISM, DESCRIPTION], folder)
        if not description.exists():
            pytest.fail(f"there is no prism here, and none to be had: install node and npm.\n{done.stderr}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = [str(program), "proxy", "--errors", "--host", "127.0.0.1", "--port", str(port), str(description), address]
    with said.open("wb") as file, subprocess.Popen(line, stdout=file, stderr=subprocess.STDOUT) as running:
        try:
            there = f"http://127.0.0.1:{port}"
            _wait_for(there, running, said)
            yield there
        finally:
            running.terminate()


def _wait_for(address: str, running: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and running.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/user", timeout=10)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"prism does not answer:\n{said.read_text()[-2000:]}")


def _done(line: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(line, 127, "", str(error))
