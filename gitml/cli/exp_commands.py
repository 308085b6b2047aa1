"""Which commands ``gitml exp`` has: a table, so that its help imports none of them."""

from __future__ import annotations

SUBCOMMANDS: dict[str, str] = {
    "start": "Begin an experiment: a branch with a report, before any run.",
    "run": "Run the pipeline, and commit what it gave with what it was made of.",
    "sweep": "Run every combination of values, a commit each on one branch.",
    "list": "List all experiments, best first, against main.",
    "show": "Show one experiment: params, metrics, runs, report.",
    "diff": "Show what differs between two experiments.",
    "log": "Show the runs of one experiment, newest first.",
    "update": "Bring main into the experiment, and run what that makes stale.",
    "combine": "Bring experiments together on a new branch, and run the result.",
    "bisect": "Find the commit that lost a metric; run only what has no figures.",
    "push": "Push an experiment: its data, then its branch and tags.",
    "fetch": "Fetch an experiment: its branch, and its last run's data.",
    "finish": "End an experiment: accept it into main, or reject it.",
}
"""For each command what it does. The click command of ``x-y`` is ``command`` in ``gitml/cli/exp_x_y.py``, and its
help begins with the same words."""

OVERVIEW = """Start, run, compare and finish experiments; each is a branch.

NAME is an experiment, or the only one that begins or ends so; a model as v4 or model-v4; or any revision.
"""
