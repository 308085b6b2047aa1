"""A project whose pipeline has run, as the tests of its data and model see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages import files
from stages.artifact import Artifact, open_model
from stages.task import Feature, Task


@dataclass(frozen=True)
class Ran:
    """A folder with the pipeline in it."""

    folder: Path

    def read(self, path: str) -> str:
        """Read a text file of the project."""
        return (self.folder / path).read_text(encoding="utf-8")

    def json(self, path: str) -> dict:
        """Read a JSON file of the project."""
        return files.read_json(self.folder / path)

    @property
    def model(self) -> Artifact:
        """The trained model."""
        return open_model(self.folder / "models" / "model")

    @property
    def task(self) -> Task:
        """What it predicts."""
        return Task.from_json(self.json("data/features/features.json")["task"])

    @property
    def features(self) -> tuple[Feature, ...]:
        """What it predicts from."""
        return tuple(Feature.from_json(one) for one in self.json("data/features/features.json")["features"])
