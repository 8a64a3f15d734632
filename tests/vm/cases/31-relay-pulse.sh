#!/bin/bash
# A pulse is as long as asked, and the contact is open afterwards, whatever happens.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[relay power]
	match = 16c0:05df usb=1-1
	pulse = 500ms
	max-pulse = 3s
	[relay other]
	match = 16c0:05df usb=1-1
	channel = 2
	[relay loose]
	match = 16c0:05df usb=1-1
	channel = 2
	pulse = 500ms
	momentary = no
	[relay station]
	match = 067b:2303
	protocol = icse
	channel = 2
	pulse = 500ms
	[relay serial]
	match = 1a86:7523 usb=1-2
	protocol = lcus
	pulse = 300ms
END
r() { replug-relay "$@"; }
now() { echo $((${EPOCHREALTIME/./} / 1000)); }
as_long() { between "$1" $(($2 - 20)) $(($2 + ${3-100})); } # MS ASKED [MORE]: a machine that is emulated is late now and then
# With a pulse under way, and the contact closed: runs COMMAND… with $pid, the pulse; then its $status and $said.
meanwhile() { # CONTACT ARGS… -- COMMAND…
	local contact=$1 args=()
	shift
	while [[ $1 != -- ]]; do args+=("$1"); shift; done
	shift
	mark
	replug-relay pulse "${args[@]}" >/run/said 2>&1 &
	pid=$!
	happens "$contact" >/dev/null
	"$@"
	status=0
	wait $pid 2>/dev/null || status=$?
	said=$(</run/said)
}
journal_of_relay() { journal -t replug-relay; }

board hid relay-hid
mark
check 'a pulse' exits 0 r pulse power
check 'as long as its section says' as_long "$(held_for hid 1)" 500
echo "# 500 ms: $(held_for hid 1) ms"
for ms in 50 200 1000 3000; do
	mark
	check "--for=${ms}ms" exits 0 r pulse power --for=${ms}ms
	check "is $ms ms" as_long "$(held_for hid 1)" $ms
	echo "# $ms ms: $(held_for hid 1) ms"
done
check 'verified, says its one line' equal "$(r pulse power | sed 's/[0-9]* ms/N ms/')" "power (${at[hid]} channel 1): pressed for N ms (verified)"
mark
check 'longer than max-pulse is exit status 2' exits 2 r pulse power --for=3001ms
check 'longer than anything is' exits 2 r pulse other --for=61s
check 'the default limit is 10 s' exits 2 r pulse other --for=10001ms
check 'for how long?' exits 2 r pulse other
check 'a button is not switched on' exits 2 r on power
check 'nor toggled' exits 2 r toggle power
check 'nor by another name' exits 2 r on "usb=${at[hid]}" --channel=1
check 'a dry run says what would be' exits 0 r pulse power --dry-run
check 'and nothing moved' equal "$(moves hid)" ''
check 'unless it is no button' exits 0 r on loose
check 'off' exits 0 r off loose

nothing() { :; }
for signal in TERM INT HUP; do
	meanwhile 'hid closed 1' power --for=3s -- eval 'begun=$(now); kill -'$signal' $pid'
	check "$signal: opened at once" between $(($(now) - begun)) 0 600
	check "$signal: exit status 1" equal "$status" 1
	check "$signal: said" grep -q 'interrupted: released after [0-9]* of 3000 ms (verified)' <<<"$said"
	check "$signal: closed and opened" equal "$(moves hid)" 'closed 1, opened 1'
done
meanwhile 'hid closed 1' power --for=1s -- eval 'kill -KILL $pid'
check 'KILL: it is released all the same' happens 'hid opened 1'
check 'KILL: when it was due' as_long "$(held_for hid 1)" 1000 100
check 'KILL: the journal has it' happens_in_journal 'pressed for .*the command itself was killed'
check 'KILL: the guard is gone' until_ 5 not pgrep -x replug-hand
meanwhile 'hid closed 1' power --for=1s -- pkill -KILL -x replug-hand
check 'the guard killed: the command opens it' happens 'hid opened 1'
check 'the guard killed: exit status 1' equal "$status" 1
check 'the guard killed: said' grep -q 'was killed; it was opened all the same (verified)' <<<"$said"
meanwhile 'hid closed 1' power --for=1s -- eval 'pkill -TERM -x replug-hand'
check 'the guard told to stop: released' equal "$status $(moves hid)" '1 closed 1, opened 1'

second() { exits 4 r pulse power >/run/second 2>&1; second=$?; }
meanwhile 'hid closed 1' power --for=1s -- second
check 'a second pulse of the contact is exit status 4' equal "$second $status" '0 0'
check 'said' grep -q 'already being pressed' /run/second
check 'not stretched' as_long "$(held_for hid 1)" 1000
check 'one press' equal "$(moves hid)" 'closed 1, opened 1'
both() { exits 0 r pulse other --for=300ms >/run/second; second=$?; }
meanwhile 'hid closed 1' power --for=1s -- both
check 'another contact is pressed meanwhile' equal "$second $status" '0 0'
check 'both as they should' equal "$(moves hid)" 'closed 1, closed 2, opened 2, opened 1'
off() { exits 0 r off power >/run/second; second=$?; }
meanwhile 'hid closed 1' power --for=1s -- off
check 'off is never refused' equal "$second $(moves hid)" '0 closed 1, opened 1'
check 'and the press does not claim to have been whole' equal "$status" 1
check 'but says why' grep -q 'not pressed for its 1000 ms: another command opened it' <<<"$said"
let_go() { exits 0 r release >/run/second 2>&1; second=$?; }
meanwhile 'hid closed 1' power --for=3s -- let_go
check 'release has a press let go' equal "$second $status $(moves hid)" '0 1 closed 1, opened 1'
check 'and says so, in one line' equal "$(</run/second)" "${at[hid]} channel 1: let go by the command that pressed it, which says more"
broken() { cp /etc/replug.conf /run/good && echo '[x' >>/etc/replug.conf && exits 0 r off "usb=${at[hid]}" --channel=1; second=$?; }
meanwhile 'hid closed 1' power --for=1s -- broken
check 'off by a selector works without a configuration that can be read' equal "$second $(moves hid)" '0 closed 1, opened 1'
check 'by a name it cannot' exits 2 r off power
check 'nor is anything pressed' exits 2 r pulse power
cp /run/good /etc/replug.conf
check 'its sections are listed' grep -q "^${at[hid]} .* \[relay loose, power +1\] " <(replug list)

# Whoever starts it may have closed what it says nothing to.
mark
check 'without stdin, stdout and stderr' exits 0 eval 'r pulse power <&- >&- 2>&-'
check 'it is pressed as well' equal "$(moves hid)" 'closed 1, opened 1'
check 'and nothing is on record as pressed' equal "$(cat /run/replug/relay/*.press)" ''
mark
check 'so it is switched' exits 0 eval 'r on loose <&- 2>&- && r off loose >&-'
check 'on and off' equal "$(moves hid)" 'closed 2, opened 2'

# While replug recovers what is in its port.
record=/run/replug/${at[hid]}.json
jq -n --argjson pid $$ --argjson started "$(cut -d' ' -f22 /proc/$$/stat)" '{state: "busy", $pid, $started}' >"$record"
mark
for args in 'pulse power' 'on loose' 'toggle loose' 'get power'; do
	# shellcheck disable=SC2086 # two words
	check "$args: held back by a recovery" exits 4 r $args
done
check 'by which one is said' grep -q "power: replug recovers what is in ${at[hid]} (process $$)" <(r pulse power 2>&1)
check 'nothing was switched' equal "$(moves hid)" ''
check 'but letting go is tried' exits 0 r off power
rm "$record"
check 'and after it all is as before' exits 0 r pulse power

for _ in 1 2 3 4 5; do
	mark
	r pulse power --for=200ms >/dev/null & a=$!
	r pulse other --for=200ms >/dev/null & b=$!
	wait $a && wait $b
	both_moved() { [[ $(saw 'hid closed') == 2 && $(saw 'hid opened') == 2 ]]; }
	check 'two contacts of a board at the same time: nothing is lost' both_moved
done

away() { emu unplug hid && emu plug hid; }
meanwhile 'hid closed 1' power --for=3s -- away
check 'pulled out and put back: it is told to open again' happens 'hid report FD 01'
check 'but that was no whole press' equal "$status" 1
check 'and is said' grep -q 'not pressed for its 3000 ms: the board went away while it was closed, and is back; verified' <<<"$said"
check 'it is open' exits 1 r get power
begun=$SECONDS
meanwhile 'hid closed 1' power --for=500ms -- emu unplug hid
check 'pulled out for good: exit status 1' equal "$status" 1
check 'within the time' between $((SECONDS - begun)) 9 14
check 'loudly, and by name' journal_says "power \(${at[hid]} channel 1\): MAY BE PRESSED STILL"
check 'as something critical' equal "$(journal -t replug-relay -p crit | wc -l)" 1
late() { emu unplug hid; read -rt 2 -u "$never"; emu plug hid; }
board hid
meanwhile 'hid closed 1' power --for=500ms -- late
check 'back after it was due: told to open then' happens 'hid report FD 01'
check 'said' grep -q 'and is back; verified' <<<"$said"
meanwhile 'hid closed 1' power --for=500ms -- emu set hid stuck=1
check 'a relay that does not let go is exit status 1' equal "$status" 1
check 'and loud' grep -q 'MAY BE PRESSED STILL: .*says that it is closed still' <<<"$said"
emu set hid stuck=0
check 'it lets go' exits 0 r off power
emu set hid stuck=1
mark
check 'a relay that does not close is exit status 1' exits 1 r pulse power
check 'it was told to open all the same' saw_times 1 'hid report FD 01'
emu set hid stuck=0
meanwhile 'hid closed 1' power --for=500ms -- emu set hid eproto=2
check 'a bus that fails for a moment is tried again' equal "$status $(sed "s|[0-9]* ms|N ms|" <<<"$said")" "0 power (${at[hid]} channel 1): pressed for N ms (verified)"
mark
meanwhile 'hid report FF 01' power --for=500ms -- nothing
emu set hid mute=1
mark
begun=$(now)
r pulse power --for=500ms >/run/said 2>&1 &
pid=$!
check 'a board that hangs when it is asked: opened on time by the other process' happens 'hid opened 1'
check 'so that the press is as long as it should' between "$(held_for hid 1)" 480 660
echo "# with a board that hangs: $(held_for hid 1) ms"
status=0
wait $pid || status=$?
check 'the command does not wait for the kernel' between $(($(now) - begun)) 500 2000
check 'it is told, once' equal "$status $(journal -t replug-relay | tail -n 1 | grep -c 'the board hangs; it was opened all the same')" '1 1'
until_ 10 not pgrep -x replug-hand
heard
check 'the other process has nothing to add' equal "$(journal -t replug-relay | tail -n 1 | grep -c 'the board hangs')" 1
emu set hid mute=0
until_ 10 not pgrep -x replug-hand
emu unplug hid

# Two boards that are called each other's names after both were away.
board hid
board twin relay-hid port=2 board-serial=TWINS
swap() { # when it is due only the other one is there, under the node that the first one had: nobody holds that any more
	kill -KILL "$pid"
	emu unplug hid && emu unplug twin
	read -rt 0.7 -u "$never"
	emu plug twin && until_ 10 has_node twin
	read -rt 0.5 -u "$never"
	emu plug hid
}
meanwhile 'hid closed 1' power --for=300ms -- swap
check 'its node is another board'\''s by now: the right one is told to open' happens 'hid report FD 01'
check 'and the other one nothing' saw_times 0 'twin report'
emu unplug twin
mark
exec {lock}<>"/run/replug/relay/${at[hid]}.board"
flock "$lock"
replug-relay pulse power >/run/said 2>&1 &
pid=$!
until_ 5 pgrep -P $pid >/dev/null
kill -TERM $pid
flock -u "$lock"
exec {lock}>&-
status=0
wait $pid || status=$?
check 'told to stop before it pressed, it does not press' equal "$status $(moves hid)" '1 '
check 'and says so' equal "$(</run/said)" "power (${at[hid]} channel 1): called off before anything was switched"
busy_board() {
	flock "/run/replug/relay/${at[hid]}.board" sh -c 'read -r _' </run/hold &
	{ happens 'hid opened 1' && echo >/run/hold; } >/dev/null &
}
mkfifo /run/hold
exec {hold}<>/run/hold
meanwhile 'hid closed 1' power --for=500ms -- busy_board
check 'another command has the board when it is due: opened all the same' as_long "$(held_for hid 1)" 500 100
check 'and once more when that is done, so that it is on record' saw_times 2 'hid report FD 01'
check 'which it is' grep -q 'closed 0' "/run/replug/relay/${at[hid]}.board"
check 'with status 0' equal "$status" 0
emu unplug hid

board icse relay-icse port=6
renumber() { emu set icse change-descriptors=1; usbreset 067b:2303 >/dev/null; happens 'icse configured' >/dev/null; }
meanwhile 'icse closed 2' station --for=2s -- renumber
check 'a board that is enumerated anew and kept its power: opened' happens 'icse opened 2'
check 'with no handshake, which would be a command to it' equal "$(emu log | grep -c 'icse frame 50')" 1
check 'and no other contact moved' equal "$(moves icse)" 'closed 2, opened 2'
emu unplug icse

board lc relay-serial port=1
mark
check 'a serial board' exits 0 r pulse serial
check 'as long as asked' as_long "$(held_for lc 1)" 300
echo "# 300 ms: $(held_for lc 1) ms"
meanwhile 'lc closed 1' serial --for=3s -- eval 'kill -TERM $pid'
check 'TERM opens it' equal "$(moves lc)" 'closed 1, opened 1'
meanwhile 'lc closed 1' serial --for=500ms -- eval 'kill -KILL $pid'
check 'KILL: opened when due' happens 'lc opened 1'
check 'KILL: in time' as_long "$(held_for lc 1)" 500 100
back() { emu unplug lc && emu plug lc; }
meanwhile 'lc closed 1' serial --for=2s -- back
check 'pulled out and put back: told to open' happens 'lc frame A0 01 00 A1 ok'
check 'said' equal "$status" 1
until_ 5 not pgrep -x replug-hand
emu unplug lc
board l8 relay-serial channels=8 port=1
for ms in 20 50 80; do
	mark
	check "the last contact of eight, for less than the board needs to tell of it: $ms ms" exits 0 r pulse "usb=${at[l8]}" --channel=8 --for=${ms}ms
	check "as long as that" as_long "$(held_for l8 8)" $ms
done
emu unplug-all
finish
