"""``gitml model show``: one release, with all that git knows of it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitml.models.provenance import Source
from gitml.reports import document
from tests.gitml.conftest import Done, Repo
from tests.gitml.model_history import DATA, HOUR, Models, md5

Command = Callable[..., Done]


@pytest.fixture
def models(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Models:
    made = Models(repo)
    monkeypatch.setattr(time, "time", lambda: made.time + 2.0 * HOUR)
    made.experiment("lower-lr", 3e-4, roc_auc=0.7133)
    made.release(1, "lower-lr")
    made.promote(1)
    made.experiment("wide-net", 1e-4, roc_auc=0.7187)
    made.release(2, "wide-net", by="Bo")
    made.promote(2)
    made.promote(1, reason="slow at night")
    return made


def test_a_release_that_was_in_production(models: Models, gitml: Command) -> None:
    done = gitml("model", "show", "v2", at=models.repo.path)
    sums = [file.sha256[:10] for file in models.told["model-v2"].model]
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "model-v2  Bo  4h  was in production",
        f"  branch       models/model-v2 {models.commits['model-v2'][:10]}",
        "  tag          model@v2.0.0, not signed",
        f"  from         wide-net, commit {models.commits['wide-net'][:10]}",
        "  conclusions  Insights: It worked.",
        "",
        "  METRIC    VALUE  VS PRODUCTION",
        "  roc_auc  0.7187  +0.0054 higher",
        "",
        "  PARAM     VALUE",
        "  train.lr  1e-4",
        "",
        "  DATA              MD5",
        f"  data/flights.csv  {md5(DATA)[:10]}",
        "",
        "  FILE                               SIZE  SHA256",
        f"  models/model/environment.json  71 bytes  {sums[0]}",
        f"  models/model/model.onnx        23 bytes  {sums[1]}",
        "",
        "  ENVIRONMENT",
        "    python 3.11.7, onnx 1.18.0, torch 2.13.0",
        "",
        "  PRODUCTION",
        "    2025-10-09T14:53 brought by Cy; 2025-10-09T15:53 taken out by Cy for",
        "    model-v1 (slow at night)",
        "",
        "next  gitml model promote model-v2",
    ]


def test_what_is_in_production_was_brought_for_a_reason(models: Models, gitml: Command) -> None:
    lines = gitml("model", "show", "v1", at=models.repo.path).out.splitlines()
    assert lines[0] == "model-v1  Ada  7h  production"
    assert lines[-6:] == [
        "  PRODUCTION",
        "    2025-10-09T15:53 brought by Cy (slow at night), and is there",
        "    2025-10-09T11:53 brought by Cy; 2025-10-09T14:53 taken out by Cy for",
        "    model-v2",
        "",
        "next  gitml model trace model-v1",
    ]


def test_json_has_the_list_s_row_and_all_that_the_release_says(models: Models, gitml: Command) -> None:
    shown = json.loads(gitml("model", "show", "v2", "--json", at=models.repo.path).out)
    listed = json.loads(gitml("model", "list", "--json", at=models.repo.path).out)["models"][0]
    assert {key: shown[key] for key in listed} == listed
    told = models.told["model-v2"]
    assert shown["source_commit"] == models.commits["wide-net"]
    assert shown["params"] == told.params
    assert shown["environment"] == told.environment
    assert shown["files"] == [file._asdict() for file in told.model]
    assert shown["data"] == [{"path": "data/flights.csv", "md5": md5(DATA)}]
    assert (shown["signature"], shown["conclusions"]) == (None, ["Insights: It worked."])


def test_a_yanked_release_says_why_and_by_whom(models: Models, gitml: Command) -> None:
    models.yank(2, "trained on wrong labels, #12")
    lines = gitml("model", "show", "v2", at=models.repo.path).out.splitlines()
    assert lines[0].endswith("  yanked")
    assert lines[3] == "  yanked       trained on wrong labels, #12 (Di, 2025-10-09)"
    assert lines[-1] == "next  gitml model list"


def test_the_card_and_nothing_else(models: Models, gitml: Command) -> None:
    done = gitml("model", "show", "v2", "--card", at=models.repo.path)
    assert done == Done(0, "# model-v2\n\nA card.\n", "")
    models.release(3, "wide-net", files={"MODEL_CARD.md": "# x\n\x1b[31mred\u202e\n".encode()})
    done = gitml("model", "show", "v3", "--card", at=models.repo.path)
    assert done.out == "# x\n\\x1b[31mred\\u202e\n"


def test_conclusions_in_a_few_lines(models: Models, gitml: Command) -> None:
    text = document.new("long", created="2026-11-02", author="Ada", parent="main")
    text = text.replace("### What worked", "### What worked\n\nFirst.\n\nSecond.\nThird.")
    text = text.replace("### Insights", "### Insights\n\n" + "\n".join(f"Line {number}." for number in range(9)))
    models.experiment("long", files={"reports/long/README.md": text.encode()})
    models.release(3, "long")
    shown = json.loads(gitml("model", "show", "v3", "--json", at=models.repo.path).out)
    assert shown["conclusions"] == [
        "What worked: First.", "Second.", "Third.", "Insights: Line 0.", "Line 1.", "Line 2.",
    ]  # fmt: skip


def test_what_is_wrong_stands_where_the_rest_would_be(models: Models, gitml: Command) -> None:
    models.release(3, "wide-net", files={"provenance.json": b"{"}, has_tag=False)
    lines = gitml("model", "show", "v3", at=models.repo.path).out.splitlines()
    assert lines[0] == "model-v3  no tag"
    assert lines[2] == "  tag          none on its tip"
    assert lines[3].startswith("  wrong        its provenance.json cannot be read: ")
    assert lines[-1] == "next  gitml model promote model-v3"
    assert json.loads(gitml("model", "show", "v3", "--json", at=models.repo.path).out)["fault"]


def test_a_signature_is_said_to_be_there_and_not_to_be_right(models: Models, gitml: Command, tmp_path: Path) -> None:
    models.release(3, "wide-net", has_tag=False)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    words = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}", "tag", "--sign", "-m", "release")
    models.repo.git(*words, "model@v3.0.0", models.commits["model-v3"])
    lines = gitml("model", "show", "v3", at=models.repo.path).out.splitlines()
    assert lines[2] == "  tag          model@v3.0.0, ssh signature, not verified here"


def test_long_tables_are_cut_and_hostile_values_shown_as_text(models: Models, gitml: Command) -> None:
    evil = "\x1b[2J\u202e" + "x" * 500
    models.release(
        3, "wide-net", by=evil[:60],
        change=lambda told: told._replace(
            metrics={**{f"m{place}": place for place in range(99)}, evil: 1e300, "test_data": evil},
            params={**{f"p{place}": place for place in range(99)}, evil: [evil] * 9},
            data=tuple(Source(f"{evil}{place}", evil) for place in range(99)),
            environment={"packages": {f"{evil}{place}": evil for place in range(99)}},
            model=tuple(told.model[0]._replace(path=f"{evil}{place}", sha256=evil, size=2**62) for place in range(99)),
        ),
    )  # fmt: skip
    done = gitml("model", "show", "v3", at=models.repo.path)
    assert done.code == 0
    assert "\x1b" not in done.out and "\u202e" not in done.out
    assert done.out.count("more: --json") == 4
    assert max(map(len, done.out.splitlines()[1:])) <= 110
    assert gitml("model", "show", "v3", "--json", at=models.repo.path).code == 0


def test_what_is_no_release(models: Models, gitml: Command) -> None:
    done = gitml("model", "show", "v9", at=models.repo.path)
    assert done == Done(
        2, "", "gitml: 'v9' is no released model\n  There is model-v1, model-v2.\nMend:\n"
        "  gitml model list\n  git fetch\n",
    )  # fmt: skip
    assert gitml("model", "show", "--", "-v1", at=models.repo.path).code == 2
