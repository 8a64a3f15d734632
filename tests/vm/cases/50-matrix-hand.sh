#!/bin/bash
# The fault matrix, trigger: hand. See tests/vm/matrix/.
# timeout: 600
# shellcheck source=tests/vm/matrix/engine.sh
. /bench/matrix/engine.sh
make_cells "$rows_bus$rows_chip" hand
matrix "${1:-0}" 4
