"""The rule that notebooks are committed without what they printed, as nbstripout leaves them."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.policy.files import NewFile, is_notebook, shown, typed
from gitml.policy.rules import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.config import Config

COUNTS = ("execution_count", "prompt_number")
"""What a cell calls the number of its last run, since nbformat 4 and before."""

DROPPED_METADATA = (
    "metadata.signature",
    "metadata.widgets",
    "cell.metadata.collapsed",
    "cell.metadata.ExecuteTime",
    "cell.metadata.execution",
    "cell.metadata.heading_collapsed",
    "cell.metadata.hidden",
    "cell.metadata.scrolled",
)
"""What nbstripout takes out of a notebook besides, without options."""

OF_A_MACHINE = ("metadata.language_info.version",)
"""What gitml has nbstripout take out, too: it differs from desk to desk, and says nothing of the notebook."""


class NotANotebook(ValueError):
    """The bytes are no notebook; the message says why, in half a sentence."""


class _Trace(NamedTuple):
    """What a run left in a cell, which is counted from 1."""

    cell: int
    what: str


def clean_notebook(file: NewFile, config: Config) -> list[Violation]:
    """Judge whether a notebook is free of outputs and execution counts.

    A cell keeps its outputs, never its count, where its metadata or tags say ``keep_output``, or its metadata
    ``init_cell``; a notebook where its metadata say ``keep_output``: that is how nbstripout decides.
    """
    level = config.level("clean-notebook")
    if level == "off" or not is_notebook(file.path):
        return []
    name, path = shown(file.path), typed(file.path)
    try:
        if file.content is None:
            raise NotANotebook("it is too large")
        traces = list(_traces(_read(file.content)))
    except NotANotebook as error:
        return [Violation("clean-notebook", level, f"{name} cannot be read as a notebook", f"{error}.", (), file.path)]
    if not traces:
        return []
    others = len({trace.cell for trace in traces} - {traces[0].cell})
    more = f", and {others} more cell{'s' if others > 1 else ''}" if others else ""
    return [
        Violation(
            "clean-notebook",
            level,
            f"{name} was not cleaned: cell {traces[0].cell} has {traces[0].what}{more}",
            "What a notebook printed can hold data and secrets, and makes every diff unreadable. "
            "A cell that must keep its output has the tag keep_output.",
            (f"nbstripout {path}", f"git add -- {path}"),
            file.path,
        )
    ]


def verify_with_nbstripout(content: bytes) -> bool | None:
    """Return whether ``nbstripout --verify`` finds nothing to take out; None where nbstripout is not installed.

    It takes out more than `clean_notebook` asks for: ids of cells that are not their number, widgets, times.
    """
    try:
        import_module("nbstripout")
    except ImportError:
        return None
    try:
        notebook, without = _parted(content, DROPPED_METADATA)
    except Exception:  # on what is no notebook it ends with whatever comes first; its process would fail, too
        return False
    return bool(notebook == without)


def stripped(content: bytes) -> bytes:
    """Return a notebook as git's filter nbstripout would commit it, byte for byte.

    Raises
    ------
    ImportError
        nbstripout is not installed.
    NotANotebook
        It cannot read the notebook.
    """
    nbformat: Any = import_module("nbformat")
    import_module("nbstripout")
    try:
        text: str = nbformat.writes(_parted(content, (*DROPPED_METADATA, *OF_A_MACHINE))[1])
    except Exception as error:  # whatever its parsers raise
        raise NotANotebook(str(error)) from None
    return (text if text.endswith("\n") else f"{text}\n").encode()


def _parted(content: bytes, dropped: tuple[str, ...]) -> tuple[Any, Any]:
    """Return a notebook as it is and as nbstripout leaves it."""
    import copy
    import logging
    import warnings

    nbformat: Any = import_module("nbformat")
    nbstripout: Any = import_module("nbstripout")
    log = logging.getLogger("traitlets")
    was_silent, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(content.decode(), as_version=nbformat.NO_CONVERT)
            return notebook, nbstripout.strip_output(copy.deepcopy(notebook), None, False, False, list(dropped))
    finally:
        log.disabled = was_silent


def _read(content: bytes) -> dict[str, Any]:
    try:
        notebook = json.loads(content.removeprefix(b"\xef\xbb\xbf"), object_pairs_hook=_without_twins)
    except NotANotebook:
        raise
    except RecursionError:
        raise NotANotebook("it is nested too deeply") from None
    except ValueError:
        raise NotANotebook("it is no JSON") from None
    if not isinstance(notebook, dict) or not ("cells" in notebook or "worksheets" in notebook):
        raise NotANotebook("it has no cells")
    return notebook


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; in one with a key twice, readers would not see what git keeps."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotANotebook("it has a key twice")
    return made


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the cells, also those of the worksheets that there were before nbformat 4."""
    for sheet in [*_list(notebook.get("worksheets", [])), notebook]:
        if not isinstance(sheet, dict):
            raise NotANotebook("a worksheet of it is none")
        for cell in _list(sheet.get("cells", [])):
            if not isinstance(cell, dict):
                raise NotANotebook("a cell of it is none")
            yield cell


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise NotANotebook("its cells are no list")
    return value


def _traces(notebook: dict[str, Any]) -> Iterator[_Trace]:
    metadata = notebook.get("metadata")
    keeps_all = isinstance(metadata, dict) and bool(metadata.get("keep_output"))
    for number, cell in enumerate(_cells(notebook), 1):
        outputs = cell.get("outputs") or []
        keeps = _keeps_output(cell, keeps_all, number)
        if outputs and not keeps:
            yield _Trace(number, "output")
        elif any(cell.get(name) is not None for name in COUNTS) or _has_count(outputs):
            yield _Trace(number, "an execution count")


def _has_count(outputs: Any) -> bool:
    return isinstance(outputs, list) and any(
        isinstance(output, dict) and output.get("execution_count") is not None for output in outputs
    )


def _keeps_output(cell: dict[str, Any], default: bool, number: int) -> bool:
    metadata = cell.get("metadata")
    if not isinstance(metadata, dict):
        return default
    if "init_cell" in metadata:
        return bool(metadata["init_cell"])
    tags = metadata.get("tags")
    has_tag = isinstance(tags, list) and "keep_output" in tags
    if "keep_output" in metadata:
        if has_tag and not metadata["keep_output"]:
            raise NotANotebook(f"cell {number} has the tag keep_output, and its metadata say the opposite")
        return bool(metadata["keep_output"])
    return has_tag or default
