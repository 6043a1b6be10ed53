#!/sbin/sh
# The method of svc:/network/bng and svc:/network/bng-rundir, see smf_method(7).
#
#     bng start|stop|refresh [CONTRACT]
#     bng rundir
#
# What is printed here and by bng goes to the log of the service: svcs -Lv network/bng.
# BNG, BNG_RUNDIR and SMF_INCLUDE are for tests.

. "${SMF_INCLUDE:-/lib/svc/share/smf_include.sh}"

bng=${BNG:-/usr/sbin/bng}
method=$1
contract=$2

# The number of the instance is in its name: `default` is 0, `n3` is 3.
number() {
    case $SMF_FMRI in
        *:default) echo 0 ;;
        *:n[0-9] | *:n[0-9][0-9] | *:n[0-9][0-9][0-9]) expr "$SMF_FMRI" : '.*:n\(.*\)' ;;
        *) return 1 ;;
    esac
}

# Runs bng with the configuration file of the service, if it has one.
with_file() {
    file=`svcprop -p config/file "$SMF_FMRI" 2>/dev/null`
    case $file in
        '' | '""') "$bng" -i "$instance" "$@" ;;
        *) "$bng" -c "$file" -i "$instance" "$@" ;;
    esac
}

if [ "$method" = rundir ]; then
    folder=${BNG_RUNDIR:-/var/run/bng}
    mkdir -p "$folder" && chmod 755 "$folder" && chown bng:bng "$folder" && exit "$SMF_EXIT_OK"
    echo "cannot make $folder for the user bng"
    exit "$SMF_EXIT_ERR_FATAL"
fi

instance=`number` || {
    echo "$SMF_FMRI is no instance of bng: instance 0 is called default, instance 3 is called n3"
    exit "$SMF_EXIT_ERR_CONFIG"
}

case $method in
    start)
        if "$bng" status "$instance" >/dev/null 2>&1; then
            # It would not belong to this service: SMF could not see it end.
            echo "instance $instance runs already, but not as a service: bng stop $instance"
            exit "$SMF_EXIT_ERR_FATAL"
        fi
        with_file check
        case $? in
            0) ;;
            2) exit "$SMF_EXIT_ERR_CONFIG" ;;
            *) exit "$SMF_EXIT_ERR_FATAL" ;;
        esac
        with_file start
        case $? in
            0) exit "$SMF_EXIT_OK" ;;
            4) exit "$SMF_EXIT_ERR_PERM" ;;
            6) exit "$SMF_EXIT_ERR_CONFIG" ;;
            # Such as a link that is not there yet: SMF tries again before it gives up.
            *) exit 1 ;;
        esac
        ;;
    stop)
        "$bng" stop "$instance"
        case $? in
            0 | 3) exit "$SMF_EXIT_OK" ;;
        esac
        smf_kill_contract "$contract" TERM 1 20
        [ $? -eq 2 ] && smf_kill_contract "$contract" KILL 1 10
        exit "$SMF_EXIT_OK"
        ;;
    refresh)
        # A failing refresh method sends the service to maintenance. A configuration that bng has refused is no reason:
        # it goes on balancing with the one that it has.
        "$bng" reload "$instance" || echo "not refreshed, the running configuration stays; see the lines above"
        exit "$SMF_EXIT_OK"
        ;;
    *)
        echo "usage: $0 start|stop|refresh|rundir"
        exit "$SMF_EXIT_ERR_FATAL"
        ;;
esac
