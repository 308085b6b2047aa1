set -euo pipefail
git init --quiet --template= "$RUNNER_TEMP/objects"
cd "$RUNNER_TEMP/objects"
git config core.hooksPath /dev/null
git config gitml.main "$MAIN"
# the token stays in the environment, and git's helper reads it there
# shellcheck disable=SC2016
git config "credential.$GITHUB_SERVER_URL.helper" \
  '!token() { test "$1" != get || printf "username=x-access-token\npassword=%s\n" "$GIT_TOKEN"; }; token'
git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY.git"
git fetch --quiet --no-tags ${FILTER:+"--filter=$FILTER"} origin '^refs/heads/HEAD' \
  '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*' ${PULL:+"+refs/pull/$PULL/head:refs/gitml/pull"}
