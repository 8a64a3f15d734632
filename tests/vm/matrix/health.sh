#!/bin/bash
# cpus: 2
# The fault matrix (tests/vm/matrix/), trigger: health.
# timeout: 900
# shellcheck source=tests/vm/matrix/engine.sh
. /bench/matrix/engine.sh
seeded "$@"
group 6 "$rows_bus$rows_chip" health
group 6 "$rows_slow" health
matrix
