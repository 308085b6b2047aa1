"""What strangers write into a repository stays text in the body of a promotion, whatever it is and however much."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gitml.config import Config, Metric
from gitml.models.evidence import Evidence, as_data, as_markdown, gather
from gitml.models.evidence_analysis import Slice, Slices
from gitml.models.evidence_changes import Changes
from gitml.models.evidence_gates import Gates
from gitml.models.evidence_origin import Made
from gitml.models.evidence_verdict import Verdict
from gitml.reports.comparison import Comparison, MetricChange
from gitml.reports.render import FileChange, ValueChange

from .conftest import Repo
from .evidence_projects import Releases
from .test_evidence_text import AUC, FAILED, NEW, evidence
from .test_forge_text import GITLAB

BASE = "https://git.example.com/o/r/{path}"

MARKUP = (
    "|",
    "`",
    "``",
    "\\",
    "<script>",
    "<!--",
    "-->",
    "#",
    "</details>",
    "&lt;",
    "~~~",
    "$$",
    "* ",
    "1. ",
    "|---|",
    "> ",
)
ACTING = (
    "@team",
    "#123",
    "!1",
    "fixes #1",
    "closes: #2",
    "/close",
    "/approve\n",
    "&#64;team",
    "a@b.c",
    "Resolves JIRA-1",
)
LINKS = ("![x](http://a.b)", "[x](y)", "http://a.b", "www.a.b", "<http://a.b>", "[x]: http://a.b\n", "![")
SIGNS = ("\0", "\x1b[31m", "\u202e", "\u2066", "\udcff", "\n", "\n\n", "\n# h", "\n---\n", "\n    x")
NASTY = st.text(max_size=30) | st.lists(st.sampled_from((*MARKUP, *ACTING, *LINKS, *SIGNS)), max_size=6).map("".join)
FIGURE = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64) | st.none()
HOSTILE = st.builds(
    evidence,
    challenger=st.builds(
        lambda name, who: NEW._replace(experiment=name, source=Made("d" * 40, who, "2026-11-01")), NASTY, NASTY
    ),
    verdict=st.builds(
        Verdict,
        st.sampled_from(["better", "higher", "same", "other data", "not compared"]),
        st.just(AUC),
        st.none(),
        NASTY,
    ),
    gates=st.builds(
        lambda name, why: Gates("error", (FAILED._replace(metric=name, why=why, source=why),), (why, name), why),
        NASTY,
        NASTY,
    ),
    comparison=st.builds(
        lambda pairs, why: Comparison(
            "production",
            "model-v3",
            "c",
            tuple(MetricChange(name, one, other, None, "higher") for name, one, other in pairs),
            why,
        ),
        st.lists(st.tuples(NASTY, FIGURE, FIGURE), max_size=25),
        NASTY,
    ),
    slices=st.builds(
        lambda name, why: Slices((Slice(name, 1, 0.5, 0.1, 0.2),), (Slice(why, 1, 0.5, 0.1, 0.2),), 1, 1, why),
        NASTY,
        NASTY,
    ),
    changes=st.builds(
        lambda name, value: Changes(
            (ValueChange(name, value, None),), (FileChange(name, 1, 1),), (ValueChange(value, name, None),)
        ),
        NASTY,
        NASTY,
    ),
    report=NASTY,
    pictures=st.lists(NASTY.map(lambda name: f"reports/lr/{name}.svg"), max_size=14).map(tuple),
    notes=st.lists(NASTY, max_size=25).map(tuple),
)
OURS = ("Metrics", "Gates", "Take note", "Worst slices", "Calibration", "Where they come from", "Parameters", "Data")
HEADINGS = {*OURS, "Code", "Plots", "What a reviewer owes"}


def flat(tokens: list[Token]) -> list[Token]:
    return [each for token in tokens for each in (token, *flat(token.children or []))]


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_what_strangers_write_is_text(found: Evidence) -> None:
    check(found)


def rows_of(tokens: list[Token]) -> list[set[int]]:
    """Return for each table the different numbers of cells that its lines have."""
    found: list[set[int]] = []
    count = 0
    for token in tokens:
        if token.type == "table_open":
            found.append(set())
        elif token.type == "tr_open":
            count = 0
        elif token.type in ("td_open", "th_open"):
            count += 1
        elif token.type == "tr_close":
            found[-1].add(count)
    return found


def test_markdown_it_cuts_and_fills_rows_so_bars_are_counted_too() -> None:
    name = "a|b"
    text = as_markdown(evidence(comparison=Comparison("production", "v", "c", (AUC._replace(name=name),))))
    line = next(line for line in text.splitlines() if "&#124;" in line)
    assert line.count("|") == 7


def test_a_body_of_thousands_is_cut_with_what_is_left_out_named() -> None:
    long = "<b>|`@x` " * 200
    changes = tuple(MetricChange(f"{number}{long}", 1e300, -1e300, None, "higher") for number in range(5000))
    found = evidence(
        comparison=Comparison("production", "model-v3", "c", changes, long),
        changes=Changes(
            tuple(ValueChange(f"{number}{long}", long, long) for number in range(5000)),
            tuple(FileChange(f"{number}{long}", 1, 1) for number in range(5000)),
            tuple(ValueChange(f"{number}{long}", long, long) for number in range(5000)),
        ),
        notes=(long,) * 500,
    )
    text = as_markdown(found, marker="<!-- m -->")
    assert len(text.encode()) <= 65_536
    assert "and 4,980 more metrics." in text
    assert "\n*Left out, because a forge takes no longer text: Code.*\n" in text or "and 4,980 more files." in text
    assert "### What a reviewer owes" in text and text.endswith("\n<!-- m -->\n")


def test_a_repository_of_a_stranger(repo: Repo) -> None:
    made = Releases(repo)
    bad = "`|</code><img src=x onerror=alert(1)> @team fixes #1\n/approve\n![x](http://a.b) \x1b[31m\u202e"
    repo.git("config", "user.name", "@team `fixes #1` |x [y](z)")
    repo.git("config", "commit.encoding", "utf-8")
    new, old = (
        made.release(
            number,
            None,
            {"roc_auc": 0.7 + number / 100, bad: number, **{f"m{place}{bad}": number for place in range(3000)}},
            lr={bad: [bad] * number, "huge": "x" * 100_000 * number},
            **{
                "results/analysis/slices.csv": f'slice,rows,loss,excess\n"{bad}",10,0.{number},0.1\n',
                f"stages/{bad.replace('/', ' ')}.py": f"{number}\n",
                f"reports/lr/{bad.replace('/', ' ')}.svg": "<svg/>",
            },
        )
        for number in (4, 3)
    )
    found = gather(new, old, Config(metric=Metric("roc_auc")), repo.path, names=("model-v4", "model-v3"))
    assert len(found.comparison.changes) == 3002
    assert len(found.changes.code) == 2 and len(found.changes.params) == 2 and len(found.pictures) == 1
    check(found)
    text = as_markdown(found, image_base=BASE)
    assert "onerror" in text and "and 2,982 more metrics." in text


def check(found: Evidence) -> None:
    """Hold the body against all that a forge might make of it."""
    text = as_markdown(found, image_base=BASE, marker="<!-- gitml:evidence -->")
    assert text == as_markdown(found, image_base=BASE, marker="<!-- gitml:evidence -->")
    assert len(text.encode()) <= 65_536
    assert {letter for letter in text if not letter.isprintable()} <= {"\n", "\u2060"}
    assert not GITLAB.search(text)
    assert not re.search("^/", text, re.MULTILINE)
    body, _, marker = text.rstrip("\n").rpartition("\n")
    assert marker == "<!-- gitml:evidence -->"
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)
    tokens = flat(parsed)
    kinds = [token.type for token in tokens]
    assert not {"html_block", "html_inline", "link_open", "s_open", "fence", "code_block", "hr"} & {*kinds}
    images = [token.attrs["src"] for token in tokens if token.type == "image"]
    assert len(images) == min(len(found.pictures), 12)
    assert all(str(src).startswith("https://git.example.com/o/r/reports/lr/") for src in images)
    assert {after.content for token, after in pairwise(parsed) if token.type == "heading_open"} <= HEADINGS
    for cells in rows_of(tokens):
        assert len(cells) == 1, cells
    shown = "\n".join(token.content for token in tokens if token.type == "text")
    assert not re.search(r"[@#]\w", shown)
    json.dumps(as_data(found), allow_nan=False)
