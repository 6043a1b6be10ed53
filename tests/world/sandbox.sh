#!/bin/sh
# Runs a command as root in a sandbox of its own: network, mounts, processes and an empty /run.
#
#     tests/world/sandbox.sh COMMAND [ARGUMENT...]
#
# Namespaces, devices, daemons and files under /run that the command makes belong to the sandbox. However it
# ends, by itself, by Ctrl-C or by SIGKILL, the kernel removes them all: the first process inside is the init of
# a PID namespace, dies with its parent (--kill-child, --pdeathsig) and takes everything with it.
set -eu

# In the background, so that this shell can act on a signal at once; `<&0` because a shell gives background
# commands an empty standard input.
setpriv --pdeathsig KILL \
    unshare --net --mount --pid --fork --kill-child --mount-proc \
    sh -euc '
        mount -t tmpfs -o mode=755 tmpfs /run
        mkdir -p /run/netns /run/sshd /run/lock /run/tmp
        export TMPDIR=/run/tmp
        ip link set lo up
        # Not the last command and not exec: this shell stays as init and reaps the daemons that are left to it.
        status=0
        "$@" || status=$?
        exit "$status"
    ' sandbox "$@" <&0 &
child=$!
trap 'kill -KILL "$child" 2>/dev/null || true' INT TERM HUP
status=0
wait "$child" || status=$?
exit "$status"
