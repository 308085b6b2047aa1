"""What the name of a column says about it."""

from __future__ import annotations

import re

IDS = frozenset({"id", "ids", "uuid", "guid", "key", "pk", "index", "rowid", "nr", "no", "number", "num"})
"""Last words of the names of columns that name something."""

ENTITIES = frozenset(
    {
        "account", "animal", "author", "client", "consumer", "customer", "device", "driver", "employee", "engine",
        "family", "group", "guest", "household", "kunde", "machine", "member", "mouse", "participant", "passenger",
        "patient", "person", "player", "property", "pupil", "respondent", "school", "sensor", "session", "shop",
        "speaker", "store", "student", "subject", "subscriber", "supplier", "unit", "user", "vehicle", "vendor",
        "visitor", "well", "worker", "writer",
    }
)  # fmt: skip
"""What has several rows of its own in many tables."""

TARGETS = (
    "target", "label", "y", "outcome", "class", "churn", "churned", "default", "defaulted", "survived", "response",
    "diagnosis", "fraud", "isfraud", "converted", "approved", "sold", "result", "price", "saleprice", "sales", "demand",
    "income", "quality", "score", "rating", "species", "category",
)  # fmt: skip
"""What targets are called, the surest first."""

TIMES = frozenset(
    {
        "at", "date", "datetime", "day", "datum", "fecha", "period", "time", "timestamp", "ts", "when", "zeit", "month",
        "week", "departure", "arrival", "created", "order", "ordered", "start", "started", "recorded", "invoice",
    }
)  # fmt: skip
"""Words in the names of times at which a row came to be."""

OTHER_TIMES = frozenset(
    {
        "birth", "birthday", "birthdate", "born", "dob", "geburt", "geburtsdatum", "end", "ended", "closed", "resolved",
        "cancelled", "canceled", "cancellation", "finish", "finished", "return", "returned", "updated", "modified",
        "last", "until", "expiry", "expires", "due", "death", "died", "since", "hired", "joined", "built",
    }
)  # fmt: skip
"""Words in the names of times that lie before or after the row came to be."""


def words(name: str) -> list[str]:
    """Return the words of a name: ``customerId``, ``customer_id`` and ``Customer ID`` have the same."""
    apart = re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])", "_", name)
    return [word for word in re.split(r"[\W_]+", apart.casefold()) if word]


def names_something(name: str) -> bool:
    """Whether the name is that of an identifier: ``id``, ``order no``, ``customerid``."""
    parts = words(name)
    if not parts:
        return False
    last = parts[-1]
    return last in IDS or (last.endswith("id") and last.removesuffix("id") in ENTITIES)


def names_entity(name: str) -> bool:
    """Whether the name is that of a person or thing: ``patient``, ``store_nr``, ``userid``."""
    parts = words(name)
    stems = {part.removesuffix("id").removesuffix("nr") for part in parts} | set(parts)
    return bool(stems & ENTITIES) and (len(parts) == 1 or names_something(name))


def target_likeness(name: str) -> int:
    """Return 0 for a name that says nothing, and more the surer it is a target's."""
    parts = words(name)
    known = [len(TARGETS) - TARGETS.index(part) for part in parts if part in TARGETS]
    if not known:
        return 0
    return max(known) + (len(TARGETS) if len(parts) == 1 else 0)


def time_likeness(name: str) -> int:
    """Return how well the name fits the time at which a row came to be; below 0 for another time."""
    parts = set(words(name))
    return len(parts & TIMES) - 3 * len(parts & OTHER_TIMES)
