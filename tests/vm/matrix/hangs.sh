#!/bin/bash
# The fault matrix: devices that keep the kernel waiting, one at a time. Does not pass yet, and is in no make target:
# `replug status` and an event wait for the lock of a device in whose reset the kernel is kept.
# timeout: 600
# shellcheck source=tests/vm/matrix/engine.sh
. /bench/matrix/engine.sh
seeded "$@"
patience=2s
group 5 "$rows_hang" hand plug refresh health
matrix
