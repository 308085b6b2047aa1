
settings=$(git config --get-regexp '^(core\.comment(char|string)|commit\.cleanup|i18n\.commitencoding)$')

# A plainly right message needs no Python: a prefix that is known, and a letter or a digit behind it. Where there is
# a gitml.toml, they are known from the last time that just this one was read.
if [ -z "$settings" ]; then
    names='@NAMES@'
    if [ -e gitml.toml ]; then
        names=
        known=${1%/*}/gitml/prefixes
        if [ -f "$known" ] && tail -n +2 "$known" | cmp -s - gitml.toml; then
            IFS= read -r names < "$known"
        fi
    fi
    start=$(head -c 64 "$1")
    for name in $names; do
        case $start in
            "$name: "[A-Za-z0-9]*) exit 0 ;;
        esac
    done
fi

if ! is_there; then
    lost=$python
    [ ! -x "$python" ] || lost=$main
    printf '%s\n' \
        "gitml: the commit message was not checked" \
        "  $lost is gone: the environment that gitml was installed in was moved or removed." \
        "Mend:" \
        "  gitml hooks install" >&2
    exit 0
fi

git_dir=${1%/*}
[ -f "$git_dir/HEAD" ] || git_dir=$(git rev-parse --absolute-git-dir)
head=
[ ! -f "$git_dir/HEAD" ] || IFS= read -r head < "$git_dir/HEAD"
case $head in
    "ref: refs/heads/.invalid") branch=$(git symbolic-ref --quiet --short HEAD) ;; # git keeps its refs in a reftable
    "ref: refs/heads/"*) branch=${head#ref: refs/heads/} ;;
    *) branch= ;;
esac

template=$(git config --path commit.template)
"$python" -IS "$main" commit-msg "$1" "$git_dir" "$branch" "$settings" "$template" "$PPID"
status=$?
case $status in
    0) exit 0 ;;
    10) exit 1 ;;
    130) exit 130 ;;
esac
printf '%s\n' "gitml: the commit message was not checked: the check itself failed (exit status $status)" >&2
exit 0
