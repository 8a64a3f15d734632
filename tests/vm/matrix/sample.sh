#!/bin/bash
# The fault matrix (tests/vm/matrix/): each fault once, of which device and under which trigger chance decides.
# timeout: 900
# shellcheck source=tests/vm/matrix/engine.sh
. /bench/matrix/engine.sh
seeded "$@"
group 6 "$rows_bus$rows_chip" any
group 6 "$rows_slow" any
group 5 "$rows_hang" any
matrix
