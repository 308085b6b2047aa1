"""``gitml init --baseline``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from gitml.cli.terminal import filled, has_colours, painted, printable
from gitml.conventions.amounts import files_in_words
from gitml.git import repository
from gitml.scaffold import baseline, first_idea

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 4
"""Files that are named."""


def commit(root: Path, is_dry_run: bool, is_json: bool) -> None:
    """Make the first commit of a new project; where there is one, say nothing and change nothing."""
    if is_dry_run:
        line = [] if repository.has_head(root) else ["commit all files and the results of the first run"]
        print(json.dumps(line) if is_json else "\n".join(f"would {one}" for one in line))
        return
    made = baseline.commit(root)
    if is_json:
        told = None if made is None else {**made._asdict(), "metric": dict([made.metric] if made.metric else [])}
        print(json.dumps(told))
        return
    if made is None:
        return
    done = painted("✓", "ok", has_colours(sys.stdout))
    figure = f"   {made.metric[0]} {made.metric[1]:.4f}" if made.metric is not None else ""
    print(printable(f"first commit {made.commit[:7]}   {files_in_words(made.files)}{figure}").join((f"\n{done} ", "")))
    if made.left:
        named = ", ".join(made.left[:_MOST]) + (f" and {len(made.left) - _MOST} more" if len(made.left) > _MOST else "")
        print(f"note  {filled(f'not in it, because it was here before, or is new: {named}', ' ' * 6)[6:]}")
    print(f"next  {first_idea.of_params((root / 'params.yaml').read_bytes())}")
