"""Reading commits nobody has read before: their figures, parameters and reports, a thousand commits at a time."""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import Any, NamedTuple

from gitml.experiments.blobs import Blobs
from gitml.experiments.declarations import Declarations
from gitml.experiments.rows import Commit, Record, members, number, parse_commit
from gitml.experiments.trees import Trees
from gitml.pipeline import flat, metrics
from gitml.pipeline.definition import DEFAULT_PARAMS
from gitml.pipeline.flat import Flat, ParamsReader
from gitml.pipeline.metrics import Declared, MetricsFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from gitml.git.objects import Objects

AT_ONCE = 1_000
"""Commits that are in memory together."""

LARGEST = metrics.LARGEST
LARGEST_COMMIT = 2**20
TEST_DATA = "test_data"
"""The metric by which a pipeline itself says on which data it measured."""


class Wanted(NamedTuple):
    """A commit to be read.

    Attributes
    ----------
    oid
        A commit, or an annotated tag of one.
    slug
        The folder of its report; empty for none.
    """

    oid: str
    slug: str


class _Part(NamedTuple):
    """One commit while it is read: what it declares, and where the files are that it names."""

    wanted: Wanted
    oid: str
    commit: Commit
    declared: Declared
    metrics: list[tuple[str, str]]  # an empty blob for what git does not have
    params: list[tuple[str, str]]
    report: tuple[str, str] | None
    unreadable: dict[str, str]


class Reader:
    """Reads commits.

    Parameters
    ----------
    objects
        Where they are read.
    ranked
        The metric that is kept beside each row to sort by; empty for the first of each commit's last file.

    Attributes
    ----------
    is_any_missing
        Whether something was not in the object store, which may yet be fetched.
    """

    def __init__(self, objects: Objects, ranked: str) -> None:
        self._objects = objects
        self.is_any_missing = False
        self._ranked = ranked
        self._params_reader = ParamsReader()
        self._declarations = Declarations(objects)

    def read(
        self, wanted: Iterable[Wanted], commits: Mapping[str, tuple[str, Commit]]
    ) -> Iterator[dict[Wanted, tuple[Record, Flat]]]:
        """Yield the rows and the params of some commits at a time.

        Parameters
        ----------
        wanted
            The commits.
        commits
            What `commits` has of them; what it has not is left out.
        """
        queue = [one for one in dict.fromkeys(wanted) if one.oid in commits]
        for start in range(0, len(queue), AT_ONCE):
            yield self._read_some(queue[start : start + AT_ONCE], commits)

    def _read_some(
        self, wanted: list[Wanted], commits: Mapping[str, tuple[str, Commit]]
    ) -> dict[Wanted, tuple[Record, Flat]]:
        trees = Trees(self._objects)
        roots = {commits[one.oid][1].tree for one in wanted}
        trees.read(roots)
        self.is_any_missing = self.is_any_missing or trees.is_any_missing
        defaults = self._default_params(trees, roots)
        parts = [self._part(one, *commits[one.oid], trees, defaults) for one in wanted]
        read = Blobs(self._objects, self._params_reader, defaults)
        read.add(
            {(posixpath.basename(path), blob) for part in parts for path, blob in part.metrics if blob},
            {(posixpath.basename(path), blob) for part in parts for path, blob in part.params},
            {part.report[1] for part in parts if part.report is not None},
        )
        return {part.wanted: self._record(part, read, trees) for part in parts}

    def commits(self, oids: Collection[str]) -> dict[str, tuple[str, Commit]]:
        """Return each commit's own id and what it says, by the id that was asked for, which may be a tag's.

        What is no commit, or missing, is left out.
        """
        found = self._objects.read_each(oids, parse_commit, LARGEST_COMMIT, "commit")
        commits = {oid: (oid, commit) for oid, commit in found.items() if commit.tree}
        targets = {oid: oid for oid in oids if oid not in found}
        while targets:
            tags = self._objects.read_each(targets.values(), _tagged, LARGEST_COMMIT, "tag")
            targets = {oid: tags[tag] for oid, tag in targets.items() if tag in tags}
            found = self._objects.read_each(targets.values(), parse_commit, LARGEST_COMMIT, "commit")
            commits.update((oid, (target, found[target])) for oid, target in targets.items() if target in found)
            targets = {oid: target for oid, target in targets.items() if target not in found}
        return commits

    def _default_params(self, trees: Trees, roots: Iterable[str]) -> dict[str, Flat | None]:
        """Return the values of the params.yaml beside every dvc.yaml, by blob."""
        blobs = set()
        for root in roots:
            for path, _ in trees.layout(root):
                if path == "dvc.yaml" or path.endswith("/dvc.yaml"):
                    found = trees.find(root, posixpath.join(posixpath.dirname(path), DEFAULT_PARAMS))
                    if found is not None and found[0].startswith("100"):
                        blobs.add(found[1])

        def read(content: bytes) -> Flat | None:
            try:
                return self._params_reader.read(DEFAULT_PARAMS, content)
            except flat.Unreadable:
                return None

        return self._objects.read_each(sorted(blobs), read, LARGEST)

    def _part(self, wanted: Wanted, oid: str, commit: Commit, trees: Trees, defaults: dict[str, Flat | None]) -> _Part:
        declared = self._declarations.of(commit.tree, trees, defaults)
        unreadable: dict[str, str] = {}
        for line in declared.unclear:
            path, _, why = line.partition(": ")
            unreadable[path] = why
        figures: list[tuple[str, str]] = []
        for file in declared.metrics:
            found = _files(commit.tree, file.path, trees)
            figures += found or [(file.path, "")]
            if not found:
                unreadable[file.path] = "git does not have it"
        params = [pair for path in declared.params for pair in _files(commit.tree, path, trees)]
        path = f"reports/{wanted.slug}/README.md"
        report = _files(commit.tree, path, trees) if wanted.slug else []
        return _Part(wanted, oid, commit, declared, figures, params, report[0] if report else None, unreadable)

    def _record(self, part: _Part, read: Blobs, trees: Trees) -> tuple[Record, Flat]:
        unreadable = dict(part.unreadable)
        by_file = [(path, read.metrics(path, blob, unreadable) if blob else None) for path, blob in part.metrics]
        figures = metrics.join(by_file)
        params = metrics.join(
            (path, values) for path, blob in part.params if (values := read.params(path, blob, unreadable))
        )
        leading = _leading(by_file)
        ranked = self._ranked or (leading[0][1] if leading else "")
        test_data = figures.get(TEST_DATA)
        if not isinstance(test_data, str):
            test_data = self._test_data_by_lock(part, read, trees, leading[0][0] if leading else "")
        report = read.report(part.report[1]) if part.report is not None else {}
        hypothesis = report.get("hypothesis", "")
        shown = {name: report[name] for name in ("title", "status", "verdict") if name in report}
        commit = part.commit
        head = members(
            author=commit.author,
            email=commit.email,
            time=commit.time,
            subject=commit.subject,
            hypothesis=hypothesis,
            trailers=commit.trailers,
            report={"path": part.report[0], **shown} if part.report is not None else {},
            test_data=test_data,
            unreadable=unreadable,
        )
        record = Record(
            part.oid,
            json.dumps(leading),
            ranked,
            number(figures.get(ranked)),
            test_data,
            head,
            members(params=params, metrics=figures),
        )
        return record, params

    def _test_data_by_lock(self, part: _Part, read: Blobs, trees: Trees, leading: str) -> str:
        """Return a sum over the data that the stage of the first metric read, as its dvc.lock has it."""
        file = next(
            (file for file in part.declared.metrics if leading == file.path or leading.startswith(f"{file.path}/")),
            None,
        )
        if file is None or not file.stage:
            return ""
        names = _data(file, part.commit.tree, trees)
        found = _files(part.commit.tree, file.lock, trees)
        sums = read.deps(found[0][1], file.stage) if found and names else {}
        if not names or not all(name in sums for name in names):
            return ""
        return hashlib.sha256(json.dumps([(name, sums[name]) for name in names]).encode()).hexdigest()[:16]


def _leading(by_file: list[tuple[str, Flat | None]]) -> list[list[str]]:
    """Return each file with the first number in it; nothing of files that stand behind one that is missing."""
    found = []
    for path, values in by_file:
        if values is None:
            break
        name = next((name for name, value in values.items() if number(value) is not None), None)
        if name is not None:
            found.append([path, name])
    return found


def _files(root: str, path: str, trees: Trees) -> list[tuple[str, str]]:
    """Return the files that a path means, with their blobs: itself, or those of a folder that may be metrics."""
    found = trees.find(root, path)
    if found is None:
        return []
    mode, oid = found
    if mode == "40000":
        below = [entry for entry in trees.entries(oid) if entry.is_file and entry.path.endswith(metrics.SUFFIXES)]
        return [(f"{path}/{entry.path}", entry.oid) for entry in below]
    return [(path, oid)] if mode.startswith("100") else []


def _data(file: MetricsFile, root: str, trees: Trees) -> list[str]:
    """Return which inputs of a metric's stage are its data: those that fewest stages made.

    A model is also read, and also kept by DVC; but it is made from data, so it lies further down.
    """
    inputs: list[Any] = [
        one for one in file.inputs if one.is_kept or not one.path or trees.find(root, one.path) is None
    ]
    least = min((one.depth for one in inputs), default=0)
    return sorted(one.name for one in inputs if one.depth == least)


def _tagged(raw: bytes) -> str:
    first = raw.partition(b"\n")[0]
    return first.removeprefix(b"object ").decode("ascii", "replace")
