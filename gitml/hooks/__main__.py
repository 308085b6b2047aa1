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
    return 0 if _run(words[0], words[1:]) else REFUSED


def _run(hook: str, words: list[str]) -> bool:
    """Run a hook, of which no other one is imported, and return whether git may go on."""
    if hook == "commit-msg":
        from gitml.hooks import commit_msg

        return commit_msg.run(*words)
    if hook == "prepare-commit-msg":
        from gitml.hooks import prepare_commit_msg

        prepare_commit_msg.run(*words)
        return True
    if hook == "pre-commit":
        from gitml.hooks import packages, pre_commit

        sys.meta_path.append(packages.WhenMissed())
        return pre_commit.run()
    if hook == "post-checkout":
        from gitml.hooks import post_checkout

        post_checkout.run(*words)
        return True
    if hook == "pre-push":
        from gitml.hooks import pre_push

        return pre_push.run(sys.stdin.buffer.read(), *words)
    from gitml.hooks import pre_receive

    return pre_receive.run(sys.stdin.buffer.read())


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
