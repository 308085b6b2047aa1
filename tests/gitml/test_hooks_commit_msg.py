"""commit-msg on real git: what is refused and what a person then reads, what is mended, what is let pass."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitml.config import DEFAULTS, Config
from gitml.conventions import commits
from gitml.conventions.commits import Prefix
from gitml.conventions.shell import command
from gitml.hooks import commit_msg, invocation, memory
from gitml.hooks.commit_msg import Desk

from .conftest import ROOT, Repo
from .yardstick import cost

TABLE = """\
    experiment:  trying an idea     data:   data or features
    model:       model code         infra:  everything else
"""


def refusal(shown: str, mend: str, branch: str = "main", kept: str = ".git/gitml/message") -> str:
    """What a person reads of a message without prefix."""
    return (
        f'gitml: commit refused (commit-prefix)\n  "{shown}" needs one of, on {branch}:\n{TABLE}'
        f"Your message is kept in {kept}. Mend:\n  {mend}\n"
    )


def commit(repo: Repo, *words: str, at: str = ".", stdin: str | bytes = b"", **environment: str) -> tuple[int, str]:
    done = repo.run("git", "commit", "--quiet", "--allow-empty", *words, at=at, stdin=stdin, **environment)
    return done.code, done.out + done.err


class TestRefused:
    def test_a_message_without_prefix(self, hooked: Repo) -> None:
        mend = 'git commit --quiet --allow-empty -m "experiment: try lr"'
        assert commit(hooked, "-m", "try lr") == (1, refusal("try lr", mend))
        assert hooked.message() == "infra: start\n"
        assert (hooked.path / ".git/gitml/message").read_text() == "experiment: try lr\n"
        assert hooked.run("sh", "-c", mend).code == 0
        assert hooked.message() == "experiment: try lr\n"

    @pytest.mark.parametrize(
        "message",
        ["pay $5", "it's", 'say "hi"', "a `b` \\ c!", "ünïcode", "-m", "--amend", "%s", "# one", "a; rm -rf /", "*"],
    )
    def test_the_command_that_mends_does_so(self, hooked: Repo, message: str) -> None:
        code, says = commit(hooked, "-m", message)
        assert code == 1
        assert hooked.run("sh", "-c", says.splitlines()[-1]).code == 0
        assert hooked.message() == f"experiment: {message}\n"

    @pytest.mark.parametrize(
        ("message", "encoding", "stored"),
        [
            (b"caf\xe9\n", "latin-1", b"caf\xe9\n"),
            (b"caf\xe9\n", "utf-8", b"caf\xc3\xa9\n"),  # git itself takes what is no UTF-8 for latin-1
            (b"two\n\n# kept\nlines $x\n", "utf-8", b"two\n\n# kept\nlines $x\n"),
        ],
    )
    def test_what_cannot_be_typed_is_mended_from_the_file(
        self, hooked: Repo, message: bytes, encoding: str, stored: bytes
    ) -> None:
        hooked.git("config", "i18n.commitEncoding", encoding)
        code, says = commit(hooked, "-F", "-", stdin=message)
        mend = "git commit --quiet --allow-empty -F .git/gitml/message"
        assert (code, says.splitlines()[-1]) == (1, f"  {mend}")
        assert hooked.run("sh", "-c", mend).code == 0
        raw = subprocess.run(["git", "cat-file", "commit", "HEAD"], cwd=hooked.path, capture_output=True).stdout
        assert raw.partition(b"\n\n")[2] == b"experiment: " + stored

    def test_a_byte_order_mark(self, hooked: Repo) -> None:
        assert commit(hooked, "-F", "-", stdin="\ufeffinfra: x\n") == (
            1,
            "gitml: commit refused (commit-prefix)\n"
            "  the message begins with a byte order mark, which git would keep\n"
            "Your message is kept in .git/gitml/message. Mend:\n"
            '  git commit --quiet --allow-empty -m "infra: x"\n',
        )

    def test_a_prefix_alone(self, hooked: Repo) -> None:
        assert commit(hooked, "-m", "infra:") == (
            1,
            "gitml: commit refused (commit-prefix)\n"
            '  "infra:" says nothing after its prefix\n'
            "Mend:\n"
            '  git commit --quiet --allow-empty -m "infra: what you changed"\n',
        )

    def test_an_empty_message(self, hooked: Repo) -> None:
        assert commit(hooked, "--allow-empty-message", "-m", "") == (
            1,
            f"gitml: commit refused (commit-prefix)\n  an empty message needs one of, on main:\n{TABLE}Mend:\n"
            "  git commit --quiet --allow-empty --allow-empty-message -m 'experiment: what you changed'\n".replace(
                "'", '"'
            ),
        )

    def test_a_message_that_a_terminal_would_obey(self, hooked: Repo) -> None:
        mend = "git commit --quiet --allow-empty -F .git/gitml/message"
        assert commit(hooked, "-m", "\x1b[31mred") == (1, refusal("\\x1b[31mred", mend))

    def test_a_comment_is_a_subject_where_no_editor_was_used(self, hooked: Repo) -> None:
        mend = "git commit --quiet --allow-empty -F .git/gitml/message"
        assert commit(hooked, "-m", "# x\ninfra: y") == (1, refusal("# x", mend))

    def test_from_a_subfolder(self, hooked: Repo) -> None:
        hooked.write("a/b/c", "1")
        code, says = commit(hooked, "-m", "one\n\ntwo", at="a/b")
        mend = "git commit --quiet --allow-empty -F ../../.git/gitml/message"
        assert (code, says) == (1, refusal("one", mend, kept="../../.git/gitml/message"))
        assert hooked.run("sh", "-c", mend, at="a/b").code == 0
        assert hooked.message() == "experiment: one\n\ntwo\n"

    def test_in_a_linked_worktree_and_on_a_detached_head(self, hooked: Repo) -> None:
        hooked.git("worktree", "add", "--quiet", "--detach", "../other-tree")
        code, says = commit(hooked, "-m", "try", at="../other-tree")
        kept = f"{hooked.path}/.git/worktrees/other-tree/gitml/message"
        mend = 'git commit --quiet --allow-empty -m "experiment: try"'
        assert (code, says) == (1, refusal("try", mend, kept=kept).replace(" of, on main:", " of:"))
        assert Path(kept).read_text() == "experiment: try\n"

    def test_in_a_submodule(self, hooked: Repo, tmp_path: Path, gitml: object) -> None:
        outer = Repo(tmp_path / "outer")
        outer.path.mkdir()
        outer.git("init", "--quiet")
        outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(hooked.path), "sub")
        assert gitml("hooks", "install", at=outer.path / "sub").code == 0  # type: ignore[operator]
        kept = f"{outer.path}/.git/modules/sub/gitml/message"
        assert commit(outer, "-m", "try", at="sub")[1] == refusal(
            "try", 'git commit --quiet --allow-empty -m "experiment: try"', kept=kept
        )
        assert commit(outer, "-m", "try") == (0, "")

    def test_amending_is_mended_by_amending(self, hooked: Repo) -> None:
        _, says = commit(hooked, "--amend", "-m", "x")
        assert says.splitlines()[-1] == '  git commit --quiet --allow-empty --amend -m "experiment: x"'

    def test_the_whole_message_of_an_editor_is_kept(self, hooked: Repo) -> None:
        editor = hooked.editor('printf "try\\n\\nwhy\\n" | cat - "$1" > "$1.new"; mv "$1.new" "$1"')
        hooked.write("file", "1")
        hooked.git("add", "file")
        code, says = commit(hooked, "--verbose", GIT_EDITOR=editor)
        mend = "git commit --quiet --allow-empty --verbose -F .git/gitml/message"
        assert (code, says) == (1, refusal("try", mend))
        assert (hooked.path / ".git/gitml/message").read_text() == "experiment: try\n\nwhy\n"
        assert hooked.run("sh", "-c", mend).code == 0
        assert hooked.message() == "experiment: try\n\nwhy\n"

    def test_a_message_of_50_megabytes(self, hooked: Repo) -> None:
        price = cost(lambda: commit(hooked, "-F", "-", stdin=b"x" * 50_000_000), rounds=1)
        assert price < 500  # 65
        code, says = commit(hooked, "-F", "-", stdin=b"x" * 50_000_000)
        assert (code, says.splitlines()[1]) == (1, f'  "{"x" * 59}…" needs one of, on main:')
        assert len(says) < 1_000

    def test_a_branch_hints_at_its_prefix(self, hooked: Repo) -> None:
        hooked.git("checkout", "--quiet", "-b", "data/weather")
        mend = 'git commit --quiet --allow-empty -m "data: x"'
        assert commit(hooked, "-m", "x") == (1, refusal("x", mend, branch="data/weather"))


class TestMended:
    @pytest.mark.parametrize(
        ("message", "mended"),
        [
            ("try lr", "experiment: try lr"),
            ("Experiment: try lr\n\nwhy\n", "experiment: try lr\n\nwhy"),
            ("feat: try", "experiment: try"),
            ("café", "experiment: café"),
        ],
    )
    def test_on_an_experiment_the_prefix_is_added(self, hooked: Repo, message: str, mended: str) -> None:
        hooked.git("checkout", "--quiet", "experiments/lr")
        line = mended.splitlines()[0]
        says = f'gitml: on experiments/lr the message is now "{line}"\n'
        assert commit(hooked, "-m", message) == (0, says)
        assert hooked.message() == f"{mended}\n"

    def test_bytes_that_are_no_text_are_left_to_git(self, hooked: Repo) -> None:
        hooked.git("checkout", "--quiet", "experiments/lr")
        assert commit(hooked, "-F", "-", stdin=b"caf\xe9\r\n\xff")[0] == 0
        raw = subprocess.run(["git", "cat-file", "commit", "HEAD"], cwd=hooked.path, capture_output=True).stdout
        assert raw.partition(b"\n\n")[2] == b"experiment: caf\xc3\xa9\n\xc3\xbf\n"  # by git

    def test_below_the_comments_of_an_editor(self, hooked: Repo) -> None:
        hooked.git("checkout", "--quiet", "experiments/lr")
        editor = hooked.editor('printf "# note\\n\\ntry lr\\n# more\\n" > "$1"')
        assert commit(hooked, GIT_EDITOR=editor)[0] == 0
        assert hooked.message() == "experiment: try lr\n"

    def test_another_right_prefix_stays(self, hooked: Repo) -> None:
        hooked.git("checkout", "--quiet", "experiments/lr")
        assert commit(hooked, "-m", "data: x") == (0, "")

    def test_a_message_that_was_given_up_stays_empty(self, hooked: Repo) -> None:
        hooked.git("checkout", "--quiet", "experiments/lr")
        done = commit(hooked, GIT_EDITOR=hooked.editor('echo "# nothing" > "$1"'))
        assert done == (1, "Aborting commit due to empty commit message.\n")


class TestLetPass:
    @pytest.mark.parametrize(
        "message",
        [
            "infra: x",
            "experiment: ünïcode",
            "model: x\n\nbody",
            "\n\ndata: x",
            "infra: →",
            'Revert "infra: start"',
            "fixup! a",
        ],
    )
    @pytest.mark.parametrize("branch", ["main", "experiments/lr"])
    def test_a_right_message(self, hooked: Repo, branch: str, message: str) -> None:
        hooked.git("checkout", "--quiet", branch)
        assert commit(hooked, "-m", message) == (0, "")
        assert hooked.message() == message.strip("\n") + "\n"

    def test_a_right_message_with_windows_line_ends(self, hooked: Repo) -> None:
        assert commit(hooked, "-F", "-", stdin="infra: x\r\n\r\nbody\r\n") == (0, "")

    def test_a_commit_with_all_or_with_a_path(self, hooked: Repo) -> None:
        hooked.commit(file="1")
        hooked.write("file", "2")
        assert commit(hooked, "-am", "infra: two") == (0, "")
        hooked.write("file", "3")
        assert commit(hooked, "-m", "infra: three", "file") == (0, "")
        hooked.write("file", "4")
        _, says = commit(hooked, "-m", "four", "file")
        assert says.splitlines()[-1] == '  git commit --quiet --allow-empty -m "experiment: four" -- file'
        assert hooked.run("sh", "-c", says.splitlines()[-1]).code == 0

    def test_merges_by_their_parents(self, hooked: Repo) -> None:
        hooked.git("checkout", "--quiet", "experiments/lr")
        hooked.commit("experiment: x", a="1")
        hooked.git("checkout", "--quiet", "main")
        hooked.commit("infra: y", b="1")
        assert hooked.run("git", "merge", "--quiet", "--no-edit", "experiments/lr").code == 0
        assert hooked.message() == "Merge branch 'experiments/lr'\n"

    def test_a_merge_that_stopped_at_a_conflict(self, hooked: Repo) -> None:
        hooked.git("checkout", "--quiet", "experiments/lr")
        hooked.commit("experiment: x", a="1")
        hooked.git("checkout", "--quiet", "main")
        hooked.commit("infra: y", a="2")
        assert hooked.run("git", "merge", "experiments/lr").code == 1
        hooked.write("a", "3")
        assert commit(hooked, "-am", "both") == (0, "")
        assert hooked.git("rev-list", "--count", "HEAD^@") == "3"

    def test_a_squashed_merge_is_no_merge(self, hooked: Repo) -> None:
        hooked.git("checkout", "--quiet", "experiments/lr")
        hooked.commit("experiment: x", a="1")
        hooked.git("checkout", "--quiet", "main")
        hooked.git("merge", "--quiet", "--squash", "experiments/lr")
        assert commit(hooked, "--no-edit")[0] == 1

    @pytest.mark.parametrize("editor", ["--edit", "--no-edit"])
    def test_revert_and_cherry_pick(self, hooked: Repo, editor: str) -> None:
        picked = hooked.commit("infra: x", a="1")
        assert hooked.run("git", "revert", editor, "HEAD", GIT_EDITOR="true").code == 0
        assert hooked.message().startswith('Revert "infra: x"\n')
        assert hooked.run("git", "cherry-pick", picked).code == 0

    def test_fixup_and_squash_and_amend(self, hooked: Repo) -> None:
        for number, how in enumerate(["--fixup=HEAD", "--squash=HEAD", "--fixup=amend:HEAD"]):
            hooked.write("a", str(number))
            hooked.git("add", "a")
            assert hooked.run("git", "commit", "--quiet", how, GIT_EDITOR="true") == (0, "", ""), how
        assert hooked.run("git", "rebase", "--quiet", "--autosquash", "-i", "--root", GIT_EDITOR="true").code == 0
        assert hooked.message().startswith("infra: start\n")
        assert hooked.git("rev-list", "--count", "HEAD") == "1"

    def test_a_rebase_of_old_messages(self, hooked: Repo) -> None:
        hooked.write("a", "1")
        hooked.git("add", "a")
        hooked.git("commit", "--quiet", "--no-verify", "-m", "old ways")
        rewording = hooked.run(
            "git", "rebase", "-i", "HEAD~1", GIT_SEQUENCE_EDITOR="sed -i s/^pick/reword/", GIT_EDITOR="true"
        )
        assert rewording.code == 0, rewording
        assert hooked.message() == "old ways\n"

    @pytest.mark.parametrize("comment", ["#", ";", "%", "auto"])
    @pytest.mark.parametrize("verbose", ["true", "false"])
    def test_editors_with_every_comment_letter(self, hooked: Repo, comment: str, verbose: str) -> None:
        hooked.git("config", "core.commentChar", comment)
        hooked.git("config", "commit.verbose", verbose)
        hooked.write("file", "1")
        hooked.git("add", "file")
        assert commit(hooked, GIT_EDITOR=hooked.editor("sed -i '1s/.*/infra: x/' \"$1\"")) == (0, "")
        assert hooked.message() == "infra: x\n"
        assert commit(hooked, GIT_EDITOR=hooked.editor("sed -i '1s/.*/try/' \"$1\""))[0] == 1
        assert commit(hooked, GIT_EDITOR="true") == (1, "Aborting commit due to empty commit message.\n")

    def test_a_prefix_behind_what_only_looks_like_a_comment(self, hooked: Repo) -> None:
        hooked.git("config", "core.commentChar", "auto")
        assert commit(hooked, "-m", "infra: y\n\n#12") == (0, "")
        editor = hooked.editor('sed -i "1s/.*/#12/; 2iinfra: y" "$1"')
        code, says = commit(hooked, "--amend", GIT_EDITOR=editor)
        assert code == 1
        assert says.startswith('gitml: commit refused (commit-prefix)\n  "#12" needs one of, on main:\n')

    def test_a_prefix_that_git_takes_for_a_comment(self, hooked: Repo) -> None:
        hooked.git("config", "core.commentChar", "i")
        editor = hooked.editor('printf "infra: x\\nall else\\n" > "$1"')
        assert commit(hooked, GIT_EDITOR=editor)[0] == 1

    @pytest.mark.parametrize("mode", ["strip", "whitespace", "verbatim", "scissors", "default"])
    def test_every_clean_up(self, hooked: Repo, mode: str) -> None:
        hooked.git("config", "commit.cleanup", mode)
        assert commit(hooked, "-m", "# x\ninfra: y")[0] == (0 if mode == "strip" else 1)
        editor = hooked.editor('printf "# x\\ninfra: y\\n" > "$1"')
        assert commit(hooked, GIT_EDITOR=editor)[0] == (0 if mode in ("strip", "default") else 1)
        assert hooked.message().startswith("infra:")

    def test_who_wants_no_hook(self, hooked: Repo) -> None:
        assert commit(hooked, "--no-verify", "-m", "try") == (0, "")


class TestProject:
    def test_its_prefixes_and_what_they_are_for(self, hooked: Repo) -> None:
        hooked.write("gitml.toml", '[commits.prefixes]\nfeat = "something new"\nfix = "something mended"\ndocs = ""\n')
        assert commit(hooked, "-m", "infra: x") == (
            1,
            "gitml: commit refused (commit-prefix)\n"
            '  "infra: x" needs one of, on main:\n'
            "    feat:  something new        docs:\n"
            "    fix:   something mended\n"
            "Your message is kept in .git/gitml/message. Mend:\n"
            '  git commit --quiet --allow-empty -m "feat: infra: x"\n',
        )
        for _ in range(2):  # the second time by what is remembered
            assert commit(hooked, "-m", "docs: x") == (0, "")
            assert commit(hooked, "-m", "docs: ü") == (0, "")
        hooked.write("gitml.toml", '[commits]\nprefixes = ["infra"]\n')
        assert commit(hooked, "-m", "docs: x")[0] == 1
        assert commit(hooked, "-m", "infra: x") == (0, "")

    def test_an_experiment_without_its_prefix_in_the_list_is_not_mended(self, hooked: Repo) -> None:
        hooked.write("gitml.toml", '[commits]\nprefixes = ["feat"]\n')
        hooked.git("checkout", "--quiet", "experiments/lr")
        assert commit(hooked, "-m", "x")[0] == 1

    def test_a_warning_lets_the_commit_pass(self, hooked: Repo) -> None:
        hooked.write("gitml.toml", '[rules]\ncommit-prefix = "warn"\n')
        assert commit(hooked, "-m", "try lr") == (
            0,
            f'gitml: warning (commit-prefix)\n  "try lr" needs one of, on main:\n{TABLE}'
            'Mend:\n  git commit --amend -m "experiment: try lr"\n',
        )

    def test_off_is_off(self, hooked: Repo) -> None:
        hooked.write("gitml.toml", '[rules]\ncommit-prefix = "off"\n')
        hooked.git("checkout", "--quiet", "experiments/lr")
        assert commit(hooked, "-m", "try lr") == (0, "")
        assert hooked.message() == "try lr\n"

    def test_a_gitml_toml_that_is_wrong_stops_nobody(self, hooked: Repo) -> None:
        hooked.write("gitml.toml", "[commits]\nprefix = []\n")
        assert commit(hooked, "-m", "try lr") == (
            0,
            "gitml: the commit message was not checked: gitml.toml line 2: 'commits.prefix' is unknown\n",
        )

    def test_many_prefixes_stand_in_one_column(self) -> None:
        prefixes = [Prefix("a", "x" * 40), Prefix("bcd", "y" * 40)]
        assert commit_msg.table(prefixes) == [f"a:    {'x' * 40}", f"bcd:  {'y' * 40}"]
        assert commit_msg.table([Prefix("a")]) == ["a:"]


class TestWithoutGitml:
    def _spoil(self, repo: Repo, variable: str, value: str) -> str:
        """Give the installed script another value; return the old one."""
        script = repo.path / ".git/hooks/commit-msg"
        lines = script.read_text().splitlines(keepends=True)
        place = next(place for place, line in enumerate(lines) if line.startswith(f"{variable}="))
        old = shlex.split(lines[place].partition("=")[2])[0]
        lines[place] = f"{variable}={shlex.quote(value)}\n"
        script.write_text("".join(lines))
        return old

    @pytest.mark.parametrize("variable", ["python", "main"])
    def test_an_environment_that_moved_stops_nobody(self, hooked: Repo, variable: str) -> None:
        old = self._spoil(hooked, variable, "/moved/it's")
        assert old == {"python": sys.executable, "main": str(ROOT / "gitml/hooks/__main__.py")}[variable]
        assert commit(hooked, "-m", "try lr") == (
            0,
            "gitml: the commit message was not checked\n"
            "  /moved/it's is gone: the environment that gitml was installed in was moved or removed.\n"
            "Mend:\n"
            "  gitml hooks install\n",
        )
        assert commit(hooked, "-m", "infra: right") == (0, "")

    def test_what_it_names_mends_it(self, hooked: Repo, gitml: object) -> None:
        before = (hooked.path / ".git/hooks/commit-msg").read_bytes()
        self._spoil(hooked, "python", "/moved")
        assert gitml("hooks", "install", at=hooked.path).out == "rewrote commit-msg in .git/hooks\nnext  git commit\n"  # type: ignore[operator]
        assert (hooked.path / ".git/hooks/commit-msg").read_bytes() == before

    def test_a_python_that_breaks_stops_nobody(self, hooked: Repo) -> None:
        self._spoil(hooked, "python", shutil.which("false") or "")
        says = "gitml: the commit message was not checked: the check itself failed (exit status 1)\n"
        assert commit(hooked, "-m", "try lr") == (0, says)

    def test_a_bug_of_gitml_stops_nobody(self, hooked: Repo) -> None:
        self._spoil(hooked, "main", str(hooked.write("boom.py", "raise SystemExit('boom')")))
        says = "boom\ngitml: the commit message was not checked: the check itself failed (exit status 1)\n"
        assert commit(hooked, "-m", "try lr") == (0, says)

    def test_without_any_refs_to_read(self, hooked: Repo, tmp_path: Path) -> None:
        elsewhere = tmp_path / "message"
        elsewhere.write_text("try lr\n")
        done = hooked.run(".git/hooks/commit-msg", str(elsewhere), GIT_EDITOR=":")
        assert done == (
            1,
            "",
            refusal("try lr", 'git commit -m "experiment: try lr"', kept=f"{hooked.path}/.git/gitml/message"),
        )


class TestRun:
    """The same within this process."""

    @pytest.fixture
    def run(
        self, repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Callable[..., object]:
        monkeypatch.chdir(repo.path)
        monkeypatch.setenv("GIT_EDITOR", ":")

        def judged(message: str, branch: str = "main", settings: str = "", template: str = "") -> tuple[bool, str, str]:
            file = repo.write(".git/COMMIT_EDITMSG", message)
            status = commit_msg.run(str(file), ".git", branch, settings, template, "")
            return status, file.read_text(), capsys.readouterr().err

        return judged

    def test_it_refuses_mends_and_lets_pass(self, run: Callable[..., object]) -> None:
        assert run("try\n") == (False, "try\n", refusal("try", 'git commit -m "experiment: try"'))
        says = 'gitml: on experiments/x the message is now "experiment: try"\n'
        assert run("try\n", branch="experiments/x") == (True, "experiment: try\n", says)
        assert run("infra: x\n") == (True, "infra: x\n", "")

    @pytest.mark.parametrize("name", ["MERGE_HEAD", "rebase-merge", "rebase-apply"])
    def test_what_is_unfinished_is_let_pass(self, run: Callable[..., object], repo: Repo, name: str) -> None:
        repo.write(f".git/{name}", "")
        assert run("try\n") == (True, "try\n", "")

    def test_what_gitml_toml_says_is_remembered(self, run: Callable[..., object], repo: Repo) -> None:
        repo.write("gitml.toml", '[commits]\nprefixes = ["feat"]\n')
        assert memory.recall(".git") == ()
        assert run("feat: x\n") == (True, "feat: x\n", "")
        assert memory.recall(".git") == ("feat",)
        assert run("feat: y\n") == (True, "feat: y\n", "")
        repo.write("gitml.toml", "[commits]\nprefix = 1\n")
        assert memory.recall(".git") == ()
        says = "gitml: the commit message was not checked: gitml.toml line 2: 'commits.prefix' is unknown\n"
        assert run("try\n") == (True, "try\n", says)

    def test_a_disk_that_takes_nothing(self, run: Callable[..., object], repo: Repo) -> None:
        repo.write(".git/gitml", "in the way")
        assert run("two\n\nlines\n") == (
            False,
            "two\n\nlines\n",
            f'gitml: commit refused (commit-prefix)\n  "two" needs one of, on main:\n{TABLE}Mend:\n  git commit\n',
        )
        memory.remember(".git", ["feat"], b"")
        assert memory.recall(".git") == ()

    def test_a_template_in_which_nobody_wrote(
        self, run: Callable[..., object], repo: Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_EDITOR", "vi")
        repo.write("template", "Why?\n")
        assert run("Why?\n# comment\n", template="template") == (True, "Why?\n# comment\n", "")
        assert run("Why?\nSo.\n", template="template")[0] is False  # type: ignore[index]
        assert run("Why?\n", template="gone")[0] is False  # type: ignore[index]

    def test_a_file_that_cannot_be_replaced_is_left(self, repo: Repo) -> None:
        (repo.path / "folder").mkdir()
        with pytest.raises(OSError, match="folder"):
            memory.replace(str(repo.path / "folder"), b"x")
        assert [path.name for path in repo.path.iterdir()] == [".git", "folder"]

    def test_the_entry_of_the_scripts(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        from gitml.hooks import __main__ as entry

        monkeypatch.chdir(repo.path)
        monkeypatch.setattr(sys, "path", sys.path.copy())
        file = str(repo.write(".git/COMMIT_EDITMSG", "infra: x\n"))
        assert entry.main(["commit-msg", file, ".git", "main", "", "", ""]) == 0
        monkeypatch.setenv("GIT_EDITOR", ":")
        Path(file).write_text("try\n")
        assert entry.main(["commit-msg", file, ".git", "main", "", "", ""]) == entry.REFUSED
        assert sys.path[-1] == str(ROOT)
        Path(file).write_text("\n# Please\n")
        assert entry.main(["prepare-commit-msg", file, "experiments/x", ""]) == 0
        assert Path(file).read_text() == "experiment: \n\n# Please\n"
        assert entry.main(["prepare-commit-msg", file, "experiments/x", ""]) == 0
        assert Path(file).read_text() == "experiment: \n\n# Please\n"


MESSAGES = st.lists(
    st.sampled_from(
        ["infra: x", "infra:", "try", "#", "# x", ";", "; infra: x", "", " ", "\t", "\r", "\ufeff", "é", "\x0c"]
        + [f"{comment} {commits.CUT}" for comment in "#;"]
    ),
    min_size=1,
    max_size=4,
).map("\n".join)
CLEANUPS = st.tuples(st.sampled_from("#;"), st.sampled_from(["default", "strip", "scissors", "whitespace"]))


class TestAgainstGit:
    """Whatever is let pass, git has stored with a right first line."""

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(MESSAGES, st.booleans(), CLEANUPS)
    def test_what_is_stored_is_right(
        self, hooked: Repo, message: str, has_editor: bool, cleanup: tuple[str, str]
    ) -> None:
        comment, mode = cleanup
        words = ["-c", f"core.commentChar={comment}", "-c", f"commit.cleanup={mode}", "commit", "--allow-empty"]
        before = hooked.git("rev-parse", "HEAD")
        if has_editor:
            hooked.write("../written", message)
            done = hooked.run("git", *words, GIT_EDITOR="cp ../written")
        else:
            done = hooked.run("git", *words, "-F", "-", stdin=message)
        if done.code == 0:
            subject = commits.parse(hooked.message()).subject
            assert commits.find_fault(subject) is None, (message, subject)
        else:
            assert hooked.git("rev-parse", "HEAD") == before


class TestValues:
    @given(st.binary(max_size=200), st.sampled_from(["main", "experiments/x", ""]), st.booleans())
    def test_any_message_is_judged(self, raw: bytes, branch: str, has_editor: bool) -> None:
        desk = commit_msg.at_desk(branch, "", has_editor, DEFAULTS)
        verdict = commit_msg.decide(raw, desk)
        if verdict.mended:
            again = commit_msg.decide(verdict.mended, desk)
            assert again.fault is None, "what is mended is right"
        if verdict.fault is not None:
            text = commit_msg.explain(verdict, desk, invocation.Invocation(), None)
            assert all(line.isprintable() for line in text.split("\n")[:2])

    def test_the_last_setting_counts(self) -> None:
        said = "core.commentchar #\ncore.commentchar ;\ncommit.cleanup strip\ni18n.commitencoding latin-1\n"
        assert commit_msg.at_desk("main", said + "core.commentstring //", True, DEFAULTS) == Desk(
            "main", commit_msg.Cleanup(True, "//", "strip"), "latin-1", Config()
        )

    @pytest.mark.parametrize(
        ("words", "again"),
        [
            ("git commit -m x", "git commit -m M"),
            ("git commit -amx", "git commit -a -m M"),
            ("git commit -vamx --amend", "git commit -va --amend -m M"),
            ("git -c a=b -C dir commit -F x", "git -c a=b -C dir commit -m M"),
            ("git --no-pager commit", "git --no-pager commit -m M"),
            ("/usr/lib/git-core/git commit --message=x -- a b", "git commit -m M -- a b"),
            ("git commit --mess x a", "git commit -m M -- a"),
            ("git commit --author A --date D -e", "git commit --author A --date D -m M"),
            ("git commit -S -uno -sm x", "git commit -S -uno -s -m M"),
            ("git commit -C HEAD --no-edit", "git commit -m M"),
            ("git commit --fixup HEAD -p", "git commit -p -m M"),
            ("git ci -m x", "git commit -m M"),
            ("git", "git commit -m M"),
            ("python -m pre_commit", "git commit -m M"),
            ("", "git commit -m M"),
        ],
    )
    def test_the_same_call_again(self, words: str, again: str) -> None:
        assert invocation.of_commit(words.split()).with_message("M") == again

    @given(st.lists(st.text(max_size=8) | st.sampled_from(["git", "commit", "-m", "--", "-am", "--amend", "-"])))
    def test_any_call_is_read(self, words: list[str]) -> None:
        assert invocation.of_commit(["git", "commit", *words]).with_message("M").startswith("git commit")

    @pytest.mark.parametrize("process", ["", "x", "0", "-1", str(2**31)])
    def test_a_process_that_is_gone(self, process: str) -> None:
        assert invocation.words_of(process) == []

    def test_a_process_that_runs(self) -> None:
        if os.path.exists("/proc/self/cmdline"):
            assert invocation.words_of(str(os.getpid()))[0].endswith(("python", "python3", Path(sys.executable).name))

    def test_a_path_as_it_is_typed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        call = invocation.of_commit(["git", "commit"])
        assert call.path_to("/x/y") == "/x/y"
        assert call.path_to(".git/m") == ".git/m"
        monkeypatch.setenv("GIT_PREFIX", "a/b/")
        assert call.path_to(".git/m") == "../../.git/m"
        assert invocation.of_commit(["git", "-C", "x", "commit"]).path_to("m") == os.path.abspath("m")
        assert call.amending().with_editor() == "git commit --amend"

    def test_a_command_is_one_line(self) -> None:
        assert command(["git", "commit", "-m", ""]) == 'git commit -m ""'


class TestCost:
    def test_it_loads_nothing_heavy(self) -> None:
        code = "import sys; sys.path.append(sys.argv[1]); import gitml.hooks.commit_msg; print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-IS", "-c", code, str(ROOT)], capture_output=True, text=True, check=True
        )
        loaded = set(done.stdout.split())
        heavy = {"collections", "dataclasses", "enum", "functools", "pathlib", "re", "subprocess", "tomllib", "typing"}
        assert loaded & heavy == set()
        assert {name for name in loaded if name.startswith("gitml.")} == {
            "gitml.config",
            "gitml.conventions",
            "gitml.conventions.branches",
            "gitml.conventions.commits",
            "gitml.conventions.frozen",
            "gitml.conventions.shell",
            "gitml.errors",
            "gitml.hooks",
            "gitml.hooks.commit_msg",
            "gitml.hooks.invocation",
            "gitml.hooks.memory",
        }

    def test_a_right_message_costs_no_more_than_a_few_bare_interpreters(self, hooked: Repo) -> None:
        hooked.write(".git/plain", "infra: x\n")
        hooked.write(".git/unicode", "infra: ü\n")
        cases = {
            "bare": [sys.executable, "-c", "pass"],
            "plain": [".git/hooks/commit-msg", ".git/plain"],
            "unicode": [".git/hooks/commit-msg", ".git/unicode"],
        }
        assert {hooked.run(*words).code for words in cases.values()} == {0}
        bare = partial(hooked.run, *cases["bare"])
        prices = {name: cost(partial(hooked.run, *cases[name]), bare, rounds=9) for name in ("plain", "unicode")}
        assert prices["plain"] <= 1.5
        assert prices["unicode"] <= 3
