#!/bin/bash
# Something polls the chip all the time, as kvmd does, and holds the tty while the device is reset.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device hid]
	baud = 9600
	symlink = kvmd-hid
END

plug hid bridge wedge=1
check 'the bridge is recovered' healed hid
settled
check 'kvmd-hid points to it' equal "$(readlink -f /dev/kvmd-hid)" /dev/ttyUSB0

mood=/run/poller poller=''
poll() {
	: >"$mood" # or the last one's word would be taken for this one's
	/bench/poller.py "$@" >"$mood" &
	poller=$!
}
is_mood() { equal "$(tail -n 1 "$mood")" "$1"; }
quit() { kill "$poller"; wait "$poller" 2>/dev/null; }

for manner in late early; do
	poll /dev/kvmd-hid "$manner"
	check "$manner: the poller is well" until_ 10 is_mood online
	old=/dev/$(node hid)
	emu set hid wedge=1
	mark
	check "$manner: recovered by hand under its eyes" exits 0 replug recover hid
	check "$manner: the chip was reset" in_order 'hid reset' "hid $reset_frame" 'hid restart' 'hid ready'
	check "$manner: and answered" equal "$(chip hid version)" V1.8
	if [[ $manner == late ]]; then
		check "$manner: the tty has another name now" not equal "/dev/$(node hid)" "$old"
	fi
	check "$manner: kvmd-hid points to it" equal "$(readlink -f /dev/kvmd-hid)" "/dev/$(node hid)"
	check "$manner: the poller is well again in 5 s" until_ 5 is_mood online
	emu wait --since "$(emu mark)" --timeout 3 'hid answer 57 AB 00 81' >/dev/null || not_ok "$manner: it does not poll"
	quit
done

poll /dev/kvmd-hid
check 'the poller is well' until_ 10 is_mood online
for i in 1 2 3; do
	emu set hid wedge=1
	mark
	check "the chip alone, polled all the while ($i)" exits 0 replug ch9329 reset hid
	check "it was reset ($i)" in_order "hid $reset_frame" 'hid restart' 'hid ready'
	check "info does as well ($i)" exits 0 replug ch9329 info hid
done
check 'the bridge was not' saw_times 0 'hid reset'
check 'the poller is well again in 5 s' until_ 5 is_mood online
quit
finish
