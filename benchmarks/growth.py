"""How the pipeline's time and memory grow with the table: the flights once, three and ten times.

The flights are written as one Parquet table, repeated with a little noise in the numbers so that no two rows
are the same; the default model is trained on each. The exponent printed is the slope of log time (and log
memory) over log rows: 1 is linear.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.repro import STAGES, timed
from stages.flights import FlightsParams
from stages.presets import lay_down
from stages.sources import CsvParams, read_table

TIMES = (1, 3, 10)


def repeated(flights: pd.DataFrame, times: int) -> pd.DataFrame:
    """Return the table `times` times over, with noise of a thousandth of its spread on every float column."""
    generator = np.random.default_rng(0)
    copies = []
    for _ in range(times):
        floats = flights.select_dtypes("float64")
        noise = generator.normal(0, 1e-3, floats.shape) * floats.std().to_numpy()
        copies.append(flights.assign(**(floats + noise)))
    return pd.concat(copies, ignore_index=True)


def main() -> None:
    """Run and print the figures."""
    flights = read_table("data/external/nycflights13.yaml", CsvParams(), FlightsParams())
    measured = {}
    with tempfile.TemporaryDirectory() as temporary:
        for times in TIMES:
            folder = Path(temporary, f"x{times}")
            lay_down(None, folder, {"data": {"source": "data/raw.parquet"}})
            (folder / "data" / "schema.yaml").unlink(missing_ok=True)
            table = repeated(flights, times)
            table.to_parquet(folder / "data" / "raw.parquet", index=False)
            measured[times] = {stage: timed([sys.executable, "-m", f"stages.{stage}"], folder) for stage in STAGES}
            for stage, (seconds, memory) in measured[times].items():
                print(f"{len(table):>10,} rows  {stage:<10}{seconds:8.1f} s{memory:8.0f} MiB", flush=True)
            del table
    spread = math.log(TIMES[-1] / TIMES[0])
    for stage in STAGES:
        first, last = measured[TIMES[0]][stage], measured[TIMES[-1]][stage]
        time_slope, memory_slope = (math.log(b / a) / spread for a, b in zip(first, last, strict=True))
        print(f"{stage:<10} grows as rows to the {time_slope:.2f} in time, {memory_slope:.2f} in memory")


if __name__ == "__main__":
    main()
