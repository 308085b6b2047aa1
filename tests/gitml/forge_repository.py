"""The bare repository behind a stand-in of a forge, and pull requests that are real merges in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

GUARDS = "forge-guards.json"
OPTIONS = "forge-push-options"

UPDATE = """\
#!{python} -IS
# What a forge itself refuses, before anybody's own hooks: update runs after pre-receive, and either can say no.
import json, os, re, subprocess, sys
ref, old, new = sys.argv[1:]
if os.environ.get("FORGE_MERGES") == "1":
    sys.exit(0)
zero = "0" * len(old)
for guard in json.load(open(os.path.join(os.environ["GIT_DIR"], "{guards}"))):
    if not re.fullmatch(guard["ref"], ref):
        continue
    is_forced = zero not in (old, new) and subprocess.run(["git", "merge-base", "--is-ancestor", old, new]).returncode
    wrong = (
        "creation" if old == zero else "deletion" if new == zero else "force" if is_forced else "update"
    )
    if wrong in guard["refuses"] or (wrong == "force" and "update" in guard["refuses"]):
        print(guard["says"].format(ref=ref), file=sys.stderr)
        sys.exit(1)
"""

POST_RECEIVE = """\
#!{python} -IS
import json, os, sys, uuid
count = int(os.environ.get("GIT_PUSH_OPTION_COUNT", "0"))
told = [os.environ[f"GIT_PUSH_OPTION_{{number}}"] for number in range(count)]
folder = os.path.join(os.environ["GIT_DIR"], "{options}")
os.makedirs(folder, exist_ok=True)
heads = [line.split()[2] for line in sys.stdin]
if told:
    with open(os.path.join(folder, uuid.uuid4().hex), "w") as file:
        json.dump([heads, told], file)
"""


class MergeRefused(Exception):
    """The forge does not merge; its status and words."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status = status
        self.says = says


@dataclass
class Review:
    """One person's word about one commit."""

    id: int
    login: str
    verdict: str
    commit: str
    when: str
    is_insider: bool = True


@dataclass
class Comment:
    """A comment, or a note."""

    id: int
    login: str
    body: str
    when: str


@dataclass
class Pull:
    """A pull request, as every forge has it."""

    number: int
    head: str
    base: str
    title: str
    body: str
    author: str
    when: str
    commit: str
    state: str = "open"
    merge_commit: str = ""
    is_squashed: bool = False
    is_from_fork: bool = False
    reviews: list[Review] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    versions: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """What a branch asks of a merge."""

    approvals: int = 0
    checks: tuple[str, ...] = ()
    is_strict: bool = False
    drops_stale: bool = False
    methods: tuple[str, ...] = ("merge", "squash", "rebase", "fast-forward")


@dataclass(frozen=True)
class Guard:
    """What a forge refuses of a push: a regular expression of refs, kinds of updates, and its words."""

    ref: str
    refuses: tuple[str, ...]
    says: str


class Repository:
    """A bare repository that people push to, and in which a forge merges."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start = datetime(2026, 11, 2, 9, tzinfo=UTC)
        self.ticks = 0
        for name, script in (("update", UPDATE), ("post-receive", POST_RECEIVE)):
            file = path / "hooks" / name
            file.write_text(script.format(python=sys.executable, guards=GUARDS, options=OPTIONS))
            file.chmod(0o755)
        self.guard([])

    def now(self) -> str:
        """Return a time that is later than the last one."""
        self.ticks += 1
        return (self.start + timedelta(seconds=self.ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def git(self, *words: str, at: Path | None = None) -> str:
        done = subprocess.run(["git", *words], cwd=at or self.path, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def tip(self, branch: str) -> str:
        return self.git("rev-parse", "--quiet", "--verify", f"refs/heads/{branch}^{{commit}}")

    def has(self, ancestor: str, descendant: str) -> bool:
        words = ["git", "merge-base", "--is-ancestor", ancestor, descendant]
        return subprocess.run(words, cwd=self.path, capture_output=True, check=False).returncode == 0

    def count(self, base: str, head: str) -> int:
        return int(self.git("rev-list", "--count", f"{base}..{head}") or 0)

    def branches(self, prefix: str = "") -> list[str]:
        names = self.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").splitlines()
        return [name for name in names if name.startswith(prefix)]

    def guard(self, guards: list[Guard]) -> None:
        told = [{"ref": one.ref, "refuses": one.refuses, "says": one.says} for one in guards]
        (self.path / GUARDS).write_text(json.dumps(told))

    def pushed_options(self) -> list[tuple[list[str], list[str]]]:
        """Return what was said along with pushes since the last time."""
        folder = self.path / OPTIONS
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns) if folder.is_dir() else []
        told = [tuple(json.loads(file.read_text())) for file in files]
        for file in files:
            file.unlink()
        return told  # type: ignore[return-value]

    def merge(self, pull: Pull, how: str, message: str) -> str:
        """Merge in a clone of the forge's own and push, so that the repository's hooks decide; return the new tip."""
        work = self.path.parent / f"forge-merges-{self.path.name}"
        if not work.exists():
            self.git("clone", "--quiet", "--shared", "--no-checkout", str(self.path), str(work))
        self.git("fetch", "--quiet", "--prune", "origin", "+refs/heads/*:refs/remotes/origin/*", at=work)
        self.git("checkout", "--quiet", "--force", "--detach", f"origin/{pull.base}", at=work)
        self.git("clean", "-ffdxq", at=work)
        self._in(work, how, f"origin/{pull.head}", f"origin/{pull.base}", message)
        done = subprocess.run(
            ["git", "push", "--quiet", "origin", f"HEAD:refs/heads/{pull.base}"],
            cwd=work,
            env={**os.environ, "FORGE_MERGES": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise MergeRefused(405, f"the hook declined: {done.stderr.strip()}")
        return self.git("rev-parse", "HEAD", at=work)

    def _in(self, work: Path, how: str, head: str, base: str, message: str) -> None:
        lines = {
            "merge": [["merge", "--quiet", "--no-ff", "-m", message, head]],
            "squash": [["merge", "--quiet", "--squash", head], ["commit", "--quiet", "--allow-empty", "-m", message]],
            # GitHub's rebase always makes commits of its own, and so does this
            "rebase": [["checkout", "--quiet", "--detach", head], ["rebase", "--quiet", "--no-ff", base]],
            "fast-forward": [["merge", "--quiet", "--ff-only", head]],
        }[how]
        for line in lines:
            identity = ["-c", "user.name=Forge", "-c", "user.email=noreply@forge.example"]
            done = subprocess.run(["git", *identity, *line], cwd=work, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                self.git("merge", "--abort", at=work)
                self.git("rebase", "--abort", at=work)
                self.git("reset", "--quiet", "--hard", at=work)
                raise MergeRefused(405, "Pull Request is not mergeable")
