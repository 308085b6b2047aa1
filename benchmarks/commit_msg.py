"""What the commit-msg hook costs, beside bare Python, all in one run.

``python -m benchmarks.commit_msg [ROUNDS]`` installs the hooks in a new repository and runs each case once per
round, in turn, so that a machine that is busy for a moment is busy for all of them. It prints the medians, their
ratio to a bare start of the same Python, the most that the ratio may be, and the commit around it all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Case(NamedTuple):
    """A command, the most that it may take in bare starts of Python (0 for no limit), and the status it ends with."""

    command: list[str]
    most: float = 0.0
    code: int = 0


def lay_down(folder: Path, prefixes: str = "", has_hooks: bool = True) -> Path:
    """Make a repository with the hooks, and with a gitml.toml if it is to set prefixes."""
    folder.mkdir(parents=True)
    for words in (["init", "-q"], ["config", "user.name", "Ada"], ["config", "user.email", "ada@example.com"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    if has_hooks:
        install = [sys.executable, "-m", "gitml", "hooks", "install"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(install, cwd=folder, env=environment, check=True, capture_output=True)
    if prefixes:
        (folder / "gitml.toml").write_text(f"[commits]\nprefixes = {prefixes}\n", encoding="utf-8")
    return folder


def cases(folder: Path) -> dict[str, tuple[Path, Case]]:
    """Return what is timed, by what it is called in the table, and where it runs."""
    plain = lay_down(folder / "plain")
    configured = lay_down(folder / "configured", '["feat", "fix"]')
    without = lay_down(folder / "without", has_hooks=False)
    messages = {"right": "experiment: try lr", "unicode": "experiment: élan", "wrong": "try lr", "feat": "feat: lr"}
    for name, message in messages.items():
        for repository in (plain, configured):
            (repository / ".git" / name).write_text(f"{message}\n", encoding="utf-8")
    hook = ".git/hooks/commit-msg"
    commit = ["git", "commit", "-q", "--allow-empty", "-m", "experiment: try lr"]
    return {
        "python -c pass": (plain, Case([sys.executable, "-c", "pass"])),
        "right, plain": (plain, Case([hook, ".git/right"], 1.5)),
        "right, unicode": (plain, Case([hook, ".git/unicode"], 1.5)),
        "right, gitml.toml": (configured, Case([hook, ".git/feat"], 2.5)),
        "the same, first time": (configured, Case(["sh", "-c", f"rm -f .git/gitml/prefixes; {hook} .git/feat"])),
        "wrong": (plain, Case([hook, ".git/wrong"], 0, 1)),
        **{name: (plain, Case(command)) for name, command in peers().items()},
        "git commit": (without, Case(commit)),
        "git commit, hooks": (plain, Case(commit)),
    }


def peers() -> dict[str, list[str]]:
    """Return other tools that judge a message, those that are installed beside this Python."""
    folder = Path(sys.executable).parent
    commands = {
        "gitlint": [str(folder / "gitlint"), "--ignore", "all", "--msg-filename", ".git/right"],
        "cz check": [str(folder / "cz"), "check", "--commit-msg-file", ".git/feat"],
    }
    return {name: command for name, command in commands.items() if Path(command[0]).exists()}


def measure(rounds: int) -> dict[str, tuple[float, float]]:
    """Return each case's median wall time in milliseconds and its limit, after one round that does not count."""
    with tempfile.TemporaryDirectory() as folder:
        all_cases = cases(Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in all_cases}
        for _ in range(rounds + 1):
            for name, (place, case) in all_cases.items():
                start = time.perf_counter()
                done = subprocess.run(
                    case.command, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, check=False
                )
                seconds[name].append(time.perf_counter() - start)
                if done.returncode != case.code:
                    raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr.decode()}")
    return {name: (1000 * median(times[1:]), all_cases[name][1].most) for name, times in seconds.items()}


def main() -> None:
    """Print the table."""
    measured = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 31)
    bare, _ = measured["python -c pass"]
    print(f"{'commit-msg':20} {'ms':>8} {'ratio':>7} {'at most':>8}")
    for name, (took, most) in measured.items():
        print(f"{name:20} {took:8.1f} {took / bare:7.2f} {most or '':>8}")


if __name__ == "__main__":
    main()
