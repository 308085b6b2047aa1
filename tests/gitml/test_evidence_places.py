"""Where evidence can be gathered: bare repositories, clones without blobs, subfolders; and predictions from afar."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitml.config import Config, Metric
from gitml.models.evidence import Evidence, as_markdown, gather
from gitml.pipeline.storage import Storage

from .conftest import Repo
from .evidence_projects import Releases, predictions
from .test_data_remote import Server

CONFIG = Config(metric=Metric("roc_auc"))
NAMES = ("model-v4", "model-v3")
GOOD, FAIR = predictions(4, noise=0.8), predictions(3)


@pytest.fixture
def made(repo: Repo) -> Releases:
    return Releases(repo)


@pytest.fixture
def store() -> Iterator[Server]:
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


def both(made: Releases) -> tuple[str, str]:
    """Release a good model after a fair one, and return the commits, the good one first."""
    old = made.release(3, FAIR)
    return made.release(4, GOOD), old


def away(made: Releases, place: Path) -> None:
    """Move DVC's cache to where a remote has it."""
    place.mkdir(exist_ok=True)
    shutil.move(made.cache / "files", place / "files")


def config_of(url: str) -> bytes:
    return f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {url}\n".encode()


class TestPlaces:
    @pytest.mark.parametrize("inner", [False, True])
    def test_a_pipeline_in_a_subfolder(self, repo: Repo, monkeypatch: pytest.MonkeyPatch, inner: bool) -> None:
        made = Releases(repo, "ml")
        if inner:
            (repo.path / "ml").mkdir()
            repo.git("mv", ".dvc", "ml/.dvc")
            repo.commit("infra: the project lies in a folder")
            made.main, made.cache = repo.git("rev-parse", "HEAD"), repo.path / "ml/.dvc/cache"
        slices = {"results/analysis/slices.csv": "slice,rows,loss,excess\na = 1,10,0.5,0.1\n"}
        old, new = made.release(3, FAIR, **slices), made.release(4, GOOD, data="b" * 32, **slices)
        monkeypatch.chdir(repo.path / "ml/stages")
        found = gather(new, old, CONFIG, names=NAMES)
        assert found.verdict.outcome == "better"
        assert [one.name for one in found.slices.worst] == ["a = 1"]
        assert [one.name for one in found.changes.data] == ["ml/data/raw.csv"]

    def test_a_bare_repository(self, made: Releases, tmp_path: Path) -> None:
        new, old = both(made)
        bare = tmp_path / "bare.git"
        made.repo.git("clone", "--quiet", "--bare", ".", str(bare))
        found = gather(new, old, CONFIG, bare, names=NAMES)
        assert (found.verdict.outcome, len(found.changes.code)) == ("higher", 0)
        assert found.verdict.why == "the predictions of model-v4 are not in DVC's cache here"
        assert found.comparison.changes[0].name == "roc_auc"

    def test_a_clone_without_blobs_asks_the_server_a_few_times_only(self, made: Releases, tmp_path: Path) -> None:
        old = made.release(3, FAIR, **{f"stages/s{number}.py": f"{number}\n" for number in range(30)})
        new = made.release(4, GOOD, lr=0.3, **{f"stages/s{number}.py": f"{number} new\n" for number in range(30)})
        made.repo.git("config", "uploadpack.allowFilter", "true")
        words = ("--filter=blob:none", "--no-checkout", f"file://{made.repo.path}", "../partial")
        made.repo.run("git", "clone", "--quiet", *words)
        partial = Repo(tmp_path / "partial")
        before = len(list(partial.path.glob(".git/objects/pack/*.promisor")))
        found = gather(new, old, CONFIG, partial.path, names=NAMES)
        assert len(found.changes.code) == 31 and len(found.changes.params) == 1
        assert found.verdict.outcome == "higher" and not found.notes
        asked = len(list(partial.path.glob(".git/objects/pack/*.promisor"))) - before
        assert asked <= 4, asked


class TestFetching:
    def test_not_without_being_asked(self, made: Releases, tmp_path: Path) -> None:
        new, old = both(made)
        away(made, tmp_path / "storage")
        assert self.gathered(made, new, old).verdict.outcome == "higher"
        assert self.gathered(made, new, old, fetch=True).verdict.outcome == "better"
        assert not made.cache.joinpath("files").exists()

    def test_a_remote_that_lacks_them(self, made: Releases) -> None:
        new, old = both(made)
        shutil.rmtree(made.cache)
        found = self.gathered(made, new, old, fetch=True)
        assert found.verdict.why == "the predictions of model-v4 are neither in DVC's cache here nor in the DVC remote"

    def test_no_remote(self, made: Releases) -> None:
        new, old = both(made)
        shutil.rmtree(made.cache)
        made.repo.write(".dvc/config", "")
        found = self.gathered(made, new, old, fetch=True)
        assert found.verdict.why.endswith("not in DVC's cache here, and there is no DVC remote")

    def test_from_a_web_server_into_the_cache(self, made: Releases, store: Server) -> None:
        new, old = both(made)
        self.serve(made, store)
        made.repo.write(".dvc/config", config_of(store.url))
        assert self.gathered(made, new, old, fetch=True).verdict.outcome == "better"
        assert len(list(made.cache.glob("files/md5/*/*"))) == 2
        store.kept.clear()
        assert self.gathered(made, new, old, fetch=True).verdict.outcome == "better"

    def test_into_a_bare_repository_by_mains_configuration_only(
        self, made: Releases, store: Server, tmp_path: Path
    ) -> None:
        new, old = both(made)
        self.serve(made, store)
        bare = tmp_path / "bare.git"
        made.repo.git("clone", "--quiet", "--bare", ".", str(bare))
        trusted = Storage(None, {"": config_of(store.url)})
        found = gather(new, old, CONFIG, bare, names=NAMES, storage=trusted, fetch=True)
        assert found.verdict.outcome == "better"
        assert not list(bare.rglob("files/md5"))

    def test_a_server_that_does_not_answer(self, made: Releases, store: Server) -> None:
        new, old = both(made)
        self.serve(made, store)
        made.repo.write(".dvc/config", config_of(store.url))
        store.status = 403
        found = self.gathered(made, new, old, fetch=True)
        assert found.verdict.outcome == "higher" and "model-v4 could not be fetched: " in as_markdown(found)
        store.status = 0
        store.kept.clear()
        found = self.gathered(made, new, old, fetch=True)
        assert found.verdict.why.endswith("neither in DVC's cache here nor in the DVC remote")

    @staticmethod
    def gathered(made: Releases, new: str, old: str, fetch: bool = False) -> Evidence:
        return gather(new, old, CONFIG, made.repo.path, names=NAMES, fetch=fetch)

    @staticmethod
    def serve(made: Releases, store: Server) -> None:
        """Let a web server have what the cache had."""
        for file in made.cache.glob("files/md5/*/*"):
            store.kept[f"/dvc/files/md5/{file.parent.name}/{file.name}"] = file.read_bytes()
        shutil.rmtree(made.cache)
