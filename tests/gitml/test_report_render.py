"""What a run writes into its report is text, whatever others named their things."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gitml.config import Config, Gate, Metric
from gitml.reports import document
from gitml.reports.comparison import Comparison, Interval, MetricChange, compare, direction, word
from gitml.reports.markdown import block, change, code, figure, plain, size, visible
from gitml.reports.render import (
    DataFile,
    FileChange,
    Methodology,
    Picture,
    Results,
    Stage,
    ValueChange,
    methodology,
    reproduce,
    results,
)

CONFIG = Config(metric=Metric("roc_auc"), gates=(Gate("cost", most=3, direction="lower"),))

RESULTS = """\
### Against parent

`main` at `a3f29c1d2e`

| metric | now | parent | change | 95 % interval |  |
| --- | ---: | ---: | ---: | ---: | --- |
| `roc_auc` | 0.7151 | 0.7133 | +0.0018 | [-0.0004, +0.0041] | within noise |
| `log_loss` | 0.5012 | 0.5049 | -0.0037 | [-0.0061, -0.0012] | better |
| `rows` | 1,571 | 1,571 | +0 |  | same |
| `fresh` | 1.0000 | – |  |  | new |
| `old` | – | 12,345.7 |  |  | gone |

### Against main

`0123456789`. No intervals: the two were scored on other test rows.

| metric | now | main | change | 95 % interval |  |
| --- | ---: | ---: | ---: | ---: | --- |
| `seconds` | 12,345.7 | 12,340.2 | +5.5 |  | higher |

### Parameters

| parameter | parent | now |
| --- | --- | --- |
| `train.mlp.lr` | `0.001` | `0.0003` |
| `wide` | – | `true` |

### Code

2 files changed since the parent, 1,003 lines added, 1 deleted.

| file | added | deleted |
| --- | ---: | ---: |
| `stages/train.py` | +1,003 | -1 |
| `logo.png` | binary | binary |

### Data

As in the parent.

### Plots

![ROC curve](<roc-curve.svg>)

### Environment

`python` `3.11.7` · `dvc` `3.67`

### How to reproduce

```sh
git fetch origin experiments/lower-lr
git switch --detach origin/experiments/lower-lr
dvc pull --allow-missing
dvc repro --force
dvc metrics diff HEAD
```

> No pictures: x\\_y has no rows."""


def test_the_results_of_a_run() -> None:
    now = {"log_loss": 0.5012, "rows": 1571, "roc_auc": 0.7151, "fresh": 1.0}
    before = {"roc_auc": 0.7133, "log_loss": 0.5049, "rows": 1571, "old": 12345.678}
    intervals = {"roc_auc": Interval(-0.0004, 0.0041), "log_loss": Interval(-0.0061, -0.0012)}
    changes = compare(now, before, intervals, CONFIG)
    main = (MetricChange("seconds", 12345.678, 12340.2, None, "higher"),)
    values = Results(
        comparisons=(
            Comparison("parent", "main", "a3f29c1d2e3f4a5b6c", changes),
            Comparison("main", "", "0123456789abcdef", main, "the two were scored on other test rows"),
        ),
        params=(ValueChange("train.mlp.lr", "0.001", "0.0003"), ValueChange("wide", None, "true")),
        code=(FileChange("stages/train.py", 1003, 1), FileChange("logo.png", None, None)),
        pictures=(Picture("ROC curve", "roc-curve.svg"),),
        environment=(("python", "3.11.7"), ("dvc", "3.67")),
        reproduce=reproduce("lower-lr", is_on_remote=True),
        notes=("No pictures: x_y has no rows.",),
    )
    assert results(values) == RESULTS


def test_a_run_that_changed_nothing() -> None:
    assert results(Results()) == (
        "### Parameters\n\nAs in the parent.\n\n### Code\n\nAs in the parent.\n\n### Data\n\nAs in the parent."
    )
    assert methodology(Methodology()) == ""


def test_the_facts_of_a_run() -> None:
    facts = Methodology(
        model="mlp",
        seeds=(("base.seed", "7"), ("split.seed", "8")),
        data=(DataFile("data/flights.csv", "md5 9f0a", 5 * 2**20), DataFile("data/more", "md5 77.dir")),
        stages=(Stage("data", "python -m stages.data"), Stage("train", "a | b\nc")),
    )
    assert methodology(facts) == (
        "- Model: `mlp`\n"
        "- Seeds: `base.seed` = `7`, `split.seed` = `8`\n"
        "- Data: `data/flights.csv` `md5 9f0a`, 5.0 MiB\n"
        "- Data: `data/more` `md5 77.dir`\n"
        "\n"
        "| stage | command |\n"
        "| --- | --- |\n"
        "| `data` | `python -m stages.data` |\n"
        "| `train` | `a `&#124;` b\\nc` |"
    )


def test_long_lists_are_cut_and_counted() -> None:
    changes = tuple(MetricChange(f"m{number}", 1.0, 1.0, None, "same") for number in range(25))
    params = tuple(ValueChange(f"p{number}", "1", "2") for number in range(31))
    text = results(Results((Comparison("main", "main", "abc", changes),), params=params))
    assert "| `m19` |" in text and "`m20`" not in text and "\n\nand 5 more metrics.\n" in text
    assert "| `p29` |" in text and "`p30`" not in text and "\n\nand 1 more changes.\n" in text


def test_without_a_remote_the_branch_itself_is_reproduced() -> None:
    assert reproduce("$(x)", is_on_remote=False) == (
        "git switch --detach 'experiments/$(x)'",
        "dvc repro --force",
        "dvc metrics diff HEAD",
    )


@pytest.mark.parametrize(
    ("now", "before", "interval", "better", "said"),
    [
        (2.0, 1.0, Interval(0.1, 2.0), "higher", "better"),
        (2.0, 1.0, Interval(0.1, 2.0), "lower", "worse"),
        (1.0, 2.0, Interval(-2.0, -0.1), "lower", "better"),
        (1.0, 2.0, Interval(-2.0, -0.1), "higher", "worse"),
        (2.0, 1.0, Interval(-0.1, 2.0), "higher", "within noise"),
        (2.0, 1.0, Interval(0.0, 2.0), "higher", "within noise"),
        (1.0, 1.0, Interval(-0.1, 0.1), "higher", "within noise"),
        (1.0, 1.0, Interval(0.0, 0.0), "higher", "same"),
        (2.0, 1.0, Interval(0.1, 2.0), None, "higher"),
        (2.0, 1.0, Interval(float("nan"), 2.0), "higher", "higher"),
        (2.0, 1.0, None, "higher", "higher"),
        (2.0, 1.0, None, "lower", "higher"),
        (1.0, 2.0, None, "higher", "lower"),
        (1.0, 1.0, None, "higher", "same"),
        (1.0, None, None, "higher", "new"),
        (None, 1.0, None, "higher", "gone"),
    ],
)
def test_better_is_said_of_an_interval_only(
    now: float | None, before: float | None, interval: Interval | None, better: str | None, said: str
) -> None:
    assert word(now, before, interval, better) == said


def test_which_direction_is_better() -> None:
    names = ("roc_auc", "cost", "validation.log_loss", "f1", "mystery")
    assert [direction(name, CONFIG) for name in names] == ["higher", "lower", "lower", "higher", None]
    assert direction("f1", Config(metric=Metric("f1", "lower"))) == "lower"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.71514, "0.7151"),
        (0.0, "0.0000"),
        (1e-5, "1e-05"),
        (0.001, "0.0010"),
        (999.9, "999.9000"),
        (12345.678, "12,345.7"),
        (3e12, "3e+12"),
        (82609, "82,609"),
        (None, "–"),
        (-0.5, "-0.5000"),
    ],
)
def test_figures(value: float | None, shown: str) -> None:
    assert figure(value) == shown


@pytest.mark.parametrize(
    ("value", "beside", "shown"),
    [
        (0.0018, 0.7, "+0.0018"),
        (-1e-6, 0.7, "-0.0000"),
        (1e-6, 2e-6, "+1e-06"),
        (-5.25, 12340, "-5.2"),
        (3, 10, "+3"),
        (0.0, 0.0, "+0.0000"),
        (1e12, 3e12, "+1e+12"),
    ],
)
def test_changes_have_the_decimals_of_their_figure(value: float, beside: float, shown: str) -> None:
    assert change(value, beside) == shown


def test_sizes() -> None:
    assert [size(count) for count in (0, 1023, 1536, 3 * 2**30, 2**50)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "3.0 GiB",
        "1,024.0 TiB",
    ]


class Seen(HTMLParser):
    """What a forge would show: the tags, and the text in code."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(markdown: str) -> Seen:
    parser = Seen()
    parser.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
    parser.close()
    return parser


NASTY = st.text(max_size=20) | st.lists(
    st.sampled_from(
        [
            "|",
            "`",
            "``",
            "\\",
            "<b>",
            "</code>",
            "<!--",
            "-->",
            "\n",
            "\r",
            " ",
            "\u202e",
            "\x1b[2K",
            "[x](y)",
            "![i](u)",
            "*",
            "_",
            "~~",
            "&lt;",
            "&#124;",
            "@ada",
            "#1",
            "https://a.b",
            "www.a.b",
            "---",
            "# ",
            "- ",
            "1. ",
            "> ",
            "a",
        ]
    ),
    max_size=8,
).map("".join)


@given(NASTY)
def test_code_is_what_was_given(text: str) -> None:
    found = seen(f"| x | y |\n|---|---|\n| {code(text)} | z |\n")
    assert found.tags.count("td") == 2
    assert set(found.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    given = visible(text) or '""'
    assert found.text.replace("\n", "") == f"xy{given}z"


@given(NASTY)
def test_plain_text_is_what_was_given(text: str) -> None:
    found = seen(f"> {plain(text)}")
    assert set(found.tags) <= {"blockquote", "p"}
    assert found.text.replace("\u2060", "").split() == visible(text).split()
    assert not re.search("[@#][a-z0-9]", found.text)


@given(st.lists(NASTY))
def test_a_block_of_commands_ends_where_it_should(lines: list[str]) -> None:
    found = seen(block(lines, "sh") + "\n\nend")
    assert found.tags == ["pre", "code", "p"]
    assert found.text == "\n".join((*map(visible, lines), "\nend\n")) or not lines


@given(NASTY, NASTY)
def test_nothing_that_others_named_gets_markup_into_a_report(text: str, other: str) -> None:
    values = Results(
        comparisons=(Comparison(text, other, text, (MetricChange(text, 1.0, 2.0, None, "lower"),), other),),
        since=text,
        params=(ValueChange(text, other, None),),
        code=(FileChange(other, 1, 2),),
        data=(ValueChange(other, None, text),),
        pictures=(Picture(text, other),),
        environment=((text, other),),
        reproduce=(text, other),
        notes=(other,),
    )
    facts = Methodology(text, ((text, other),), (DataFile(text, other),), (Stage(other, text),))
    for markdown in (results(values), methodology(facts)):
        found = seen(markdown)
        assert set(found.tags) <= {
            *("h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "img", "pre", "blockquote", "ul", "li")
        }
        assert found.tags.count("img") <= 1
        assert found.tags.count("table") == (3 if markdown != methodology(facts) else 1) + found.tags.count("img")
        assert all(re.fullmatch("[A-Za-z0-9_.~/%-]*", link) for link in found.links)
        assert "\x1b" not in markdown and "\u202e" not in markdown
        report = document.fill("## Results\n", results=markdown)
        assert document.parse(report).blocks["results"] == markdown
