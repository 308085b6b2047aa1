"""From a fitted scikit-learn pipeline to one ONNX graph: what skl2onnx does not know or gets wrong is added here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, compose, helper
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import MissingIndicator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, TargetEncoder

from stages.models.base import ML_OPSET, OPSET, PREDICTION, PROBABILITIES, NotExpressible, Setting
from stages.task import Feature, Task

ML = "ai.onnx.ml"

PREFIX = "pipeline/"
"""Before every name inside the graph, so that none is a feature's."""


@dataclass(frozen=True)
class FittedPipeline:
    """A fitted scikit-learn pipeline; see `stages.models.base.Fitted`.

    Attributes
    ----------
    setting
        What it was fitted for.
    pipeline
        From the feature columns, chosen by place, to the prediction; its classes are the task's codes in order.
    """

    setting: Setting
    pipeline: Pipeline

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return probabilities of shape (rows, classes), or for a regression values of shape (rows,)."""
        columns = X[[feature.name for feature in self.setting.features]]
        if self.setting.task.kind == "regression":
            return np.asarray(self.pipeline.predict(columns), np.float64)
        return np.asarray(self.pipeline.predict_proba(columns), np.float64)

    def to_onnx(self) -> onnx.ModelProto:
        """Return one graph from the named feature columns to probabilities or the prediction.

        Raises
        ------
        NotExpressible
            A step of the pipeline has no ONNX operator.
        """
        return graph(self.pipeline, self.setting.features, self.setting.task)


def graph(pipeline: Pipeline, features: tuple[Feature, ...], task: Task) -> onnx.ModelProto:
    """Return the pipeline as a graph with one input for each feature and one output.

    Raises
    ------
    NotExpressible
        A step of the pipeline has no ONNX operator.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    for step in _steps(pipeline):
        if isinstance(step, SplineTransformer):
            raise NotExpressible("ONNX has no operator for splines", pipeline)
        if getattr(step, "is_categorical_", None) is not None:
            raise NotExpressible("ONNX has no operator for categorical splits of boosted trees", pipeline)
    types = {"numeric": FloatTensorType, "categorical": StringTensorType}
    try:
        converted = convert_sklearn(
            pipeline,
            name="pipeline",
            initial_types=[(f"x{place}", types[f.type]([None, 1])) for place, f in enumerate(features)],
            target_opset={"": OPSET, ML: ML_OPSET},
            options=None if task.kind == "regression" else {id(pipeline): {"zipmap": False}},
            custom_conversion_functions=_CONVERTERS,
            custom_shape_calculators=_SHAPES,
        )
    except (MissingConverter, MissingShapeCalculator) as error:
        raise NotExpressible(str(error), pipeline) from error
    return _contract(converted.graph, features, task)


def _steps(estimator: Any) -> list[Any]:
    """Return the steps inside pipelines and column transformers."""
    inner = getattr(estimator, "steps", None) or getattr(estimator, "transformers_", None)
    return [step for part in inner for step in _steps(part[1])] if inner else [estimator]


def _contract(made: onnx.GraphProto, features: tuple[Feature, ...], task: Task) -> onnx.ModelProto:
    """Name the inputs as the features, keep the one output, and drop what does not lead to it."""
    output = PREDICTION if task.kind == "regression" else PROBABILITIES
    prefixed = compose.add_prefix_graph(made, PREFIX)
    last = prefixed.output[-1].name
    names = {f"{PREFIX}x{place}": feature.name for place, feature in enumerate(features)} | {last: output}
    nodes, wanted = [], {last}
    for node in reversed(prefixed.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]
            nodes.append(node)
    types = {"numeric": TensorProto.FLOAT, "categorical": TensorProto.STRING}
    width = 1 if task.kind == "regression" else len(task.classes)
    return model(
        helper.make_graph(
            nodes[::-1],
            "pipeline",
            [helper.make_tensor_value_info(f.name, types[f.type], ["rows", 1]) for f in features],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["rows", width])],
            [tensor for tensor in prefixed.initializer if tensor.name in wanted],
        )
    )


def model(made: onnx.GraphProto) -> onnx.ModelProto:
    """Wrap a graph with the operator sets that all models share, and check it.

    Raises
    ------
    onnx.checker.ValidationError
        The graph is not valid ONNX, which is a bug here.
    """
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
    whole = helper.make_model(
        made, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets), producer_name="stages"
    )
    onnx.checker.check_model(whole)
    return whole


def _missing_indicator(scope: Any, operator: Any, container: Any) -> None:
    """Convert `MissingIndicator(features="all")`, which skl2onnx does not know."""
    flags = [_value(scope, container, "IsNaN", [column]) for column in _columns(scope, operator, container)]
    joined = _value(scope, container, "Concat", flags, axis=1)
    _node(scope, container, "Cast", [joined], operator.outputs[0].full_name, to=TensorProto.FLOAT)


def _one_hot(scope: Any, operator: Any, container: Any) -> None:
    """Convert a `OneHotEncoder` over strings; skl2onnx refuses rare levels where there is one column only."""
    encoder = operator.raw_operator
    parts = []
    columns = _columns(scope, operator, container)
    for place, (column, levels) in enumerate(zip(columns, encoder.categories_, strict=True)):
        rare = encoder._default_to_infrequent_mappings[place] if encoder._infrequent_enabled else None
        codes = np.arange(len(levels)) if rare is None else rare
        code = _value(
            scope, container, "LabelEncoder", [column], domain=ML,
            keys_strings=_texts(levels), values_int64s=codes.tolist(), default_int64=-1,
        )  # fmt: skip
        known = list(range(int(codes.max()) + 1))
        hot = _value(scope, container, "OneHotEncoder", [code], domain=ML, cats_int64s=known, zeros=1)
        flat = _constant(scope, container, [-1, len(known)])
        parts.append(_value(scope, container, "Reshape", [hot, flat]))
    _node(scope, container, "Concat", parts, operator.outputs[0].full_name, axis=1)


def _target_encoder(scope: Any, operator: Any, container: Any) -> None:
    """Convert a `TargetEncoder` over strings; skl2onnx refuses more than two classes."""
    encoder = operator.raw_operator
    classes = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    means = np.atleast_1d(encoder.target_mean_)
    columns, parts = _columns(scope, operator, container), []
    for place, encodings in enumerate(encoder.encodings_):
        column = place // classes
        parts.append(
            _value(
                scope, container, "LabelEncoder", [columns[column]], domain=ML,
                keys_strings=_texts(encoder.categories_[column]), values_floats=encodings.tolist(),
                default_float=float(means[place % classes]),
            )
        )  # fmt: skip
    _node(scope, container, "Concat", parts, operator.outputs[0].full_name, axis=1)


def _boosting(scope: Any, operator: Any, container: Any) -> None:
    """Convert histogram gradient boosting without categorical splits.

    skl2onnx passes numpy integers that ONNX refuses, and rounds thresholds to the nearest float32, so that
    a value between the threshold and its rounding takes the other branch. Rounded down, no float32 does.
    """
    boosting = operator.raw_operator
    columns = [operator.inputs[0].full_name]
    raw = _value(scope, container, "TreeEnsembleRegressor", columns, domain=ML, **_trees(boosting))
    if isinstance(boosting, HistGradientBoostingRegressor):
        _node(scope, container, "Identity", [raw], operator.outputs[0].full_name)
        return
    label, probabilities = (output.full_name for output in operator.outputs)
    if len(boosting.classes_) == 2:
        negative = _value(scope, container, "Neg", [raw])
        sides = [_value(scope, container, "Sigmoid", [side]) for side in (negative, raw)]
        _node(scope, container, "Concat", sides, probabilities, axis=1)
    else:
        _node(scope, container, "Softmax", [raw], probabilities, axis=1)
    _node(scope, container, "ArgMax", [probabilities], label, axis=1, keepdims=0)


def _trees(boosting: Any) -> dict[str, Any]:
    """Return the attributes of a tree ensemble whose sum is the raw prediction."""
    predictors = [(tree, place) for step in boosting._predictors for place, tree in enumerate(step)]
    sizes = [len(tree.nodes) for tree, _ in predictors]
    nodes = np.concatenate([tree.nodes for tree, _ in predictors])
    tree_ids = np.repeat(np.arange(len(predictors)), sizes)
    node_ids = np.concatenate([np.arange(size) for size in sizes])
    targets = np.repeat([place for _, place in predictors], sizes)
    leaf = nodes["is_leaf"].astype(bool)

    def branch(name: str) -> list[int]:
        return np.where(leaf, 0, nodes[name]).astype(np.int64).tolist()

    return {
        "nodes_treeids": tree_ids.tolist(),
        "nodes_nodeids": node_ids.tolist(),
        "nodes_featureids": branch("feature_idx"),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values": np.where(leaf, 0, _floor32(nodes["num_threshold"])).tolist(),
        "nodes_truenodeids": branch("left"),
        "nodes_falsenodeids": branch("right"),
        "nodes_missing_value_tracks_true": branch("missing_go_to_left"),
        "target_treeids": tree_ids[leaf].tolist(),
        "target_nodeids": node_ids[leaf].tolist(),
        "target_ids": targets[leaf].tolist(),
        "target_weights": nodes["value"][leaf].tolist(),
        "base_values": np.ravel(boosting._baseline_prediction).tolist(),
        "n_targets": int(boosting.n_trees_per_iteration_),
    }


def _floor32(thresholds: np.ndarray) -> np.ndarray:
    """Return the largest float32 that is not above each threshold."""
    nearest = thresholds.astype(np.float32)
    return np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _columns(scope: Any, operator: Any, container: Any) -> list[str]:
    """Return the name of each input column, shape (rows, 1).

    skl2onnx may have put several side by side; then those that went in are taken, which for one row halves the time.
    """
    joined = {node.output[0]: list(node.input) for node in container.nodes if node.op_type == "Concat"}
    names: list[str] = []
    for variable in operator.inputs:
        width, whole = variable.get_second_dimension(), variable.full_name
        if width == 1:
            names.append(whole)
        elif len(joined.get(whole, ())) == width:
            names += joined[whole]
        else:
            places = [_constant(scope, container, [place]) for place in range(width)]
            names += [_value(scope, container, "Gather", [whole, place], axis=1) for place in places]
    return names


def _value(scope: Any, container: Any, op: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
    """Add a node and return the name of its one output."""
    name = scope.get_unique_variable_name(op.lower())
    _node(scope, container, op, inputs, name, domain, **attributes)
    return name


def _node(
    scope: Any, container: Any, op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any
) -> None:
    """Add a node whose one output is `output`."""
    version = ML_OPSET if domain == ML else OPSET
    name = scope.get_unique_operator_name(op)
    container.add_node(op, inputs, [output], op_domain=domain, op_version=version, name=name, **attributes)


def _constant(scope: Any, container: Any, numbers: list[int]) -> str:
    """Add a constant and return its name."""
    name = scope.get_unique_variable_name("constant")
    container.add_initializer(name, TensorProto.INT64, [len(numbers)], numbers)
    return name


def _texts(levels: np.ndarray) -> list[str]:
    return [str(level) for level in levels]


def _wide(width: Callable[[Any], int]) -> Callable[[Any], None]:
    """Return a shape calculator: one float32 output, as many columns as `width` says."""

    def calculate(operator: Any) -> None:
        from skl2onnx.common.data_types import FloatTensorType

        operator.outputs[0].type = FloatTensorType([None, width(operator.raw_operator)])

    return calculate


def _classes(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    operator.outputs[0].type = Int64TensorType([None])
    operator.outputs[1].type = FloatTensorType([None, len(operator.raw_operator.classes_)])


_CONVERTERS = {
    MissingIndicator: _missing_indicator,
    OneHotEncoder: _one_hot,
    TargetEncoder: _target_encoder,
    HistGradientBoostingClassifier: _boosting,
    HistGradientBoostingRegressor: _boosting,
}

_SHAPES = {
    MissingIndicator: _wide(lambda indicator: len(indicator.features_)),
    OneHotEncoder: _wide(lambda encoder: len(encoder.get_feature_names_out())),
    TargetEncoder: _wide(lambda encoder: len(encoder.encodings_)),
    HistGradientBoostingClassifier: _classes,
    HistGradientBoostingRegressor: _wide(lambda _: 1),
}
