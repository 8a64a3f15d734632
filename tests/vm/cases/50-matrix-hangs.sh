#!/bin/bash
# The fault matrix (tests/vm/matrix/): devices that keep the kernel waiting, one at a time.
# timeout: 600
# shellcheck source=tests/vm/matrix/engine.sh
. /bench/matrix/engine.sh
seeded "$@"
group 1 "$rows_hang" hand plug refresh health
matrix
