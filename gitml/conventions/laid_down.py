"""What tells a project that `gitml init` has laid down."""

from __future__ import annotations

STAMP = ".gitml/template.json"
"""The file that says from what, with ``/``, from the top."""
