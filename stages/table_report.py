"""The table as a page to click through: skrub's TableReport, the same bytes for the same table."""

from __future__ import annotations

import re

import pandas as pd

MOST_ROWS = 10_000
"""A larger table is sampled: the page shows how values are spread, not every row."""

RANDOM_ID = re.compile(r'(?<=\bid=")[0-9a-f]{8}(?=")|\breport_[0-9a-f]{8}(?![0-9a-f])')

DATE = re.compile(r"\s*<dc:date>[^<]*</dc:date>")


def table_report_html(frame: pd.DataFrame, title: str, seed: int) -> str:
    """Return a page that stands alone: each column's distribution, its gaps, and what goes with what.

    Parameters
    ----------
    frame
        The table.
    title
        Its heading.
    seed
        Of the sample that is shown of a table of more than `MOST_ROWS` rows.
    """
    import matplotlib
    from skrub import TableReport

    shown = frame
    if len(frame) > MOST_ROWS:
        shown = frame.sample(MOST_ROWS, random_state=seed).sort_index()
        title = f"{title} ({MOST_ROWS:,} of {len(frame):,} rows)"
    # an SVG's element ids are random unless they are salted
    with matplotlib.rc_context({"svg.hashsalt": "gitml"}):
        try:
            page = TableReport(shown, title=title, verbose=0).html()
        except Exception:
            # no axis takes every column, such as one of the years 1 and 9999; the rest of the page is worth having
            page = TableReport(shown, title=title, verbose=0, plot_distributions=False).html()
    return _without_random_ids(DATE.sub("", page))


def _without_random_ids(page: str) -> str:
    """Replace each random id by a number, the same one wherever it comes again."""
    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        found = match.group()
        prefix = "report_" if found.startswith("report_") else ""
        return numbers.setdefault(found, f"{prefix}{len(numbers):08d}")

    return RANDOM_ID.sub(numbered, page)
