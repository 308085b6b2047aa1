"""What the tests look at: this project, after a run."""

from pathlib import Path

import pytest

from tests.model.ran import Ran

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Ran:
    """This project."""
    if not (ROOT / "models/model/signature.json").is_file():
        pytest.fail("There is no model here yet. Run: make run", pytrace=False)
    return Ran(ROOT)
