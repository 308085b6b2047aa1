"""The fitted network as one ONNX graph: a front that reads the named columns, and the layers that torch exports."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain

import onnx
import torch
from onnx import TensorProto, compose, helper
from torch import nn

from stages.models.base import ML_OPSET, OPSET, PREDICTION, PROBABILITIES
from stages.task import Feature, Task

PREFIX = "network/"
"""Before every name inside the graph, so that none is a feature's."""


def export(
    net: nn.Module, features: tuple[Feature, ...], levels: Mapping[str, tuple[str, ...]], task: Task
) -> onnx.ModelProto:
    """Return one graph from the columns to the prediction, with its rows left open.

    Parameters
    ----------
    net
        Takes ``numbers`` (float32, rows x numeric features) and ``codes`` (int64, rows x categorical features),
        of which the one without features is left out.
    levels
        Levels by categorical feature; a level's code is its place plus 1.
    """
    output = PREDICTION if task.kind == "regression" else PROBABILITIES
    widths = {
        "numbers": sum(feature.type == "numeric" for feature in features),
        "codes": len(levels),
    }
    core = _core(net, {name: width for name, width in widths.items() if width}, output)
    front = _front(features, levels)
    made = [value.name for value in front.graph.output]
    merged = compose.merge_models(front, core, io_map=[(name, name) for name in made], producer_name="stages")
    onnx.checker.check_model(merged, full_check=True)
    return merged


def _front(features: tuple[Feature, ...], levels: Mapping[str, tuple[str, ...]]) -> onnx.ModelProto:
    """Return the graph from the columns to ``network/numbers`` and ``network/codes``."""
    types = {"numeric": TensorProto.FLOAT, "categorical": TensorProto.STRING}
    inputs = [helper.make_tensor_value_info(f.name, types[f.type], ["rows", 1]) for f in features]
    nodes, outputs = [], []
    for name, known in levels.items():
        code = f"{PREFIX}code/{name}"
        places = range(1, len(known) + 1)
        nodes.append(
            helper.make_node(
                "LabelEncoder", [name], [code], domain="ai.onnx.ml",
                keys_strings=list(known), values_int64s=list(places), default_int64=0,
            )
        )  # fmt: skip
    columns = {
        "numbers": ([f.name for f in features if f.type == "numeric"], TensorProto.FLOAT),
        "codes": ([f"{PREFIX}code/{name}" for name in levels], TensorProto.INT64),
    }
    for name, (parts, type_) in columns.items():
        if parts:
            nodes.append(helper.make_node("Concat", parts, [PREFIX + name], axis=1))
            outputs.append(helper.make_tensor_value_info(PREFIX + name, type_, ["rows", len(parts)]))
    return _model(helper.make_graph(nodes, "network", inputs, outputs))


def _core(net: nn.Module, widths: Mapping[str, int], output: str) -> onnx.ModelProto:
    """Return the layers as torch exports them, names prefixed but for the output's."""
    types = {"numbers": torch.float32, "codes": torch.int64}
    examples = {name: torch.zeros(3, width, dtype=types[name]) for name, width in widths.items()}
    rows = torch.export.Dim("rows", min=1)
    with _quiet():
        program = torch.onnx.export(
            net.eval(),
            kwargs=examples,
            dynamic_shapes={name: {0: rows} for name in examples},
            output_names=[output],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    exported = program.model_proto.graph
    described = [exported.node, exported.value_info, exported.initializer, exported.input, exported.output]
    for entry in chain([exported], *described):
        # The exporter writes stack traces, and with them a machine's paths, into these.
        entry.ClearField("doc_string")
        entry.ClearField("metadata_props")
    del exported.value_info[:]
    prefixed = compose.add_prefix_graph(exported, PREFIX)
    for node in prefixed.node:
        node.output[:] = [output if name == PREFIX + output else name for name in node.output]
    prefixed.output[0].name = output
    return _model(prefixed)


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks on operators that are not used here off the terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
