
# On a server the check is the law: whatever keeps it from being made refuses the push.
if ! is_there; then
    lost=$python
    [ ! -x "$python" ] || lost=$main
    printf '%s\n' \
        "gitml: this push cannot be checked, so it is refused" \
        "  On the server $lost is gone: gitml was moved or removed." \
        "Mend, on the server:" \
        "  gitml hooks install --server" >&2
    exit 1
fi

read_again | "$python" -I "$main" pre-receive
case $? in
    0) exit 0 ;;
    10) exit 1 ;;
esac
printf '%s\n' "gitml: this push cannot be checked, so it is refused: the check itself failed" >&2
exit 1
