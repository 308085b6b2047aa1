"""MODEL_CARD.md: what a person should know who is about to use a release, written from its own files."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from gitml.conventions.amounts import amount_in_words
from gitml.reports import document
from gitml.reports.markdown import block, code, figure, plain, table, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gitml.models.provenance import Provenance
    from gitml.pipeline.snapshot import Snapshot

SLICES = "analysis/slices.csv"
"""What the evaluate stage leaves about the groups of rows for which the model is worst."""

MOST_SLICES = 5
MOST_METRICS = 30
MOST_PARAMS = 60
LARGEST = 2**20
_LONGEST = 120


def render(provenance: Provenance, released: Snapshot) -> bytes:
    """Return the bytes of a release's MODEL_CARD.md.

    Parameters
    ----------
    provenance
        What the release says of itself.
    released
        The files of the commit that is released.
    """
    version = provenance.version
    content = released.read(document.path(provenance.experiment)) if provenance.experiment else None
    sections = document.parse(document.decoded(content)).sections if content is not None else {}
    parts = [
        f"# {version}",
        _details(provenance),
        _words("Intended use", sections.get("Objective", "")),
        f"## Metrics\n\n{_metrics(provenance.metrics)}",
        _where_it_fails(released),
        _words("Limitations", _part(sections.get("Conclusions", ""), "What didn't work")),
        _words("Insights", _part(sections.get("Conclusions", ""), "Insights")),
        "## Data\n\n" + "\n".join(_data(provenance)),
        f"## Parameters\n\n{_params(provenance.params)}",
        "## Use\n\n```\n"
        f"gitml model predict {version} FILE     # from the columns of signature.json\n"
        f"gitml model trace {version}            # where it comes from, each link proved\n"
        f"git switch --detach {version.branch} && dvc pull\n```",
    ]
    return ("\n\n".join(part for part in parts if part) + "\n").encode("utf-8", "replace")


def _details(provenance: Provenance) -> str:
    packages = provenance.environment.get("packages")
    named = ", ".join(f"{name} {packages[name]}" for name in sorted(packages)) if isinstance(packages, dict) else ""
    size = amount_in_words(len(provenance.model), [file.size for file in provenance.model])
    lines = [
        f"Released on {provenance.time[:10]} by {plain(provenance.person)} from the experiment "
        f"[{provenance.experiment}](reports/{provenance.experiment}/README.md), commit `{provenance.commit[:10]}`.",
        f"The model is {size}:" if provenance.model else "No file of the model was found when it was released.",
        "\n".join(f"- {code(file.path)}, sha256 `{file.sha256}`" for file in provenance.model),
        f"Trained with {plain(named)}." if named else "",
    ]
    if provenance.repackaged is not None:
        lines.insert(1, f"Its model is that of {provenance.repackaged}, byte for byte; only what is around it is new.")
    return "\n\n".join(line for line in lines if line)


def _words(title: str, text: str) -> str:
    """Return a section of a person's own words; nothing where there are none."""
    own = "\n".join(map(visible, document.own_words(text).split("\n")))
    return f"## {title}\n\n{own}" if own else ""


def _part(text: str, name: str) -> str:
    _, _, rest = text.partition(f"### {name}\n")
    return rest.partition("\n### ")[0]


def _metrics(metrics: Mapping[str, Any]) -> str:
    shown = [name for name in metrics if "." not in name]
    if not shown:
        return "There are none."
    rows = []
    for name in shown[:MOST_METRICS]:
        low, high = (metrics.get(f"interval.{name}.{end}") for end in ("low", "high"))
        interval = f"{_figure(low)} to {_figure(high)}" if low is not None and high is not None else ""
        rows.append((plain(name), _figure(metrics[name]), interval))
    more = len(shown) - MOST_METRICS
    rest = f"\n\nand {more} more in provenance.json." if more > 0 else ""
    return table(("metric", "value", "95 % interval"), rows, right=(1,)) + rest


def _where_it_fails(released: Snapshot) -> str:
    path = next((path for path in sorted(released.files) if path.endswith(SLICES)), None)
    content = released.read(path) if path is not None else None
    if content is None or len(content) > LARGEST:
        return ""
    rows = [row for row in csv.DictReader(io.StringIO(content.decode("utf-8", "replace"))) if row.get("slice")]
    if not rows:
        return ""
    columns = ("slice", "share", "excess")
    shown = [[_measured(row.get(column) or "") for column in columns] for row in rows[:MOST_SLICES]]
    lines = table(("rows with", "share", "loss above all rows"), shown, right=(1, 2))
    return f"## Where it is worst\n\n{lines}"


def _data(provenance: Provenance) -> Iterator[str]:
    if not provenance.data:
        yield "All of it is in git."
    for source in provenance.data:
        yield f"- {code(source.path)}, md5 `{plain(source.md5)}`"
    test = provenance.metrics.get("test_data")
    if isinstance(test, str):
        yield f"- test rows: {code(test)}"


def _params(params: Mapping[str, Any]) -> str:
    lines = [f"{name}: {json.dumps(params[name], ensure_ascii=False, default=str)}" for name in params]
    more = len(lines) - MOST_PARAMS
    shown = [line[:_LONGEST] for line in lines[:MOST_PARAMS]]
    return block([*shown, *([f"and {more} more"] if more > 0 else [])])


def _measured(text: str) -> str:
    """Return what a table says as a figure, where it is one."""
    try:
        return figure(float(text))
    except ValueError:
        return plain(text)


def _figure(value: Any) -> str:
    """Return a figure, or whatever stands in its place, as a cell."""
    is_figure = isinstance(value, int | float) and not isinstance(value, bool)
    return figure(value) if is_figure else plain(value if isinstance(value, str) else json.dumps(value))


def subject_of(metrics: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the figures that a commit message names: ``roc_auc 0.7151``."""
    found = {name: metrics[name] for name in names if isinstance(metrics.get(name), int | float)}
    return ", ".join(f"{name} {value:.6g}" for name, value in found.items())
