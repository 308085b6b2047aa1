"""Which files are the model, and that nobody gets bytes of them that were not hashed just now."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitml.models import artifact
from gitml.models.artifact import (
    Altered,
    NotHere,
    StoredFile,
    as_released,
    copy_verified,
    describe,
    faults,
    fetch_missing,
    files_of,
    read_verified,
)
from gitml.models.location import NoModel, locate
from gitml.models.provenance import ModelFile
from gitml.pipeline.storage import NoRemote, Storage

from .conftest import Repo
from .dvc_store import DataRepo, keep, keep_folder, md5_of

FILES = {"model.onnx": "a graph", "signature.json": "{}", "deep/er": "x"}

PIPELINE = """stages:
  train:
    cmd: sh train.sh
    outs:
    - models/model
artifacts:
  model:
    path: models/model
    type: model
"""


class ModelRepo(DataRepo):
    """A repository in which a stage has made a model; its lock is written by hand."""

    def lock(self, outs: dict[str, str], more: str = "") -> None:
        lines = "".join(f"    - path: {path}\n      hash: md5\n      md5: {md5}\n" for path, md5 in outs.items())
        self.write("dvc.lock", f"schema: '2.0'\nstages:\n  train:\n    cmd: sh train.sh\n    outs:\n{lines}{more}")

    def make(self, pipeline: str = PIPELINE, outs: dict[str, str] | None = None) -> str:
        self.write("dvc.yaml", pipeline)
        self.lock(outs or {"models/model": keep_folder(self.cache / "files/md5", FILES)})
        self.commit("model: trained")
        return self.tip

    @property
    def tip(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def storage(self) -> Storage:
        return Storage(self.path)

    def files(self, model: str = "model") -> list[StoredFile]:
        return files_of(self.tip, self.path, self.storage, model)

    def file(self, name: str) -> StoredFile:
        return next(file for file in self.files() if file.path.endswith(name))

    def place(self, content: str) -> Path:
        """Return where the cache has some bytes."""
        md5 = md5_of(content)
        return self.cache / "files/md5" / md5[:2] / md5[2:]

    def replace(self, content: str, by: str) -> Path:
        """Replace an object of the cache in place, as DVC does not notice."""
        place = self.place(content)
        place.chmod(0o644)
        place.write_text(by)
        place.chmod(0o444)
        return place


@pytest.fixture
def models(repo: Repo) -> ModelRepo:
    return ModelRepo(repo.path).init()


class TestWhichFiles:
    def test_a_folder(self, models: ModelRepo) -> None:
        commit = models.make()
        assert [(file.path, file.md5) for file in models.files()] == [
            ("models/model/deep/er", md5_of("x")),
            ("models/model/model.onnx", md5_of("a graph")),
            ("models/model/signature.json", md5_of("{}")),
        ]
        assert {file.commit for file in models.files()} == {commit}
        assert files_of(commit, models.path) == models.files()

    @pytest.mark.parametrize(
        ("artifacts", "path"),
        [
            ("artifacts: {model: {path: models/model}}", "models/model"),
            ("artifacts: {other: {path: models/model, type: model}}", "models/model"),
            ("artifacts: {other: {path: data, type: dataset}}", "models/model"),
            ("artifacts: []", "models/model"),
            ("", "models/model"),
            ("artifacts: {model: {path: second}, other: {path: models/model, type: model}}", "second"),
            ("artifacts: {model: {path: ./models/../second/}}", "second"),
        ],
    )
    def test_what_dvc_yaml_says(self, artifacts: str, path: str, models: ModelRepo) -> None:
        store = models.cache / "files/md5"
        pipeline = PIPELINE.partition("artifacts")[0] + "    - second\n" + artifacts
        outs = {"models/model": keep_folder(store, FILES), "second": keep_folder(store, {"a": "1"})}
        models.make(pipeline, outs)
        assert locate(models.tip, models.path).path == path
        assert all(file.path.startswith(path) for file in models.files())

    def test_another_model(self, models: ModelRepo) -> None:
        models.make(
            PIPELINE.replace("models/model\n", "models/churn\n").partition("artifacts")[0],
            {"models/churn": keep(models.cache / "files/md5", "one file")},
        )
        assert [file.path for file in models.files("churn")] == ["models/churn"]
        with pytest.raises(NoModel, match="has no model that can be read") as caught:
            models.files()
        assert caught.value.why == "It should be models/model, and neither dvc.lock nor git has anything there."

    def test_of_a_dvc_yaml_in_a_folder_and_of_a_dvc_file(self, models: ModelRepo) -> None:
        models.track("sub/weights", "bought")
        models.write("sub/dvc.yaml", "artifacts:\n  model:\n    path: weights\n    type: model\n")
        models.commit("model: bought")
        assert [file.path for file in models.files()] == ["sub/weights"]

    def test_a_file_in_a_folder_and_a_folder_of_outs(self, models: ModelRepo) -> None:
        models.make(PIPELINE.replace("path: models/model\n", "path: models/model/model.onnx\n"))
        assert [file.path for file in models.files()] == ["models/model/model.onnx"]
        models.make(PIPELINE.replace("path: models/model\n", "path: models/model/none\n"))
        with pytest.raises(NoModel):
            models.files()
        store = models.cache / "files/md5"
        pipeline = "stages: {train: {cmd: sh, outs: [models/model/a, models/model/b]}}"
        models.make(pipeline, {"models/model/a": keep(store, "1"), "models/model/b": keep_folder(store, {"c": "2"})})
        assert [file.path for file in models.files()] == ["models/model/a", "models/model/b/c"]

    def test_what_git_keeps(self, models: ModelRepo) -> None:
        pipeline = "stages: {train: {cmd: sh, outs: [models/model: {cache: false}]}}"
        models.write("models/model/tree.json", "small")
        models.make(pipeline, {"models/model": md5_of("whatever") + ".dir"})
        (file,) = models.files()
        assert (file.path, file.stored, file.size) == ("models/model/tree.json", None, None)
        assert read_verified(file, models.storage, models.path) == b"small"
        (described,) = describe(models.tip, models.path, models.storage)
        sha256 = hashlib.sha256(b"small").hexdigest()
        assert described == ModelFile("models/model/tree.json", md5_of("small"), sha256, 5)
        assert as_released([file], [described])[0].sha256 == sha256
        assert faults(as_released([file], [described]), models.storage, models.path) == []
        with pytest.raises(Altered, match="is not what was released"):
            read_verified(file._replace(sha256="0" * 64), models.storage, models.path)
        with pytest.raises(Altered) as caught:
            read_verified(file._replace(size=6), models.storage, models.path)
        assert caught.value.why == "It has 5 bytes, and provenance.json says 6."
        with pytest.raises(NotHere, match="cannot be read here"):
            read_verified(file, models.storage, models.path, largest=4)

    def test_a_pointer_of_lfs_is_no_model(self, models: ModelRepo) -> None:
        models.write("models/model", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
        models.commit("model: far away")
        with pytest.raises(Altered) as caught:
            describe(models.tip, models.path, models.storage)
        assert caught.value.why == "git has a pointer of git LFS in its place."
        assert caught.value.mend == ("git fsck",)

    @pytest.mark.parametrize(
        ("artifacts", "why"),
        [
            ("{a: {path: x, type: model}, b: {path: y, type: model}}", "dvc.yaml names several: x, y; none, or more"),
            ("{model: {path: ../x}}", "The artifact model of dvc.yaml is at '../x', which is no path in it."),
            ("{model: {path: '${x}'}}", "The artifact model of dvc.yaml is at '${x}', which is no path in it."),
        ],
    )
    def test_what_cannot_be_said(self, artifacts: str, why: str, models: ModelRepo) -> None:
        models.make(PIPELINE.partition("artifacts")[0] + f"artifacts: {artifacts}\n")
        with pytest.raises(NoModel) as caught:
            models.files()
        assert caught.value.why.startswith(why)
        assert caught.value.what == f"{models.tip[:10]} has no model that can be read"

    def test_a_dvc_yaml_without_a_meaning_names_nothing(self, models: ModelRepo) -> None:
        models.write("sub/dvc.yaml", "- a list")
        models.make()
        assert locate(models.tip, models.path).path == "models/model"

    def test_a_link_is_no_model(self, models: ModelRepo) -> None:
        (models.path / "models").mkdir()
        (models.path / "models/model").symlink_to("/etc/passwd")
        models.commit("model: a link")
        with pytest.raises(NoModel) as caught:
            models.files()
        assert "symbolic link" in caught.value.why

    @pytest.mark.parametrize("name", ["../../out", "/etc/passwd", "a/../../b", ""])
    def test_a_list_that_leads_out_of_its_folder(self, name: str, models: ModelRepo) -> None:
        models.make(outs={"models/model": keep_folder(models.cache / "files/md5", {name: "1"})})
        with pytest.raises(Altered, match="models/model of .* is not what was released"):
            models.files()

    def test_more_files_than_any_model(self, models: ModelRepo, monkeypatch: pytest.MonkeyPatch) -> None:
        models.make()
        monkeypatch.setattr(artifact, "MOST_FILES", 2)
        with pytest.raises(NoModel) as caught:
            models.files()
        assert caught.value.why == "models/model has no files, or more than 2."

    def test_in_a_bare_repository(self, models: ModelRepo, tmp_path: Path) -> None:
        commit = models.make()
        models.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
        with pytest.raises(NotHere) as caught:
            files_of(commit, tmp_path / "bare.git")
        assert caught.value.mend == (f"gitml data fetch {commit[:10]}",)


class TestBytes:
    def test_are_read_and_described(self, models: ModelRepo) -> None:
        commit = models.make()
        assert read_verified(models.file("model.onnx"), models.storage) == b"a graph"
        assert describe(commit, models.path) == tuple(
            ModelFile(f"models/model/{name}", md5_of(text), hashlib.sha256(text.encode()).hexdigest(), len(text))
            for name, text in sorted(FILES.items())
        )
        assert faults(models.files(), models.storage) == []

    def test_an_object_replaced_in_place_is_found(self, models: ModelRepo, tmp_path: Path) -> None:
        """DVC's own checkout and status are happy with it."""
        commit = models.make()
        place = models.replace("a graph", "a trap!")
        dvc = [sys.executable, "-m", "dvc"]
        subprocess.run([*dvc, "checkout", "-q"], cwd=models.path, check=True)
        assert (models.path / "models/model/model.onnx").read_text() == "a trap!"
        file = models.file("model.onnx")
        for read in (
            lambda: read_verified(file, models.storage),
            lambda: copy_verified(file, tmp_path / "copy", models.storage),
            lambda: describe(commit, models.path),
        ):
            with pytest.raises(Altered) as caught:
                read()
            assert caught.value.what == f"models/model/model.onnx of {commit[:10]} is not what was released"
            assert caught.value.why == (
                f"Its md5 is {md5_of('a trap!')}, and dvc.lock says {md5_of('a graph')} ({place})."
            )
            assert caught.value.mend == (f"rm -f {place}", f"gitml data fetch {commit[:10]}")
            assert caught.value.exit_code == 1
        assert [error.path for error in faults(models.files(), models.storage) if isinstance(error, Altered)] == [
            "models/model/model.onnx"
        ]

    def test_a_list_replaced_in_place_is_found(self, models: ModelRepo) -> None:
        models.make()
        (place,) = (models.cache / "files/md5").rglob("*.dir")
        place.chmod(0o644)
        place.write_text(json.dumps([{"md5": md5_of("a trap!"), "relpath": "model.onnx"}]))
        with pytest.raises(Altered) as caught:
            models.files()
        assert caught.value.why == f"The list of its files in DVC's cache is not {place.parent.name}{place.name}."

    def test_the_second_sum_is_compared(self, models: ModelRepo, tmp_path: Path) -> None:
        """Two files of one md5 can be made in seconds; the release has a sha256."""
        commit = models.make()
        told = describe(commit, models.path)
        forged = [one._replace(sha256="0" * 64) if one.path.endswith("onnx") else one for one in told]
        file = next(file for file in as_released(models.files(), forged) if file.path.endswith("onnx"))
        with pytest.raises(Altered) as caught:
            read_verified(file, models.storage)
        assert "Its sha256 is" in caught.value.why
        with pytest.raises(Altered):
            copy_verified(file, tmp_path / "copy", models.storage)

    def test_what_the_release_says_otherwise(self, models: ModelRepo) -> None:
        commit = models.make()
        told = list(describe(commit, models.path))
        files = models.files()
        assert [file.sha256 for file in as_released(files, told)] == [one.sha256 for one in told]
        cases = {
            "provenance.json does not name it.": told[1:],
            "provenance.json names it, and dvc.lock does not.": [*told, told[0]._replace(path="models/model/z")],
            f"dvc.lock has its md5 as {told[0].md5}, and provenance.json as {'0' * 32}.": [
                told[0]._replace(md5="0" * 32),
                *told[1:],
            ],
        }
        for why, other in cases.items():
            with pytest.raises(Altered) as caught:
                as_released(files, other)
            assert caught.value.why == why

    def test_a_copy_is_ones_own(self, models: ModelRepo, tmp_path: Path) -> None:
        models.make()
        sums = copy_verified(models.file("model.onnx"), tmp_path / "copy", models.storage)
        models.replace("a graph", "a trap!")
        assert (tmp_path / "copy").read_text() == "a graph"
        assert sums == (hashlib.sha256(b"a graph").hexdigest(), 7)

    def test_what_is_no_file_or_too_large(self, models: ModelRepo) -> None:
        models.make()
        file, place = models.file("model.onnx"), models.place("a graph")
        with pytest.raises(Altered) as caught:
            read_verified(file, models.storage, largest=6)
        assert caught.value.why == "It is larger than 6 bytes, which is more than is read."
        place.unlink()
        os.mkfifo(place)
        with pytest.raises(Altered) as caught:
            read_verified(file, models.storage)
        assert caught.value.why == f"{place} is no file."

    def test_the_layout_before_dvc_3(self, models: ModelRepo, tmp_path: Path) -> None:
        text = "a\r\nb\r\n"
        md5 = md5_of(text.replace("\r\n", "\n"))
        keep(models.cache, text, md5)
        models.write("models/model.dvc", f"outs:\n- md5: {md5}\n  path: model\n")
        models.commit("model: old")
        (file,) = models.files()
        assert read_verified(file, models.storage) == text.encode()
        (described,) = describe(models.tip, models.path)
        assert described.size == 6
        assert copy_verified(file, tmp_path / "copy", models.storage)[1] == 6
        assert faults([file], models.storage) == []


class TestFetching:
    @pytest.fixture
    def away(self, models: ModelRepo) -> ModelRepo:
        """A model that only the remote has."""
        models.make()
        models.cache.rename(models.remote)
        return models

    def test_what_is_away_is_named(self, away: ModelRepo) -> None:
        with pytest.raises(NotHere) as caught:
            away.files()
        assert caught.value.what == f"models/model of {away.tip[:10]} cannot be read here"
        assert caught.value.mend == (f"gitml data fetch {away.tip[:10]}",)
        assert caught.value.exit_code == 3

    def test_it_is_fetched_once(self, away: ModelRepo) -> None:
        assert fetch_missing(away.tip, away.path) != []
        assert [read_verified(file, away.storage) for file in away.files()] == [b"x", b"a graph", b"{}"]
        assert fetch_missing(away.tip, away.path) == []
        away.place("a graph").unlink()
        assert [one.path for one in fetch_missing(away.tip, away.path)] == ["models/model/model.onnx"]

    def test_the_data_of_the_commit_is_not(self, away: ModelRepo) -> None:
        keep(away.remote / "files/md5", "gigabytes")
        away.track("raw", "gigabytes")
        away.place("gigabytes").unlink()
        away.commit("data: raw")
        fetch_missing(away.tip, away.path)
        assert away.place("a graph").exists()
        assert not away.place("gigabytes").exists()

    def test_the_remotes_own_object_may_be_the_trap(self, away: ModelRepo) -> None:
        md5 = md5_of("a graph")
        place = away.remote / "files/md5" / md5[:2] / md5[2:]
        place.chmod(0o644)
        place.write_text("a trap!")
        with pytest.raises(NotHere) as caught:
            fetch_missing(away.tip, away.path)
        assert caught.value.why == ("It did not come from storage: files are missing there, or have other bytes.")

    def test_nobody_has_it(self, away: ModelRepo) -> None:
        for place in (away.remote / "files/md5").rglob("*.dir"):
            place.unlink()
        with pytest.raises(NotHere) as caught:
            fetch_missing(away.tip, away.path)
        assert caught.value.why == "It is neither in the cache here nor in storage."
        away.write(".dvc/config", "")
        with pytest.raises(NoRemote):
            fetch_missing(away.tip, away.path)
