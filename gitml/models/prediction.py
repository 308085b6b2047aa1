"""Predicting straight from a released artifact: its graph run by onnxruntime, by what its signature says.

The graph and the signature are as untrusted as the repository that they come from. A graph of ONNX runs no code of
its own, but it may lie about what it takes and gives, and it may ask for files of this machine as its weights.
"""

from __future__ import annotations

import posixpath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.errors import BrokenEnvironment, GitmlError
from gitml.git.objects import Objects
from gitml.models import artifact, provenance, signature
from gitml.models.signature import GRAPHS, NotASignature, Signature
from gitml.pipeline.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from gitml.models.artifact import StoredFile

    Array = NDArray[Any]

THREADS = 2

_OFF_BY = 1e-3
"""Probabilities of a row add up to 1, and lie between 0 and 1, to this."""

_OUTSIDE = (b"\n\x08location", b"_ORT_MEM_ADDR_")
"""What a tensor has in a graph whose weights are in another file, or somewhere in memory."""


class CannotPredict(GitmlError):
    """A model cannot be asked, or what it answers is nonsense."""

    def __init__(self, name: str, why: str, mend: tuple[str, ...] = ()) -> None:
        super().__init__(f"{name} cannot predict", why, mend or (f"gitml model verify {name}",))


class ExtraIsMissing(BrokenEnvironment):
    """A package that only predicting needs is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"{package} is not installed",
            "It comes with the extra gitml[serve], which predicting needs and nothing else does.",
            ("python -m pip install 'gitml[serve]'",),
        )


class Model:
    """A graph that can be asked.

    Attributes
    ----------
    name
        How people call it.
    signature
        What goes in and what comes out.
    """

    def __init__(self, name: str, said: Signature, run: Callable[[Mapping[str, Array]], Any]) -> None:
        self.name = name
        self.signature = said
        self._run = run

    def predict(self, columns: Mapping[str, Array], first: int = 1) -> Array:
        """Predict rows.

        Parameters
        ----------
        columns
            For each feature its values, of shape (rows, 1): float32 with NaN for a missing number, or texts (as
            objects) with ``""`` for a missing one.
        first
            The place of the first row, by which an error names one.

        Returns
        -------
        NDArray
            float64: probabilities of shape (rows, classes), or for a regression values of shape (rows,).

        Raises
        ------
        CannotPredict
            The graph fails on them, or gives what its signature does not say.
        """
        import numpy as np

        said = self.signature
        rows = len(next(iter(columns.values())))
        if rows == 0:
            return np.empty((0, len(said.classes)) if said.classes else 0)
        try:
            output = np.asarray(self._run(columns))
        except Exception as error:  # onnxruntime has no common base class for its errors
            raise CannotPredict(self.name, f"Its graph fails on these rows: {_one_line(error)}") from None
        wanted = (rows, len(said.classes) or 1)
        if output.dtype.kind != "f" or output.shape not in (wanted, wanted[:1] if not said.classes else wanted):
            raise CannotPredict(
                self.name, f"Its graph gives {output.dtype} of shape {output.shape}, and its signature says {wanted}."
            )
        values = output.astype(np.float64).reshape(wanted)
        self._refuse_nonsense(values, first)
        return values if said.classes else values[:, 0]

    def labels(self, values: Array) -> Array:
        """Return what each row is called: the place of its class, by the threshold where there are two."""
        import numpy as np

        if self.signature.kind == "binary":
            return (values[:, 1] >= self.signature.threshold).astype(np.intp)
        places: Array = values.argmax(axis=1)
        return places

    def _refuse_nonsense(self, values: Array, first: int) -> None:
        import numpy as np

        wrong = ~np.isfinite(values).all(axis=1)
        if self.signature.classes:
            outside = (values < -_OFF_BY) | (values > 1 + _OFF_BY)
            wrong |= outside.any(axis=1) | (np.abs(values.sum(axis=1) - 1) > _OFF_BY)
        if wrong.any():
            place = int(np.argmax(wrong))
            given = ", ".join(f"{value:.6g}" for value in values[place][:5].tolist())
            told = "probabilities" if self.signature.classes else "a number"
            raise CannotPredict(
                self.name, f"It gives {given} for row {first + place:,}, and its signature says {told}."
            )


class Found(NamedTuple):
    """A release's model, and what was needed to have it.

    Attributes
    ----------
    is_known_by_sha256
        Whether its release says the sha256 of its files; if not, only DVC's md5 was compared.
    fetched
        How many files came from the DVC remote.
    """

    model: Model
    is_known_by_sha256: bool
    fetched: int


def open_release(name: str, commit: str, of: str, at: Path | None = None, threads: int = THREADS) -> Found:
    """Open the model of a release: fetched where it is not here, and hashed before it is used.

    Parameters
    ----------
    name
        How people call the release: ``model-v4``.
    commit
        Full id of the release's commit.
    of
        The model's name.
    at
        As for `gitml.git.command.git`.
    threads
        Threads for one prediction.

    Raises
    ------
    CannotPredict
        It has no graph of ONNX, or what it has is not what its signature says.
    Altered, NotHere, NoModel
        As for `gitml.models.artifact`.
    ExtraIsMissing
        onnxruntime is not installed.
    """
    _runtime()
    from gitml.git import repository

    storage = Storage(repository.find(at).root)
    fetched = artifact.fetch_missing(commit, at, storage, of)
    files = artifact.files_of(commit, at, storage, of)
    told = _told(commit, name, at)
    if told:
        files = artifact.as_released(files, told)
    # of two with one name, the one that lies higher
    by_name = {posixpath.basename(file.path): file for file in sorted(files, key=lambda file: -file.path.count("/"))}
    said = _signature(name, by_name, storage, at)
    graph = by_name.get(GRAPHS[said.format])
    if graph is None:
        raise CannotPredict(name, f"Its signature says that there is a {GRAPHS[said.format]}, and there is none.")
    content = artifact.read_verified(graph, storage, at)
    return Found(open_graph(name, said, content, threads), bool(told), len(fetched))


def open_graph(name: str, said: Signature, graph: bytes, threads: int = THREADS) -> Model:
    """Return a model from a graph's bytes.

    Raises
    ------
    CannotPredict
        It is no graph that runs here, it does not belong to the signature, or it takes weights from other files.
    ExtraIsMissing
        onnxruntime is not installed.
    """
    runtime = _runtime()
    if any(mark in graph for mark in _OUTSIDE):
        raise CannotPredict(name, "Its graph asks for files of this machine as its weights; nothing was read.")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with TemporaryDirectory(prefix="gitml-") as nothing:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", nothing)
        try:
            session = runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no common base class for its errors
            raise CannotPredict(name, f"onnxruntime cannot run its graph: {_one_line(error)}") from None
    differs = signature.compare(said, {one.name: one.type for one in session.get_inputs()})
    if differs:
        raise CannotPredict(name, f"Its graph is not the one of its signature: {differs}.")
    return Model(name, said, lambda columns: session.run(None, dict(columns))[0])


def _told(commit: str, name: str, at: Path | None) -> tuple[provenance.ModelFile, ...]:
    with Objects(at) as objects:
        content = objects.read_file(commit, provenance.FILE, provenance.LARGEST)
    if content is None:
        return ()
    try:
        return provenance.parse(content).model
    except provenance.NotProvenance as wrong:
        raise CannotPredict(name, f"Its {provenance.FILE} is no provenance: {wrong}.") from None


def _signature(name: str, files: Mapping[str, StoredFile], storage: Storage, at: Path | None) -> Signature:
    file = files.get(signature.FILE)
    if file is None:
        raise CannotPredict(
            name, f"It has no {signature.FILE} beside it, so nobody knows what goes in and what comes out."
        )
    try:
        said = signature.parse(artifact.read_verified(file, storage, at))
    except NotASignature as wrong:
        raise CannotPredict(name, f"Its {signature.FILE} is no signature: {wrong}.") from None
    if said.format == "skops":
        why = (
            f"It is a {GRAPHS['skops']}, which calls constructors when it is opened. Which ones may be called is a "
            "list that is code of the project, under review, and never taken from the artifact itself."
        )
        raise CannotPredict(name, why, ("predict with the project's own code, as its evaluate stage does",))
    return said


def _runtime() -> Any:
    try:
        import numpy  # noqa: F401
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise ExtraIsMissing(error.name or "onnxruntime") from None
    return onnxruntime


def _one_line(error: Exception) -> str:
    return f"{' '.join(str(error).split())[:300].rstrip('.')}."
