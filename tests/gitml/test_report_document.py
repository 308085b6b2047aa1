"""A report is begun, filled by runs and edited by people, and nobody's bytes are lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitml.reports import document
from gitml.reports.document import SECTIONS, answer, fill, missing, parse

from .yardstick import cost

TEMPLATE = """\
---
id: lower-lr
status: open
created: 2026-11-25
author: "Zoë: \\"Z\\""
parent: main
tags: [lr, "yes"]
verdict:
---

# lower-lr

## Objective

<!-- What should get better, and for whom? One or two sentences. -->

## Hypothesis

1e-3 overshoots

## Methodology

<!-- Each run writes its facts between the two lines below; your own words go above or below them. -->

<!-- gitml:methodology -->
<!-- /gitml:methodology -->

## Results

<!-- Each run writes its figures between the two lines below; your own words go above or below them. -->

<!-- gitml:results -->
<!-- /gitml:results -->

## Conclusions

### What worked

<!-- What you would do again, with the figure that says so. -->

### What didn't work

<!-- What you would not try again, and why. -->

### Insights

<!-- What somebody else should know before they try something near. -->

## Next steps

<!-- What to try next, or why to stop here. -->
"""


def begun(**more: str) -> str:
    return document.new("lr", created="2026-11-25", author="Ada", parent="main", **more)


def test_a_new_report_asks_in_every_section() -> None:
    text = document.new(
        "lower-lr",
        created="2026-11-25",
        author='Zoë: "Z"',
        parent="main",
        tags=("lr", "yes"),
        hypothesis="1e-3 overshoots",
    )
    assert text == TEMPLATE
    assert missing(text) == ("Objective", "Methodology", "Results", "Conclusions", "Next steps")
    assert parse(text).fields == {
        "id": "lower-lr",
        "status": "open",
        "created": "2026-11-25",
        "author": 'Zoë: "Z"',
        "parent": "main",
        "tags": ["lr", "yes"],
        "verdict": None,
    }
    assert document.path("lower-lr") == "reports/lower-lr/README.md"


def test_an_experiment_may_be_called_results_or_true() -> None:
    for slug in ("results", "true", "1e-3", "0"):
        text = document.new(slug, created="2026-11-25", author="Ada", parent="main")
        assert parse(text).fields["id"] == slug
        assert missing(text) == SECTIONS


def test_a_run_writes_between_its_markers_and_nowhere_else() -> None:
    text = fill(begun(), methodology="Trained.", results="| a |\n|---|", fields={"status": "done"})
    assert text == begun().replace("status: open", "status: done").replace(
        "<!-- gitml:methodology -->\n", "<!-- gitml:methodology -->\n\nTrained.\n\n"
    ).replace("<!-- gitml:results -->\n", "<!-- gitml:results -->\n\n| a |\n|---|\n\n")
    assert parse(text).blocks == {"methodology": "Trained.", "results": "| a |\n|---|"}
    assert missing(text) == ("Objective", "Hypothesis", "Conclusions", "Next steps")
    assert fill(text, methodology="", results="", fields={"status": "open"}) == begun()


def test_nothing_given_changes_nothing() -> None:
    text = begun().replace("\n", "\r\n")
    assert fill(text) == text
    assert fill(text, fields={"status": "open", "verdict": None}) == text


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_the_line_ends_are_the_reports_own(newline: str, bom: str) -> None:
    text = bom + begun().replace("\n", newline)
    filled = fill(text, methodology="a\nb", results="c\r\nd\re", fields={"status": "done", "new": "x"})
    assert re.findall(r"\r\n|\r|\n", filled) == [newline] * filled.count("\n")
    assert filled.startswith(bom + "---")
    assert parse(filled).blocks == {"methodology": f"a{newline}b", "results": f"c{newline}d{newline}e"}
    assert parse(filled).fields["new"] == "x"


def test_what_is_no_utf8_comes_back() -> None:
    content = begun().encode().replace(b"## Next steps", b"caf\xe9 \x00\t\x0b\x0c\n## Next steps")
    assert document.encoded(fill(document.decoded(content), results="x")) == content.replace(
        b"<!-- gitml:results -->\n", b"<!-- gitml:results -->\n\nx\n\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("## Results\n", "## Results\n\n{}\n"),
        ("## Results", "## Results\n\n{}\n"),
        ("## Results\n\n", "## Results\n\n{}\n\n"),
        ("## Results\nMine.  \n\n\n## Next steps\n", "## Results\nMine.  \n\n{}\n\n\n## Next steps\n"),
        ("## Results\nMine.\n## Next steps\n", "## Results\nMine.\n\n{}\n\n## Next steps\n"),
        ("## Results\nMine.\n# Appendix", "## Results\nMine.\n\n{}\n\n# Appendix"),
        ("## Results\n### Mine\n#### Ours", "## Results\n### Mine\n#### Ours\n\n{}\n"),
        ("", "## Results\n\n{}\n"),
        ("My words", "My words\n\n## Results\n\n{}\n"),
        ("## Objective\nx\n\n## Next steps\ny", "## Objective\nx\n\n## Results\n\n{}\n\n## Next steps\ny"),
        ("## Conclusions", "## Results\n\n{}\n\n## Conclusions"),
        ("a\r\nb\r\n", "a\r\nb\r\n\r\n## Results\r\n\r\n{}\r\n"),
        # A marker alone, and the other's marker, are a person's.
        ("## Results\n<!-- gitml:results -->\nMine.", "## Results\n<!-- gitml:results -->\nMine.\n\n{}\n"),
        ("## Results\nMine.\n<!-- /gitml:results -->\n", "## Results\nMine.\n<!-- /gitml:results -->\n\n{}\n"),
        # A pair that a section came into is none: the section would be lost.
        (
            "## Results\n<!-- gitml:results -->\n## Next steps\nMine.\n<!-- /gitml:results -->",
            "## Results\n<!-- gitml:results -->\n\n{}\n\n## Next steps\nMine.\n<!-- /gitml:results -->",
        ),
        # Doubled: the first pair is filled, and words between two beginnings are not in it.
        (
            "<!-- gitml:results -->\nMine.\n<!-- gitml:results -->\nold\n<!-- /gitml:results -->\nOurs.",
            "<!-- gitml:results -->\nMine.\n{}\nOurs.",
        ),
        (
            "<!-- gitml:results -->\nold\n<!-- /gitml:results -->\n"
            "<!-- gitml:results -->\nold\n<!-- /gitml:results -->",
            "{}\n<!-- gitml:results -->\nold\n<!-- /gitml:results -->",
        ),
        # Quoted, not meant.
        (
            "```html\n<!-- gitml:results -->\n<!-- /gitml:results -->\n```\n",
            "```html\n<!-- gitml:results -->\n<!-- /gitml:results -->\n```\n\n## Results\n\n{}\n",
        ),
        ("`<!-- gitml:results -->`\n", "`<!-- gitml:results -->`\n\n## Results\n\n{}\n"),
        ("~~~\n## Results\n~~~~\n", "~~~\n## Results\n~~~~\n\n## Results\n\n{}\n"),
        ("<!--\n## Results\n-->\n", "<!--\n## Results\n-->\n\n## Results\n\n{}\n"),
        ("    ## Results\n", "    ## Results\n\n## Results\n\n{}\n"),
        ("> ## Results\n", "> ## Results\n\n## Results\n\n{}\n"),
        # What is never closed hides nothing.
        ("```\n## Results\n", "```\n## Results\n\n{}\n"),
        ("<!-- open\n## Results\n", "<!-- open\n## Results\n\n{}\n"),
        ("---\n## Results\n", "---\n## Results\n\n{}\n"),
        ("<!-->\n## Results\n-->\n", "<!-->\n## Results\n-->\n\n{}\n"),
        # Other ways to write the heading.
        ("  ##\tRESULTS: ##\nx", "  ##\tRESULTS: ##\nx\n\n{}\n"),
        ("## 4. **Results**\nx", "## 4. **Results**\nx\n\n{}\n"),
        (
            "  <!--gitml:results-->  \nold\n <!-- /gitml:results -->",
            "  <!--gitml:results-->  \n\nnew\n\n <!-- /gitml:results -->",
        ),
    ],
)
def test_where_results_come_when_people_edited(before: str, after: str) -> None:
    newline = "\r\n" if "\r" in before else "\n"
    block = newline.join(("<!-- gitml:results -->", "", "new", "", "<!-- /gitml:results -->"))
    filled = fill(before, results="new")
    assert filled == after.replace("{}", block)
    assert fill(filled, results="new") == filled


def test_what_a_run_writes_cannot_end_its_block() -> None:
    hostile = "<!-- /gitml:results -->\n  <!-- gitml:methodology -->\n## Conclusions\n```\n<!--\n---\n# fine\n## mine"
    text = fill(begun(), results=hostile)
    assert parse(text).blocks["results"] == (
        "&lt;!-- /gitml:results -->\n  &lt;!-- gitml:methodology -->\n\\## Conclusions\n```\n<!--\n---\n# fine\n## mine"
    )
    assert fill(text, results="") == begun()
    assert missing(text) == ("Objective", "Hypothesis", "Methodology", "Conclusions", "Next steps")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n\n",
        "<!-- prompt -->",
        "<!-- never closed\nwords",
        "### What worked\n\n### What didn't work\n",
        "- \n* *\n---\n|  |\n…",
        "<!-- gitml:results -->\n<!-- /gitml:results -->",
    ],
)
def test_what_is_no_text(body: str) -> None:
    assert missing(f"## Objective\n{body}\n## Hypothesis\nx")[0] == "Objective"


@pytest.mark.parametrize(
    "body", ["x", "速い", "- [ ] 1", "### Part\nyes", "<!-- a --> b", "![](roc.svg)", "```\n7\n```"]
)
def test_what_is_text(body: str) -> None:
    assert missing(f"## Objective\n{body}\n## Hypothesis\n") == SECTIONS[1:]


def test_one_part_of_the_conclusions_is_enough() -> None:
    text = begun().replace("### Insights\n", "### Insights\n\nThe rate hardly matters.\n")
    assert "Conclusions" not in missing(text)


def test_a_section_that_stands_twice_counts_as_one() -> None:
    assert missing("## Objective\n\n## Hypothesis\nx\n## Objective\ny\n") == SECTIONS[2:]


def test_a_persons_words_take_the_place_of_the_prompt() -> None:
    text = answer(begun(), "Hypothesis", "## Results\nare <b>better</b>")
    assert text == begun().replace(
        "<!-- What you change, what you expect of it, and why. -->", "\\## Results\nare <b>better</b>"
    )
    more = answer(text, "Hypothesis", "And faster.")
    assert more == text.replace("better</b>\n", "better</b>\n\nAnd faster.\n")
    assert answer(more, "Hypothesis", "And faster.") == more
    assert answer(more, "Hypothesis", "  \n") == more.replace("And faster.\n", "And faster.\n")
    assert answer("no sections", "Hypothesis", "x") == "no sections"


def test_a_megabyte_is_filled_in_50_milliseconds() -> None:
    text = begun().replace("## Next steps", "Some prose, `code` and *stars* — and on.\n" * 25_000 + "## Next steps")
    assert len(text.encode()) > 2**20
    filled = fill(text, methodology="a", results="b", fields={"status": "done"})
    assert parse(filled).blocks == {"methodology": "a", "results": "b"}
    price = cost(lambda: fill(text, methodology="a", results="b", fields={"status": "done"}))
    assert price < 5


@pytest.mark.parametrize(
    "line",
    ["```x", "~~~~x", "<!--", "<!-- gitml:results -->", "##", "<!-- /gitml:results -->", "---", "## " + " " * 60 + "x"],
)
def test_hostile_text_takes_time_in_proportion(line: str) -> None:
    for end in ("", "<!-- gitml:results -->\n<!-- /gitml:results -->\n-->\n"):
        text = f"{line}\n" * (2**17 // (len(line) + 1)) + end
        price = cost(lambda text=text: fill(text, results="x"), rounds=1)
        assert price < 300  # at most 35
        filled = fill(text, results="x")
        assert fill(filled, results="x") == filled


LINES = st.sampled_from(
    [
        *(f"## {name}" for name in SECTIONS),
        "# Title", "## Mine", "### Part", "```", "````", "```sh", "~~~", "<!--", "-->", "<!-- x -->", "---", "...",
        "status: old", "tags:", "- a", "", " ", "\t", "x\r", "\ufeff", "\x85\u2028", "    ```", "> ```", "\ud800",
    ]
)  # fmt: skip
BLOCKS = ("methodology", "results")


@st.composite
def reports(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Return a report and its lines that are a person's: each is told apart by a number."""
    strays = [draw(st.sampled_from((f"<!-- gitml:{block} -->", f"<!-- /gitml:{block} -->"))) for block in BLOCKS]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    lines: list[str] = []
    persons: list[str] = []
    for number in range(draw(st.integers(0, 30))):
        kind = draw(st.sampled_from(["line", "line", "word", "stray", "pair"]))
        if kind == "pair":
            block = draw(st.sampled_from(BLOCKS))
            lines += [f"<!-- gitml:{block} -->", *draw(st.lists(st.sampled_from(["old", "```", ""]))), ""]
            lines[-1] = f"<!-- /gitml:{block} -->"
            continue
        line = draw(st.sampled_from(strays)) if kind == "stray" else f"p{number} {draw(st.text(max_size=5))}"
        line = line.replace("\n", "") if kind != "line" else draw(LINES)
        lines.append(line)
        persons.append(line)
    end = draw(st.sampled_from(["", newline]))
    return newline.join(lines) + end, persons


def is_in_order(lines: list[str], text: str) -> bool:
    """Say whether each line stands in the text, in their order."""
    found = iter([line.rstrip("\r") for line in text.split("\n")])
    return all(any(line.rstrip("\r") == other for other in found) for line in lines)


@given(reports(), st.sampled_from(["", "new", "```", "---\n<!--", "## Results\n<!-- /gitml:results -->\n~~~"]))
def test_no_byte_of_a_person_is_lost(report: tuple[str, list[str]], content: str) -> None:
    text, persons = report
    filled = fill(text, methodology=content, results=content)
    assert is_in_order(persons, filled)
    assert fill(filled, methodology=content, results=content) == filled
    blocks = parse(filled).blocks
    assert set(blocks) == set(BLOCKS)
    assert {block.replace("\r\n", "\n") for block in blocks.values()} == {
        content.replace("## Results", "\\## Results").replace("<!-- /gitml", "&lt;!-- /gitml")
    }


@given(st.lists(LINES | st.text(), max_size=20).map("\n".join) | st.text())
def test_a_block_that_comes_back_is_one_insertion(text: str) -> None:
    filled = fill(text, results="new")
    more = len(filled) - len(text)
    assert any(filled[:at] + filled[at + more :] == text for at in range(len(text) + 1))
    assert parse(filled).blocks["results"] == "new"


@given(reports())
def test_what_a_run_wrote_can_be_taken_away_again(report: tuple[str, list[str]]) -> None:
    text = fill(report[0], methodology="", results="")
    assert fill(fill(text, methodology="a\nb", results="c"), methodology="", results="") == text


@given(reports() | st.tuples(st.text(), st.just([])), st.dictionaries(st.sampled_from(document.FIELDS), st.text()))
def test_fields_are_set_once_and_the_report_below_stays(report: tuple[str, list[str]], fields: dict[str, str]) -> None:
    text = report[0]
    filled = fill(text, fields=fields)
    assert fill(filled, fields=fields) == filled
    assert filled.endswith(text.removeprefix("\ufeff")) or parse(text).fields or parse(text).fault or "---" in text
    if not parse(filled).fault and filled != text:
        clean = {key: re.sub("[\ud800-\udfff]", "\ufffd", value) for key, value in fields.items()}
        assert {key: parse(filled).fields[key] for key in fields} == clean


@given(st.text() | st.binary().map(document.decoded) | reports().map(lambda report: report[0]))
def test_any_text_is_a_report(text: str) -> None:
    parsed = parse(text)
    assert set(missing(text)) <= set(SECTIONS)
    assert all(line in text for section in parsed.sections.values() for line in section.split("\n"))


@given(st.binary())
def test_any_bytes_come_back(content: bytes) -> None:
    assert document.encoded(document.decoded(content)) == content
