
# A file was checked out, or there was nothing before (a clone, a new worktree): nothing to follow.
[ "${3-}" = 1 ] || exit 0
case $1 in
    *[!0]*) ;;
    *) exit 0 ;;
esac
[ "$1" != "$2" ] || exit 0
is_there || exit 0

# Python starts only where what DVC keeps differs.
git diff-tree --quiet -r "$1" "$2" -- dvc.lock '*/dvc.lock' '*.dvc'
[ $? = 1 ] || exit 0

"$python" -I "$main" post-checkout "$1" "$2"
exit 0 # its status would be the checkout's
