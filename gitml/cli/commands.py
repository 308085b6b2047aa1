"""Which commands there are: a table, so that ``gitml --help`` imports none of them."""

from __future__ import annotations

SECTIONS: dict[str, dict[str, str]] = {
    "Daily": {
        "init": "Lay down a new project, or adopt the repository that is here.",
        "status": "Show where you are, the last run, what runs now, and what is next.",
        "exp": "Start, run, compare and finish experiments; each is a branch.",
        "report": "Show, edit, refresh and check the reports of experiments.",
        "data": "Push, fetch and update data and models, and show what is where.",
        "model": "Release models, promote them by pull request, roll back, verify.",
        "undo": "Take back the last command in this clone; files stay as they are.",
        "doctor": "Check this machine and this repository, and name what mends them.",
    },
    "Team": {},
    "Operations": {
        "ci": "Judge a pull request in CI, by the rules of the main branch.",
        "forge": "Set and audit what promotion needs on GitHub, GitLab or Gitea.",
        "hooks": "Install the hooks that keep the conventions, show them, take them out.",
        "rules": "Show the rule book; turn an adopted repository's warnings into errors.",
    },
}
"""For each section the commands and what they do, in the order of ``gitml --help``. The click command of
``x-y`` is ``command`` in ``gitml/cli/x_y.py``, and its help begins with the same words."""

NAMES = tuple(name for commands in SECTIONS.values() for name in commands)


def overview() -> str:
    """Return what ``gitml --help`` shows."""
    width = max(map(len, NAMES))
    blocks = [
        "Usage: gitml [-h | --version] COMMAND [OPTIONS] [ARGUMENTS]...",
        "Keeps an ML team's experiments, models and production in one git repository.",
    ]
    for section, commands in SECTIONS.items():
        if commands:
            blocks.append("\n".join([section, *(f"  {name:{width}}  {does}" for name, does in commands.items())]))
    blocks.append("Example\n  gitml exp run -n lower-lr -S lr=3e-4")
    blocks.append(
        "gitml COMMAND --help says more about one. Exit codes: 0 done, 1 a rule says no,\n"
        "2 wrong usage, 3 a broken environment, 130 interrupted. GITML_DEBUG=1 shows\n"
        "the traceback of an error."
    )
    return "\n\n".join(blocks)
