"""Draw the README's pictures from the plots that DVC makes of the last run: ``make pictures``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import vl_convert

PICTURES = {"ROC curve": "roc.svg", "Importance": "importance.svg"}


def main() -> None:
    """Write docs/images."""
    shown = subprocess.run(
        [sys.executable, "-m", "dvc", "plots", "show", "--json"], capture_output=True, text=True, check=True
    )
    plots = json.loads(shown.stdout)["data"]
    for title, name in PICTURES.items():
        (found,) = (drawn for key, drawn in plots.items() if key.endswith(title))
        content = found[0]["content"]
        specification = json.loads(content) if isinstance(content, str) else content
        specification["background"] = "white"
        Path("docs/images", name).write_text(vl_convert.vegalite_to_svg(json.dumps(specification)), encoding="utf-8")


if __name__ == "__main__":
    main()
