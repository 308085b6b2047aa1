"""``gitml model predict``."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, cast

import click

from gitml.cli.run_progress import seconds
from gitml.cli.terminal import printable
from gitml.conventions.amounts import files_in_words
from gitml.errors import BrokenEnvironment, WrongUsage
from gitml.models import prediction, prediction_input, prediction_output, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitml.models.prediction import Model
    from gitml.models.prediction_output import Format

EVERY = 5.0
"""Seconds between two lines about long input."""

_FORMATS: tuple[Format, ...] = ("csv", "json", "parquet")
_ENDINGS: dict[str, Format] = {".parquet": "parquet", ".json": "json", ".jsonl": "json"}

_EXAMPLE = """\b
Example:
  gitml model predict v4 rows.csv
  gitml model predict v4 rows.parquet -o predictions.parquet
  head -5 rows.csv | gitml model predict v4 - --json"""


@click.command("predict", epilog=_EXAMPLE)
@click.argument("model")
@click.argument("file")
@click.option("-o", "--output", metavar="OUT", default="", help="Write to this file, and not to stdout.")
@click.option("--format", "kind", type=click.Choice(_FORMATS), help="How; default is OUT's ending, or csv.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, an object a line: --format json.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Predict the first N rows only.")
def command(model: str, file: str, output: str, kind: Format | None, as_json: bool, limit: int | None) -> None:
    """Predict rows, straight from a released model.

    FILE has the model's features as columns: CSV, JSON (an object a line) or Parquet; - for stdin. Other
    columns are passed over. The model's files are fetched where they are not here, and their sums are made
    anew before they are used. Each row gets its prediction, and for a classification every class's
    probability; which probability is enough was chosen in training.
    """
    chosen = _format(kind, as_json, output)
    if output and file != "-" and os.path.exists(output) and os.path.samefile(file, output):
        raise WrongUsage(f"{output} would be replaced by its own predictions", "", ("choose another -o",))
    known = registry.read()
    release = registry.find(model, known)
    name = str(release.version)
    if release.yanked is not None:
        _say(f"note    {name} was withdrawn: {release.yanked.subject}")
    found = prediction.open_release(name, release.commit, release.version.model)
    if found.fetched:
        _say(f"fetched {files_in_words(found.fetched)} of {name}")
    if not found.is_known_by_sha256:
        _say(f"note    {name} has no provenance.json: its files were compared with dvc.lock's md5 only")
    with _source(file) as stream, _target(output, chosen) as target:
        done = _predict(found.model, stream, "stdin" if file == "-" else file, chosen, target, limit)
    for feature, rows in sorted(done.unseen.items()):
        _say(f"note    {feature}: {rows:,} of {done.rows:,} rows have a text that the training rows had not")
    if output:
        print(printable(f"wrote {done.rows:,} predictions of {name} to {output}"))
        print(f"next    gitml model trace {name}   # what it was made from")


class _Done(NamedTuple):
    """How many rows were predicted, and in how many a feature has a text that is new to the model."""

    rows: int
    unseen: dict[str, int]


def _predict(model: Model, stream: BinaryIO, name: str, kind: Format, target: BinaryIO, limit: int | None) -> _Done:
    rows, unseen = 0, dict[str, int]()
    progress = _Progress(sys.stderr)
    writer = prediction_output.writer(kind, model, target)
    with prediction_input.opened(stream, name, model.signature.features, limit) as batches:
        for batch in batches:
            writer.write(model.predict(batch.columns, batch.first))
            rows += batch.rows
            for feature, count in batch.unseen.items():
                unseen[feature] = unseen.get(feature, 0) + count
            progress.tell(rows)
    writer.close()
    return _Done(rows, unseen)


class _Progress:
    """Says on stderr how far long input is."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._began = self._last = time.monotonic()

    def tell(self, rows: int) -> None:
        now = time.monotonic()
        if now - self._last >= EVERY:
            self._last = now
            passed = now - self._began
            _say(f"{rows:>12,} rows   {seconds(passed)}   {rows / passed:,.0f} a second")


def _format(kind: Format | None, as_json: bool, output: str) -> Format:
    if as_json and kind not in (None, "json"):
        raise WrongUsage(f"--json and --format {kind} cannot both be meant", "", ("gitml model predict --help",))
    if as_json:
        return "json"
    ending = Path(output).suffix.lower()
    chosen = kind or _ENDINGS.get(ending, "csv")
    if chosen == "parquet" and not output and sys.stdout.isatty():
        raise WrongUsage("Parquet is nothing for a terminal", "It is bytes.", ("add -o predictions.parquet",))
    return chosen


@contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = open(file, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read", f"{error.strerror}.", ("ls -l",)) from None
    with opened:
        yield opened


@contextmanager
def _target(output: str, kind: Format) -> Iterator[BinaryIO]:
    """Lend stdout, or a new file that takes the place of `output` once it is whole."""
    if not output:
        sys.stdout.flush()
        is_shown = sys.stdout.isatty() and kind == "csv"
        yield cast(BinaryIO, _OneLine(sys.stdout.buffer)) if is_shown else sys.stdout.buffer
        return
    place = Path(output)
    beside = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        opened = beside.open("xb")
    except OSError as error:
        raise WrongUsage(f"{output} cannot be written", f"{error.strerror}.", ("choose another -o",)) from None
    try:
        with opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(beside, place)
    except OSError as error:
        beside.unlink()
        raise BrokenEnvironment(f"{output} could not be written", f"{error.strerror}.", ("df -h .",)) from None
    except BaseException:
        beside.unlink()
        raise


class _OneLine:
    """A terminal, which must not obey what a label says."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, content: bytes) -> None:
        lines = content.decode("utf-8", "replace").split("\n")
        self._stream.write("\n".join(map(printable, lines)).encode())

    def flush(self) -> None:
        self._stream.flush()


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)
