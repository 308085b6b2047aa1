set -euo pipefail
python -I -m venv "$RUNNER_TEMP/gitml"
"$RUNNER_TEMP/gitml/bin/python" -I -m pip install --quiet --no-input --no-cache-dir --disable-pip-version-check "$GITML"
