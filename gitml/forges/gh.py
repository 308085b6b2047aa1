"""GitHub through its own command line: where gh is logged in, and its token is not to be had or is of no use."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from gitml.forges.http import LARGEST, SECONDS_OF_ANSWER, Raw, Unanswered
from gitml.forges.token import QUIET_CLIS, said_by, stored_only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitml.forges.remote import Place

_HEAD = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})[^\r\n]*\r?\n((?:[^\r\n]+\r?\n)*)\r?\n")


class Gh:
    """Asks GitHub by ``gh api``, as `gitml.forges.http.Connection` does by itself.

    Parameters
    ----------
    place
        Where it is.
    headers
        What is sent beside gh's own token.
    environ
        The environment, in which gh and its settings are found.
    """

    def __init__(self, place: Place, headers: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._host = place.host
        self._headers = [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
        self._program = shutil.which("gh", path=environ.get("PATH", "")) or "gh"
        self._environ = {**stored_only(place, environ), **QUIET_CLIS}

    def __call__(self, method: str, url: str, body: bytes | None) -> Raw:
        """Ask once.

        Raises
        ------
        Unanswered
            No whole answer came back.
        """
        words = ["api", "--hostname", self._host, "--method", method, "--include", *self._headers]
        words += ["--input", "-"] if body is not None else []
        try:
            done = subprocess.run(
                [self._program, *words, url],
                input=body or b"",
                capture_output=True,
                env=self._environ,
                timeout=SECONDS_OF_ANSWER,
                check=False,
            )
        except OSError:
            raise Unanswered("gh could not be run.", may_be_done=False, is_final=True) from None
        except subprocess.TimeoutExpired:
            raise Unanswered(f"gh did not end in {SECONDS_OF_ANSWER:.0f} s.") from None
        head = _HEAD.match(done.stdout)
        if head is None:
            raise Unanswered(f"gh says: {done.stderr.decode(errors='replace').strip()[:200] or 'nothing'}.")
        content = done.stdout[head.end() :]
        if len(content) > LARGEST:
            raise Unanswered(f"Its answer is larger than {LARGEST // 2**20} MiB.", is_final=True)
        lines = [line.partition(b":") for line in head[2].splitlines()]
        headers = {name.decode("latin-1").strip().lower(): value.decode("latin-1").strip() for name, _, value in lines}
        return Raw(int(head[1]), headers, content)


def is_logged_in(place: Place, environ: Mapping[str, str]) -> bool:
    """Say whether there is a gh that knows an account on this host."""
    kept = stored_only(place, environ)
    asked = (("gh", "auth", "token", "--hostname", place.host), ("gh", "auth", "status", "--hostname", place.host))
    return any(said_by(line, kept, is_said_on_stderr=True) for line in asked)


def speaks_through_socket(environ: Mapping[str, str]) -> bool:
    """Say whether gh is set to speak through a unix socket, past which the host may not be reached at all."""
    return bool(said_by(("gh", "config", "get", "http_unix_socket"), environ))
