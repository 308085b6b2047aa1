"""What a run writes into its report: the facts of how it was made, and how its figures compare."""

from __future__ import annotations

import json
import posixpath
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.experiments import pairing
from gitml.experiments.compare import code_changes
from gitml.git.command import ask
from gitml.git.merge import merge_file
from gitml.git.objects import Objects, list_tree
from gitml.git.transaction import value_of
from gitml.pipeline import metrics, yaml12
from gitml.pipeline.layout import project_at
from gitml.pipeline.overrides import shown
from gitml.pipeline.snapshot import Snapshot
from gitml.pipeline.source_data import source_data
from gitml.pipeline.storage import Storage
from gitml.reports import document, pictures, plots, render
from gitml.reports.comparison import Comparison, compare
from gitml.reports.render import DataFile, FileChange, Methodology, Stage, ValueChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gitml.experiments.desk import Desk
    from gitml.pipeline.layout import Layout
    from gitml.reports.pictures import Drawing
    from gitml.reports.plots import Plot


class Results(NamedTuple):
    """What a run came to, before it is written down.

    Attributes
    ----------
    desk
        Where it ran.
    slug
        The experiment.
    tree
        Full id of the tree with its results.
    parent
        Full id of the commit that it goes on from.
    hypothesis
        What a person expected; may be empty.
    layout
        What it read and wrote.
    before, after
        Metrics and parameters of the parent and of the run.
    environment
        What the train stage wrote down of its environment; None for what is in the desk's own files.
    above
        Markdown that stands above the results; empty for none.
    beside
        Further parents that it is compared with, as pairs of name and full id.
    """

    desk: Desk
    slug: str
    tree: str
    parent: str
    hypothesis: str
    layout: Layout
    before: metrics.Results
    after: metrics.Results
    environment: tuple[tuple[str, str], ...] | None = None
    above: str = ""
    beside: Sequence[tuple[str, str]] = ()


class Written(NamedTuple):
    """What belongs into the commit.

    Attributes
    ----------
    files
        Bytes by path: the report, and its pictures.
    missing
        The sections that a person still owes.
    comparisons
        The run beside its parent, and beside main.
    """

    files: dict[str, bytes]
    missing: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()


def path(slug: str) -> str:
    """Return where an experiment's report is."""
    return document.path(slug)


def write(results: Results) -> Written:
    """Return the report of a run: a new one, or the one that is there with its machine-written parts renewed."""
    root = results.desk.root
    with Objects(root) as objects:
        after = Snapshot(list_tree(results.tree, root), objects)
        before = Snapshot(list_tree(results.parent, root), objects)
        text = _text(results, after)
        if results.hypothesis:
            text = document.answer(text, "Hypothesis", results.hypothesis)
        methodology = render.methodology(_methodology(results, after))
        drawing = _draw(results.layout, after)
        comparisons = tuple(_comparisons(results, after, objects))
        told = render.results(
            render.Results(
                comparisons=comparisons,
                params=tuple(
                    ValueChange(name, _shown(results.before.params, name), _shown(results.after.params, name))
                    for name in _changed(results.before.params, results.after.params)
                ),
                code=tuple(_code(results)),
                data=tuple(_data(results, before, after)),
                pictures=drawing.pictures,
                environment=results.environment
                if results.environment is not None
                else environment_in(results.desk.root, results.layout),
                reproduce=render.reproduce(results.slug, False),
                notes=drawing.notes,
            )
        )
    told = f"{results.above}\n\n{told}" if results.above else told
    text = document.fill(text, methodology=methodology, results=told)
    folder = posixpath.dirname(path(results.slug))
    files = {f"{folder}/{name}": content for name, content in drawing.files.items()}
    return Written({path(results.slug): document.encoded(text), **files}, document.missing(text), comparisons)


def missing(root: Path, tree: str, slug: str) -> tuple[str, ...]:
    """Return the sections of a tree's report that a person still owes; all of them where there is no report."""
    with Objects(root) as objects:
        content = Snapshot(list_tree(tree, root), objects).read(path(slug))
    return document.missing(document.decoded(content or b""))


def begin(desk: Desk, slug: str, parent: str, objective: str = "", hypothesis: str = "") -> bytes:
    """Return the report of an experiment before its first run."""
    author = ask("var", "GIT_AUTHOR_IDENT", at=desk.root).out.rpartition(" <")[0].strip()
    text = document.new(
        slug,
        created=time.strftime("%Y-%m-%d"),
        author=author,
        parent=parent,
        objective=objective,
        hypothesis=hypothesis,
    )
    return document.encoded(text)


def carried_over(current: bytes, written: bytes, began: bytes | None = None) -> bytes:
    """Return the report that is in the working tree with what a run wrote into the one that was committed.

    What a person wrote while the run ran stays.

    Parameters
    ----------
    current, written
        The report in the working tree, and the run's.
    began
        What it was when the run began; None where that is not known.
    """
    if current == began:
        return written
    merged = merge_file(began, current, written) if began is not None else None
    if merged is not None:
        return merged
    blocks = document.parse(document.decoded(written)).blocks
    text = document.decoded(current)
    return document.encoded(document.fill(text, methodology=blocks.get("methodology"), results=blocks.get("results")))


def _text(results: Results, after: Snapshot) -> str:
    content = after.read(path(results.slug))
    if content is None:
        parent = results.desk.branch or results.parent[:10]
        content = begin(results.desk, results.slug, parent, _objective(results, parent))
    return document.decoded(content)


def _objective(results: Results, parent: str) -> str:
    """Return what a run is for where nobody said it: people owe the conclusions and the next steps, no more."""
    metric = results.desk.config.metric.name if results.desk.config.metric is not None else None
    name = metric or next(iter(numbers(results.after.metrics)), None)
    return f"A better `{name}` than `{parent}`." if name is not None else ""


def _methodology(results: Results, after: Snapshot) -> Methodology:
    project = project_at(after, results.layout.root)
    stages = [
        Stage(pipeline.address(stage.name), stage.cmd if isinstance(stage.cmd, str) else "; ".join(stage.cmd))
        for pipeline in (project.pipelines if project is not None else ())
        for stage in pipeline.definition.stages
    ]
    params = results.after.params
    models = [value for name, value in params.items() if name.rpartition(".")[2] == "model" and isinstance(value, str)]
    seeds = [(name, shown(value)) for name, value in params.items() if "seed" in name.rpartition(".")[2]]
    data = [DataFile(name, md5) for name, md5 in source_data(after, results.layout).items()]
    return Methodology(models[0] if models else "", tuple(seeds), tuple(data), tuple(stages))


def _comparisons(results: Results, after: Snapshot, objects: Objects) -> list[Comparison]:
    """Return the run against its parent, and against main where that is another commit."""
    desk = results.desk
    storage = Storage(desk.root)
    mine = pairing.find(after, results.layout.root, storage)
    main = value_of(desk.main_ref, desk.root)
    others = [("parent", desk.branch or "", results.parent)]
    others += [("parent", name, commit) for name, commit in results.beside]
    if main is not None and main not in {commit for _, _, commit in others}:
        others.append(("main", desk.main, main))
    found = []
    for role, name, commit in others:
        other = Snapshot(list_tree(commit, desk.root), objects)
        told = results.before if commit == results.parent else metrics.read(other)
        if numbers(told.metrics):
            theirs = pairing.find(other, results.layout.root, storage)
            paired = pairing.pair(mine, theirs, (results.after.metrics, told.metrics))
            changes = compare(numbers(results.after.metrics), numbers(told.metrics), paired.intervals, desk.config)
            found.append(Comparison(role, name, commit, changes, paired.note))
    if not found:
        changes = compare(numbers(results.after.metrics), {}, {}, desk.config)
        found.append(Comparison("parent", desk.branch or "", results.parent, changes))
    return found


def _draw(layout: Layout, after: Snapshot) -> Drawing:
    """Draw the plots that the dvc.yaml files of a commit declare."""
    found: list[Plot] = []
    files: dict[str, bytes] = {}
    for lock in layout.locks:
        file = posixpath.join(posixpath.dirname(lock), "dvc.yaml")
        try:
            definition = yaml12.load(after.read(file) or b"")
        except yaml12.NotYaml:
            continue
        found += plots.declared(definition, posixpath.dirname(file))
    for plot in found:
        for source in plot.sources:
            entries = [after.files[source.path]] if source.path in after.files else after.below(source.path)
            for entry in entries:
                content = after.read(entry.path)
                if content is not None:
                    files[entry.path] = content
    return pictures.draw(tuple(found), files)


def _code(results: Results) -> list[FileChange]:
    written = (*results.layout.written, *results.layout.params, "reports/")
    changes = code_changes(results.parent, results.tree, results.desk.root)
    return [
        FileChange(one.path, one.added, one.removed)
        for one in changes
        if not any(one.path == name or one.path.startswith(f"{name.rstrip('/')}/") for name in written)
    ]


def _data(results: Results, before: Snapshot, after: Snapshot) -> list[ValueChange]:
    old, new = source_data(before, results.layout), source_data(after, results.layout)
    return [
        ValueChange(name, old[name][:10] if name in old else None, new[name][:10] if name in new else None)
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def environment_in(root: Path, layout: Layout) -> tuple[tuple[str, str], ...]:
    """Return what the train stage wrote down of its environment in a working tree, where it did."""
    for out in layout.cached:
        file = root / out / "environment.json"
        try:
            told: Any = json.loads(file.read_bytes())
        except (OSError, ValueError):
            continue
        pairs = _flat(told) if isinstance(told, dict) else {}
        return tuple((name, str(value)) for name, value in list(pairs.items())[:12])
    return ()


def _flat(told: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in told.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return {name: value for name, value in flat.items() if isinstance(value, str | int | float)}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in dict.fromkeys([*new, *old]) if repr(old.get(name)) != repr(new.get(name))]


def _shown(values: Mapping[str, Any], name: str) -> str | None:
    return shown(values[name]) if name in values else None


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that are figures; True and False are none."""
    return {name: one for name, one in values.items() if isinstance(one, int | float) and not isinstance(one, bool)}
