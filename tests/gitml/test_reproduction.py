"""What only a second run can tell: whether a commit's metrics are what its code gives. Real git, real DVC."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitml.conventions.versions import ModelVersion
from gitml.errors import GitFailed, GitmlError
from gitml.git.lock import is_held
from gitml.git.objects import Objects, list_tree
from gitml.models import case, clean_room, machine, provenance, reproduction
from gitml.models.agreement import Difference, Tolerance, compare
from gitml.models.case import CannotReproduce
from gitml.models.clean_room import DiskIsFull, enter, remove, tells_of_a_full_disk
from gitml.models.credentials import without_credentials
from gitml.models.provenance import Provenance
from gitml.models.reproduction import Reproduction, reproduce
from gitml.models.source_data import SourceIsMissing
from gitml.pipeline.repro import RunFailed
from gitml.pipeline.slot import LeadsElsewhere
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.storage import Storage

from ..conftest import Project as Pipeline
from .conftest import ROOT, Repo
from .dvc_store import keep, md5_of, objects_in
from .tiny_project import wait_for

pytestmark = pytest.mark.slow

CONFIG = "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../remote\n"

PIPELINE = """stages:
  prepare:
    cmd: sh prepare.sh
    deps: [data/raw, prepare.sh]
    outs: [data/clean]
  train:
    cmd: sh train.sh
    deps: [data/clean, train.sh]
    params: [width]
    outs: [models/model]
    metrics:
    - results/metrics.json:
        cache: false
"""

TRAIN = """set -e
if [ -n "$GATE" ]; then touch "$GATE/began"; until [ -e "$GATE/go" ]; do sleep 0.02; done; fi
mkdir -p models/model results
cat data/clean > models/model/model.onnx
echo '{"python": "3.11.7", "packages": {"numpy": "2.4.6"}}' > models/model/environment.json
rows=$(wc -l < data/clean)
width=$(sed -n 's/^width: //p' params.yaml)
echo "{\\"roc_auc\\": 0.7$width, \\"rows\\": $rows, \\"test_data\\": \\"a\\"}" > results/metrics.json
"""

FILES = {
    ".dvcignore": "__pycache__\n",
    ".gitignore": "/models\n",
    "dvc.yaml": PIPELINE,
    "params.yaml": "width: 12\n",
    "prepare.sh": "cat data/raw/a data/raw/b > data/clean\n",
    "train.sh": TRAIN,
    "README.md": "words\n",
}


class Trained(Repo):
    """A repository whose pipeline was run, and whose data is in a remote."""

    def dvc(self, *words: str) -> None:
        done = self.run(sys.executable, "-m", "dvc", *words)
        assert done.code == 0, done.err

    def rerun(self, message: str = "experiment: run", **files: str) -> str:
        for name, content in files.items():
            self.write(name, content)
        self.dvc("repro", "--quiet")
        return self.save(message)

    def save(self, message: str = "experiment: run") -> str:
        self.commit(message)
        return self.tip

    @property
    def tip(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def shelf(self) -> Path:
        return self.path / ".git/gitml" / clean_room.FOLDER

    @property
    def left(self) -> list[str]:
        """What rooms have left behind: nothing but locks and logs."""
        return [one.name for one in self.shelf.glob("*") if one.suffix not in (".lock", ".log")]

    def state(self) -> tuple[str, str, set[str]]:
        """Return all that must stay as it is."""
        files = self.git("ls-files", "--stage") + self.git("status", "--porcelain", "--ignored")
        return self.git("for-each-ref"), files, objects_in(self.path / ".dvc/cache/files/md5")

    def reproduce(self, **terms: object) -> Reproduction:
        before = self.state()
        try:
            return reproduce(self.tip, self.path, **terms)
        finally:
            assert self.state() == before
            assert self.left == []


def holding(store: Path, content: bytes) -> Path:
    """Return the object of a cache or remote that has some bytes."""
    return next(one for one in store.rglob("??/*") if one.is_file() and one.read_bytes() == content)


_MADE: list[Path] = []


@pytest.fixture
def trained(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    if not _MADE:
        _MADE.append(make(tmp_path_factory.mktemp("trained")))
    for name in ("flights", "remote"):
        shutil.copytree(_MADE[0] / name, tmp_path / name, symlinks=True)
    return Trained(tmp_path / "flights")


def make(folder: Path) -> Path:
    made = Trained(folder / "flights")
    made.path.mkdir()
    made.git("init", "--quiet")
    made.write(".dvc/config", CONFIG)
    made.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    for name, content in FILES.items():
        made.write(name, content)
    made.write("data/raw/a", "1\n2\n")
    made.write("data/raw/b", "3\n")
    made.dvc("add", "--quiet", "data/raw")
    made.dvc("repro", "--quiet")
    made.commit("experiment: first")
    made.dvc("push", "--quiet", "data/raw.dvc")
    return folder


class TestWhatComesOut:
    def test_an_honest_commit(self, trained: Trained) -> None:
        lines: list[str] = []
        found = trained.reproduce(on_progress=lines.append)
        assert found.ok
        assert found.recorded == found.computed == {"roc_auc": 0.712, "rows": 3, "test_data": "a"}
        assert (found.differences, found.unverified, found.is_same_model, found.changed) == ((), (), True, ())
        assert (found.environment, found.notes, found.sources) == ((), (), ("data/raw",))
        assert lines[0] == f"running the code of {trained.tip[:10]}, in a clean room and without credentials"
        assert lines[1].startswith("fetching 1 file") and lines[1].endswith("of source data from storage")
        assert [line.partition(" after")[0] for line in lines[2:]] == [
            *("prepare runs", "prepare ended", "train runs", "train ended"),
        ]

    def test_a_forged_metric_with_a_forged_lock(self, trained: Trained) -> None:
        """As in PITFALLS: `dvc status` is clean, also in a fresh clone."""
        text = (trained.path / "results/metrics.json").read_text()
        trained.write("results/metrics.json", text.replace("0.712", "0.812"))
        trained.dvc("commit", "--force", "--quiet")
        trained.save("experiment: better")
        assert trained.run(sys.executable, "-m", "dvc", "status", "--quiet").code == 0
        found = trained.reproduce()
        assert not found.ok
        assert found.differences == (Difference("roc_auc", 0.812, 0.712),)
        assert found.is_same_model

    @pytest.mark.slow
    def test_a_poisoned_run_cache_is_not_believed(self, trained: Trained) -> None:
        """DVC restores from it what was never computed, without a word, and all hashes agree."""
        text = (trained.path / "results/metrics.json").read_text()
        forged = text.replace("0.712", "0.99")
        keep(trained.path / ".dvc/cache/files/md5", forged)
        for entry in (trained.path / ".dvc/cache/runs").rglob("*"):
            if entry.is_file() and md5_of(text) in entry.read_text():
                entry.chmod(0o644)
                entry.write_text(entry.read_text().replace(md5_of(text), md5_of(forged)))
        for name in ("dvc.lock", "results/metrics.json"):
            (trained.path / name).unlink()
        trained.rerun()
        assert (trained.path / "results/metrics.json").read_text() == forged
        assert trained.reproduce().differences == (Difference("roc_auc", 0.99, 0.712),)

    @pytest.mark.slow
    def test_another_model_of_the_same_metrics(self, trained: Trained) -> None:
        trained.write("models/model/model.onnx", "a trap\n")
        trained.dvc("commit", "--force", "--quiet")
        trained.save()
        found = trained.reproduce()
        assert found.ok  # the bytes need not be the same: another processor sums in another order
        assert (found.is_same_model, found.changed) == (False, ("models/model",))

    @pytest.mark.slow
    def test_within_tolerance(self, trained: Trained) -> None:
        trained.write("results/metrics.json", '{"roc_auc": 0.7121, "rows": 3, "test_data": "a"}\n')
        trained.dvc("commit", "--force", "--quiet")
        trained.save()
        assert not trained.reproduce().ok
        assert trained.reproduce(tolerance=Tolerance(absolute=0.001)).ok

    @pytest.mark.slow
    def test_a_metric_that_was_taken_out_or_put_in(self, trained: Trained) -> None:
        trained.write("results/metrics.json", '{"roc_auc": 0.712, "test_data": "a", "f1": 0.9}\n')
        trained.dvc("commit", "--force", "--quiet")
        trained.save()
        found = trained.reproduce()
        assert not found.ok
        assert set(found.differences) == {Difference("rows", None, 3), Difference("f1", 0.9, None)}

    @pytest.mark.slow
    def test_other_packages_are_named(self, trained: Trained) -> None:
        text = TRAIN.replace('"2.4.6"', '\\"${NUMPY:-2.4.6}\\"').replace('echo \'{"python"', 'echo "{\\"python\\"')
        text = text.replace(': "3.11.7", "packages": {"numpy": ', ': \\"3.11.7\\", \\"packages\\": {\\"numpy\\": ')
        text = text.replace("}}' >", '}}" >')
        trained.rerun(**{"train.sh": text})
        assert json.loads((trained.path / "models/model/environment.json").read_text())["packages"]["numpy"] == "2.4.6"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NUMPY", "2.4.7")
            found = trained.reproduce()
        assert found.ok
        assert found.environment == (("packages.numpy", "2.4.6", "2.4.7"),)
        shutil.rmtree(trained.path / ".dvc/cache")
        assert trained.reproduce().notes == (
            "the environment.json of where it was trained is not here, so it was not compared",
        )

    @pytest.mark.slow
    def test_a_stage_that_makes_no_metrics_any_more(self, trained: Trained) -> None:
        """The recorded file must not be found in the commit's own tree and taken for made."""
        pipeline = PIPELINE.replace("    - results/metrics.json:\n        cache: false\n", "").replace(
            "    metrics:\n", ""
        )
        trained.rerun(**{"dvc.yaml": pipeline + "metrics: [results/metrics.json]\n", "train.sh": TRAIN})
        assert trained.reproduce().ok  # an honest side effect
        trained.rerun(**{"train.sh": TRAIN.partition("rows=")[0]})
        found = trained.reproduce()
        assert found.computed == {}
        assert {one.computed for one in found.differences} == {None}

    @pytest.mark.slow
    def test_a_persistent_metric_is_made_again(self, trained: Trained) -> None:
        pipeline = PIPELINE.replace("cache: false", "cache: false\n        persist: true")
        keeps = TRAIN.replace('echo "{', '[ -e results/metrics.json ] || echo "{')
        trained.rerun(**{"dvc.yaml": pipeline, "train.sh": keeps})
        trained.write("results/metrics.json", '{"roc_auc": 0.99, "rows": 3, "test_data": "a"}\n')
        trained.dvc("commit", "--force", "--quiet")
        trained.save()
        assert trained.reproduce().differences == (Difference("roc_auc", 0.99, 0.712),)

    @pytest.mark.slow
    def test_a_metric_that_dvc_keeps(self, trained: Trained) -> None:
        pipeline = PIPELINE.replace(
            "    - results/metrics.json:\n        cache: false\n", "    - results/metrics.json\n"
        )
        trained.git("rm", "--quiet", "--cached", "results/metrics.json")
        trained.rerun(**{"dvc.yaml": pipeline, ".gitignore": "/models\n/results\n"})
        found = trained.reproduce()
        assert found.ok
        assert found.recorded["roc_auc"] == 0.712
        trained.write("results/metrics.json", '{"roc_auc": 0.99, "rows": 3, "test_data": "a"}\n')
        trained.dvc("commit", "--force", "--quiet")
        trained.save()
        assert trained.reproduce().differences == (Difference("roc_auc", 0.99, 0.712),)

    @pytest.mark.slow
    def test_pipelines_in_folders(self, trained: Trained) -> None:
        """`dvc repro` alone would not run them."""
        inner = "stages: {a: {cmd: sh a.sh, deps: [a.sh], metrics: [m.json: {cache: false}]}}\n"
        trained.write("sub/dvc.yaml", inner)
        trained.write("sub/a.sh", "echo '{\"f1\": 0.5}' > m.json\n")
        trained.dvc("repro", "--quiet", "--all-pipelines")
        trained.save()
        assert trained.reproduce().ok
        trained.write("sub/m.json", '{"f1": 0.6}\n')
        trained.dvc("commit", "--force", "--quiet", "sub/dvc.yaml")
        trained.save()
        assert trained.reproduce().differences == (Difference("f1", 0.6, 0.5),)

    @pytest.mark.slow
    def test_a_folder_of_metrics(self, trained: Trained) -> None:
        pipeline = PIPELINE.replace("results/metrics.json", "results")
        trained.rerun(**{"dvc.yaml": pipeline, "train.sh": TRAIN + "cp results/metrics.json results/more.yaml\n"})
        found = trained.reproduce()
        assert found.ok
        assert found.recorded["results/more.yaml:roc_auc"] == 0.712

    @pytest.mark.slow
    def test_a_frozen_stage_proves_nothing(self, trained: Trained) -> None:
        trained.write("dvc.yaml", PIPELINE + "    frozen: true\n")
        trained.write("results/metrics.json", '{"roc_auc": 0.99}\n')
        trained.dvc("commit", "--force", "--quiet")
        trained.save()
        found = trained.reproduce()
        assert not found.ok
        assert found.unverified == (
            "results/metrics.json is made by train, which is frozen: it is not run",
            "the stage train is frozen: what it made was taken as it is",
        )

    @pytest.mark.slow
    def test_nor_does_what_follows_a_frozen_stage(self, trained: Trained) -> None:
        trained.write("dvc.yaml", PIPELINE.replace("outs: [data/clean]\n", "outs: [data/clean]\n    frozen: true\n"))
        trained.write("data/clean", "1\n2\n3\n4\n")
        trained.dvc("commit", "--force", "--quiet", "prepare")
        trained.rerun()
        found = trained.reproduce()
        assert found.differences == ()
        assert found.unverified == ("the stage prepare is frozen: what it made was taken as it is",)
        assert found.sources == ("data/clean", "data/raw")
        assert not found.ok

    def test_a_metric_that_nobody_can_read(self, trained: Trained) -> None:
        trained.write("results/metrics.json", '{"roc_auc": NaN}\n')
        trained.save()
        found = trained.reproduce()
        assert found.unverified == ("results/metrics.json cannot be read as metrics",)

    @pytest.mark.slow
    def test_what_the_code_leaves_is_not_trusted(self, trained: Trained, tmp_path: Path) -> None:
        """Links, pipes and a configuration of git that would run a command with our rights."""
        evil = 'git config core.fsmonitor "touch owned; false"\ntouch "$(git rev-parse --git-dir)/index.lock"\n'
        trained.write("train.sh", f"{TRAIN}{evil}rm results/metrics.json\nln -s /etc/passwd results/metrics.json\n")
        trained.save()
        found = trained.reproduce()
        assert (found.ok, found.computed) == (False, {})
        trained.write("train.sh", f"{TRAIN}{evil}rm results/metrics.json\nmkfifo results/metrics.json\n")
        trained.save()
        with pytest.raises(RunFailed):  # DVC does not take it
            trained.reproduce()
        hides = TRAIN + evil + "chmod -R a-w . && mkdir -p models/model/deep && chmod 0 models/model/deep || true\n"
        trained.write("train.sh", hides)
        trained.save()
        assert trained.reproduce().ok
        assert not list(tmp_path.rglob("owned"))


class TestWhatCannotBeProved:
    """What is found before any code is run; `gitml.models.case` alone, because it is the same for all of it."""

    def unverified(self, trained: Trained) -> tuple[str, ...]:
        trained.save()
        with Objects(trained.path) as objects:
            return case.read(Snapshot(list_tree(trained.tip, trained.path), objects), trained.tip).unverified

    def test_an_honest_commit_has_nothing(self, trained: Trained) -> None:
        assert self.unverified(trained) == ()

    @pytest.mark.parametrize(
        ("top", "why"),
        [
            ("metrics: [params.yaml]", ()),
            ("metrics: [prepare.sh]", ("prepare.sh is read by a stage, and made by none",)),
            ("metrics: [none.json]", ("none.json is declared, and neither a stage makes it nor git has it",)),
            ("metrics: [README.md]", ("README.md cannot be read as metrics",)),
            ("metrics: [link.json]", ("link.json is, or lies behind, a symbolic link",)),
            ("metrics: ['${x}']", ("dvc.yaml: x is not known, in metrics cannot be resolved",)),
        ],
    )
    def test_metrics_that_no_stage_declares(self, top: str, why: tuple[str, ...], trained: Trained) -> None:
        trained.write("README.md", "{{ no yaml")
        (trained.path / "link.json").symlink_to("results/metrics.json")
        trained.write("dvc.yaml", PIPELINE + top + "\n")
        found = self.unverified(trained)
        assert found == why or (len(found) == 1 and found[0].startswith("dvc.yaml: ") and "${x}" in top)

    def test_a_metric_that_was_never_made(self, trained: Trained) -> None:
        trained.write("dvc.yaml", PIPELINE.replace("results/metrics.json", "results/other.json"))
        assert self.unverified(trained) == ("results/other.json is declared, and the commit does not have it",)

    def test_dvcs_own_folder_is_a_link(self, trained: Trained) -> None:
        (trained.path / ".dvc").rename(trained.path / "dvc")
        (trained.path / ".dvc").symlink_to("dvc")
        with pytest.raises(LeadsElsewhere):
            self.unverified(trained)


@pytest.mark.slow
def test_this_pipeline_itself(lay: Callable[..., Pipeline]) -> None:
    """The smoke preset: trained, committed, and run once more from its source alone."""
    project = lay()
    made = Trained(project.folder)
    made.git("init", "--quiet")
    project.dvc("init", "--quiet", check=False)
    project.dvc("repro", "--quiet")
    made.save()
    found = reproduce(made.tip, made.path)
    assert (found.differences, found.unverified) == ((), ())
    assert found.ok
    assert (found.is_same_model, found.environment) == (True, ())


class TestTheRoom:
    def test_which_python_runs_its_stages(self, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VIRTUAL_ENV", "/active")
        with enter(trained.tip, trained.path) as room:
            assert room.environment["VIRTUAL_ENV"] == "/active"
        monkeypatch.delenv("VIRTUAL_ENV")
        with enter(trained.tip, trained.path) as room:
            assert room.environment.get("VIRTUAL_ENV") == (sys.prefix if sys.prefix != sys.base_prefix else None)
        trained.write(".venv/bin/python", "")
        with enter(trained.tip, trained.path) as room:
            assert room.environment["VIRTUAL_ENV"] == str(trained.path / ".venv")

    def test_a_full_disk_has_one_shape(self, tmp_path: Path) -> None:
        for error in (OSError(errno.ENOSPC, "x"), GitFailed("read-tree", 128, "write: No space left on device")):
            with pytest.raises(DiskIsFull), tells_of_a_full_disk(tmp_path):
                raise error
        for other in (OSError(errno.EACCES, "x"), GitFailed("read-tree", 128, "no")):
            with pytest.raises(type(other)), tells_of_a_full_disk(tmp_path):
                raise other

    def test_credentials_are_not_in_it(self, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
        shows = 'env > results/env\necho "{\\"n\\": $(grep -c s3cret results/env || true)}" > results/metrics.json\n'
        trained.write("train.sh", TRAIN + shows)
        trained.save()
        for name in ("GITHUB_TOKEN", "AWS_SESSION", "CI_JOB_TOKEN", "MY_SECRET", "X_API_KEY"):
            monkeypatch.setenv(name, "s3cret")
        monkeypatch.setenv("HTTPS_PROXY", "http://me:s3cret@proxy.example.org")  # pragma: allowlist secret
        monkeypatch.setenv("PYTHONPATH", "/s3cret")
        assert trained.reproduce().computed["n"] == 0

    def test_which_variables_stay(self) -> None:
        kept = {
            "PATH": "/bin",
            "HOME": "/h",
            "LANG": "C",
            "CI": "true",
            "OMP_NUM_THREADS": "2",
            "http_proxy": "http://p",
        }
        dropped = [
            "GH_TOKEN",
            "GITHUB_ENV",
            "GITLAB_TOKEN",
            "CI_JOB_JWT",
            "AWS_PROFILE",
            "AZURE_CLIENT_ID",
            "gh_token",
            "SSH_AUTH_SOCK",
            "DB_PASSWORD",
            "OPENAI_API_KEY",
            "NETRC",
            "ACTIONS_RUNTIME_URL",
            "GIT_CONFIG_VALUE_0",
            "DVC_STUDIO_TOKEN",
            "KUBECONFIG",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "PYTHONPATH",
            "CI_REPOSITORY_URL",
        ]
        # pragma: allowlist nextline secret
        assert without_credentials({**kept, **dict.fromkeys(dropped, "x"), "no_proxy_url": "https://a:b@c"}) == kept

    @pytest.mark.slow
    def test_the_users_dvc_and_uncommitted_files_are_not_in_it(self, trained: Trained) -> None:
        trained.write("train.sh", "exit 1\n")
        trained.write("extra", "not committed")
        trained.write(".dvc/config.local", "[cache]\n    dir = /nowhere\n")
        try:
            assert reproduce(trained.tip, trained.path).ok
        finally:
            (trained.path / ".dvc/config.local").unlink()

    @pytest.mark.slow
    def test_from_a_bare_partial_and_shallow_clone(self, trained: Trained, tmp_path: Path) -> None:
        trained.git("config", "uploadpack.allowFilter", "true")
        trained.git("config", "uploadpack.allowAnySHA1InWant", "true")
        config = (trained.path / ".dvc/config").read_text().replace("../../remote", str(tmp_path / "remote"))
        trained.write(".dvc/config", config)
        trained.save()
        url = f"file://{trained.path}"
        for number, words in enumerate((["--bare"], ["--filter=blob:none", "--depth=1"], [])):
            trained.git("clone", "--quiet", *words, url, str(tmp_path / f"clone{number}"))
            found = reproduce(trained.tip, tmp_path / f"clone{number}")
            assert found.ok, words

    @pytest.mark.slow
    def test_a_project_in_a_folder(self, trained: Trained) -> None:
        (trained.path / "sub").mkdir()
        for name in (*FILES, ".dvc", "results", "dvc.lock", "data", "models"):
            if name != ".gitignore" and (trained.path / name).exists():
                (trained.path / name).rename(trained.path / "sub" / name)
        config = (trained.path / "sub/.dvc/config").read_text().replace("../../", "../../../")
        trained.write("sub/.dvc/config", config)
        trained.write(".gitignore", "models\n")
        trained.save()
        assert trained.reproduce().ok

    def test_links_out_of_it(self, trained: Trained) -> None:
        (trained.path / ".dvc/odd").symlink_to("/tmp")
        trained.save()
        with pytest.raises(LeadsElsewhere):
            trained.reproduce()

    def test_rooms_at_once_and_a_folder_with_odd_rights(self, trained: Trained) -> None:
        with enter(trained.tip, trained.path) as one, enter(trained.tip, trained.path) as two:
            assert one.tree != two.tree
            (one.tree / "deep").mkdir(mode=0o000)
        assert trained.left == []
        with pytest.raises(ValueError, match="no full object id"), enter("HEAD", trained.path):
            pass
        remove(trained.path / "nothing")


class TestTheData:
    def test_comes_from_the_remote_and_is_hashed(self, trained: Trained, tmp_path: Path) -> None:
        shutil.rmtree(trained.path / ".dvc/cache")
        assert reproduce(trained.tip, trained.path).ok
        place = holding(tmp_path / "remote", b"3\n")
        place.chmod(0o644)
        place.write_text("4\n")
        place.chmod(0o444)
        with pytest.raises(SourceIsMissing) as caught:
            reproduce(trained.tip, trained.path)
        assert caught.value.what.startswith("the source data data/raw")

    @pytest.mark.slow
    def test_what_only_this_machine_has_is_named(self, trained: Trained, tmp_path: Path) -> None:
        for place in (tmp_path / "remote").rglob("*.dir"):
            place.unlink()
        found = trained.reproduce()
        assert (found.ok, found.notes[0]) == (True, "only this machine's cache had data/raw")
        trained.write(".dvc/config", "")
        trained.save()
        found = trained.reproduce()
        assert found.ok
        assert "only this machine's cache had data/raw/a" in found.notes
        place = holding(trained.path / ".dvc/cache", b"3\n")
        place.chmod(0o644)
        place.write_text("4\n")
        with pytest.raises(SourceIsMissing) as caught:
            trained.reproduce()
        assert caught.value.what == "the source data data/raw/b cannot be had"
        assert caught.value.why.startswith("What was found has other bytes than the commit's ")
        place.unlink()
        with pytest.raises(SourceIsMissing) as caught:
            trained.reproduce()
        assert caught.value.why == "Neither the DVC remote nor this machine's cache has it as the commit names it."

    @pytest.mark.slow
    def test_only_what_the_pipeline_reads(self, trained: Trained) -> None:
        trained.write("data/unused", "x")
        trained.dvc("add", "--quiet", "data/unused")
        trained.save()
        (trained.path / "data/unused").unlink()
        shutil.rmtree(trained.path / ".dvc/cache")
        assert reproduce(trained.tip, trained.path).ok


class TestWhatGoesWrong:
    def test_a_stage_that_fails(self, trained: Trained) -> None:
        trained.write("train.sh", "echo reading\necho the lr is bad >&2\nexit 3\n")
        tip = trained.save()
        with pytest.raises(RunFailed) as caught:
            trained.reproduce()
        log = trained.shelf / f"{tip[:10]}.log"
        assert caught.value.what.startswith("the stage train failed")
        assert "the lr is bad" in caught.value.why
        assert caught.value.mend == (f"less {log}",)
        assert "the lr is bad" in log.read_text()

    @pytest.mark.parametrize(
        ("pipeline", "why"),
        [
            ("stages: {}\n", "It has no stages in a dvc.yaml that could be run."),
            ("stages: {a: {cmd: 'true', outs: [b]}}\n", "Its stages declare no metrics that could be compared."),
        ],
    )
    def test_nothing_to_reproduce(self, pipeline: str, why: str, trained: Trained) -> None:
        trained.write("dvc.yaml", pipeline)
        trained.save()
        with pytest.raises(CannotReproduce) as caught:
            reproduce(trained.tip, trained.path)
        assert caught.value.why == why

    def start(self, trained: Trained, gate: Path) -> subprocess.Popen[str]:
        """Start a reproduction that waits in its stage."""
        gate.mkdir()
        code = """
            import sys
            from pathlib import Path
            from gitml.models.reproduction import reproduce
            print(reproduce(sys.argv[1], Path(), on_progress=lambda line: print(line, file=sys.stderr)).ok)
        """
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), trained.tip],
            cwd=trained.path,
            env={**os.environ, "GATE": str(gate), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for((gate / "began").exists)
        return process

    def test_ctrl_c_ends_all_of_it(self, trained: Trained, tmp_path: Path) -> None:
        process = self.start(trained, tmp_path / "gate")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert "KeyboardInterrupt" in err
        assert trained.left == []
        (tmp_path / "gate/go").touch()

    @pytest.mark.slow
    def test_after_a_kill_the_next_one_cleans(self, trained: Trained, tmp_path: Path) -> None:
        process = self.start(trained, tmp_path / "gate")
        process.kill()
        process.communicate(timeout=30)
        assert trained.left == ["0"]
        with enter(trained.tip, trained.path) as room:  # the orphaned pipeline still runs, and has its lock
            assert (room.tree.parent.name, sorted(trained.left)) == ("1", ["0", "1"])
        (tmp_path / "gate/go").touch()
        wait_for(lambda: not is_held(trained.shelf / "0.lock"))
        assert reproduce(trained.tip, trained.path).ok
        assert trained.left == []

    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder]
        if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
            pytest.skip("a file system cannot be mounted here")
        yield folder
        subprocess.run(["umount", "--lazy", folder], check=True)

    @pytest.mark.slow
    def test_a_full_disk_is_told(self, trained: Trained, small_disk: Path) -> None:
        trained.write("train.sh", "head -c 20000000 /dev/zero > filler\n" + TRAIN)
        tip = trained.save()
        shutil.copytree(trained.path, small_disk / "flights", symlinks=True)
        shutil.copytree(trained.path.parent / "remote", small_disk / "remote", symlinks=True)
        with pytest.raises(DiskIsFull) as caught:
            reproduce(tip, small_disk / "flights")
        assert caught.value.what == "the disk is full"
        full = Trained(small_disk / "flights")
        assert full.left == []

    def test_data_that_does_not_fit_is_not_begun(self, trained: Trained) -> None:
        text = (trained.path / "data/raw.dvc").read_text()
        trained.write("data/raw.dvc", text.replace("size: 6", f"size: {10**15}"))
        trained.save()
        with pytest.raises(DiskIsFull) as caught:
            trained.reproduce()
        assert caught.value.why.startswith("The source data has 1,000.0 TB, and ")

    @pytest.mark.slow
    def test_progress_of_a_long_stage(self, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reproduction, "EVERY", 0.0)
        trained.write("train.sh", "sleep 1\n" + TRAIN)
        trained.save()
        lines: list[str] = []
        trained.reproduce(on_progress=lines.append)
        assert any(line.startswith("train has run for ") for line in lines)


class TestTheMachine:
    def test_of_a_release_and_of_a_model_that_is_here(self, trained: Trained) -> None:
        storage = Storage(trained.path)
        assert machine.of_commit(trained.tip, trained.path, storage, "model") == {
            "python": "3.11.7",
            "packages.numpy": "2.4.6",
        }
        version = ModelVersion("model", 4)
        release = Provenance(version, "", trained.tip, {}, (), (), {}, {}, {"packages": {"numpy": "1"}}, "Ada", "now")
        trained.write("provenance.json", provenance.render(release))
        assert machine.of_commit(trained.save(), trained.path, storage, "model") == {"packages.numpy": "1"}
        trained.write("provenance.json", "{}")
        assert machine.of_commit(trained.save(), trained.path, storage, "model") == {}

    def test_what_differs(self) -> None:
        assert machine.differences({"a": 1, "b": 2}, {"b": 2, "c": 3}) == (("a", 1, None), ("c", None, 3))
        for content in (None, b"{", b"[]", b'{"a": NaN}'):
            assert machine.read(content) == {}


class TestAgreement:
    @pytest.mark.parametrize(
        ("recorded", "computed", "is_same"),
        [
            (0.7133, 0.7133, True),
            (0.7133, 0.71334, True),
            (0.7133, 0.7143, False),
            (0.0, 1e-7, True),
            (1, 1, True),
            (1, 2, False),
            (1_000_000, 1_000_001, False),
            (1, 1.0, True),
            ("a", "a", True),
            ("a", "b", False),
            (True, 1, False),
            (True, True, True),
            ("1", 1, False),
        ],
    )
    def test_of_two_values(self, recorded: object, computed: object, is_same: bool) -> None:
        assert Tolerance().allows(recorded, computed) is is_same

    def test_of_files(self) -> None:
        recorded = {"b.json": {"auc": 0.7}, "a.json": {"auc": 0.5, "rows": 3}}
        assert compare(recorded, recorded, Tolerance()) == ()
        computed: dict[str, dict[str, object]] = {"b.json": {"auc": 0.7}, "a.json": {"auc": 0.6, "rows": 3}}
        assert compare(recorded, computed, Tolerance()) == (Difference("a.json:auc", 0.5, 0.6),)
        assert compare(recorded, {}, Tolerance()) == (
            Difference("auc", 0.7, None),
            Difference("a.json:auc", 0.5, None),
            Difference("rows", 3, None),
        )


def test_every_error_is_one_of_ours(trained: Trained) -> None:
    (trained.path / ".git/gitml").mkdir(exist_ok=True)
    (trained.path / ".git/gitml" / clean_room.FOLDER).write_text("a file in the way")
    with pytest.raises(GitmlError):
        reproduce(trained.tip, trained.path)
