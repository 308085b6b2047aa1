"""Which commands ``gitml model`` has: a table, so that its help imports none of them."""

from __future__ import annotations

SUBCOMMANDS: dict[str, str] = {
    "release": "Release a model: a branch and a tag that never move, with its data.",
    "list": "List released models, newest first, against production.",
    "show": "Show one release: metrics, params, data, files, deployments.",
    "diff": "Show what differs between two releases.",
    "trace": "Prove where a release, a file or production comes from.",
    "verify": "Hold a release against all that it says.",
    "predict": "Predict rows, straight from a released model.",
    "promote": "Bring a released model to production, by pull request.",
    "approve": "Agree that a model goes to production, where no forge asks for reviews.",
    "rollback": "Bring back a model that production had: one more commit, nothing is taken away.",
    "yank": "Withdraw a release: marked, refused for promotion, never deleted.",
}
"""For each command what it does. The click command of ``x-y`` is ``command`` in ``gitml/cli/model_x_y.py``, and its
help begins with the same words."""

OVERVIEW = """Release models, promote them by pull request, roll back, verify.

A release is a branch that never moves, models/<model>-v<N>, marked by the tag <model>@v<N>.0.0. It may be written
v4, model-v4, model@v4.0.0 or models/model-v4.
"""
