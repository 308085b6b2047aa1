"""`gitml doctor` on hooks: absent, outdated, replaced, behind another manager, and where core.hooksPath leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitml import doctor
from gitml.doctor import Finding
from gitml.hooks import install as installation

from .conftest import Repo
from .doctor_findings import mends, seen, shell, state

ALL = Finding("hooks", "ok", "pre-commit and 4 more installed")
WHY = "A wrong message, name or file is then found on the server only, or not at all."
INSTALL = ("gitml hooks install",)


def test_all_of_them(hooked: Repo) -> None:
    assert seen(hooked.path, "hooks") == [ALL]
    assert mends(hooked.path, "hooks") == []


def test_none_of_them(repo: Repo) -> None:
    says = "gitml's hooks are not installed in this clone"
    assert seen(repo.path, "hooks") == [Finding("hooks", "warning", says, WHY, INSTALL)]
    assert mends(repo.path, "hooks") == ["install gitml's hooks"]
    doctor.mend(repo.path)
    assert seen(repo.path, "hooks") == [ALL]


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        (["pre-push"], "pre-push is not installed"),
        (["pre-push", "commit-msg"], "commit-msg and 1 more are not installed"),
    ],
)
def test_some_of_them(hooked: Repo, gone: list[str], says: str) -> None:
    for name in gone:
        (hooked.path / ".git/hooks" / name).unlink()
    assert seen(hooked.path, "hooks") == [Finding("hooks", "warning", says, WHY, INSTALL)]
    doctor.mend(hooked.path)
    assert seen(hooked.path, "hooks") == [ALL]


@pytest.mark.parametrize("how", ["another Python", "not executable"])
def test_an_outdated_one(hooked: Repo, how: str) -> None:
    hook = hooked.path / ".git/hooks/commit-msg"
    if how == "another Python":
        hook.write_bytes(hook.read_bytes() + b"# older\n")
    else:
        hook.chmod(0o644)
    why = "They were written by another gitml, name a Python that is not this one, or cannot be run."
    assert seen(hooked.path, "hooks") == [Finding("hooks", "warning", "commit-msg is outdated", why, INSTALL)]
    doctor.mend(hooked.path)
    assert seen(hooked.path, "hooks") == [ALL]


def test_one_that_was_there_is_kept_and_runs_first(repo: Repo) -> None:
    repo.write(".git/hooks/pre-push", "#!/bin/sh\nexit 0\n").chmod(0o755)
    assert [finding.says for finding in seen(repo.path, "hooks")] == ["gitml's hooks are not installed in this clone"]
    doctor.mend(repo.path)
    assert seen(repo.path, "hooks") == [ALL]
    assert (repo.path / ".git/hooks/pre-push.before-gitml").read_text() == "#!/bin/sh\nexit 0\n"


def test_one_that_was_put_over_gitml_s(repo: Repo) -> None:
    hook = repo.write(".git/hooks/pre-push", "#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    doctor.mend(repo.path)
    hook.write_text("#!/bin/sh\nexit 1\n")
    kept = f"{repo.path}/.git/hooks/pre-push.before-gitml"
    finding = Finding(
        "hooks",
        "warning",
        "pre-push was put over gitml's, which no longer runs",
        "It was kept when gitml was installed; since then another pre-push was put over gitml's.",
        (f"rm {kept}   # or merge the two by hand", "gitml hooks install"),
    )
    assert seen(repo.path, "hooks") == [finding]
    assert mends(repo.path, "hooks") == []
    assert doctor.mend(repo.path) == []
    assert hook.read_text() == "#!/bin/sh\nexit 1\n"
    shell(repo.path, *finding.mend)
    assert seen(repo.path, "hooks") == [ALL]


def test_one_behind_another_manager(hooked: Repo) -> None:
    hooks = hooked.path / ".git/hooks"
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    hooked.write(".git/hooks/pre-commit", '#!/bin/sh\n"$0.legacy" "$@"\n').chmod(0o755)
    says = "pre-commit and 4 more installed; another manager's pre-commit calls gitml's"
    assert seen(hooked.path, "hooks") == [Finding("hooks", "ok", says)]


class TestHooksPath:
    def test_for_every_repository(self, repo: Repo) -> None:
        repo.git("config", "--global", "core.hooksPath", "/srv/hooks")
        finding = Finding(
            "hooks",
            "warning",
            "not installed: core.hooksPath is /srv/hooks for every repository (global configuration)",
            "gitml's hooks are meant for this repository; there they would judge all the others, too.",
            ('git config core.hooksPath "$(git rev-parse --git-common-dir)/hooks"', "gitml hooks install"),
        )
        assert seen(repo.path, "hooks") == [finding]
        assert mends(repo.path, "hooks") == []
        shell(repo.path, *finding.mend)
        assert state(repo.path, "hooks") == ["ok"]

    def test_for_every_repository_with_hooks_that_are_shadowed(self, hooked: Repo) -> None:
        hooked.git("config", "--global", "core.hooksPath", "/srv/hooks")
        assert seen(hooked.path, "hooks")[1] == Finding(
            "hooks",
            "warning",
            "commit-msg and 4 more in .git/hooks are never run",
            "core.hooksPath is /srv/hooks (global configuration): git looks for hooks there and nowhere else.",
            ("git config --global --unset core.hooksPath",),
        )
        shell(hooked.path, *seen(hooked.path, "hooks")[1].mend)
        assert seen(hooked.path, "hooks") == [ALL]

    def test_gitml_s_own_for_every_repository(self, hooked: Repo, tmp_path: Path) -> None:
        (hooked.path / ".git/hooks").rename(tmp_path / "hooks")
        hooked.git("config", "--global", "core.hooksPath", str(tmp_path / "hooks"))
        assert seen(hooked.path, "hooks") == [
            Finding(
                "hooks",
                "warning",
                f"core.hooksPath is {tmp_path}/hooks for every repository (global configuration)",
                "gitml's hooks are meant for this repository; there they would judge all the others, too.",
                ('git config core.hooksPath "$(git rev-parse --git-common-dir)/hooks"', "gitml hooks install"),
            )
        ]

    def test_set_since_it_was_looked_at(self, repo: Repo) -> None:
        (finding,) = [finding for finding in doctor.diagnose(repo.path) if finding.check == "hooks"]
        repo.git("config", "core.hooksPath", ".husky")
        with pytest.raises(doctor.NotMended, match=r"core\.hooksPath was changed meanwhile"):
            finding.fixes[0].do()
        assert not (repo.path / ".husky").exists()

    def test_switched_off(self, repo: Repo) -> None:
        repo.git("config", "core.hooksPath", "/dev/null")
        finding = Finding(
            "hooks",
            "warning",
            "not installed: /dev/null, where git looks for hooks, is no folder",
            "Somebody switched hooks off in this repository.",
            ("git config --unset core.hooksPath", "gitml hooks install"),
        )
        assert seen(repo.path, "hooks") == [finding]
        assert doctor.mend(repo.path) == []

    def test_in_the_working_tree_nothing_is_written(self, repo: Repo) -> None:
        repo.git("config", "core.hooksPath", ".husky")
        says = "gitml's hooks are not installed in this clone"
        assert seen(repo.path, "hooks") == [Finding("hooks", "warning", says, WHY, INSTALL)]
        assert mends(repo.path, "hooks") == []
        assert doctor.mend(repo.path) == []
        assert not (repo.path / ".husky").exists()

    def test_a_relative_one_leaves_a_linked_worktree_without(self, repo: Repo) -> None:
        repo.git("config", "core.hooksPath", ".husky")
        place = installation.find(repo.path)
        installation.carry_out(installation.plan_install(place), place)
        assert state(repo.path, "hooks") == ["ok"]
        repo.git("worktree", "add", "--quiet", "-b", "experiments/lr", "../lr tree")
        finding = Finding(
            "hooks",
            "warning",
            "no hook runs in the worktree lr tree",
            "core.hooksPath is .husky, which is relative: each worktree looks in a folder of its own.",
            ("cd '../lr tree' && gitml hooks install",),
        )
        assert seen(repo.path, "hooks") == [finding]
        shell(repo.path, *finding.mend)
        assert state(repo.path, "hooks") == ["ok"]


def test_a_server_is_not_changed(repo: Repo) -> None:
    repo.git("clone", "--quiet", "--bare", ".", "../server.git")
    server = repo.path.parent / "server.git"
    says = "pre-receive is not installed in this repository"
    mend = ("gitml hooks install --server",)
    assert seen(server, "hooks") == [Finding("hooks", "warning", says, WHY, mend)]
    assert doctor.mend(server) == []
    shell(server, *mend)
    assert seen(server, "hooks") == [Finding("hooks", "ok", "pre-receive installed")]


def test_inside_of_git_nothing_is_said(repo: Repo) -> None:
    assert seen(repo.path / ".git", "hooks") == []
