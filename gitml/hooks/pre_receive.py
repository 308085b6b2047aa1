"""pre-receive: the law on one's own server."""


def run(lines: bytes) -> bool:
    """Judge a push, and return whether it may be accepted."""
    return True
