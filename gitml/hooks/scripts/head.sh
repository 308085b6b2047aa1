#!/bin/sh
# gitml hook: @NAME@. Written by `gitml hooks install`, taken away by `gitml hooks uninstall`; not to be edited.
python=@PYTHON@
main=@MAIN@

# Another hook manager may have moved this script and call it from its own, which this script calls: once is enough.
# No manager does so on a server, where whoever pushes may set variables.
if [ "$GITML_HOOK" = "@NAME@ $PWD $1" ] && [ "@NAME@" != pre-receive ]; then
    exit 0
fi

# The hook that was here before gitml runs first, with the same words and input, and its no is final.
input=
case @NAME@ in
    pre-push | pre-receive) input=$(cat) ;; # what is pushed, a line a ref; both read it
esac
read_again() {
    [ -z "$input" ] || printf '%s\n' "$input"
}
case $0 in
    */*) here=${0%/*} ;;
    *) here=. ;;
esac
kept=$here/@KEPT@
case $0 in
    */@NAME@) ;;
    *) ! cmp -s "$kept" "$here/@NAME@" || kept= ;; # moved aside by the manager that it kept: that one runs already
esac
if [ -f "$kept" ] && [ -x "$kept" ]; then
    case @NAME@ in
        pre-push | pre-receive) read_again | GITML_HOOK="@NAME@ $PWD $1" @CALL@ || exit $? ;;
        *) GITML_HOOK="@NAME@ $PWD $1" @CALL@ || exit $? ;;
    esac
fi

is_there() {
    [ -x "$python" ] && [ -f "$main" ]
}
