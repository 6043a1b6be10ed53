#!/sbin/sh
# The start method of svc:/network/bngagent, see smf_method(7). The agent is told by the properties config/port and
# config/options of its instance. What is printed here goes to the log of the service: svcs -Lv network/bngagent.
# BNGAGENT and SMF_INCLUDE are for tests.

. "${SMF_INCLUDE:-/lib/svc/share/smf_include.sh}"

# What is empty comes as two quotes.
port=`svcprop -p config/port "$SMF_FMRI" 2>/dev/null | sed 's/^""$//'`
options=`svcprop -p config/options "$SMF_FMRI" 2>/dev/null | sed -e 's/^""$//' -e 's/\\\\\(.\)/\1/g'`

# Words and quotes are those of a shell, so that a command for -s can be given.
eval "set -- $options"
"${BNGAGENT:-/usr/sbin/bngagent}" "$@" "${port:-439}"
case $? in
    0) exit "$SMF_EXIT_OK" ;;
    2 | 6) exit "$SMF_EXIT_ERR_CONFIG" ;;
    4) exit "$SMF_EXIT_ERR_PERM" ;;
    # Such as an address that is not there yet: SMF tries again before it gives up.
    *) exit 1 ;;
esac
