"""What is installed beside gitml, for hooks that start without it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class WhenMissed:
    """Looks for a module that nobody else found where packages are installed.

    A hook starts as ``python -S``, which halves its start; few commits need YAML or detect-secrets.
    """

    def __init__(self) -> None:
        self._has_looked = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module is, after what ``site`` does at another start of Python."""
        if self._has_looked or name.partition(".")[0] in sys.stdlib_module_names:
            return None
        self._has_looked = True
        import site

        site.main()
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path)
        return next((spec for spec in found if spec is not None), None)
