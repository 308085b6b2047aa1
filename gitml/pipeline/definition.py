"""dvc.yaml: what its stages are once templates, foreach and matrix are resolved."""

from __future__ import annotations

import posixpath
from typing import Any, NamedTuple

from gitml.pipeline import template, yaml12
from gitml.pipeline.template import Style, Unresolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MOST_VALUES = 2_000_000
"""Values of all the stages of one foreach or matrix."""

LARGEST = 32 * 2**20
"""Letters of all the commands and paths of one dvc.yaml."""

DEFAULT_PARAMS = "params.yaml"

LOGGED = "logged"
"""The frozen stage that records what a script or notebook logged by itself."""


class Out(NamedTuple):
    """What a stage writes.

    Attributes
    ----------
    path
        As dvc.yaml has it, relative to the stage's folder.
    is_cached
        Whether DVC keeps it; False for ``cache: false``, which git keeps.
    kind
        The key that it stands under: ``outs``, ``metrics`` or ``plots``.
    is_pushed
        Whether a remote is to have it; False for ``push: false``.
    remote
        The only remote that it goes to; empty for the default one.
    """

    path: str
    is_cached: bool
    kind: str = "outs"
    is_pushed: bool = True
    remote: str = ""

    @property
    def is_metric(self) -> bool:
        """Whether its figures are the run's metrics."""
        return self.kind == "metrics"


class ParamsFile(NamedTuple):
    """A parameter file and the names in it that a stage depends on; no names for the whole file."""

    path: str
    names: tuple[str, ...]


class Stage(NamedTuple):
    """One stage, with nothing left to resolve.

    Attributes
    ----------
    name
        Its name in ``dvc.lock``, with ``@`` where a foreach or matrix made it.
    folder
        Where its command runs and its paths start, in the commit.
    cmd
        One command or several.
    is_always_changed
        Whether DVC runs it each time: it says so, or it has neither deps nor outs.
    """

    name: str
    folder: str
    cmd: str | list[str]
    deps: tuple[str, ...]
    params: tuple[ParamsFile, ...]
    outs: tuple[Out, ...]
    is_frozen: bool
    is_always_changed: bool


class Opaque(NamedTuple):
    """A stage, or a whole group of them, that cannot be resolved from the commit alone."""

    name: str
    why: str


class Definition(NamedTuple):
    """One dvc.yaml.

    Attributes
    ----------
    path
        Where it is in the commit.
    opaque
        What of it cannot be judged.
    metrics
        Files that it names at its top level, where nothing says who writes them; relative to its folder.
    params
        Parameter files that it names at its top level; relative to its folder.
    plots
        What it names at its top level as plots: files, folders, or ids that are none; relative to its folder.
    """

    path: str
    stages: tuple[Stage, ...]
    opaque: tuple[Opaque, ...]
    metrics: tuple[str, ...]
    params: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()


class NotADefinition(ValueError):
    """The file is no dvc.yaml; the message says why, in half a sentence."""


def read(path: str, content: bytes, load: Callable[[str], Any], style: Callable[[], Style]) -> Definition:
    """Return what a dvc.yaml defines.

    Parameters
    ----------
    path
        Where it is in the commit.
    content
        Its bytes.
    load
        Returns the value of a parameter file by its path in the commit; None where there is none.
        Raises `Unresolved` where there is one that cannot be read.
    style
        Returns how a mapping is written into a command.

    Raises
    ------
    NotADefinition
        It is no YAML, or its parts have other types than DVC takes.
    yaml12.NotYaml12
        DVC may be able to read it.
    """
    try:
        data = yaml12.load(content) or {}
    except yaml12.NotYaml12:
        raise
    except yaml12.NotYaml as error:
        raise NotADefinition(str(error)) from None
    if not isinstance(data, dict) or not isinstance(data.get("stages") or {}, dict):
        raise NotADefinition("it has no mapping of stages")
    folder = posixpath.dirname(path)
    entries: dict[Any, Any] = data.get("stages") or {}
    if not all(isinstance(name, str) and isinstance(entry, dict) for name, entry in entries.items()):
        raise NotADefinition("a stage is no mapping")
    named = data.get("metrics") or []
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise NotADefinition("its metrics are no list of files")
    reader = _Reader(folder, load, style)
    try:
        reader.load_vars(data.get("vars") or [], folder, reader.context, has_default=True)
    except Unresolved as error:
        return Definition(path, (), (Opaque("", str(error)),) if entries or named else (), ())
    for name, entry in entries.items():
        reader.read_entry(name, entry)
    metrics = [file for name in named if (file := reader.read_file(name, "metrics")) is not None]
    files = data.get("params") or []
    texts = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
    params = [file for name in texts if (file := reader.read_file(name, "params")) is not None]
    plots = tuple(dict.fromkeys(_named_plots(data.get("plots"))))
    return Definition(path, tuple(reader.stages), tuple(reader.opaque), tuple(metrics), tuple(params), plots)


class _Reader:
    """The state while one dvc.yaml is read: what names mean, which files they came from, what was found."""

    def __init__(self, folder: str, load: Callable[[str], Any], style: Callable[[], Style]) -> None:
        self.folder = folder
        self.context: dict[str, Any] = {}
        self.stages: list[Stage] = []
        self.opaque: list[Opaque] = []
        self._load = load
        self._style = style
        self._whole: set[str] = set()
        self._letters = 0

    def load_vars(self, vars_: Any, folder: str, context: dict[str, Any], has_default: bool = False) -> None:
        """Add to `context` what ``vars`` gives, and the default parameter file before it."""
        if has_default:
            default = inside(folder, DEFAULT_PARAMS)
            if default is not None and self._load(default) is not None:
                self._load_file(DEFAULT_PARAMS, folder, context)
        if not isinstance(vars_, list) or template.has_reference(vars_):
            raise Unresolved("its vars are no list, or have a reference")
        for item in vars_:
            if isinstance(item, dict):
                template.merge(context, item)
            elif isinstance(item, str):
                self._load_file(item, folder, context)
            else:
                raise Unresolved("its vars are neither files nor mappings")

    def _load_file(self, item: str, folder: str, context: dict[str, Any]) -> None:
        name, _, chosen = item.partition(":")
        keys = [key for key in chosen.split(",") if key]
        path = inside(folder, name)
        if path is None:
            raise Unresolved(f"{name} is outside of the repository")
        if not keys and path in self._whole:
            return
        value = self._load(path)
        if not isinstance(value, dict):
            raise Unresolved(f"{name} is not in the commit" if value is None else f"{name} is no mapping")
        if any(key not in value for key in keys):
            raise Unresolved(f"{name} lacks a name of {item}")
        template.merge(context, {key: value[key] for key in keys} if keys else value)
        if not keys:
            self._whole.add(path)

    def read_entry(self, name: str, entry: dict[str, Any]) -> None:
        """Add the stage, or the stages of a foreach or matrix, that an entry defines."""
        try:
            for stage, body, context in self._expanded(name, entry):
                try:
                    self.stages.append(self._read_stage(stage, body, context))
                except Unresolved as error:
                    self.opaque.append(Opaque(stage, str(error)))
        except Unresolved as error:
            self.opaque.append(Opaque(name, str(error)))
        except RecursionError:
            self.opaque.append(Opaque(name, "it is nested too deeply"))

    def _expanded(self, name: str, entry: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
        if "matrix" in entry:
            body = {key: value for key, value in entry.items() if key != "matrix"}
            points = template.expand_matrix(entry["matrix"], self.context)
        elif "foreach" in entry:
            body = entry.get("do") or {}
            points = template.expand_foreach(entry["foreach"], self.context)
        else:
            yield name, entry, self.context
            return
        if not isinstance(body, dict):
            raise Unresolved("its do is no mapping")
        if len(points) * yaml12.count_values(body) > MOST_VALUES:
            raise Unresolved("it stands for too many stages")
        for key, meant in points.items():
            yield f"{name}@{key}", body, {**self.context, **meant}

    def _read_stage(self, name: str, body: dict[str, Any], context: dict[str, Any]) -> Stage:
        body = dict(body)
        vars_ = body.pop("vars", None) or []
        folder = self._folder_of(body.get("wdir"), context)
        if vars_:
            context = dict(context)
            self.load_vars(vars_, folder, context)
        style = self._style() if template.has_reference(body.get("cmd")) else Style()
        kept = ("cmd", "deps", "params", "outs", "metrics", "plots")
        resolved = {key: template.resolve(body.get(key), context, key, style) for key in kept}
        cmd = resolved["cmd"]
        if not isinstance(cmd, str) and not (isinstance(cmd, list) and all(isinstance(line, str) for line in cmd)):
            raise Unresolved("its cmd is neither a text nor a list of texts")
        deps = _texts(resolved["deps"])
        params = _params(resolved["params"])
        outs = tuple(out for key in ("outs", "metrics", "plots") for out in _outs(resolved[key], key))
        self._letters += sum(map(len, (*deps, *(out.path for out in outs), *([cmd] if isinstance(cmd, str) else cmd))))
        if self._letters > LARGEST:
            raise Unresolved("dvc.yaml is too large once it is resolved")
        always = body.get("always_changed") is True or not (deps or params or outs)
        return Stage(name, folder, cmd, deps, params, outs, body.get("frozen") is True, always)

    def _folder_of(self, wdir: Any, context: Mapping[str, Any]) -> str:
        if not wdir:
            return self.folder
        folder = inside(self.folder, template.as_text(template.resolve(wdir, context, "wdir")))
        if folder is None:
            raise Unresolved("its wdir is outside of the repository")
        return folder

    def read_file(self, name: str, key: str) -> str | None:
        """Return the file that a top-level entry of `key` names; None where that cannot be resolved."""
        try:
            file = template.resolve(name, self.context, key)
        except Unresolved as error:
            self.opaque.append(Opaque("", f"{error}, in {key}"))
            return None
        return file if isinstance(file, str) else None


def _named_plots(value: Any) -> Iterator[str]:
    """Yield the names of plots of the top level, and the files that they draw; templates are left out."""
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        if isinstance(entry, str) and not template.has_reference(entry):
            yield entry
        for name, settings in entry.items() if isinstance(entry, dict) else ():
            drawn = settings.get("y") if isinstance(settings, dict) else None
            files = list(drawn) if isinstance(drawn, dict) else [name]
            yield from (file for file in files if isinstance(file, str) and not template.has_reference(file))


def inside(folder: str, path: str) -> str | None:
    """Return where `path` leads from `folder`, both in the commit; None for a way out of it."""
    if not path or "\0" in path or posixpath.isabs(path):
        return None
    joined = posixpath.normpath(posixpath.join(folder, path))
    if joined == ".." or joined.startswith("../"):
        return None
    return "" if joined == "." else joined


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Unresolved("its deps are no list of texts")
    return tuple(dict.fromkeys(value))


def _params(value: Any) -> tuple[ParamsFile, ...]:
    """Merge the entries of ``params`` as DVC does: a file named without names is depended on as a whole."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Unresolved("its params are no list")
    whole = {str(path) for item in value if isinstance(item, dict) for path, names in item.items() if not names}
    files: dict[str, list[str]] = {}
    for item in value:
        if isinstance(item, dict):
            for path, names in item.items():
                if names and (not isinstance(names, list) or not all(isinstance(name, str) for name in names)):
                    raise Unresolved("the names of a parameter file are no list of texts")
                files.setdefault(str(path), []).extend(names or ())
        elif isinstance(item, str):
            files.setdefault(DEFAULT_PARAMS, []).append(item)
        else:
            raise Unresolved("its params are neither names nor files")
    return tuple(ParamsFile(path, () if path in whole else tuple(names)) for path, names in files.items())


def _outs(value: Any, kind: str) -> list[Out]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unresolved("its outs are no list")
    outs: dict[str, Out] = {}
    for item in value:
        for path, settings in item.items() if isinstance(item, dict) else ((item, {}),):
            if not isinstance(path, str):
                raise Unresolved("an out is no text")
            flags = settings if isinstance(settings, dict) else {}
            before = outs.get(path, Out(path, True, kind))
            cache, push, remote = flags.get("cache"), flags.get("push"), flags.get("remote")
            outs[path] = Out(
                path,
                cache is not False if cache is not None else before.is_cached,
                kind,
                push is not False if push is not None else before.is_pushed,
                remote if isinstance(remote, str) else before.remote,
            )
    return list(outs.values())
