"""A tree with some paths as they are on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitml.git.objects import list_tree
from gitml.git.trees import tree_with_files

from .conftest import Repo

ODD = ["caf\udce9", "tab\there", "line\nend", "späce ü", "-dash", ":(top)x", "a*[b]?", "日本", "!x", "#x"]


def files_of(repo: Repo, tree: str) -> dict[str, str]:
    return {one.path: one.mode for one in list_tree(tree, repo.path)}


def test_what_is_on_disk_there_is_in_the_tree_and_nothing_else(repo: Repo) -> None:
    start = {"kept/a": "1", "kept/gone": "1", "other": "1", "was-file": "1", "was/folder": "1", "lost/x": "1"}
    repo.commit("infra: start", **{**start, ".gitignore": "*.log\n/ignored\n"})
    base = repo.git("rev-parse", "HEAD")
    index = repo.git("ls-files", "--stage")
    for name in ODD:
        repo.write(f"kept/{name}", "odd")
    repo.write("kept/x.log", "an ignored one")
    repo.write("ignored/y", "too")
    repo.write("other", "changed, and not asked for")
    (repo.path / "kept/gone").unlink()
    (repo.path / "was-file").unlink()
    repo.write("was-file/now", "1")
    repo.run("rm", "-rf", "was", "lost")
    repo.write("was", "a file")
    (repo.path / "kept/link").symlink_to("nowhere")
    (repo.path / "kept/run").write_text("x")
    (repo.path / "kept/run").chmod(0o755)
    (repo.path / "empty").mkdir()
    paths = ["kept", "ignored", "was-file", "was", "lost", "empty", "never", "kept/sub"]
    found = files_of(repo, tree_with_files(base, repo.path, paths))
    assert found == {
        ".gitignore": "100644",
        "ignored/y": "100644",
        "kept/a": "100644",
        "kept/link": "120000",
        "kept/run": "100755",
        "kept/x.log": "100644",
        "other": "100644",
        "was": "100644",
        "was-file/now": "100644",
        **{f"kept/{name}": "100644" for name in ODD},
    }
    assert repo.git("ls-files", "--stage") == index
    assert tree_with_files(base, repo.path, []) == repo.git("rev-parse", f"{base}^{{tree}}")


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_no_patterns(repo: Repo, name: str) -> None:
    repo.commit("infra: start", **{"ab": "1", "x": "1"})
    repo.write("ab", "2")
    repo.write("x", "2")
    repo.write(name, "1")
    base = repo.git("rev-parse", "HEAD")
    tree = tree_with_files(base, repo.path, [name])
    changed = repo.run("git", "diff", "--name-only", "-z", base, tree).out
    assert changed == f"{name}\0"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(["a/x", "a/y", "b", "c/d/e"]), st.text("ab\n", max_size=3)),
    st.dictionaries(st.sampled_from(["a/x", "a/y", "b", "c/d/e"]), st.text("ab\n", max_size=3)),
    st.sets(st.sampled_from(["a", "a/x", "b", "c", "c/d"]), min_size=1),
)
def test_it_is_the_base_outside_and_the_disk_inside(
    repo: Repo, before: dict[str, str], after: dict[str, str], paths: set[str]
) -> None:
    for name in ("a", "b", "c"):
        repo.run("rm", "-rf", name)
    repo.commit("infra: before", **before)
    for name in ("a", "b", "c"):
        repo.run("rm", "-rf", name)
    for name, content in after.items():
        repo.write(name, content)
    tree = tree_with_files(repo.git("rev-parse", "HEAD"), repo.path, sorted(paths))

    def is_asked(name: str) -> bool:
        return any(name == path or Path(name).is_relative_to(path) for path in paths)

    expected = {name: text for name, text in before.items() if not is_asked(name)}
    expected |= {name: text for name, text in after.items() if is_asked(name)}
    assert {name: repo.run("git", "show", f"{tree}:{name}").out for name in files_of(repo, tree)} == expected
