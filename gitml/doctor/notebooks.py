"""Whether what notebooks print is kept out of commits, where the attributes ask for it."""

from __future__ import annotations

from pathlib import Path

from gitml.conventions.shell import printable
from gitml.doctor.clone import Clone
from gitml.doctor.finding import Finding, Fix, shortened
from gitml.errors import GitFailed
from gitml.hooks import notebook_filter
from gitml.hooks.notebook_filter import NAME

CHECK = "notebooks"
_WHY = "What a notebook printed is then staged with it, and the hooks and the server refuse the commit."


def notebooks(clone: Clone) -> list[Finding]:
    """Judge the filter of this clone; nothing where no attribute asks for it."""
    root = clone.repository.root
    try:
        if root is None or not notebook_filter.is_asked(root):
            return []
    except GitFailed:  # of a damaged index, which another check names
        return []
    found = notebook_filter.look(root)
    if found.state == "installed":
        return [Finding(CHECK, "ok", f"committed without output, by {NAME}")]
    if found.state == "foreign":
        says = f"committed by a filter of your own ({found.level} configuration)"
        return [Finding(CHECK, "ok", says)]
    says = f"the attributes ask for {NAME}, but this clone has no filter"
    if found.state == "broken":
        says = f"the filter {NAME} cannot run: {shortened(printable(found.clean))}"
    if not notebook_filter.is_there():
        return [Finding(CHECK, "warning", says, _WHY, (f"pip install {NAME}", "gitml hooks install"))]
    return [Finding(CHECK, "warning", says, _WHY, ("gitml hooks install",), (_fix(root),))]


def _fix(root: Path) -> Fix:
    def install() -> None:
        notebook_filter.install(root)

    return Fix(f"set git's filter {NAME} in this clone", install)
