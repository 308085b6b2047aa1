"""Times as they are written down: in UTC, as ISO 8601."""

from __future__ import annotations


def moment(time: int) -> str:
    """Return a time in seconds since 1970; empty for 0, which stands for none, and for what no calendar has.

    >>> moment(1_760_000_000), moment(0), moment(2**62)
    ('2025-10-09T08:53:20+00:00', '', '')
    """
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds") if time else ""
    except (ValueError, OverflowError, OSError):
        return ""


def seconds(text: str) -> int:
    """Return the seconds since 1970 of a time in ISO 8601; 0 where it is none.

    >>> seconds("2025-10-09T08:53:20Z"), seconds("yesterday")
    (1760000000, 0)
    """
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, OSError):
        return 0
