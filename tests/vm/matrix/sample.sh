#!/bin/bash
# cpus: 2
# The fault matrix (tests/vm/matrix/): each fault once, of which device and under which trigger chance decides: the same
# each time without a seed, so that what fails is the change's doing.
# timeout: 900
# shellcheck source=tests/vm/matrix/engine.sh
. /bench/matrix/engine.sh
seeded "${1:-4}" "${@:2}"
group 6 "$rows_bus$rows_chip" any
group 6 "$rows_slow" any
group 5 "$rows_hang" any
matrix
