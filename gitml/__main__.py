"""``python -m gitml``, the same as ``gitml``."""

import sys

from gitml.cli.main import main

sys.exit(main())
