"""The body of a promotion: whole texts, and the words of its first line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gitml.config import Config, Gate, Metric
from gitml.models.evidence import Evidence, as_data, as_markdown
from gitml.models.evidence_analysis import Bin, Slice, Slices
from gitml.models.evidence_changes import Changes
from gitml.models.evidence_gates import Gates
from gitml.models.evidence_origin import Made, Origin
from gitml.models.evidence_verdict import Outcome, Verdict, decide
from gitml.policy.gates import GateResult
from gitml.reports.comparison import Comparison, Interval, MetricChange, compare
from gitml.reports.mcnemar import McNemar
from gitml.reports.render import FileChange, ValueChange

CONFIG = Config(metric=Metric("roc_auc"), gates=(Gate("roc_auc", least=0.7),))
AUC = MetricChange("roc_auc", 0.7151, 0.7133, Interval(0.0004, 0.0031), "better")
PASSED = GateResult("roc_auc", "min", 0.7151, 0.7, "gitml.toml says min = 0.7 in [gates.roc_auc]", "passed")
FAILED = PASSED._replace(metric="log_loss", bound="max", verdict="failed", why="log_loss 0.5 is above 0.4")
NEW = Origin("model-v4", Made("a" * 40, "Ada", "2026-11-02"), "lr", Made("b" * 40, "Bo", "2026-11-01"))
OLD = Origin("model-v3", Made("c" * 40, "Cy", "2026-10-02"), "", None)


def evidence(**changed: Any) -> Evidence:
    plain = Evidence(
        NEW,
        OLD,
        Verdict("better", AUC, 78233),
        Gates("error", (PASSED,), (), ""),
        Comparison("production", "model-v3", "c" * 40, (AUC,)),
        None,
        Slices(),
        ((), ()),
        Changes(),
        "reports/lr",
        (),
        (),
    )
    return plain._replace(**changed)


def first_line(**changed: Any) -> str:
    return as_markdown(evidence(**changed)).partition("\n")[0]


def test_the_first_line_is_the_verdict_and_the_gates() -> None:
    assert first_line() == (
        "model-v4 is better than model-v3 in production: `roc_auc` 0.7151, +0.0018 [+0.0004, +0.0031] "
        "on the same 78,233 test rows. The gates pass."
    )


@pytest.mark.parametrize(
    ("outcome", "interval", "says"),
    [
        ("worse", Interval(-2, -1), "model-v4 is worse than model-v3 in production: `roc_auc` 0.7151"),
        ("within noise", Interval(-1, 1), "model-v4 is within noise of model-v3 in production: `roc_auc` 0.7151"),
        ("same", Interval(0, 0), "model-v4 predicts the same as model-v3 in production: `roc_auc` 0.7151"),
        ("same", None, "model-v4 has the same `roc_auc` as model-v3 in production: 0.7151 against 0.7133. The"),
        (
            "higher",
            None,
            "model-v4 has a higher `roc_auc` than model-v3 in production: 0.7151 against 0.7133, with no interval to "
            "tell it from chance (no cache). The gates",
        ),
        ("other data", None, "model-v4 cannot be compared with model-v3 in production: other test data. The gates"),
        ("first model", None, "model-v4 is the first model: there is nothing in production to compare with. The"),
    ],
)
def test_the_words_of_a_verdict(outcome: Outcome, interval: Interval | None, says: str) -> None:
    change = AUC._replace(interval=interval)
    assert first_line(verdict=Verdict(outcome, change, None, "no cache")).startswith(says)


@pytest.mark.parametrize(
    ("gates", "says"),
    [
        (Gates("off", (FAILED,), (), ""), "The gates are turned off."),
        (Gates("error", (), (), ""), "No gates are set."),
        (Gates("error", (PASSED, FAILED), ("log_loss 0.5 is above 0.4",), ""), "The gate on `log_loss` fails."),
        (Gates("warn", (FAILED,), (), ""), "The gate on `log_loss` fails, which only warns."),
        (Gates("error", (PASSED,), ("its test data are not those of the model in production",), ""), "The gates fail."),
        (
            Gates("error", tuple(FAILED._replace(metric=name) for name in "abcdea"), (), ""),
            "The gates on `a`, `b`, `c` and 2 more fail.",
        ),
    ],
)
def test_the_gates_in_words(gates: Gates, says: str) -> None:
    assert first_line(gates=gates).endswith(f"test rows. {says}")


def test_the_metric_that_decides() -> None:
    lower = MetricChange("log_loss", 0.5, 0.6, Interval(-0.2, -0.1), "better")
    unknown = MetricChange("mystery", 1, 2, None, "lower")
    assert decide((unknown, lower, AUC), Config(), 9, "", {}) == Verdict("better", lower, 9)
    assert decide((unknown, lower, AUC), CONFIG, 9, "", {}) == Verdict("better", AUC, 9)
    assert decide((unknown,), Config(), None, "", {}) == Verdict(
        "not compared", None, None, "they have no metric in common"
    )
    gone = (AUC._replace(now=None, word="gone"), lower)
    assert decide(gone, CONFIG, None, "", {}).why == "they do not both have roc_auc"
    bare = AUC._replace(interval=None, word="higher")
    assert decide((bare,), CONFIG, None, "", {"roc_auc": "edited"}) == Verdict("higher", bare, None, "edited")
    assert decide((bare,), CONFIG, None, "", {}).why == "the predictions do not tell it"
    says = "model-v4 cannot be compared with model-v3 in production: they do not both have roc\\_auc. The gates pass."
    assert first_line(verdict=decide(gone, CONFIG, None, "", {})) == says


WHOLE = """\
model-v4 is better than model-v3 in production: `roc_auc` 0.7151, +0.0018 [+0.0004, +0.0031] on the same 78,233 test \
rows. The gate on `log_loss` fails, which only warns.

### Metrics

| metric | model-v4 | model-v3 | change | 95 % interval |  |
| --- | ---: | ---: | ---: | ---: | --- |
| `roc_auc` | 0.7151 | 0.7133 | +0.0018 | [+0.0004, +0.0031] | better |
| `ece` | 0.0100 | 0.0200 | -0.0100 |  | lower |

Intervals: both models on the same resampled test rows, whole blocks at a time. *better* and *worse* are said only of \
an interval without zero.

Classes: only model-v4 is right on 1,234 test rows, only model-v3 on 1,000. McNemar's test: exact p below 0.0001, \
mid-p 0.0500. It takes rows as independent; rows of one day are not, so the words above go by the intervals.

### Gates

The rule `gates` is at `warn` in main's gitml.toml.

| metric | bound | figure | limit |  | why, and who says so |
| --- | --- | ---: | ---: | --- | --- |
| `log_loss` | max | 0.7151 | 0.7000 | **failed** | log\\_loss 0.5 is above 0.4; gitml.toml says min = 0.7 in \
\\[gates.roc\\_auc\\] |

- the report of lr is not finished: Objective is empty

### Take note

- model-v3: results/metrics.json cannot be read: NaN is no JSON.

### Worst slices

| slice | rows | loss | above all rows | model-v3 | change |
| --- | ---: | ---: | ---: | ---: | ---: |
| `carrier = FL` | 644 | 0.6192 | +0.1531 | 0.6000 | +0.0192 |
| `carrier = WN` | 20 | 0.5000 | – | – | – |

The loss is higher than production's on 2 of 9 slices.

Where it rose most, besides those above:

| slice | rows | loss | above all rows | model-v3 | change |
| --- | ---: | ---: | ---: | ---: | ---: |
| `day = 3` | 50 | 0.4000 | -0.1000 | 0.1000 | +0.3000 |

### Calibration

| metric | model-v4 | model-v3 | change | 95 % interval |  |
| --- | ---: | ---: | ---: | ---: | --- |
| `ece` | 0.0100 | 0.0200 | -0.0100 |  | lower |

- model-v4: the widest gap is -0.0966, where it says 0.5796 and 0.6762 happens (105 rows).

### Where they come from

- model-v4 is `aaaaaaaaaa` (by Ada, 2026-11-02) from the experiment `lr` at `bbbbbbbbbb` (not in this clone)
- in production: model-v3 is `cccccccccc` (by Cy, 2026-10-02) and does not say from which experiment it comes

### Parameters

| parameter | model-v3 | model-v4 |
| --- | --- | --- |
| `train.lr` | `0.1` | – |

### Data

| path | model-v3 | model-v4 |
| --- | --- | --- |
| `data/raw.csv` | – | `0123456789` |

### Code

2 files differ from model-v3: +1,003 -1 lines.

| file | added | deleted |
| --- | ---: | ---: |
| `stages/train.py` | +1,003 | -1 |
| `logo.png` | binary | binary |

### Plots

![roc curve](<https://git.example.com/o/r/raw/commit/aa/reports/lr/roc-curve.svg>)

### What a reviewer owes

- [ ] I read the experiment's report (`reports/lr`): the report of lr is not finished: Objective is empty
- [ ] I looked at the slices and know whom a wrong prediction hurts
- [ ] I know the way back: `gitml model rollback --to v3 --reason "…"`

<!-- gitml:evidence -->
"""


def test_a_whole_body() -> None:
    ece = MetricChange("ece", 0.01, 0.02, None, "lower")
    found = evidence(
        challenger=NEW._replace(source=Made("b" * 40)),
        gates=Gates(
            "warn", (FAILED,), ("log_loss 0.5 is above 0.4",), "the report of lr is not finished: Objective is empty"
        ),
        comparison=Comparison("production", "model-v3", "c" * 40, (ece, AUC)),
        mcnemar=McNemar(1234, 1000, 1e-9, 0.05),
        slices=Slices(
            (Slice("carrier = FL", 644, 0.6192, 0.1531, 0.6), Slice("carrier = WN", 20, 0.5, None)),
            (Slice("day = 3", 50, 0.4, -0.1, 0.1), Slice("carrier = FL", 644, 0.6192, 0.1531, 0.6)),
            9,
            2,
        ),
        calibration=((Bin(0.1, 0.11, 100), Bin(0.5796, 0.6762, 105)), ()),
        changes=Changes(
            (ValueChange("train.lr", "0.1", None),),
            (FileChange("stages/train.py", 1003, 1), FileChange("logo.png", None, None)),
            (ValueChange("data/raw.csv", None, "0123456789abcdef"),),
        ),
        pictures=("reports/lr/roc-curve.svg",),
        notes=("model-v3: results/metrics.json cannot be read: NaN is no JSON.",),
    )
    base = "https://git.example.com/o/r/raw/commit/aa/{path}"
    assert as_markdown(found, image_base=base, marker="<!-- gitml:evidence -->") == WHOLE


def test_other_data_is_shown_and_not_compared() -> None:
    apart = tuple(one._replace(word="other data") for one in compare({"brier": 0.1}, {"brier": 0.2}, {}, CONFIG))
    text = as_markdown(
        evidence(
            verdict=Verdict("other data", None, None, "they were measured on other test data"),
            comparison=Comparison("production", "model-v3", "c", apart, "they were measured on other test data"),
        )
    )
    assert "Not compared: they were measured on other test data. `gitml exp list --rescore` measures both on" in text
    assert text.count("| metric | model-v4 | model-v3, other test data |") == 2
    assert text.count("| `brier` | 0.1000 | 0.2000 |") == 2
    assert "other data |" not in text.replace("other test data |", "")


def test_without_images_tables_stand_for_them() -> None:
    found = evidence(calibration=((Bin(0.1, 0.2, 1000),), ()), pictures=("reports/lr/roc.svg",))
    assert "| 0.1000 | 0.2000 | -0.1000 | 1,000 |" in as_markdown(found)
    assert "### Plots\n\n1 in `reports/lr` of the release." in as_markdown(found)
    assert "0.1000 | 0.2000" not in as_markdown(found, image_base="https://a.example")


def test_the_first_model_has_no_columns_for_another() -> None:
    alone = Comparison("production", "", "", compare({"roc_auc": 0.7, "ece": 0.1}, {}, {}, CONFIG))
    text = as_markdown(evidence(champion=None, verdict=Verdict("first model"), comparison=alone, report=""))
    assert text.count("| metric | model-v4 |\n| --- | ---: |\n") == 2
    assert "### Code" not in text and "### Data" not in text
    assert "- [ ] I read the experiment's report, which this release does not have\n" in text
    assert "nothing was in production before" in text


def test_another_model_is_rolled_back_by_its_whole_name() -> None:
    assert 'rollback --to churn-v3 --reason "…"`' in as_markdown(evidence(champion=OLD._replace(name="churn-v3")))


def test_no_metrics_and_no_difference() -> None:
    text = as_markdown(evidence(comparison=Comparison("production", "model-v3", "c", ())))
    assert "### Metrics\n\nThere are none.\n" in text
    for title in ("Parameters", "Data", "Code"):
        assert f"### {title}\n\nAs in model-v3.\n" in text


def test_the_same_as_data() -> None:
    told = as_data(evidence(calibration=((Bin(0.1, 0.2, 3),), ())))
    assert told["sentence"] == (
        "model-v4 is better than model-v3 in production: roc_auc 0.7151, +0.0018 [+0.0004, +0.0031] "
        "on the same 78,233 test rows."
    )
    assert told["gates"]["is_passed"] is True
    assert told["verdict"]["change"]["interval"] == {"low": 0.0004, "high": 0.0031}
    assert told["calibration"] == {"challenger": [{"predicted": 0.1, "observed": 0.2, "rows": 3}], "champion": []}
    assert json.loads(json.dumps(told, allow_nan=False)) == told
