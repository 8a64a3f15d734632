#!/bin/bash
# Two dongles of one kind, not to be told apart but by their ports: neither is forgotten.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator

plug left capture
plug right capture
check 'the one is recovered' healed left
check 'the other is recovered' healed right
settled
check 'one reset each' saw_times 1 'left reset'
check 'one reset each' saw_times 1 'right reset'
check 'a unit each' equal "$(runs)" 2
for by in 534d:2109 capture; do
	mark
	check "by hand, $by" exits 0 replug recover "$by"
	check "$by: one reset each" saw_times 1 'left reset'
	check "$by: one reset each" saw_times 1 'right reset'
done
mark
check 'one of them by its port' exits 0 replug recover "usb=${at[right]}"
check 'it is reset' saw_times 1 'right reset'
check 'the other is not' saw_times 0 'left reset'
finish
