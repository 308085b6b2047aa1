"""What is at the top of a release's tree and nowhere else, and the metric by which figures may be compared."""

from __future__ import annotations

PROVENANCE = "provenance.json"
"""What a release says about where it comes from."""

CARD = "MODEL_CARD.md"
"""The same for a reader."""

OF_A_RELEASE = (PROVENANCE, CARD)
"""What a release adds to the commit that it is of."""

TEST_DATA = "test_data"
"""The metric that names the test data; figures on other data are not compared."""
