#!/bin/bash
# cpus: 2
# Runs on two ports overlap, runs on one port never do; and runs that are ended from outside.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device hid]
	baud = 9600
	ready = 30s
	[guard]
	forgive = 0
END
plug dongle capture
plug hid bridge silent=2000
check 'the dongle is recovered' healed dongle
check 'the bridge is recovered' healed hid
settled

# Both in ms since the machine started.
ended() { jq .ended_ms "/run/replug/${at[$1]}.json"; } # NAME: its last run
when() { emu log --since "$mark" | awk -v want="$1" '$0 ~ want { printf "%d\n", $2 * 1000; exit }'; }
mark
at_once=$(awk '{ print int($1 * 1000) }' /proc/uptime)
check 'two ports at once' exits 0 replug recover capture hid
settled
check 'each is reset once' equal "$(saw 'dongle reset') $(saw 'hid reset')" '1 1'
check 'the dongle did not wait for the bridge' between "$(when 'dongle reset')" "$((at_once))" "$(($(ended hid) - 1))"
check 'nor the bridge for the dongle' between "$(when 'hid reset')" "$((at_once))" "$(($(ended dongle) - 1))"

emu set hid silent=8000 # time for all that follows, on a slow machine too
mark
replug recover hid >/run/first 2>&1 &
first=$!
happens 'hid restart' >/dev/null
replug recover --event "usb=${at[hid]}" >/run/event 2>&1 & # as systemd would, were it not to merge them
event=$!
check 'a second run by hand is exit status 4' exits 4 replug recover hid
check 'so is one of a chip alone' exits 4 replug ch9329 reset hid
check 'and a question to the chip' exits 4 replug ch9329 info hid
check 'and a reset alone' exits 4 replug reset hid
check 'the status is busy meanwhile' is_state "${at[hid]}" busy
check 'one of two is held, the other is done all the same: the worse counts' exits 4 replug recover capture hid
check 'the dongle was reset' saw_times 1 'dongle reset'
status=0
wait $first || status=$?
check 'the first run succeeds' equal "$status" 0
status=0
wait $event || status=$?
check 'the event that waited finds nothing to do' equal "$status" 0
check 'one reset in all' saw_times 1 'hid reset'
check 'one RESET in all' saw_times 1 "hid $reset_frame"
emu set hid silent=3000

ends_by() { # SIGNAL: in the middle of a run
	mark
	replug recover hid >/run/first 2>&1 &
	first=$!
	happens 'hid restart' >/dev/null
	check "$1: busy before it" is_state "${at[hid]}" busy
	begun=$(date +%s%3N)
	kill "-$1" $first
	status=0
	wait $first || status=$?
	took=$(($(date +%s%3N) - begun))
	until_ 5 flock -n "/run/replug/${at[hid]}.lock" true
	happens 'hid ready' >/dev/null # while it restarts it would be deaf to the next RESET
}
for signal in TERM INT HUP; do
	ends_by $signal
	check "$signal: at once" between "$took" 0 1000
	check "$signal: exit status 1" equal "$status" 1
	check "$signal: the record says failed" is_state "${at[hid]}" failed
	check "$signal: and interrupted" grep -q interrupted <(field "${at[hid]}" error)
	check "$signal: no lock is left" flock -n "/run/replug/${at[hid]}.lock" true
	check "$signal: no process is left" until_ 2 not pgrep -x replug
done
ends_by KILL
check 'KILL: no lock is left' flock -n "/run/replug/${at[hid]}.lock" true
check 'KILL: no process is left' until_ 2 not pgrep -x replug
check 'KILL: the status is failed' is_state "${at[hid]}" failed
mark
replug recover hid >/run/first 2>&1 &
happens 'hid restart' >/dev/null
# shellcheck disable=SC2046 # all of them
kill -KILL $(pgrep -x replug) # the child, too
wait
check 'all killed: the status is failed' until_ 5 is_state "${at[hid]}" failed # the kernel takes its time to end them
# A child that outlives its parent for a moment is told so by the kernel, and has still time to say it.
check 'all killed: and says why' grep -qE 'killed|interrupted' <(field "${at[hid]}" error)
check 'all killed: the next run works' exits 0 replug recover hid
check 'all killed: and says so' is_state "${at[hid]}" recovered
finish
