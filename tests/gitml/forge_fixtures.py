"""The stand-ins of the forges as fixtures, and a client that waits for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gitml.forges import client

from .forge_gitea import GiteaServer
from .forge_github import GitHubServer
from .forge_gitlab import GitLabServer
from .forge_server import ForgeServer

if TYPE_CHECKING:
    from .conftest import Server

_NAMES = """
GITHUB_TOKEN GH_TOKEN GH_HOST GH_ENTERPRISE_TOKEN GITHUB_ENTERPRISE_TOKEN GITHUB_SERVER_URL GITHUB_ACTIONS GH_CONFIG_DIR
GITLAB_TOKEN CI_JOB_TOKEN CI_SERVER_URL GITLAB_HOST GL_HOST
GITEA_TOKEN FORGEJO_TOKEN GITEA_SERVER_URL GITEA_INSTANCE_URL
http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
"""
VARIABLES = _NAMES.split()
"""What another test or this machine must not say."""


@pytest.fixture
def github_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    yield from _running(GitHubServer(server.path), "github", monkeypatch)


@pytest.fixture
def gitlab_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabServer]:
    yield from _running(GitLabServer(server.path), "gitlab", monkeypatch)


@pytest.fixture
def gitea_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[GiteaServer]:
    yield from _running(GiteaServer(server.path), "gitea", monkeypatch)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client would have waited."""
    waited: list[float] = []
    monkeypatch.setattr(client, "sleep", waited.append)
    return waited


def _running(forge: ForgeServer, kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForgeServer]:
    """Start it, and let gitml find it by the environment."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    forge.start()
    monkeypatch.setenv("GITML_FORGE", kind)
    monkeypatch.setenv("GITML_FORGE_URL", forge.url)
    monkeypatch.setenv("GITML_FORGE_TOKEN", forge.token)
    yield forge
    forge.stop()
