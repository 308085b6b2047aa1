"""An environment without what opens doors: code of a commit that is run again needs none of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = re.compile(
    r"(?:^|_)(?:TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASS|PASSPHRASE|CREDENTIALS?|CREDS|PAT|JWT|APIKEY|KEYS?|AUTH|COOKIE)"
    r"(?:_|\d|$)"
)
_PLACES = re.compile(
    r"(?:AWS|AZURE|ARM|GOOGLE|GCLOUD|GCP|CLOUDSDK|OSS|GH|GITHUB|GITLAB|GITEA|FORGEJO|ACTIONS|CI_JOB|CI_REGISTRY"
    r"|CI_DEPLOY|CI_DEPENDENCY|BITBUCKET|CIRCLE|VAULT|MLFLOW_TRACKING|DOCKER|TWINE|PIP|UV_INDEX"
    r"|UV_PUBLISH|NPM|SSH|GPG|GNUPG|DVC|GIT_CONFIG|GIT_ASKPASS|GIT_SSH|RCLONE|PGPASS)(?:_|$)"
)
_NAMES = frozenset({"KUBECONFIG", "NETRC", "CI_REPOSITORY_URL", "DATABASE_URL", "GIT_ASKPASS", "SSH_ASKPASS"})
_IN_A_URL = re.compile(r"\w://[^/\s:@]*:[^/\s@]+@")
_OF_PYTHON = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONUSERBASE"})
_HARMLESS = frozenset({"GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "DVC_NO_ANALYTICS"})


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without tokens, keys and passwords, and without Python's way into other code.

    Left out is what has a word such as TOKEN, SECRET or PASSWORD in its name, what belongs to a cloud, a forge, a CI
    or an agent of keys, and whatever has a URL with a password in it. It is better to drop one too many: a pipeline
    that needs a credential to give the same result again is not reproducible.

    >>> without_credentials({"HOME": "/h", "MY_TOKEN": "x", "PROXY": "http://a:b@c"})  # pragma: allowlist secret
    {'HOME': '/h'}
    """
    return {
        name: value
        for name, value in environment.items()
        if name in _HARMLESS or not (_opens_doors(name.upper()) or name in _OF_PYTHON or _IN_A_URL.search(value))
    }


def _opens_doors(name: str) -> bool:
    return name in _NAMES or _WORDS.search(name) is not None or _PLACES.match(name) is not None
