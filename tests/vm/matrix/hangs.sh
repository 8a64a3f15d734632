#!/bin/bash
# cpus: 2
# The fault matrix (tests/vm/matrix/), devices that keep the kernel waiting, under each trigger.
# timeout: 900
# shellcheck source=tests/vm/matrix/engine.sh
. /bench/matrix/engine.sh
seeded "$@"
group 5 "$rows_hang" hand plug refresh health
matrix
