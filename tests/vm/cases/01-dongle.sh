#!/bin/bash
# A capture dongle is plugged: one reset, its node is back, and the record says so.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator

emu plug dongle capture
port=$(emu port dongle)
check 'it is recovered' becomes "$port" recovered
settled
check 'the device saw exactly one reset' saw_times 1 'dongle reset'
check 'a capture node is there' test -c /dev/video0
check 'the kernel driver and v4l2-ctl agree' v4l2-ctl -d /dev/video0 --all
check 'one unit ran, once' equal "$(runs)" 1
check 'the record has the action' equal "$(field "$port" action)" reset
check 'and how long it took' between "$(field "$port" duration_ms)" 100 10000
check 'and no error' equal "$(field "$port" error)" null
heard
check 'the journal has one line of it, with the milliseconds of each step' \
	equal "$(journal -t replug | grep -cE "^$port capture 534d:2109 .*recovered in [0-9]+ ms \(reset [0-9]+, back [0-9]+, udev [0-9]+, verify [0-9]+\)")" 1
finish
