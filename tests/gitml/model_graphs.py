"""Small graphs of ONNX with their signatures, as a train stage would write them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

LEVELS = ["AA", "UA"]


def signature(**changes: Any) -> dict[str, Any]:
    """Return a signature of two features: the probability of yes is the sigmoid of delay, and a little more for UA."""
    said = {
        "task": {"kind": "binary", "target": "late", "classes": ["no", "yes"], "time_column": None},
        "features": [
            {"name": "delay", "type": "numeric", "levels": []},
            {"name": "carrier", "type": "categorical", "levels": LEVELS},
        ],
        "output": "probabilities",
        "format": "onnx",
        "threshold": 0.7,
        "model": "by hand",
    }
    return {**said, **changes}


def told(**changes: Any) -> bytes:
    return json.dumps(signature(**changes)).encode()


def graph(
    kind: str = "binary", inputs: tuple[str, str] = ("delay", "carrier"), scale: float = 1.0, numeric: int = 1
) -> bytes:
    """Return a graph: ``binary``, ``multiclass`` of three classes, ``regression``, or ``flat``: of shape (rows,)."""
    number, text = inputs
    one = numpy_helper.from_array(np.array([[1.0]], np.float32), "one")
    size = numpy_helper.from_array(np.array([[scale]], np.float32), "size")
    ua = numpy_helper.from_array(np.array([["UA"]], object), "ua")
    nodes = [
        helper.make_node("Equal", [text, "ua"], ["is_ua"]),
        helper.make_node("Cast", ["is_ua"], ["bonus"], to=TensorProto.FLOAT),
        helper.make_node("Add", [number, "bonus"], ["sum"]),
    ]
    width = 2
    if kind in ("regression", "flat"):
        width = 1
        nodes.append(helper.make_node("Mul", ["sum", "size"], ["column"]))
        flat = numpy_helper.from_array(np.array([-1], np.int64), "flat")
        step = ("Reshape", ["column", "flat"]) if kind == "flat" else ("Identity", ["column"])
        nodes.append(helper.make_node(step[0], step[1], ["out"]))
    else:
        nodes += [
            helper.make_node("Sigmoid", ["sum"], ["p"]),
            helper.make_node("Mul", ["p", "size"], ["yes"]),
            helper.make_node("Sub", ["one", "p"], ["no"]),
        ]
        parts = ["no", "yes"]
        if kind == "multiclass":
            width = 3
            nodes.append(helper.make_node("Sub", ["p", "p"], ["never"]))
            parts = ["never", "no", "yes"]
        nodes.append(helper.make_node("Concat", parts, ["out"], axis=1))
    shape = [None] if kind == "flat" else [None, width]
    made = helper.make_graph(
        nodes,
        "made",
        [
            helper.make_tensor_value_info(number, numeric, [None, 1]),
            helper.make_tensor_value_info(text, TensorProto.STRING, [None, 1]),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        [one, size, ua, *([flat] if kind == "flat" else [])],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    return bytes(model.SerializeToString())


def graph_with_outside_weights(place: str) -> bytes:
    """Return a graph that takes its weights from a file."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value=place)
    made = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["out"])],
        "made",
        [helper.make_tensor_value_info("delay", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [4])],
        [weights],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    return bytes(model.SerializeToString())
