#!/bin/sh
# Writes the systemd units made from bng.service.in into a folder.
#
#     packaging/systemd/units.sh FOLDER
set -eu

source=$(dirname "$0")/bng.service.in
write() {
    # The first comment is about the source, not about the unit.
    sed -e "1,/^\$/d" -e "s/@I@/$2/" -e "s/@WHICH@/$3/" "$source" > "$1"
}
write "$1/bng.service" '' ''
write "$1/bng@.service" '-i %i ' ' (instance %i)'
