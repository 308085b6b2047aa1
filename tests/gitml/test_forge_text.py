"""What a text does on a forge beyond Markdown: words that close issues, commands, addresses, lengths."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitml.reports.forge_text import fitted, image_base, image_url, quiet

# GitLab's default pattern for closing an issue, as its administrators' page has it, with the common references.
GITLAB = re.compile(
    r"\b((?:[Cc]los(?:e[sd]?|ing)|\b[Ff]ix(?:e[sd]|ing)?|\b[Rr]esolv(?:e[sd]?|ing)|\b[Ii]mplement(?:s|ed|ing)?)(:?) +"
    r"(?:(?:issues? +)?(?:#\d+|https?://\S+)(?:(?: *,? +and +| *,? *)?)|([A-Z][A-Z0-9_]+-\d+))+)"
)
WORDS = ("Fix", "fixes", "closed", "Closing:", "resolves", "Implements", "implemented:", "resolve")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("reference", ["#1", "issue #1, #2 and #3", "https://example.com/a/b/-/issues/1", "JIRA-7"])
def test_no_word_closes_an_issue(word: str, reference: str) -> None:
    for text in (f"{word} {reference}", f"`{word} {reference}`", f"| {word}  {reference} |"):
        assert GITLAB.search(text)
        assert not GITLAB.search(quiet(text))
        assert quiet(text).replace("\u2060", "") == text


@settings(deadline=None)
@given(st.lists(st.sampled_from([*WORDS, "#1", "issues", " ", "\n", "/close", "and", "a/b#2", "x"])))
def test_twice_is_once_and_no_line_is_a_command(parts: list[str]) -> None:
    found = quiet(" ".join(parts))
    assert quiet(found) == found
    assert not GITLAB.search(found)
    assert not re.search("^/", found, re.MULTILINE)


def test_where_each_forge_has_the_files_of_a_commit() -> None:
    found = {
        forge: image_base(forge, "https://git.example.com/o/r/", "0123") for forge in ("github", "gitlab", "gitea")
    }
    assert {forge: image_url(base, "reports/lr/roc 1.svg") for forge, base in found.items()} == {
        "github": "https://git.example.com/o/r/blob/0123/reports/lr/roc%201.svg?raw=true",
        "gitlab": "https://git.example.com/o/r/-/raw/0123/reports/lr/roc%201.svg",
        "gitea": "https://git.example.com/o/r/raw/commit/0123/reports/lr/roc%201.svg",
    }


def test_an_address_without_a_place_for_the_path() -> None:
    assert image_url("https://a.example/raw", "x/)>.svg") == "https://a.example/raw/x/%29%3E.svg"
    assert image_url("", "x.svg") == "/x.svg"
    with pytest.raises(ValueError, match="is no address"):
        image_url("https://a.example/> <img", "x.svg")


def test_sections_are_left_out_from_the_end() -> None:
    sections = ["### A\n\n" + "a" * 40, "", "### B\n\n" + "b" * 40, "### C\n\nc"]
    assert fitted("first", sections, "last", 1000) == "\n\n".join(("first", sections[0], *sections[2:], "last"))
    cut = fitted("first", sections, "last", 118)
    assert cut == f"first\n\n{sections[0]}\n\n*Left out, because a forge takes no longer text: B, C.*\n\nlast"
    assert fitted("first", sections, "last", 1).startswith("first\n\n*Left out")


@settings(deadline=None)
@given(st.lists(st.text(max_size=50).map(lambda text: f"### T\n\n{text}"), max_size=8), st.integers(130, 400))
def test_a_body_is_never_longer(sections: list[str], largest: int) -> None:
    body = fitted("first", sections, "last", largest)
    assert len(body.encode("utf-8", "replace")) <= largest
    assert body.startswith("first") and body.endswith("last")
