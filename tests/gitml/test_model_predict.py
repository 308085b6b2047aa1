"""Predictions straight from a release: right to the last digit, or refused with the reason."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gitml.cli import model_predict
from gitml.cli.terminal import framed
from gitml.errors import GitmlError
from gitml.models import prediction, prediction_input, prediction_rows, provenance, signature
from gitml.models.artifact import describe
from gitml.models.prediction import CannotPredict, ExtraIsMissing, Model, open_graph
from gitml.models.prediction_input import BadRows, opened
from gitml.models.provenance import Provenance
from gitml.models.signature import Feature, NotASignature, parse
from stages.artifact import open_model

from ..conftest import Project as Pipeline
from .conftest import ROOT, Done, Repo
from .dvc_store import keep_folder
from .model_graphs import graph, graph_with_outside_weights, told
from .model_graphs import signature as said
from .test_artifact import PIPELINE, ModelRepo

FEATURES = (Feature("delay", True), Feature("carrier", False, frozenset(("AA", "UA"))))
ROWS = "id,delay,carrier\n1,0,AA\n2,0,UA\n3,0,\n4,1.5,ZZ\n"
RUN = "import sys; from gitml.cli.model_predict import command; command()"


def p(delay: float, is_ua: bool = False) -> float:
    return 1 / (1 + math.exp(-delay - is_ua))


class ReleaseRepo(ModelRepo):
    """A repository in which model-v4 is released."""

    def release(self, files: dict[str, Any], has_provenance: bool = True, number: int = 4) -> str:
        self.make(PIPELINE, {"models/model": keep_folder(self.cache / "files/md5", files)})
        if has_provenance:
            from gitml.conventions.versions import ModelVersion

            described = describe(self.tip, self.path)
            release = Provenance(
                ModelVersion("model", number), "lr", self.tip, {}, described, (), {}, {}, {}, "Ada", "now"
            )
            self.write("provenance.json", provenance.render(release))
        self.commit("model: release")
        self.git("branch", "--force", f"models/model-v{number}")
        self.git("tag", "--annotate", "--force", "--message", "model: release", f"model@v{number}.0.0")
        return self.tip

    def predict(self, *words: str, stdin: str | bytes = b"", **environment: str) -> Done:
        """Run the command as a process of its own."""
        return self.run(sys.executable, "-c", RUN, *words, stdin=stdin, PYTHONPATH=str(ROOT), **environment)


@pytest.fixture
def releases(repo: Repo) -> ReleaseRepo:
    return ReleaseRepo(repo.path).init()


@pytest.fixture
def released(releases: ReleaseRepo) -> ReleaseRepo:
    releases.release({"model.onnx": graph(), "signature.json": told()})
    releases.write("rows.csv", ROWS)
    return releases


@pytest.fixture
def predict(
    released: ReleaseRepo, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Run the command in this process."""

    def run(*words: str) -> Done:
        monkeypatch.chdir(released.path)
        capfdbinary.readouterr()
        code, error = 0, ""
        try:
            model_predict.command.main(list(words), standalone_mode=False)
        except GitmlError as caught:
            code, error = caught.exit_code, framed(caught.what, caught.why, caught.mend)
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Done(code, out.decode("utf-8", "surrogateescape"), err.decode() + error)

    return run


def read(content: str | bytes, features: tuple[Feature, ...] = FEATURES, most: int | None = None) -> list[Any]:
    raw = content.encode() if isinstance(content, str) else content
    with opened(io.BytesIO(raw), "rows", features, most) as batches:
        return list(batches)


def why_bad(content: str | bytes, features: tuple[Feature, ...] = FEATURES) -> str:
    with pytest.raises(BadRows) as caught:
        read(content, features)
    assert caught.value.what == "rows cannot be predicted"
    assert caught.value.exit_code == 2
    return caught.value.why


def as_parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return stream.getvalue()


class TestTheCommand:
    def test_csv(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        done = predict("v4", "rows.csv")
        assert done.err == "note    carrier: 2 of 4 rows have a text that the training rows had not\n"
        lines = [line.split(",") for line in done.out.splitlines()]
        assert lines[0] == ["prediction", "probability_no", "probability_yes"]
        assert [line[0] for line in lines[1:]] == ["no", "yes", "no", "yes"]  # from 0.7 on, not from a half
        expected = [p(0), p(0, True), p(0), p(1.5)]
        assert np.allclose([float(line[2]) for line in lines[1:]], expected, atol=1e-6)

    def test_nonsense_is_refused_and_not_written(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        released.write("rows.csv", ROWS + "5,,AA\n")  # this graph has nothing that fills in what is missing
        done = predict("v4", "rows.csv", "-o", "out.csv")
        assert (done.code, done.out) == (1, "")
        assert "It gives nan, nan for row 5, and its signature says probabilities." in done.err
        assert not (released.path / "out.csv").exists()

    def test_json_and_limit(self, predict: Callable[..., Done]) -> None:
        done = predict("model-v4", "rows.csv", "--json", "--limit", "2")
        rows = [json.loads(line) for line in done.out.splitlines()]
        assert [row["prediction"] for row in rows] == ["no", "yes"]
        assert rows[1]["probabilities"]["yes"] == pytest.approx(p(0, True), abs=1e-6)
        assert list(rows[0]["probabilities"]) == ["no", "yes"]

    def test_to_a_file(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        done = predict("model@v4.0.0", "rows.csv", "-o", "out.parquet")
        assert done.out == (
            "wrote 4 predictions of model-v4 to out.parquet\n"
            "next    gitml model trace model-v4   # what it was made from\n"
        )
        frame = pd.read_parquet(released.path / "out.parquet")
        assert list(frame.columns) == ["prediction", "probability_no", "probability_yes"]
        assert list(frame["prediction"]) == ["no", "yes", "no", "yes"]
        predict("v4", "rows.csv", "-o", "out.json")
        assert len((released.path / "out.json").read_text().splitlines()) == 4
        predict("v4", "rows.csv", "-o", "out.txt", "--format", "json")
        assert (released.path / "out.txt").read_bytes() == (released.path / "out.json").read_bytes()
        assert not list(released.path.glob(".*tmp"))

    def test_a_failure_leaves_the_old_file(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        released.write("out.csv", "precious")
        released.write("bad.csv", "delay,carrier\n1,AA\nx,AA\n")
        assert predict("v4", "bad.csv", "-o", "out.csv").code == 2
        assert (released.path / "out.csv").read_text() == "precious"
        assert not list(released.path.glob(".*tmp"))

    def test_from_a_pipe_to_a_pipe(self, released: ReleaseRepo) -> None:
        done = released.predict("v4", "-", stdin=ROWS)
        assert done.code == 0
        assert done.out.splitlines()[0] == "prediction,probability_no,probability_yes"
        frame = pd.DataFrame({"delay": [0.0, 2.0], "carrier": ["AA", "UA"]})
        done = subprocess.run(
            [sys.executable, "-c", RUN, "v4", "-", "--format", "parquet"],
            input=as_parquet(frame),
            cwd=released.path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        )
        assert pd.read_parquet(io.BytesIO(done.stdout))["probability_yes"].tolist() == pytest.approx([p(0), p(2, True)])

    def test_what_was_altered_is_not_used(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        (place,) = (
            one for one in (released.cache / "files/md5").rglob("*") if one.is_file() and graph() == one.read_bytes()
        )
        place.chmod(0o644)
        place.write_bytes(graph(scale=0.5))
        done = predict("v4", "rows.csv")
        assert done.code == 1
        assert done.out == ""
        assert f"gitml: models/model/model.onnx of {released.tip[:10]} is not what was released" in done.err

    def test_it_is_fetched(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        released.cache.rename(released.remote)
        done = predict("v4", "rows.csv")
        assert "fetched " in done.err
        assert done.out.startswith("prediction,")

    def test_a_provenance_that_says_otherwise(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        text = (released.path / "provenance.json").read_text()
        released.write("provenance.json", text.replace('"sha256": "', '"sha256": "0', 1))
        released.commit("model: forged")
        released.git("branch", "--force", "models/model-v4")
        assert "Its sha256 is" in predict("v4", "rows.csv").err.replace("\n  ", " ")
        released.write("provenance.json", "{}")
        released.commit("model: forged")
        released.git("branch", "--force", "models/model-v4")
        done = predict("v4", "rows.csv")
        assert "Its provenance.json is no provenance" in done.err

    def test_without_one_it_is_said(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        released.release({"model.onnx": graph(), "signature.json": told()}, has_provenance=False, number=5)
        released.git("rm", "--quiet", "provenance.json")
        released.commit("model: bare")
        released.git("branch", "--force", "models/model-v5")
        done = predict("v5", "rows.csv")
        assert done.err.startswith("note    model-v5 has no provenance.json: ")
        assert done.code == 0

    def test_a_withdrawn_model_is_named(self, predict: Callable[..., Done], released: ReleaseRepo) -> None:
        released.git("tag", "--annotate", "--message", "leaks \x1b[31m", "model@v4.0.0!", "models/model-v4")
        done = predict("v4", "rows.csv")
        assert done.err.startswith("note    model-v4 was withdrawn: leaks \\x1b[31m\n")

    @pytest.mark.parametrize(
        ("words", "code", "says"),
        [
            (("v9", "rows.csv"), 2, "'v9' is no released model"),
            (("v4", "none.csv"), 2, "none.csv cannot be read"),
            (("v4", "rows.csv", "-o", "no/such/out"), 2, "no/such/out cannot be written"),
            (("v4", "rows.csv", "-o", "rows.csv"), 2, "rows.csv would be replaced by its own predictions"),
            (("v4", "rows.csv", "--json", "--format", "csv"), 2, "--json and --format csv cannot both be meant"),
            (("v4", "."), 2, ". cannot be read"),
        ],
    )
    def test_wrong_words(self, words: tuple[str, ...], code: int, says: str, predict: Callable[..., Done]) -> None:
        done = predict(*words)
        assert (done.code, done.out) == (code, "")
        assert done.err.startswith(f"gitml: {says}")

    def test_a_terminal_obeys_no_label(self, releases: ReleaseRepo) -> None:
        task = {"kind": "binary", "target": "late", "classes": ["no", "\x1b]0;owned\x07"]}
        releases.release({"model.onnx": graph(), "signature.json": told(task=task)})
        releases.write("rows.csv", ROWS)
        main, terminal = pty.openpty()
        words = [sys.executable, "-c", RUN, "v4", "rows.csv"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(words, cwd=releases.path, env=environment, stdout=terminal, stderr=subprocess.PIPE, check=True)
        shown = os.read(main, 10_000)
        subprocess.run(
            [*words, "--format", "parquet"], cwd=releases.path, env=environment, stdout=terminal, check=False
        )
        os.close(terminal)
        os.close(main)
        assert b"\\x1b]0;owned" in shown
        assert b"\x1b" not in shown

    def test_progress_of_long_input(
        self, predict: Callable[..., Done], released: ReleaseRepo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(model_predict, "EVERY", 0.0)
        monkeypatch.setattr(prediction_rows, "_MOST_ROWS", 2)
        released.write("rows.csv", ROWS.replace("ZZ", "AA").replace("0,\n", "0,UA\n"))
        lines = predict("v4", "rows.csv").err.splitlines()
        assert [line.split()[:2] for line in lines] == [["2", "rows"], ["4", "rows"]]

    def test_a_full_disk(self, released: ReleaseRepo) -> None:
        done = released.predict("v4", "rows.csv", "-o", "/dev/shm/x/none")
        assert done.code != 0
        words = f'ulimit -f 1; exec "{sys.executable}" -c "{RUN}" v4 long.csv -o out.csv'
        released.write("long.csv", "delay,carrier\n" + "1,AA\n" * 1000)
        before = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        done = released.run("sh", "-c", words.replace("import sys;", before + "import sys;"), PYTHONPATH=str(ROOT))
        assert done.code != 0
        assert "BrokenEnvironment: out.csv could not be written" in done.err
        assert not (released.path / "out.csv").exists()
        assert not list(released.path.glob(".*tmp"))


class TestTheModel:
    def test_as_the_stages_open_it(self, project: Pipeline) -> None:
        """The smoke preset's model, and this repository's own where `make run` made it."""
        root = project.folder
        folder = root / "models/model"
        what = parse((folder / "signature.json").read_bytes())
        model = open_graph("model-v4", what, (folder / "model.onnx").read_bytes())
        place = root / "data/features/test.parquet"
        frame = pd.read_parquet(place).head(20_000)
        theirs = open_model(folder).predict(frame)
        csv = frame[[one.name for one in what.features]].to_csv(index=False).encode()
        for content in (place.read_bytes(), csv, gzip.compress(csv)):
            batches = read(content, what.features, len(frame))
            ours = np.concatenate([model.predict(batch.columns) for batch in batches])
            assert ours.shape == theirs.shape
            assert np.abs(ours - theirs).max() < 1e-6
        with pytest.raises(BadRows, match="cannot be predicted"):
            read((root / "data/processed/test.parquet").read_bytes(), what.features)

    @pytest.mark.parametrize(("kind", "shape"), [("regression", (2,)), ("flat", (2,)), ("multiclass", (2, 3))])
    def test_other_tasks(self, kind: str, shape: tuple[int, ...]) -> None:
        classes = ["never", "no", "yes"] if kind == "multiclass" else []
        task = {"kind": "multiclass" if classes else "regression", "target": "late", "classes": classes}
        model = open_graph("m", parse(told(task=task, threshold=None)), graph(kind))
        (batch,) = read("delay,carrier\n1,AA\n-1,AA\n")
        values = model.predict(batch.columns)
        assert values.shape == shape
        if classes:
            assert model.labels(values).tolist() == [2, 1]
        else:
            assert values.tolist() == [1.0, -1.0]

    def test_no_rows(self) -> None:
        model = open_graph("m", parse(told()), graph())
        (batch,) = read("delay,carrier\n")
        assert (batch.rows, model.predict(batch.columns).shape) == (0, (0, 2))

    def why_not(self, content: bytes, **changes: Any) -> str:
        with pytest.raises(CannotPredict) as caught:
            model = open_graph("model-v4", parse(told(**changes)), content)
            (batch,) = read("delay,carrier\n1,AA\n")
            model.predict(batch.columns)
        assert caught.value.what == "model-v4 cannot predict"
        assert caught.value.mend == ("gitml model verify model-v4",)
        return caught.value.why

    def test_a_signature_that_lies(self) -> None:
        three = {"kind": "multiclass", "target": "late", "classes": ["a", "b", "c"]}
        numbers = {"kind": "regression", "target": "late", "classes": []}
        assert self.why_not(graph(), task=three) == (
            "Its graph gives float32 of shape (1, 2), and its signature says (1, 3)."
        )
        assert "and its signature says (1, 1)" in self.why_not(graph(), task=numbers)
        assert self.why_not(graph(inputs=("delay", "airline"))) == (
            "Its graph is not the one of its signature: only one of them has the input airline, carrier."
        )
        swapped = [{"name": "delay", "type": "categorical"}, {"name": "carrier", "type": "categorical"}]
        assert "delay is a tensor(string) for the one, and a tensor(float)" in self.why_not(graph(), features=swapped)
        assert self.why_not(graph(scale=0.5)).endswith("for row 1, and its signature says probabilities.")
        assert self.why_not(graph(scale=-1.0)).endswith("for row 1, and its signature says probabilities.")
        assert "It gives inf for row 1" in self.why_not(graph("regression", scale=math.inf), task=numbers)

    def test_what_is_no_graph(self) -> None:
        assert self.why_not(b"\x80\x04cos\nsystem\n").startswith("onnxruntime cannot run its graph: ")
        assert self.why_not(b"").startswith("onnxruntime cannot run its graph: ")

    def test_a_graph_that_reads_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "secret").write_bytes(b"0123456789abcdef")
        monkeypatch.chdir(tmp_path)
        for place in ("secret", "../secret", str(tmp_path / "secret"), "*/_ORT_MEM_ADDR_/*"):
            assert "asks for files of this machine" in self.why_not(graph_with_outside_weights(place))
        # and should the mark ever be written otherwise, onnxruntime is sent to an empty folder
        monkeypatch.setattr(prediction, "_OUTSIDE", ())
        assert self.why_not(graph_with_outside_weights("secret")).startswith("onnxruntime cannot run its graph: ")

    def test_a_graph_that_fails_on_the_rows(self) -> None:
        def fails(columns: object) -> None:
            raise RuntimeError("deep\nwithin")

        model = Model("m", parse(told()), fails)
        with pytest.raises(CannotPredict) as caught:
            model.predict(read("delay,carrier\n1,AA\n")[0].columns)
        assert caught.value.why == "Its graph fails on these rows: deep within."

    @pytest.mark.parametrize("words", [("v4", "rows.parquet"), ("v4", "rows.csv", "--format", "parquet")])
    def test_without_pyarrow(self, words: tuple[str, ...], released: ReleaseRepo) -> None:
        released.write("rows.parquet", as_parquet(pd.DataFrame({"delay": [1], "carrier": ["AA"]})))
        before = "import sys; sys.modules['pyarrow'] = None\n"
        done = released.run(sys.executable, "-c", before + RUN, *words, PYTHONPATH=str(ROOT))
        assert "ExtraIsMissing: pyarrow is not installed" in done.err

    def test_without_the_extra(self, released: ReleaseRepo) -> None:
        before = "import sys; sys.modules['onnxruntime'] = None\n"
        done = released.run(sys.executable, "-c", before + RUN, "v4", "rows.csv", PYTHONPATH=str(ROOT))
        assert "ExtraIsMissing: onnxruntime is not installed" in done.err
        with pytest.raises(ExtraIsMissing) as caught:
            raise ExtraIsMissing("onnxruntime")
        assert caught.value.mend == ("python -m pip install 'gitml[serve]'",)


class TestTheFiles:
    def why_not(self, releases: ReleaseRepo, files: dict[str, Any]) -> str:
        commit = releases.release(files)
        with pytest.raises(CannotPredict) as caught:
            prediction.open_release("model-v4", commit, "model", releases.path)
        return caught.value.why

    def test_skops_is_refused(self, releases: ReleaseRepo) -> None:
        why = self.why_not(releases, {"model.skops": "zip", "signature.json": told(format="skops")})
        assert why.startswith("It is a model.skops, which calls constructors when it is opened.")

    def test_a_second_graph_below_does_not_count(self, releases: ReleaseRepo) -> None:
        files = {"model.onnx": graph(), "z/model.onnx": "other", "signature.json": told(), "a/signature.json": "{}"}
        found = prediction.open_release("model-v4", releases.release(files), "model", releases.path)
        assert found.model.signature == parse(told())

    def test_what_is_missing(self, releases: ReleaseRepo) -> None:
        assert self.why_not(releases, {"model.onnx": graph()}).startswith("It has no signature.json beside it")
        assert "there is a model.onnx, and there is none" in self.why_not(releases, {"signature.json": told()})
        assert self.why_not(releases, {"signature.json": "{}"}) == "Its signature.json is no signature: it has no task."


class TestTheSignature:
    def test_is_read(self) -> None:
        read = parse(told())
        assert read.features == FEATURES
        assert (read.kind, read.classes, read.threshold, read.format) == ("binary", ("no", "yes"), 0.7, "onnx")
        assert parse(told(threshold=None)).threshold == 0.5

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"task": []}, "it has no task"),
            ({"task": {"kind": "ranking"}}, "its task is 'ranking'"),
            (
                {"task": {"kind": "binary", "target": "", "classes": []}},
                "the target is no text, or longer than any name",
            ),
            ({"task": {"kind": "binary", "target": "x", "classes": ["a"]}}, "a binary task cannot have its 1 classes"),
            ({"task": {"kind": "binary", "target": "x", "classes": ["a", "a"]}}, "a binary task cannot have its 2"),
            ({"task": {"kind": "regression", "target": "x", "classes": ["a"]}}, "a regression task cannot have its 1"),
            ({"task": {"kind": "binary", "target": "x"}}, "it has no list of classes"),
            ({"format": "pickle"}, "its format is 'pickle'"),
            ({"features": []}, "it has no features"),
            ({"features": [{"name": "x", "type": "date"}]}, "a feature is neither numeric nor categorical"),
            ({"features": [{"name": "x", "type": "numeric"}] * 2}, "two features have one name"),
            ({"features": [{"name": 1, "type": "numeric"}]}, "a feature's name is no text"),
            ({"features": [{"name": "x", "type": "numeric", "levels": [1]}]}, "the levels of a feature are no list"),
            ({"threshold": 1.5}, "its threshold is no probability"),
            ({"threshold": True}, "its threshold is no probability"),
        ],
    )
    def test_what_is_none(self, changes: dict[str, Any], why: str) -> None:
        with pytest.raises(NotASignature, match=why):
            parse(told(**changes))

    def test_what_is_no_json(self) -> None:
        for content in (b"{", b'{"task": NaN}', b"[]", b'{"a": 1, "a": 2}'):
            with pytest.raises(NotASignature):
                parse(content)
        many = [{"name": str(number), "type": "numeric"} for number in range(signature.MOST + 1)]
        with pytest.raises(NotASignature, match="more than 10,000"):
            parse(told(features=many))
        assert said()["model"] == "by hand"


class TestTheRows:
    def test_the_same_rows_in_every_format(self) -> None:
        frame = pd.DataFrame({"carrier": ["UA", None, "ZZ"], "delay": [1.5, None, -2.0], "more": [1, 2, 3]})
        csv = frame.to_csv(index=False)
        lines = "".join(json.dumps(row) + "\n" for row in json.loads(frame.to_json(orient="records")))
        for content in (
            csv,
            "\ufeff" + csv.replace("\n", "\r\n"),
            csv.replace(",,", ",NA,").replace("\n,", "\nNaN,"),
            gzip.compress(csv.encode()),
            lines,
            "\ufeff" + lines + "\n\n",
            gzip.compress(lines.encode()),
            as_parquet(frame),
            as_parquet(frame.astype({"carrier": "category"})),
            as_parquet(frame.astype({"delay": "float32"})),
        ):
            (batch,) = read(content)
            assert (batch.first, batch.rows, batch.unseen) == (1, 3, {"carrier": 2})
            assert batch.columns["carrier"].tolist() == [["UA"], [""], ["ZZ"]]
            assert batch.columns["delay"].dtype == np.float32
            assert np.array_equal(batch.columns["delay"], np.array([[1.5], [np.nan], [-2]]), equal_nan=True)

    def test_numbers_and_truth_as_they_are_written(self) -> None:
        for content in (
            "delay,carrier\n 1e0 ,5\nTrue,5\n",
            '{"delay": 1, "carrier": 5}\n{"delay": true, "carrier": 5}\n',
        ):
            (batch,) = read(content)
            assert batch.columns["delay"].tolist() == [[1.0], [1.0]]
            assert batch.columns["carrier"].tolist() == [["5"], ["5"]]
        frame = pd.DataFrame({"delay": [True, False], "carrier": [5, 6]})
        assert read(as_parquet(frame))[0].columns["carrier"].tolist() == [["5"], ["6"]]
        floats = pd.DataFrame({"delay": [1, 0], "carrier": [5.0, np.nan]})
        assert read(as_parquet(floats))[0].columns["carrier"].tolist() == [["5.0"], [""]]

    @pytest.mark.parametrize("form", ["csv", "json", "parquet"])
    def test_in_batches(self, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(prediction_rows, "_MOST_ROWS", 3)
        frame = pd.DataFrame({"delay": range(7), "carrier": ["AA"] * 7})
        content = {
            "csv": frame.to_csv(index=False).encode(),
            "json": frame.to_json(orient="records", lines=True).encode(),
            "parquet": as_parquet(frame),
        }[form]
        assert [(batch.first, batch.rows) for batch in read(content)] == [(1, 3), (4, 3), (7, 1)]
        for most in (1, 3, 4, 6, 7, 100):
            assert sum(batch.rows for batch in read(content, most=most)) == min(most, 7)

    def test_no_rows(self) -> None:
        frame = pd.DataFrame({"delay": pd.Series([], dtype=float), "carrier": pd.Series([], dtype=str)})
        for content in ("delay,carrier\n", as_parquet(frame)):
            assert [batch.rows for batch in read(content)] == [0]

    def test_the_raw_table_is_given(self) -> None:
        for content in (
            "departure,delay,dest\n1,2,3\n",
            '{"departure": 1, "delay": 2, "dest": 3}\n',
            as_parquet(pd.DataFrame({"departure": [1], "delay": [1], "dest": [1]})),
        ):
            assert why_bad(content) == (
                "The model's features carrier are missing. It has columns that are no features: departure, dest."
            )
        many = tuple(Feature(f"f{number}", True) for number in range(12))
        assert why_bad("f0\n1\n", many) == "The model's features f1, f2, f3, f4, f5, f6, f7, f8 and 3 more are missing."

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("delay,carrier\n1,AA\nsoon,AA\n", "Row 2 has 'soon' in delay, which is a number."),
            ("delay,carrier\n1_000,AA\n", "Row 1 has '1_000' in delay, which is a number."),
            ("delay,carrier\n\n1,AA\n1,AA,more\n", "Row 2 has 3 fields, and the first line names 2."),
            ("delay,carrier,delay\n", "It has the column delay twice."),
            ('delay,carrier\n1,"AA\n', "It is no CSV at line 2: unexpected end of data."),
            ("", "It is empty: a line of column names is needed, and rows below it."),
            ("\n\n", "It is empty: a line of column names is needed, and rows below it."),
            (b"delay,carrier\n1,\xff\n", "It is no UTF-8, or damaged: "),
            ('{"delay": "1", "carrier": "AA"}\n', "Row 1 has '1' in delay, which is a number."),
            ('{"delay": 1, "carrier": ["AA"]}\n', "Row 1 has \"['AA']\" in carrier, which is a text."),
            ('{"delay": 1, "carrier": "AA"}\n{"delay": 1}\n', "Row 2 has no carrier; write null for a missing one."),
            ('{"delay": NaN, "carrier": "AA"}\n', "Line 1 is no JSON object: NaN is no JSON."),
            ('{"delay": 1, "carrier": "AA"}\n[1]\n', "Line 2 is no JSON object."),
            ('{"delay": 1, "delay": 2, "carrier": "AA"}\n', 'Line 1 is no JSON object: the key "delay" stands twice'),
            (b"PAR1 and no more", "It is no Parquet file, or damaged: "),
            (gzip.compress(b"delay,carrier\n1,AA\n" * 9, mtime=0)[:-12], "It is no UTF-8, or damaged: "),
        ],
    )
    def test_what_is_no_such_table(self, content: str | bytes, why: str) -> None:
        assert why_bad(content).startswith(why)

    def test_types_of_parquet(self) -> None:
        frame = pd.DataFrame({"delay": ["1"], "carrier": [pd.Timestamp("2026-01-01")]})
        assert why_bad(as_parquet(frame)).endswith("and the feature is a number.")
        frame = pd.DataFrame({"delay": [1], "carrier": [pd.Timestamp("2026-01-01")]})
        assert "Its column carrier holds timestamp" in why_bad(as_parquet(frame))

    def test_what_is_too_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        names = ",".join(f"c{number}" for number in range(prediction_rows.MOST_COLUMNS + 1))
        assert why_bad(names + "\n") == "It has 10,001 columns, and 10,000 are read at most."
        monkeypatch.setattr(prediction_input, "LONGEST_LINE", 100)
        assert why_bad("delay,carrier\n1," + "A" * 100) == "It has a line of more than 100 letters."
        monkeypatch.setattr(prediction_input, "LARGEST_PIPED", 100)

        class Pipe(io.BytesIO):
            def seekable(self) -> bool:
                return False

        frame = pd.DataFrame({"delay": [1], "carrier": ["AA"]})
        with pytest.raises(BadRows) as caught, opened(Pipe(as_parquet(frame)), "stdin", FEATURES):
            pass
        assert caught.value.why == "It is too large to come through a pipe."

    def test_a_bomb_is_not_unpacked_at_once(self) -> None:
        bomb = gzip.compress(b"delay,carrier\n" + b"0" * 2**26)
        assert "It has a line of more than 16,777,216 letters." in why_bad(bomb)
