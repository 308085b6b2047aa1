
# Only where a person is about to write: an editor opens, on an empty message or a template, with no rebase under way.
[ "$GIT_EDITOR" != : ] || exit 0
case ${2-} in
    "" | template) ;;
    *) exit 0 ;;
esac
branch=$(git symbolic-ref --quiet --short HEAD)
case $branch in
    experiments/*) ;;
    *) exit 0 ;;
esac
is_there || exit 0 # commit-msg says so

settings=$(git config --get-regexp '^(core\.comment(char|string)|commit\.cleanup|i18n\.commitencoding)$')
"$python" -I "$main" prepare-commit-msg "$1" "$branch" "$settings"
exit 0
