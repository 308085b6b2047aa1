"""The rule that no credentials enter the history: the token detectors of detect-secrets, behind a cheap question.

Importing detect-secrets takes longer than all the rest of a commit, so it is imported only where a text has what
one of its detectors could find. No entropy, no keywords, and nothing ever goes over the network: a detector is only
asked what it sees in a line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from gitml.policy.files import NewFile, shown, typed
from gitml.policy.rules import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitml.config import Config

BINARY = 8192
"""Bytes at a file's start in which a NUL makes it binary, as for git; such a file is not looked into."""

LONGEST_LINE = 4096
"""Letters of a line that detectors see whole: some take the square of a line's length. Of a longer one they see
what is around a suspicious place: a block of letters, and so many before and after it."""

BLOCK = 512
BEFORE = 1100
AFTER = 2500
MOST_PIECES = 300
"""Lines, or pieces of them, of one file that detectors are asked about."""

MOST_FOUND = 20
"""Lines of one file that are named."""

_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_ASSIGNED = r"""["']?\]?[ :=>]+["']?"""


class Hint(NamedTuple):
    """What must be in a line for a detector to find anything.

    Attributes
    ----------
    module
        Its module in ``detect_secrets.plugins``.
    detector
        Its class.
    words
        One of these is in the case-folded text: the quickest question.
    pattern
        This is found in the line. It never goes over a line's end, nor takes more than the line's length for
        each place.
    """

    module: str
    detector: str
    words: tuple[str, ...]
    pattern: str


HINTS = (
    Hint(
        "artifactory",
        "ArtifactoryDetector",
        ("akc", "ap"),
        r'(?<![^\s=:"])(?:AKC[a-zA-Z0-9]{10,}|AP[\dABCDEF][a-zA-Z0-9]{8,})(?![^\s"])',
    ),
    Hint(
        "aws",
        "AWSKeyDetector",
        ("a3t", "abia", "acca", "akia", "asia", "aws"),
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}"
        r"""|(?i:aws.{0,20}?(?:key|pwd|pw|pass|token).{0,24}?['"][0-9a-z/+]{40}['"])""",
    ),
    Hint("azure_storage_key", "AzureStorageKeyDetector", ("accountkey=",), r"AccountKey=[a-zA-Z0-9+/=]{88}"),
    Hint(
        "basic_auth",
        "BasicAuthDetector",
        ("://",),
        r"://[^:/?#\[\]@!$&'()*+,;=\s]+:[^:/?#\[\]@!$&'()*+,;=\s]+@",
    ),
    Hint(
        "cloudant",
        "CloudantDetector",
        ("cl",),
        rf"(?i:cl(?:oudant|ou)?[_-]?(?:api)?(?:key|pwd|pw|password|pass|token){_ASSIGNED}[0-9a-z]{{24}}"
        r"|:[0-9a-z]{24,64}@[\w-]+\.cloudant\.com)",
    ),
    Hint("discord", "DiscordBotTokenDetector", (".",), r"\.[\w-]{6}\.[\w-]{27}"),
    Hint("github_token", "GitHubTokenDetector", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_\w{36}"),
    Hint(
        "gitlab_token",
        "GitLabTokenDetector",
        (
            *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "gr1348941", "glcbt-", "glimt-", "glptt-"),
            *("glagent-", "gloas-"),
        ),
        r"(?:gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941)[A-Za-z0-9_-]{20}",
    ),
    Hint(
        "ibm_cloud_iam",
        "IbmCloudIamDetector",
        ("key", "pwd", "pass", "token"),
        rf"(?i:(?:key|pwd|password|pass|token){_ASSIGNED}[a-z0-9_-]{{44}}(?![a-z0-9_-]))",
    ),
    Hint(
        "ibm_cos_hmac",
        "IbmCosHmacDetector",
        ("secret",),
        rf"(?i:secret[-_]?(?:access)?[-_]?key{_ASSIGNED}[a-f0-9]{{48}})",
    ),
    Hint("jwt", "JwtTokenDetector", ("eyj",), r"eyJ[A-Za-z0-9_=-]"),
    Hint("mailchimp", "MailchimpDetector", ("-us",), r"-us(?<=[0-9a-z]{32}-us)[0-9]"),
    Hint("npm", "NpmDetector", (":_authtoken=",), r"/:_authToken=[^\S\n]*(?:npm_|[A-Fa-f0-9-]{36})"),
    Hint("openai", "OpenAIDetector", ("t3blbkfj",), r"T3BlbkFJ[A-Za-z0-9]{20}"),
    Hint(
        "private_key",
        "PrivateKeyDetector",
        ("private key", "putty-user-key-file-2"),
        r"BEGIN (?:(?:DSA|EC|OPENSSH|PGP|RSA|SSH2 ENCRYPTED) )?PRIVATE KEY|PuTTY-User-[K]ey-File-2",
    ),
    Hint("pypi_token", "PypiTokenDetector", ("pypi-age",), r"pypi-AgE[A-Za-z0-9_-]{70}"),
    Hint("sendgrid", "SendGridDetector", ("sg.",), r"SG\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9_-]{43}"),
    Hint(
        "slack",
        "SlackDetector",
        ("xox", "hooks.slack.com"),
        r"(?i:xox[abposr]-\d+-|hooks\.slack\.com/services/T)",
    ),
    Hint(
        "softlayer",
        "SoftlayerDetector",
        ("sl", "softlayer"),
        rf"(?i:(?:softlayer|sl)[_-]?(?:api)?[_-]?(?:key|pwd|password|pass|token){_ASSIGNED}[a-z0-9]{{64}}"
        r"|softlayer.com/soap/v3(?:.1)?/[a-z0-9]{64})",
    ),
    Hint("square_oauth", "SquareOAuthDetector", ("sq0csp-",), r"sq0csp-[0-9A-Za-z\\_-]{43}"),
    Hint("stripe", "StripeDetector", ("k_live_",), r"[rs]k_live_[0-9a-zA-Z]{24}"),
    Hint("telegram_token", "TelegramBotTokenDetector", (":",), r":(?<=\d{8}:)[0-9A-Za-z_-]{35}"),
    Hint("twilio", "TwilioKeyDetector", ("ac", "sk"), r"AC[a-z0-9]{32}|SK[a-z0-9]{32}"),
)
"""All detectors of detect-secrets for credentials with a shape of their own."""

NOT_ASKED = ("Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector", "KeywordDetector")
"""Those that alarm on hashes, addresses and words."""


def no_secret(file: NewFile, config: Config) -> list[Violation]:
    """Judge whether a file is free of obvious credentials.

    A line with ``pragma: allowlist secret`` in a comment, or below ``pragma: allowlist nextline secret``, is let
    pass, as detect-secrets does. The violation never holds the secret.
    """
    level = config.level("no-secret")
    if level == "off" or file.content is None:
        return []
    text = text_of(file.content)
    suspects = suspect_lines(text) if text is not None else {}
    if text is None or not suspects:
        return []
    name = shown(file.path)
    why = (
        "Whoever can read the repository can use it, now and in every clone: let the code read it from the "
        "environment, and revoke it if it was ever pushed. What is no secret is marked on its line with the comment "
        "pragma: allowlist secret."
    )
    mend = (f"git add -- {typed(file.path)}   # once it is out of the file",)
    found: list[Violation] = []
    pieces_left = MOST_PIECES
    lines = text.split("\n")
    for number in sorted(suspects):
        pieces = [(hint, _pieces(lines[number - 1], columns)) for hint, columns in suspects[number].items()]
        pieces_left -= sum(len(some) for _, some in pieces)
        if pieces_left < 0 or len(found) == MOST_FOUND:
            more = f"{name} has more that may be secrets, from line {number}"
            found.append(Violation("no-secret", level, more, why, mend, file.path, number))
            break
        kinds = [kind for hint, some in pieces for kind in _kinds(hint, some)]
        if kinds and not _is_allowed(file.path, lines, number):
            what = f"{name} line {number}: {' and '.join(kinds)}"
            found.append(Violation("no-secret", level, what, why, mend, file.path, number))
    return found


def text_of(content: bytes) -> str | None:
    """Return a file's text with LF as its only line end; None where it is binary."""
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in content[:BINARY]:
        return None
    return content.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")


def suspect_lines(text: str) -> dict[int, dict[Hint, set[int]]]:
    """Return where detectors could find something: by line from 1 and by hint the columns, rounded to `BLOCK`.

    Parameters
    ----------
    text
        With LF as its only line end.
    """
    # What (?i:k) and (?i:s) match beside ASCII, the Kelvin sign and the long s, is folded to k and s.
    folded = text.lower() if text.isascii() else text.casefold()
    suspects: dict[int, dict[Hint, set[int]]] = {}
    starts: list[int] = []
    for hint in HINTS:
        if not any(word in folded for word in hint.words):
            continue
        for match in _pattern(hint.pattern).finditer(text):
            starts = starts or [0, *(end.end() for end in re.finditer("\n", text))]
            number = bisect_right(starts, match.start())
            column = match.start() - starts[number - 1]
            suspects.setdefault(number, {}).setdefault(hint, set()).add(column // BLOCK * BLOCK)
    return suspects


@lru_cache(None)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(None)
def detector(hint: Hint) -> Any:
    """Return the detector that a hint is for."""
    return getattr(import_module(f"detect_secrets.plugins.{hint.module}"), hint.detector)()


def _kinds(hint: Hint, pieces: Sequence[str]) -> list[str]:
    """Return the kind of secret that a detector finds in a line; none where it finds none."""
    asked = detector(hint)
    found = any(not _is_template(secret) for piece in pieces for secret in asked.analyze_string(piece))
    return [str(asked.secret_type)] if found else []


def _pieces(line: str, columns: Iterable[int]) -> list[str]:
    """Return what a detector is shown of a line."""
    if len(line) <= LONGEST_LINE:
        return [_tight(line)]
    return [_tight(line[max(0, column - BEFORE) : column + BLOCK + AFTER]) for column in sorted(columns)]


def _tight(line: str) -> str:
    """Return a line with runs of blanks shortened: some detectors take the cube of their length."""
    return re.sub("  +", "  ", line)


def _is_template(secret: str) -> bool:
    """Say whether something will be put in its place, as detect-secrets does: ``{x}``, ``<x>``, ``${x}``."""
    return secret[:1] + secret[-1:] in ("{}", "<>") or (secret.startswith("${") and secret.endswith("}"))


def _is_allowed(path: str, lines: Sequence[str], number: int) -> bool:
    """Say whether the line, or the one above it, says that this is no secret."""
    from detect_secrets.filters.allowlist import is_line_allowlisted
    from detect_secrets.util.code_snippet import get_code_snippet

    above, line = lines[number - 2] if number > 1 else "", _tight(lines[number - 1])
    snippet = get_code_snippet([_tight(above) if len(above) <= LONGEST_LINE else "", line], 2)
    return bool(is_line_allowlisted(path, line[-LONGEST_LINE:], snippet))
