#!/bin/bash
# What get and on cost, beside Debian's usbrelay in one interleaved run: system calls, nodes opened, time; and the three
# errors that it reports as success.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[relay power]
	match = 16c0:05df usb=1-1
END
# Of a command that does what it is asked: traced, and beside other work, one can run out of time, and makes fewer calls.
# That a contact is open is an answer, too.
done_in_time() {
	"$@"
	local status=$?
	((status == 0)) || [[ $status == 1 && " $* " == *' get '* ]]
}
calls() { # COMMAND…
	local try
	for try in {1..20}; do
		done_in_time strace -f -c -o /run/calls "$@" >/run/said 2>&1 && break
		echo "## try $try of $*: $(</run/said)" >&2
		echo '- - - 99999 total' >/run/calls
	done
	awk '$NF == "total" { print $4 }' /run/calls
}
opened() { # COMMAND…: how many nodes it opens when it succeeds; what it said when it did not
	local try
	for try in {1..20}; do
		done_in_time strace -f -e trace=openat -o /run/opened "$@" >/run/said 2>&1 && break
		echo "## try $try of $*: $(</run/said)" >&2
	done
	grep -c '"/dev/hidraw' /run/opened
}
time_of() { # COMMAND…: microseconds
	local begun=${EPOCHREALTIME/./}
	"$@" >/dev/null 2>&1
	echo $((${EPOCHREALTIME/./} - begun))
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
at_most() { [[ $1 -le $2 ]] || { echo "$1 is more than $2"; return 1; }; }
compare() { # PERCENT WHAT "OURS" "THEIRS": their medians, interleaved
	local percent=$1
	shift
	local ours=() theirs=() i
	for ((i = 0; i < 11; i++)); do
		# shellcheck disable=SC2086 # the words of a command
		ours+=("$(time_of $2)") theirs+=("$(time_of $3)")
	done
	local a b
	a=$(printf '%s\n' "${ours[@]}" | median) b=$(printf '%s\n' "${theirs[@]}" | median)
	check "$1: at most $percent % of usbrelay's time" at_most $((a * 100)) $((b * percent))
	echo "## $1: $((a * 100 / b)) % of usbrelay's time (medians of ${#ours[@]}, in turn)"
}

board hid relay-hid port=0
get=$(calls replug-relay get power) on=$(calls replug-relay on power) peer=$(calls usbrelay HURTM_1=1)
check 'get: at most 250 system calls' at_most "$get" 250
check 'on: at most 250' at_most "$on" 250
check 'get opens one node' equal "$(opened replug-relay get power)" 1
check 'on opens one node' equal "$(opened replug-relay on power)" 1
echo "## one HID: get $get calls, on $on, usbrelay $peer"
# Opening a HID takes 50 ms in the kernel (usbhid_open waits for old events to drain): for one board that is most of
# everybody's time, and usbrelay opens it twice to switch it.
compare 130 'get, one HID' 'replug-relay get power' 'usbrelay'
compare 100 'on, one HID' 'replug-relay on power' 'usbrelay HURTM_1=1'
for i in 2 3 4 5; do board "hid$i" relay-hid port=$((i - 1)) board-serial="BOAR$i"; done
get5=$(calls replug-relay get power) on5=$(calls replug-relay on power) peer5=$(calls usbrelay HURTM_1=1)
# The section names a port. How often a board that thinks is waited for differs from run to run.
check 'get: none more for further HIDs' at_most "$get5" $((get + 8))
check 'on: none more' at_most "$on5" $((on + 8))
check 'get still opens one node' equal "$(opened replug-relay get power)" 1
check 'on still opens one node' equal "$(opened replug-relay on power)" 1
echo "## five HIDs: get $get5 calls, on $on5, usbrelay $peer5; nodes opened: 1, 1, $(opened usbrelay HURTM_1=1)"
compare 50 'get, five HIDs' 'replug-relay get power' 'usbrelay'
compare 50 'on, five HIDs' 'replug-relay on power' 'usbrelay HURTM_1=1'

# What usbrelay says of these is told for comparison, not asserted: it may learn.
told() { local status=0; usbrelay "$@" >/dev/null 2>&1 || status=$?; echo "## usbrelay $*: exit status $status"; }
check 'a board that is missing is exit status 3' exits 3 replug-relay on usb=1-8 --channel=1
told MISNG_1=1 HURTM_1=0
check 'a channel that it does not have is exit status 2' exits 2 replug-relay on usb=1-1 --channel=7
told HURTM_7=1
emu set hid unplug-on=report
check 'a board that vanishes is exit status 3 or 1' eval 'replug-relay on power; [[ $? == [13] ]]'
emu plug hid && until_ 10 has_node hid && udevadm settle
emu set hid unplug-on=report
told HURTM_1=1
emu unplug-all
finish
