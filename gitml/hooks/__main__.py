"""Where the installed scripts enter: ``python -IS gitml/hooks/__main__.py commit-msg …``.

Python starts without ``site``, which halves its start, so this file says itself where gitml is: last on the path,
so that nothing beside gitml can stand before the standard library.
"""

import os
import sys

REFUSED = 10
"""What tells the script that a rule said no; whatever else is not 0 is a fault of ours, and never stops work."""


def main(words: list[str]) -> int:
    """Run the hook that the first word names."""
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if words[0] == "commit-msg":
        from gitml.hooks import commit_msg

        return 0 if commit_msg.run(*words[1:]) else REFUSED
    from gitml.hooks import prepare_commit_msg

    prepare_commit_msg.run(*words[1:])
    return 0


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    except Exception as error:
        if os.environ.get("GITML_DEBUG") == "1":
            raise
        print(f"gitml: {type(error).__name__}: {error}", file=sys.stderr)
        status = 3
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # nothing of Python's own tidying is needed, and it takes a tenth of the time
