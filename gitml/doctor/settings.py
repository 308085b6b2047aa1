"""What gitml.toml says, and git's settings that change the bytes of files."""

from __future__ import annotations

from pathlib import Path

from gitml.config import DEFAULTS, FILE, Config, WrongConfig, read
from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, and_more, seen_from, shortened
from gitml.errors import GitFailed
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
        return DEFAULTS, Finding(FILE, "broken", wrong.what.removeprefix(f"{FILE} "), wrong.why, (mend,))
    is_there = (root / FILE).exists()
    return config, Finding(FILE, "ok", "readable" if is_there else "none: the defaults count")


def line_ends(clone: Clone, root: Path) -> list[Finding]:
    """Judge whether git rewrites the line ends of files that DVC hashes; nothing where it does not."""
    if clone.settings.get("core.autocrlf", "").lower() not in ("true", "yes", "on", "1"):
        return []
    changed = _rewritten(_hashed(root), clone.folder if clone.folder is not None else clone.here)
    if not changed:
        return []
    says = f"core.autocrlf rewrites {and_more([shortened(name) for name in changed])}"
    why = "DVC hashes the bytes, so a file with other line ends is another file, and its stages run again."
    mend = ("git config core.autocrlf input", "printf '* text=auto eol=lf\\n' >> .gitattributes   # for everybody")
    return [Finding("line ends", "warning", says, why, mend)]


def _hashed(root: Path) -> list[Path]:
    """Return what dvc.lock has hashes of, and dvc.lock itself."""
    try:
        stages = lockfile.read((root / "dvc.lock").read_bytes())
    except (OSError, ValueError):
        stages = {}
    names = {name for stage in stages.values() for name in (*stage.deps, *stage.outs, *stage.params)}
    paths = [root / "dvc.lock", *(root / name for name in sorted(names) if "://" not in name)]
    return paths[:_MOST_ASKED]


def _rewritten(paths: list[Path], at: Path) -> list[str]:
    """Return the tracked files whose line ends no attribute protects."""
    operands = [str(path) for path in paths]
    try:
        tracked = git("ls-files", "-z", "--full-name", "--", operands=operands, at=at).split("\0")
        names = [name for name in tracked if name]
        top = Path(git("rev-parse", "--show-toplevel", at=at))
        if not names:
            return []
        asked = git("check-attr", "-z", "text", "eol", "--", operands=names, at=top)
    except GitFailed:  # a path outside of the repository
        return []
    fields = asked.split("\0")
    protected = {
        fields[place]
        for place in range(0, len(fields) - 2, 3)
        if (fields[place + 1], fields[place + 2]) in {("text", "unset"), ("eol", "lf")}
    }
    return [name for name in names if name not in protected]
