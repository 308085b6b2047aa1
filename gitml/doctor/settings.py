"""What gitml.toml says, and git's settings that change the bytes of files."""

from __future__ import annotations

import os
from pathlib import Path

from gitml.config import DEFAULTS, FILE, Config, WrongConfig, read
from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, and_more, seen_from, shortened
from gitml.git.command import git
from gitml.pipeline import lockfile

_MOST_ASKED = 500
"""Files of which git is asked whether their line ends change."""


def project_config(root: Path, here: Path) -> tuple[Config, Finding]:
    """Read the gitml.toml in `root`; the defaults and what is wrong where it cannot be understood."""
    try:
        config = read(str(root))
    except WrongConfig as wrong:
        place = f"+{wrong.line} " if wrong.line else ""
        mend = f'"${{EDITOR:-vi}}" {place}{seen_from(here, root / FILE)}'
        return DEFAULTS, Finding(FILE, "broken", wrong.what.removeprefix(FILE).lstrip(": "), wrong.why, (mend,))
    is_there = (root / FILE).exists()
    return config, Finding(FILE, "ok", "readable" if is_there else "none: the defaults count")


def line_ends(clone: Clone, root: Path, top: Path) -> list[Finding]:
    """Judge whether git rewrites the line ends of files that DVC hashes; nothing where it does not."""
    if clone.settings.get("core.autocrlf", "").lower() not in ("true", "yes", "on", "1"):
        return []
    changed = _rewritten(_hashed(root, top), top)
    if not changed:
        return []
    says = f"core.autocrlf rewrites {and_more([shortened(name) for name in changed])}"
    why = "DVC hashes the bytes, so a file with other line ends is another file, and its stages run again."
    mend = ("git config core.autocrlf input", "printf '* text=auto eol=lf\\n' >> .gitattributes   # for everybody")
    return [Finding("line ends", "warning", says, why, mend)]


def _hashed(root: Path, top: Path) -> list[str]:
    """Return dvc.lock and what it has hashes of, as paths from the repository's top folder."""
    try:
        stages = lockfile.read((root / "dvc.lock").read_bytes())
    except (OSError, ValueError):
        stages = {}
    names = {name for stage in stages.values() for name in (*stage.deps, *stage.outs, *stage.params)}
    paths = [os.path.relpath(root / name, top) for name in ("dvc.lock", *sorted(names)) if "://" not in name]
    return [path for path in paths if path.partition("/")[0] != ".."][:_MOST_ASKED]


def _rewritten(paths: list[str], top: Path) -> list[str]:
    """Return the tracked files whose line ends no attribute protects."""
    listed = git("--literal-pathspecs", "ls-files", "-z", "--", operands=[f"./{path}" for path in paths], at=top)
    names = [name for name in listed.split("\0") if name][:_MOST_ASKED]
    if not names:
        return []
    fields = git("check-attr", "-z", "text", "eol", "--", operands=[f"./{name}" for name in names], at=top).split("\0")
    answers = zip(fields[0::3], fields[1::3], fields[2::3], strict=False)
    kept = {name.removeprefix("./") for name, *answer in answers if answer in (["text", "unset"], ["eol", "lf"])}
    return [name for name in names if name not in kept]
