
# git gives no line where nothing is pushed.
[ -n "$input" ] || exit 0
if ! is_there; then
    lost=$python
    [ ! -x "$python" ] || lost=$main
    printf '%s\n' \
        "gitml: the push was not checked" \
        "  $lost is gone: the environment that gitml was installed in was moved or removed." \
        "Mend:" \
        "  gitml hooks install" >&2
    exit 0
fi

read_again | "$python" -I "$main" pre-push "$1" "$2"
case $? in
    0) exit 0 ;;
    10) exit 1 ;;
    130) exit 130 ;;
esac
printf '%s\n' "gitml: the push was not checked: the check itself failed" >&2
exit 0
