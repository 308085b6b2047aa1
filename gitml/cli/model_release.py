"""``gitml model release``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from gitml.cli.gate_table import gate_lines, gates_as_data
from gitml.cli.plan_text import planned
from gitml.cli.terminal import printable
from gitml.conventions.branches import DEFAULT_MODEL
from gitml.git.plan import describe
from gitml.models.refused import Refused
from gitml.models.release import Session, carry_out_release, transfer_amount
from gitml.models.release_terms import Released, Wish

if TYPE_CHECKING:
    from gitml.conventions.versions import ModelVersion

_EXAMPLE = """\b
Example:
  gitml model release                        # of what is checked out
  gitml model release lower-lr --dry-run
  gitml model release infra/fix --experiment lower-lr --repackage"""


@click.command("release", epilog=_EXAMPLE)
@click.argument("what", metavar="[EXPERIMENT]", required=False)
@click.option("--model", metavar="NAME", default=DEFAULT_MODEL, help=f"The model's name; {DEFAULT_MODEL} if left out.")
@click.option("--experiment", metavar="NAME", default="", help="Whose report counts, where a commit does not tell.")
@click.option("--repackage", is_flag=True, help="The model of an earlier release, unchanged; what is around it is new.")
@click.option("--remote", metavar="NAME", default="", help="The git remote; origin, or the only one, if left out.")
@click.option("--data-remote", metavar="NAME", default="", help="The DVC remote; DVC's default if left out.")
@click.option("--dry-run", is_flag=True, help="Ask all rules and gates, say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(
    what: str | None,
    model: str,
    experiment: str,
    repackage: bool,
    remote: str,
    data_remote: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Release a model: a branch and a tag that never move, with its data.

    The rules and gates are those of the server's main branch. If they agree, the data is pushed first and then,
    in one push, the branch models/NAME-v<N> and the tag NAME@v<N>.0.0, which GTO and DVC read as well. N is the
    next number that nobody has. The same again says which release it is.

    With --repackage the commit has the dvc.lock of an earlier release, so the model and its metrics are the same
    bytes: for a fix of what serves it, without training.
    """
    wish = Wish(what, model, experiment, remote, data_remote, repackage)
    try:
        if dry_run:
            session = Session(wish, note=_tell)
            print(planned(describe(session.plan()), session.gates, as_json))
            return
        released = carry_out_release(wish, note=_tell)
    except Refused as refused:
        lines = gate_lines(refused.gates)
        print("\n".join(map(printable, lines)), end="\n" if lines else "", file=sys.stderr)
        raise
    print(_as_json(released) if as_json else _as_text(released))


def _tell(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


def _as_text(released: Released) -> str:
    version = released.version
    if not released.is_new:
        lines = [f"{released.provenance.commit[:7]} is {version} already, released {released.provenance.time[:10]}"]
    else:
        lines = [
            *gate_lines(released.gates),
            *(f"warning  {one.violation.what} ({one.violation.rule})" for one in released.warnings),
        ]
        if released.data.objects:
            lines.append(f"data     pushed {transfer_amount(released.data)} to {' and '.join(released.data.remotes)}")
        of = f"{released.provenance.experiment} ({released.provenance.commit[:7]})"
        lines.append(f"✓ {version} released of {of}")
        if released.provenance.repackaged is not None:
            lines.append(f"         its model is that of {released.provenance.repackaged}, unchanged")
        lines.append(f"         branch {version.branch} and tag {version.tag} on {released.remote}")
    lines.append(f"next     gitml model promote {_short(version)}")
    return "\n".join(map(printable, lines))


def _short(version: ModelVersion) -> str:
    return f"v{version.number}" if version.model == DEFAULT_MODEL else str(version)


def _as_json(released: Released) -> str:
    told = {
        "model": released.version.model,
        "version": released.version.number,
        "branch": released.version.branch,
        "tag": released.version.tag,
        "commit": released.commit,
        "experiment": released.provenance.experiment,
        "released_commit": released.provenance.commit,
        "remote": released.remote,
        "is_new": released.is_new,
        "gates": gates_as_data(released.gates),
        "warnings": [one.violation._asdict() for one in released.warnings],
        "pushed": [{"path": each.path, "md5": each.md5, "size": each.size} for each in released.data.objects],
    }
    return json.dumps(told, indent=2)
