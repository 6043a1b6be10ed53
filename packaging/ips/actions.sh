#!/bin/sh
# Prints the files of a package in packaging/files.txt as IPS actions, see pkg(7). Paths are those below the staged tree.
#
#     packaging/ips/actions.sh bng|bngagent
set -eu

cd "$(dirname "$0")/../.."
list=$(packaging/list-files.sh solaris "$1")

# Folders that no other package has.
echo "$list" | sed -n 's,.* /\(usr/share/doc/.*\)/[^/]*$,\1,p' | sort -u | while read -r folder; do
    echo "dir path=$folder owner=root group=other mode=0755"
done
echo "$list" | while read -r mode file place; do
    path=${place#/}
    more=
    case $path in
        usr/sbin/* | lib/svc/method/*) owner="owner=root group=bin" ;;
        # The administrator's file stays; a new one of the package lies beside it as bng.conf.new.
        etc/*) owner="owner=root group=sys" more=" preserve=renamenew" ;;
        lib/svc/manifest/*)
            owner="owner=root group=sys" more=" restart_fmri=svc:/system/manifest-import:default"
            ;;
        usr/share/man/*) owner="owner=root group=bin" more=" facet.doc.man=true" ;;
        *) owner="owner=root group=other" ;;
    esac
    echo "file $path path=$path $owner mode=0$mode$more"
done
