set -euo pipefail
cd "$(mktemp -d)"
python -I -m venv tool
tool/bin/python -I -m pip install --quiet --no-input --no-cache-dir --disable-pip-version-check "$GITML"
export PATH="$PWD/tool/bin:$PATH"
git init --quiet --template= objects
cd objects
git config core.hooksPath /dev/null
git config gitml.main "$MAIN"
export GIT_USER=gitlab-ci-token GIT_TOKEN="$CI_JOB_TOKEN"
# the token stays in the environment, and git's helper reads it there
# shellcheck disable=SC2016
git config "credential.$CI_SERVER_URL.helper" \
  '!token() { test "$1" != get || printf "username=%s\npassword=%s\n" "$GIT_USER" "$GIT_TOKEN"; }; token'
git remote add origin "$CI_SERVER_URL/$CI_PROJECT_PATH.git"
git fetch --quiet --no-tags ${FILTER:+"--filter=$FILTER"} origin '^refs/heads/HEAD' \
  '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*' \
  ${CI_MERGE_REQUEST_IID:+"+refs/merge-requests/$CI_MERGE_REQUEST_IID/head:refs/gitml/merge-request"}
