"""Opening a shipped model from its folder, predicting with it, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from stages import artifact
from stages.artifact import Signature, open_model
from stages.errors import InputError
from stages.export import skops_bytes
from stages.models.base import ML_OPSET, OPSET
from stages.task import Feature, Task

TASK = Task("regression", "price")
FEATURES = (Feature("size", "numeric", "size"), Feature("town", "categorical", "town", levels=("", "Bern")))


def folder_of(tmp_path: Path, graph: onnx.ModelProto | None = None, **changes: object) -> Path:
    """Write a model folder: price is the size, plus 100 in Bern, plus 10 where no town is given."""
    values = {
        "task": TASK,
        "features": FEATURES,
        "format": "onnx",
        "threshold": None,
        "model": "made by hand",
    } | changes
    (tmp_path / "signature.json").write_text(json.dumps(Signature(**values).to_json()))
    (tmp_path / "model.onnx").write_bytes((graph or by_hand()).SerializeToString())
    return tmp_path


def by_hand() -> onnx.ModelProto:
    nodes = [
        helper.make_node(
            "LabelEncoder", ["town"], ["extra"], domain="ai.onnx.ml",
            keys_strings=["Bern", ""], values_floats=[100.0, 10.0], default_float=0.0,
        ),
        helper.make_node("Add", ["size", "extra"], ["prediction"]),
    ]  # fmt: skip
    types = {"size": TensorProto.FLOAT, "town": TensorProto.STRING}
    inputs = [helper.make_tensor_value_info(name, type_, ["rows", 1]) for name, type_ in types.items()]
    output = helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["rows", 1])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, [output]), opset_imports=opsets, ir_version=8)


def test_predicts_from_a_table_of_any_types_with_more_columns_than_needed(tmp_path: Path) -> None:
    model = open_model(folder_of(tmp_path))
    frame = pd.DataFrame({"town": ["Bern", "Thun", None, np.nan, pd.NA, ""], "other": 1, "size": [1, 2, 3, 4, 5, 6]})
    assert model.predict(frame).tolist() == [101, 2, 13, 14, 15, 16]
    assert model.predict(frame.astype({"town": "string", "size": "Float64"})).tolist() == [101, 2, 13, 14, 15, 16]
    assert (model.task, model.features, model.threshold) == (TASK, FEATURES, None)


def test_a_missing_number_is_not_a_number_to_the_model(tmp_path: Path) -> None:
    frame = pd.DataFrame({"town": ["x"] * 3, "size": pd.array([1, None, 3], dtype="Int64")})
    np.testing.assert_array_equal(open_model(folder_of(tmp_path)).predict(frame), [1, np.nan, 3])
    np.testing.assert_array_equal(open_model(tmp_path).predict(frame.astype({"size": object})), [1, np.nan, 3])


def test_batches_give_what_one_call_gives_and_no_rows_give_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(folder_of(tmp_path))
    frame = pd.DataFrame({"town": ["x"] * 10, "size": np.arange(10.0)})
    monkeypatch.setattr(artifact, "BATCH", 3)
    assert model.predict(frame).tolist() == list(range(10))
    assert model.predict(frame[:0]).shape == (0,)


def test_the_signature_survives_its_json() -> None:
    features = (Feature("a", "numeric", "a", low=1.0, high=2.0, missing=0.5), FEATURES[1])
    signature = Signature(Task("binary", "late", ("no", "yes"), "day"), features, "skops", 0.25, "logistic")
    value = signature.to_json()
    assert Signature.from_json(json.loads(json.dumps(value))) == signature
    assert value["output"] == "probabilities"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'town'"):
        open_model(folder_of(tmp_path)).predict(pd.DataFrame({"size": [1.0]}))


def test_a_text_in_a_numeric_column_is_named_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Row 2 of the rows to predict has 'big' in the numeric column 'size'"):
        open_model(folder_of(tmp_path)).predict(pd.DataFrame({"size": ["1.5", "big"], "town": ["", ""]}))


@pytest.mark.parametrize("file", ["signature.json", "model.onnx"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    (folder_of(tmp_path) / file).unlink()
    with pytest.raises(InputError, match=rf"{file} does not exist. Run `dvc repro train`"):
        open_model(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("signature.json", "{", "signature.json is not a model's signature"),
        ("signature.json", "{}", "signature.json is not a model's signature"),
        ("model.onnx", "no graph", "model.onnx is not a graph that onnxruntime can run"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, file: str, content: str, message: str) -> None:
    (folder_of(tmp_path) / file).write_text(content)
    with pytest.raises(InputError, match=message):
        open_model(tmp_path)


def test_a_graph_with_other_inputs_than_the_signature_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, features=(*FEATURES, Feature("rooms", "numeric", "rooms")))
    with pytest.raises(InputError, match=r"they differ in the inputs \['rooms'\]"):
        open_model(folder)


def test_a_skops_file_with_a_type_that_is_not_trusted_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": [1.0, 2, 3, 4]})
    steps = [("run", FunctionTransformer(folder_of)), ("model", LogisticRegression())]
    steps[1][1].fit(frame, [0, 0, 1, 1])
    folder = folder_of(tmp_path, format="skops", task=Task("binary", "late", ("no", "yes")), features=FEATURES[:1])
    (folder / "model.skops").write_bytes(skops_bytes(Pipeline(steps)))
    with pytest.raises(InputError, match=r"model.skops holds types that are not trusted: .*folder_of"):
        open_model(folder)
