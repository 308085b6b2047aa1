"""Whether the DVC project can be run: what killed runs left, and what its files say of HEAD."""

from __future__ import annotations

import os
import shlex
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, Fix, NotMended, and_more, go_to, seen_from
from gitml.doctor.locks import OLD
from gitml.errors import GitFailed
from gitml.experiments import at_work
from gitml.git import repository as git_repository
from gitml.git.command import git
from gitml.git.files import replace_file
from gitml.git.objects import Objects
from gitml.pipeline import environment as pipeline
from gitml.pipeline.configuration import Configuration
from gitml.pipeline.findings import Verdict
from gitml.policy.lock import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_UNMENDABLE = ("not readable", "too large")
"""States of dvc.lock in which there is no file to put aside."""


def project(root: Path | None, top: Path, here: Path) -> Finding:
    """Judge whether the repository has a DVC project; its root is `root`, the repository's is `top`."""
    if root is not None:
        says = "a DVC project" if root == top else f"a DVC project in {seen_from(top, root)}"
        return Finding("project", "ok", says)
    return Finding(
        "project", "broken", "DVC is not initialised here", "There is no .dvc folder.", (f"{go_to(here, top)}dvc init",)
    )


def hold(found: pipeline.Hold, file: str, fixes: tuple[Fix, ...] = ()) -> Finding:
    """Judge ``.dvc/tmp/rwlock``, which is `file` as seen from here."""
    pids = ", ".join(map(str, found.pids))
    processes = f"process {pids}" if len(found.pids) == 1 else f"processes {pids}"
    remove = (f"rm {file}",)
    if found.state == "corrupt":
        why = "A run was killed while it wrote the file; DVC refuses to run until it is gone."
        return Finding("rwlock", "broken", f"{file} is corrupt", why, remove, fixes)
    if found.state == "abandoned":
        why = f"It names {processes}, which ended. DVC refuses to run once another program has that number."
        return Finding("rwlock", "warning", f"{file} is left from a killed run", why, remove, fixes)
    return Finding("rwlock", "ok", f"held by {processes}" if found.state == "held" else "free")


def let_go(root: Path, file: str) -> Fix:
    """Return what removes a ``rwlock`` that nobody holds, under the lock by which DVC changes it."""

    def remove() -> None:
        with _guarded(root, file):
            if pipeline.read_hold(root).state in ("corrupt", "abandoned"):
                (root / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)

    return Fix(f"remove {file}", remove)


def hardlink(root: Path, here: Path) -> list[Finding]:
    """Judge DVC's own lock where its being there is what holds it, on this machine or another; else nothing.

    Elsewhere the kernel holds it, lets it go with the process, and the file means nothing.
    """
    if not Configuration(root).has_hardlink_locks:
        return []
    files = [root / ".dvc" / "tmp" / name for name in ("lock", "rwlock.lock")]
    old = [seen_from(here, file) for file in files if _seconds(file) > OLD]
    if not old:
        return []
    says = f"{and_more(old)}: held, or left from a killed run"
    why = "core.hardlink_lock is set, so nobody can tell. When no DVC is at work, on any machine that sees the file:"
    return [Finding("dvc locks", "warning", says, why, (f"rm {' '.join(old)}",))]


def killed(clone: Clone, top: Path) -> list[Finding]:
    """Judge whether a killed command of gitml left the files of this working tree as no commit has them."""
    git_dir = clone.repository.git_dir
    if not at_work.is_killed(git_dir):
        return []
    from gitml.experiments import landing
    from gitml.experiments.before import Before

    own = git_dir / git_repository.OWN_FOLDER
    done = landing.committed(Before(top, own), top)
    if done is not None:
        says = f"gitml {done.command} {done.slug} was killed behind its commit"
        why, mend = "Files, index and gitml undo do not know all of it yet.", f"finish gitml {done.command} {done.slug}"
    else:
        says = "a command of gitml was killed before its commit"
        why, mend = "Parameters and results here are what it had written.", "put parameters and results back"

    def finish() -> None:
        landing.finish_in(top, own)

    return [Finding("killed", "warning", says, why, ("gitml doctor --fix",), (Fix(mend, finish),))]


def leftovers(root: Path, here: Path) -> list[Finding]:
    """Judge whether a killed gitml left files that it was about to put in place; nothing where it did not."""
    files = [
        *root.glob(".dvc.lock*.????????.tmp"),
        *(root / ".dvc").glob(".config.local.????????.tmp"),
        *(root / ".dvc" / "tmp").glob("*.????????.tmp"),
    ]
    old = sorted(file for file in files if _seconds(file) > OLD)
    if not old:
        return []
    shown = [seen_from(here, file) for file in old]
    says = f"{and_more(shown)}: left from a killed gitml"
    fixes = tuple(
        Fix(f"remove {name}", partial(file.unlink, missing_ok=True)) for file, name in zip(old, shown, strict=True)
    )
    return [Finding("leftovers", "warning", says, "Nobody reads it.", (f"rm {' '.join(shown)}",), fixes)]


def lock(state: pipeline.LockState, file: str, is_committed: bool, fixes: tuple[Fix, ...] = ()) -> Finding:
    """Judge ``dvc.lock``, which is `file` as seen from here."""
    if state in ("readable", "absent"):
        return Finding("dvc.lock", "ok", state if state == "readable" else "none yet: nothing was run")
    mend = f"git checkout HEAD -- {file}" if is_committed else f"rm {file}"
    why = "A run was killed, or a merge stopped, while it was written. DVC cannot tell what was produced."
    return Finding("dvc.lock", "broken", f"{file} is {state}", why, (mend, "dvc repro"), fixes)


def restore(clone: Clone, root: Path, top: Path, file: str, is_committed: bool) -> Fix:
    """Return what puts a broken ``dvc.lock`` aside, and HEAD's in its place where there is one."""

    def put_back() -> None:
        broken = root / "dvc.lock"
        if pipeline.read_lock_state(root) in ("readable", "absent", *_UNMENDABLE):
            return
        if pipeline.read_hold(root).state == "held":
            raise NotMended(f"a run is under way, and may be writing {file}")
        path = broken.relative_to(top).as_posix()
        committed = _committed(path, clone.folder) if is_committed else None
        shelf = root / ".dvc" / "tmp"
        _put_aside(broken, shelf)
        if committed is None:
            broken.unlink()
        else:
            replace_file(broken, committed, shelf)

    says = f"put HEAD's {file} back; the broken one is kept" if is_committed else f"put {file} aside"
    return Fix(f"{says} as dvc.lock.broken", put_back)


def recorded(verdict: Verdict) -> list[Finding]:
    """Judge what HEAD has of its stages' results against its ``dvc.lock``: two findings, none without stages."""
    findings = []
    forged, stale, uncovered = (verdict.of(kind) for kind in ("forged", "stale", "uncovered"))
    if forged:
        stages = list(dict.fromkeys(finding.stage for finding in forged))
        says = f"{and_more([finding.name for finding in forged])} in HEAD: not what {and_more(stages)} wrote"
        why = "The bytes differ from the md5 in dvc.lock: edited by hand, or not committed with their run."
        findings.append(Finding("lock", "warning", says, why, (shlex.join(["dvc", "repro", *stages]),)))
    elif stale:
        stages = list(dict.fromkeys(finding.stage or finding.name for finding in stale))
        says = f"{and_more(stages)} would run again"
        why = "; ".join(map(reason, stale[:3])) + "."
        findings.append(Finding("lock", "warning", says, f"In HEAD {why}", ("dvc repro",)))
    elif verdict.stages:
        number = len(verdict.of("unverifiable"))
        unclear = f"; {number} {'entries' if number > 1 else 'entry'} only DVC can judge" if number else ""
        findings.append(Finding("lock", "ok", f"HEAD has what its stages wrote{unclear}"))
    if uncovered:
        says = f"{and_more([finding.name for finding in uncovered])} in HEAD: the out of no stage"
        why = (
            "dvc.yaml names it at its top level only, so nobody sees an edit. Declare it in the stage that "
            "writes it, under metrics: with cache: false. Then:"
        )
        findings.append(Finding("metrics", "warning", says, why, ("dvc repro",)))
    return findings


def state(clone: Clone, root: Path, top: Path) -> list[Finding]:
    """Judge what runs left in the project's folder, and what HEAD says of its results."""
    rwlock = seen_from(clone.here, root / ".dvc" / "tmp" / "rwlock")
    lock_file = seen_from(clone.here, root / "dvc.lock")
    is_committed = git_repository.is_committed((root / "dvc.lock").relative_to(top), clone.folder)
    lock_state = pipeline.read_lock_state(root)
    # In the middle of a merge, HEAD's is one side of it.
    is_ours_to_mend = lock_state not in _UNMENDABLE and clone.head.unfinished is None
    is_ours_to_mend = is_ours_to_mend and not (root / "dvc.lock").is_symlink()
    fixes = (restore(clone, root, top, lock_file, is_committed),) if is_ours_to_mend else ()
    return [
        *killed(clone, top),
        *hardlink(root, clone.here),
        *leftovers(root, clone.here),
        hold(pipeline.read_hold(root), rwlock, (let_go(root, rwlock),)),
        lock(lock_state, lock_file, is_committed, fixes),
        *_recorded(clone.folder),
    ]


def _seconds(file: Path) -> float:
    """Return for how long a file has not been changed; 0 where there is none."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0


def _recorded(folder: Path | None) -> list[Finding]:
    from gitml.pipeline.verify import judge

    try:
        return recorded(judge("HEAD", folder))
    except GitFailed:  # no commit yet
        return []


def _committed(path: str, folder: Path | None) -> bytes:
    oid = git("rev-parse", "--verify", "--end-of-options", f"HEAD:{path}", at=folder)
    with Objects(folder) as objects:
        content = objects.read(oid, pipeline.LARGEST)
    if content is None or pipeline.lock_state(content) != "readable":
        raise NotMended(f"{path} is broken in HEAD, too", "Look for one that is right:", (f"git log -- {path}",))
    return content


def _put_aside(file: Path, shelf: Path) -> None:
    """Keep a copy of a file beside it; one that is there already is not written over."""
    content = file.read_bytes()
    number = 1
    copy = file.with_name(f"{file.name}.broken")
    while os.path.lexists(copy) and (not copy.is_file() or copy.read_bytes() != content):
        number += 1
        copy = file.with_name(f"{file.name}.broken-{number}")
    replace_file(copy, content, shelf)


@contextmanager
def _guarded(root: Path, file: str) -> Iterator[None]:
    """Hold the lock under which DVC changes its ``rwlock``, or raise `NotMended` where DVC has it."""
    guard = root / ".dvc" / "tmp" / "rwlock.lock"
    if Configuration(root).has_hardlink_locks:
        if guard.exists():
            raise NotMended(f"DVC is at work on {file}, or was killed while it was")
        yield
        return
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with guard.open("a+b") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotMended(f"DVC is at work on {file}") from None
        yield
