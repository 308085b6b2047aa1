"""``gitml model trace``: from production to the data, each link proved, and nothing believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitml.conventions.versions import ModelVersion
from gitml.git.objects import Objects
from gitml.models import registry, trace, whose
from gitml.models.provenance import ModelFile, Provenance, Source
from gitml.pipeline.storage import Storage
from tests.gitml.conftest import Done, Repo
from tests.gitml.model_history import DATA, ENVIRONMENT, Models, md5, onnx

Command = Callable[..., Done]
Change = Callable[[Provenance], Provenance]
HONEST = ["tag", "provenance", "commit", "files", "lock", "model", "data", "params", "metrics", "environment"]


@pytest.fixture
def models(repo: Repo) -> Models:
    made = Models(repo)
    made.experiment("lower-lr", 3e-4, roc_auc=0.7133)
    return made


def wrong(done: Done) -> list[str]:
    """Return the links that do not hold; the exit status says the same."""
    told = json.loads(done.out)
    found = [link["name"] for link in told["links"] if not link["holds"]]
    assert done.code == (1 if found else 0)
    assert told["holds"] is not bool(found)
    assert all(link["why"] for link in told["links"] if not link["holds"])
    return found


def test_the_chain_of_an_honest_release_in_production(models: Models, gitml: Command) -> None:
    models.release(1, "lower-lr")
    models.promote(1)
    done = gitml("model", "trace", "production", at=models.repo.path)
    short = {name: commit[:10] for name, commit in models.commits.items()}
    tip = models.repo.git("rev-parse", "production/production-model")[:10]
    lock = models.told["model-v1"].lock["dvc.lock"][:10]
    files = [file.md5[:10] for file in models.told["model-v1"].model]
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"✓ production       production/production-model {tip} by Cy, 2025-10-09, has",
        "                   the tree of model-v1",
        "model-v1",
        "  ✓ tag            model@v1.0.0 by Ada is on its tip",
        f"  ✓ provenance     models/model-v1 {short['model-v1']} says where it is from",
        f"  ✓ commit         {short['lower-lr']} of lower-lr by Bo: experiment: try lower-lr",
        f"    ✓ files        those of {short['lower-lr']}, with provenance.json and MODEL_CARD.md",
        "                   beside them",
        f"    ✓ lock         dvc.lock sha256 {lock}",
        f"    ✓ model        models/model/environment.json md5 {files[0]},",
        f"                   models/model/model.onnx md5 {files[1]}",
        f"    ✓ data         data/flights.csv md5 {md5(DATA)[:10]}",
        "    ✓ params       1 as the commit's own files have them",
        "    ✓ metrics      2 as the commit's own files have them",
        f"    ✓ environment  models/model/environment.json md5 {files[0]}; its bytes are",
        "                   not here",
        "next  gitml model show model-v1",
    ]


@pytest.mark.parametrize("text", ["v1", "model-v1", "model@v1.0.0", "models/model-v1"])
def test_a_release_in_all_its_names(models: Models, gitml: Command, text: str) -> None:
    models.release(1, "lower-lr")
    done = gitml("model", "trace", text, "--json", at=models.repo.path)
    assert wrong(done) == []
    assert [link["name"] for link in json.loads(done.out)["links"]] == HONEST


def _file(told: Provenance, **values: Any) -> Provenance:
    return told._replace(model=(told.model[0], told.model[1]._replace(**values)))


LIES: dict[str, tuple[Change, list[str]]] = {
    "another commit": (lambda told: told._replace(commit="a" * 40), ["commit"]),
    "another lock": (lambda told: told._replace(lock={"dvc.lock": "0" * 64}), ["lock"]),
    "no lock": (lambda told: told._replace(lock={}), ["lock"]),
    "one lock more": (lambda told: told._replace(lock={**told.lock, "sub/dvc.lock": "0" * 64}), ["lock"]),
    "another model": (lambda told: _file(told, md5="0" * 32), ["model"]),
    "another path": (lambda told: _file(told, path="models/model/other.onnx"), ["model"]),
    "no model": (lambda told: told._replace(model=()), ["model", "environment"]),
    "one file more": (
        lambda told: told._replace(model=(*told.model, ModelFile("models/model/x", "0" * 32, "", 1))),
        ["model"],
    ),
    "other data": (lambda told: told._replace(data=(Source("data/flights.csv", "0" * 32),)), ["data"]),
    "no data": (lambda told: told._replace(data=()), ["data"]),
    "data it never read": (lambda told: told._replace(data=(*told.data, Source("data/x", "0" * 32))), ["data"]),
    "another param": (lambda told: told._replace(params={"train.lr": 3e-3}), ["params"]),
    "no params": (lambda told: told._replace(params={}), ["params"]),
    "a better metric": (lambda told: told._replace(metrics={**told.metrics, "roc_auc": 0.99}), ["metrics"]),
    "one metric more": (lambda told: told._replace(metrics={**told.metrics, "f1": 0.99}), ["metrics"]),
    "a truth for a number": (lambda told: told._replace(params={"train.lr": True}), ["params"]),
}


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_of_a_provenance_is_believed(models: Models, gitml: Command, lie: str) -> None:
    change, expected = LIES[lie]
    models.release(1, "lower-lr", change=change)
    assert wrong(gitml("model", "trace", "v1", "--json", at=models.repo.path)) == expected


def test_a_release_with_other_files_than_its_commit(models: Models, gitml: Command) -> None:
    models.release(1, "lower-lr", files={"train.py": b"evil()\n", "params.yaml": b"train: {lr: 0.0003}\n"})
    models.release(2, "lower-lr", files={"train.py": None})
    done = gitml("model", "trace", "v1", "--json", at=models.repo.path)
    assert wrong(done) == ["files"]
    assert "These differ: params.yaml, train.py." in done.out
    assert wrong(gitml("model", "trace", "v2", "--json", at=models.repo.path)) == ["files", "data"]


def test_a_release_with_another_lock_or_metric_than_its_commit(models: Models, gitml: Command) -> None:
    lock = models.files["lower-lr"]["dvc.lock"].replace(md5(DATA).encode(), b"a" * 32)
    models.release(
        1, "lower-lr", files={"dvc.lock": lock},
        change=lambda told: told._replace(
            lock={"dvc.lock": hashlib.sha256(lock).hexdigest()}, data=(Source("data/flights.csv", "a" * 32),)
        ),
    )  # fmt: skip
    assert wrong(gitml("model", "trace", "v1", "--json", at=models.repo.path)) == ["files"]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1, 2", b'{"schema": 1, "schema": 1}'])
def test_a_provenance_that_cannot_be_read_proves_nothing(models: Models, gitml: Command, content: bytes) -> None:
    models.release(1, "lower-lr", files={"provenance.json": content})
    done = gitml("model", "trace", "v1", "--json", at=models.repo.path)
    assert wrong(done) == ["provenance"]
    assert [link["name"] for link in json.loads(done.out)["links"]] == ["tag", "provenance"]


def test_a_release_that_stands_on_two_commits_or_on_none(models: Models, gitml: Command) -> None:
    models.experiment("other")
    models.release(1, "lower-lr", parents=(models.commits["lower-lr"], models.commits["other"]))
    models.release(2, "lower-lr", parents=())
    models.release(3, "lower-lr", parents=(models.commits["other"],))
    for number in (1, 2, 3):
        assert wrong(gitml("model", "trace", f"v{number}", "--json", at=models.repo.path)) == ["commit"]


def test_a_tag_that_is_missing_light_borrowed_or_elsewhere(models: Models, gitml: Command) -> None:
    models.release(1, "lower-lr")
    for number in (2, 3, 4, 5):
        models.release(number, "lower-lr", has_tag=False)
    models.repo.git("tag", "model@v3.0.0", models.commits["model-v3"])
    models.tag("model@v4.0.0", models.commits["lower-lr"], "squats")
    models.tag("other@v5.0.0", models.commits["model-v5"], "borrowed")
    models.repo.git("update-ref", "refs/tags/model@v5.0.0", "refs/tags/other@v5.0.0")
    whys = {2: "There is no such tag", 3: "It is no annotated tag", 4: "It is on", 5: "It is the object of another tag"}
    for number, why in whys.items():
        done = gitml("model", "trace", f"v{number}", "--json", at=models.repo.path)
        assert wrong(done) == ["tag"]
        assert why in done.out


def test_production_that_has_no_release_is_no_chain(models: Models, gitml: Command) -> None:
    assert wrong(gitml("model", "trace", "production", "--json", at=models.repo.path)) == ["production"]
    models.release(1, "lower-lr")
    opening = models.commit(models.tree({}), "infra: open production\n")
    models.ref("refs/heads/production/production-model", opening)
    done = gitml("model", "trace", "production", "--json", at=models.repo.path)
    assert wrong(done) == ["production"]
    assert "nothing was promoted yet" in done.out
    models.ref("refs/heads/production/production-model", models.commits["lower-lr"])
    done = gitml("model", "trace", "production/production-model", at=models.repo.path)
    assert done.code == 1
    assert "is that of no release of model that is known" in " ".join(done.out.split())
    assert done.err.splitlines()[0] == "gitml: where production of model comes from is not proved: production"


def test_a_repackaged_model_leads_on_to_the_release_that_trained_it(models: Models, gitml: Command) -> None:
    models.release(1, "lower-lr")
    first = ModelVersion("model", 1)
    serving = {"serve.py": b"fixed()\n"}
    models.files["fix"] = {**models.files["lower-lr"], **serving, "reports/fix/README.md": b"# fix\n"}
    models.commits["fix"] = models.commit(models.tree(models.files["fix"]), "infra: fix\n", models.commits["lower-lr"])
    told = models.provenance(2, "lower-lr")._replace(commit=models.commits["fix"], repackaged=first)
    models.release(2, "fix", change=lambda _: told)
    done = gitml("model", "trace", "v2", "--json", at=models.repo.path)
    assert wrong(done) == []
    assert [(link["release"], link["name"]) for link in json.loads(done.out)["links"]] == [
        *(("model-v2", name) for name in [*HONEST, "repackaged"]),
        *(("model-v1", name) for name in HONEST),
    ]


def test_a_repackaged_release_may_have_other_files_but_no_other_model(models: Models, gitml: Command) -> None:
    models.release(1, "lower-lr")
    again: Change = lambda told: told._replace(repackaged=ModelVersion("model", 1))  # noqa: E731
    models.release(2, "lower-lr", change=again, files={"serve.py": b"fixed()\n"})
    done = gitml("model", "trace", "v2", "--json", at=models.repo.path)
    assert wrong(done) == []
    assert "repackaged with another serve.py" in done.out
    models.experiment("other")
    lock = models.files["other"]["dvc.lock"]
    models.release(3, "lower-lr", change=again, files={"dvc.lock": lock})
    assert "repackaged" in wrong(gitml("model", "trace", "v3", "--json", at=models.repo.path))


def test_a_repackaged_model_that_is_another_one(models: Models, gitml: Command) -> None:
    models.release(1, "lower-lr")
    models.experiment("other")
    for number, claimed in ((2, 1), (3, 9), (4, 4), (5, 2)):
        version = ModelVersion("model", claimed)
        models.release(number, "other", change=lambda told, version=version: told._replace(repackaged=version))
    models.release(6, "lower-lr", files={"provenance.json": b"{}"})
    models.release(7, "lower-lr", change=lambda told: told._replace(repackaged=ModelVersion("model", 6)))
    whys = {
        2: "The files of its model are not those of model-v1.",
        3: "There is no release model-v9 here.",
        4: "model-v4 is no earlier release of model.",
        7: "Of model-v6: its provenance.json cannot be read",
    }
    for number, why in whys.items():
        done = gitml("model", "trace", f"v{number}", "--json", at=models.repo.path)
        assert wrong(done) == ["repackaged"]
        assert why in done.out
    assert wrong(gitml("model", "trace", "v5", "--json", at=models.repo.path)) == ["repackaged"]


def test_a_folder_of_models_is_proved_by_the_one_sum_that_dvc_has_of_it(models: Models, gitml: Command) -> None:
    names = {"environment.json": json.dumps(ENVIRONMENT).encode(), "model.onnx": onnx("folder")}
    listed = json.dumps([{"md5": md5(content), "relpath": name} for name, content in sorted(names.items())])
    files = dict(models.files["lower-lr"])
    lock = yaml.safe_load(files["dvc.lock"])
    outs = [{"path": "models/model", "hash": "md5", "md5": md5(listed.encode()) + ".dir", "size": 9, "nfiles": 2}]
    lock["stages"]["train"]["outs"] = outs
    pipeline = files["dvc.yaml"].replace(b"[models/model/model.onnx, models/model/environment.json]", b"[models/model]")
    models.experiment("folder", files={"dvc.yaml": pipeline, "dvc.lock": yaml.safe_dump(lock).encode()})
    models.files["folder"]["results/metrics.json"] = files["results/metrics.json"]
    models.experiment("folder", files={**models.files["folder"]})
    models.release(1, "folder")
    assert wrong(gitml("model", "trace", "v1", "--json", at=models.repo.path)) == []
    models.release(2, "folder", change=lambda told: _file(told, md5="0" * 32))
    models.release(3, "folder", change=lambda told: told._replace(model=told.model[:1]))
    for number in (2, 3):
        done = gitml("model", "trace", f"v{number}", "--json", at=models.repo.path)
        assert wrong(done) == ["model"]
        assert "The lock has another sum of models/model" in done.out


def test_the_environment_is_held_against_its_file_where_that_is_here(models: Models, tmp_path: Path) -> None:
    models.release(1, "lower-lr")
    models.release(2, "lower-lr", change=lambda told: told._replace(environment={"python": "2.7"}))
    models.release(3, "lower-lr", change=lambda told: told._replace(model=told.model[1:]))
    content = json.dumps(ENVIRONMENT).encode()
    models.repo.with_dvc()
    kept = models.repo.path / ".dvc/cache/files/md5" / md5(content)[:2] / md5(content)[2:]

    def environment(number: int) -> trace.Link:
        known = registry.read(at=models.repo.path)
        with Objects(models.repo.path) as objects:
            release = registry.find(f"v{number}", known)
            links = trace.links(release, known, objects, Storage(models.repo.path), models.repo.path)
        return next(link for link in links if link.name == "environment")

    assert environment(1).says.endswith("its bytes are not here")
    assert not environment(3).holds
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    assert environment(1).holds and not environment(1).says.endswith("not here")
    assert environment(2).why == "provenance.json says something else."
    kept.write_bytes(b"{}")
    assert environment(1).why == "Its bytes in the cache are others: gitml doctor."


def test_a_file_is_found_in_every_release_that_has_it_whatever_it_is_called(
    models: Models, gitml: Command, tmp_path: Path
) -> None:
    models.experiment("other")
    models.release(1, "lower-lr")
    models.release(2, "lower-lr")
    models.release(3, "other")
    file = tmp_path / "download (1).bin"
    file.write_bytes(onnx("lower-lr"))
    done = gitml("model", "trace", str(file), "--json", at=models.repo.path)
    assert wrong(done) == []
    told = json.loads(done.out)
    assert told["found"] == [
        {"release": f"model-v{number}", "path": "models/model/model.onnx", "by": "model"} for number in (1, 2)
    ]
    assert told["release"] == "model-v2"
    data = tmp_path / "flights.csv"
    data.write_bytes(DATA)
    done = gitml("model", "trace", str(data), at=models.repo.path)
    assert done.out.splitlines()[:4] == [
        f"{data} is in",
        *(f"  model-v{number}   data/flights.csv (lock)" for number in (1, 2, 3)),
    ]


def test_a_file_without_a_sha256_is_found_by_its_md5_and_one_with_another_is_not(
    models: Models, gitml: Command, tmp_path: Path
) -> None:
    models.release(1, "lower-lr", change=lambda told: _file(told, sha256=""))
    models.release(2, "lower-lr", change=lambda told: _file(told, sha256="0" * 64))
    file = tmp_path / "x.onnx"
    file.write_bytes(onnx("lower-lr"))
    told = json.loads(gitml("model", "trace", str(file), "--json", at=models.repo.path).out)
    assert [one["release"] for one in told["found"]] == ["model-v1"]


def test_a_file_of_a_release_that_is_not_proved_exits_1(models: Models, gitml: Command, tmp_path: Path) -> None:
    models.release(1, "lower-lr", has_tag=False)
    file = tmp_path / "x.onnx"
    file.write_bytes(onnx("lower-lr"))
    assert wrong(gitml("model", "trace", str(file), "--json", at=models.repo.path)) == ["tag"]


def test_what_is_no_release_no_file_and_no_prediction(models: Models, gitml: Command, tmp_path: Path) -> None:
    models.release(1, "lower-lr")
    (tmp_path / "strange").write_bytes(b"nobody has this")
    done = gitml("model", "trace", str(tmp_path / "strange"), at=models.repo.path)
    assert done.code == 1
    assert done.err.splitlines()[0] == f"gitml: no release has {tmp_path / 'strange'}"
    assert "1 release was looked" in " ".join(done.err.split())
    assert gitml("model", "trace", str(tmp_path), at=models.repo.path).code == 3
    assert gitml("model", "trace", "v9", at=models.repo.path).code == 2
    assert gitml("model", "trace", "nothing", at=models.repo.path).code == 2
    for text in ("01J9ZQ5T7Y8X6W4V3R2Q1P0N9M", "0b0c7e52-7d1f-4a7e-9a53-0a2f2e6f8f11"):
        done = gitml("model", "trace", text, at=models.repo.path)
        assert done.code == 3
        assert "nothing is served here yet: no prediction log" in done.err
    assert not whose.is_like_a_prediction("lower-lr")


def test_nothing_a_stranger_wrote_is_obeyed_by_the_terminal(models: Models, gitml: Command) -> None:
    evil = "\x1b[2J\u202e"
    models.experiment("evil", by="Eve\x1b[2J", files={"a\x1b[2J.py": b"1\n"})
    models.release(
        1, "evil", by="Eve\x1b[2J",
        change=lambda told: told._replace(
            data=(Source(evil, evil),), params={evil: evil}, metrics={evil: evil}, lock={evil: evil},
            model=(ModelFile(evil, evil, evil, 2**62),), environment={evil: evil}, person=evil,
        ),
        files={"b\x1b[2J.py": b"1\n"},
    )  # fmt: skip
    for form in ((), ("--json",)):
        done = gitml("model", "trace", "v1", *form, at=models.repo.path)
        assert done.code == 1
        assert "\x1b" not in done.out + done.err
        assert "\u202e" not in done.out + done.err


def test_in_a_clone_that_lacks_the_commit_nothing_is_proved(models: Models, gitml: Command, tmp_path: Path) -> None:
    models.release(1, "lower-lr")
    models.repo.git("branch", "--quiet", "-D", "experiments/lower-lr")
    models.repo.git("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{models.repo.path}", "../shallow")
    done = gitml("model", "trace", "v1", "--json", at=tmp_path / "shallow")
    assert "commit" in wrong(done)
    models.repo.git("config", "uploadpack.allowFilter", "true")
    models.repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    models.repo.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{models.repo.path}", "../thin")
    assert wrong(gitml("model", "trace", "v1", "--json", at=tmp_path / "thin")) == []
    models.repo.git("clone", "--quiet", "--bare", ".", "../bare.git")
    assert wrong(gitml("model", "trace", "v1", "--json", at=tmp_path / "bare.git")) == []


def test_a_yanked_release_is_traced_and_said_to_be_yanked(models: Models, gitml: Command) -> None:
    models.release(1, "lower-lr")
    models.yank(1, "wrong labels")
    assert "note  model-v1 is yanked: wrong labels" in gitml("model", "trace", "v1", at=models.repo.path).out
