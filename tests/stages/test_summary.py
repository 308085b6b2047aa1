"""What `make run` prints at the end."""

import subprocess
import sys

from stages.summary import NEXT, table
from tests.conftest import ROOT


def test_figures_stand_below_each_other_with_their_intervals():
    metrics = {
        "roc_auc": 0.71234,
        "rmse": 12345.678,
        "rows": 82609,
        "interval": {"roc_auc": {"low": 0.7, "high": 0.72}},
    }
    assert table(metrics).splitlines() == [
        "  roc_auc                   0.7123   [0.7000, 0.7200]",
        "  rmse                    12,345.7",
        "  rows                      82,609",
    ]


def test_without_a_run_it_names_the_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "stages.summary"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: results/evaluate/metrics.json does not exist. Run: make run\n"


def test_every_file_that_it_points_to_is_there(smoke):
    for _, where in NEXT:
        if where.startswith("results/"):
            assert (smoke.folder / where.split(" ")[0]).is_file()
