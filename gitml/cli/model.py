"""``gitml model``: a table of its commands, each imported only when it runs."""

from __future__ import annotations

from gitml.cli.model_commands import OVERVIEW, SUBCOMMANDS
from gitml.cli.subcommands import Subcommands

command = Subcommands("model", SUBCOMMANDS, OVERVIEW, ("gitml model list", "gitml model diff v3 v4"))
