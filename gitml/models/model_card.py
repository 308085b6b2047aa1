"""MODEL_CARD.md: what a person should know who is about to use a release, written from its own files."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

from gitml.conventions.amounts import amount_in_words
from gitml.conventions.shell import printable
from gitml.reports import document

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
        "## Metrics\n\n" + "\n".join(_metrics(provenance.metrics)),
        _where_it_fails(released),
        _words("Limitations", _part(sections.get("Conclusions", ""), "What didn't work")),
        _words("Insights", _part(sections.get("Conclusions", ""), "Insights")),
        "## Data\n\n" + "\n".join(_data(provenance)),
        "## Parameters\n\n" + "\n".join(_params(provenance.params)),
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
        f"Released on {provenance.time[:10]} by {_cell(provenance.person)} from the experiment "
        f"[{provenance.experiment}](reports/{provenance.experiment}/README.md), commit `{provenance.commit[:10]}`.",
        f"The model is {size}:" if provenance.model else "No file of the model was found when it was released.",
        "\n".join(f"- `{_cell(file.path)}`, sha256 `{file.sha256}`" for file in provenance.model),
        f"Trained with {_cell(named, 600)}." if named else "",
    ]
    if provenance.repackaged is not None:
        lines.insert(1, f"Its model is that of {provenance.repackaged}, byte for byte; only what is around it is new.")
    return "\n\n".join(line for line in lines if line)


def _words(title: str, text: str) -> str:
    """Return a section of a person's own words; nothing where there are none."""
    own = document.own_words(text)
    return f"## {title}\n\n{own}" if own else ""


def _part(text: str, name: str) -> str:
    _, _, rest = text.partition(f"### {name}\n")
    return rest.partition("\n### ")[0]


def _metrics(metrics: Mapping[str, Any]) -> Iterator[str]:
    intervals = {name.removeprefix("interval.").removesuffix(".low") for name in metrics if name.startswith("interval.")}
    shown = [name for name, value in metrics.items() if "." not in name]
    if not shown:
        yield "There are none."
        return
    yield "| metric | value | 95 % interval |"
    yield "| --- | ---: | --- |"
    for name in shown[:MOST_METRICS]:
        low, high = (metrics.get(f"interval.{name}.{end}") for end in ("low", "high"))
        interval = f"{_number(low)} to {_number(high)}" if name in intervals and low is not None else ""
        yield f"| {_cell(name)} | {_number(metrics[name])} | {interval} |"
    if len(shown) > MOST_METRICS:
        yield f"\nand {len(shown) - MOST_METRICS} more in provenance.json."


def _where_it_fails(released: Snapshot) -> str:
    path = next((path for path in sorted(released.files) if path.endswith(SLICES)), None)
    content = released.read(path) if path is not None else None
    if content is None or len(content) > LARGEST:
        return ""
    rows = [row for row in csv.DictReader(io.StringIO(content.decode("utf-8", "replace"))) if row.get("slice")]
    if not rows:
        return ""
    lines = ["## Where it is worst", "", "| rows with | share | loss above all rows |", "| --- | ---: | ---: |"]
    for row in rows[:MOST_SLICES]:
        lines.append("| " + " | ".join(_cell(row.get(column) or "") for column in ("slice", "share", "excess")) + " |")
    return "\n".join(lines)


def _data(provenance: Provenance) -> Iterator[str]:
    if not provenance.data:
        yield "All of it is in git."
    for source in provenance.data:
        yield f"- `{_cell(source.path)}`, md5 `{_cell(source.md5)}`"
    test = provenance.metrics.get("test_data")
    if isinstance(test, str):
        yield f"- test rows: `{_cell(test)}`"


def _params(params: Mapping[str, Any]) -> Iterator[str]:
    yield "```"
    for name in list(params)[:MOST_PARAMS]:
        text = json.dumps(params[name], ensure_ascii=False, default=str)
        yield printable(f"{name}: {text}")[:_LONGEST].replace("`", "'")
    if len(params) > MOST_PARAMS:
        yield f"and {len(params) - MOST_PARAMS} more"
    yield "```"


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return _cell(json.dumps(value) if not isinstance(value, str) else value)


def _cell(text: str, longest: int = _LONGEST) -> str:
    """Return text that stays in its cell and is nothing but text."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", printable(text)[:longest])


def subject_of(metrics: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the figures that a commit message names: ``roc_auc 0.7151``."""
    return ", ".join(f"{name} {_number(metrics[name])}" for name in names if name in metrics)
