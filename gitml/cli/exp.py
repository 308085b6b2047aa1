"""``gitml exp``: a table of its commands, each imported only when it runs."""

from __future__ import annotations

from gitml.cli.exp_commands import OVERVIEW, SUBCOMMANDS
from gitml.cli.subcommands import Subcommands

command = Subcommands("exp", SUBCOMMANDS, OVERVIEW, ("gitml exp list", "gitml exp show lower-lr"))
