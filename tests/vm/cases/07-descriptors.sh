#!/bin/bash
# The descriptors are others after the reset: the kernel takes the device down and puts it up again. No loop.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator

for kind in capture bridge; do
	mark
	plug "a-$kind" "$kind" change-descriptors=1
	check "$kind: recovered" healed "a-$kind"
	settled
	check "$kind: one reset" saw_times 1 "a-$kind reset"
	check "$kind: it was enumerated anew" equal "$(cat "/sys/bus/usb/devices/${at[a-$kind]}/bcdDevice")" \
		"$([[ $kind == capture ]] && echo 2101 || echo 0265)"
	# On a busy machine udev may be so late that the plug is a unit's of its own, which finds that all is done.
	check "$kind: it was recovered once" equal "$(journal -t replug | grep -c "^${at[a-$kind]} .*: recovered in ")" 1
	check "$kind: by one unit, and at most another that had nothing to do" between \
		"$(runs)" "$([[ $kind == capture ]] && echo 1 || echo 2)" "$([[ $kind == capture ]] && echo 2 || echo 4)"
done
check 'the chip was initialised once' saw_times 1 "$reset_frame"
emu set a-capture change-descriptors=1
mark
recovered() { journal -t replug | grep -c "^${at[a-capture]} .*: recovered in " || :; }
before=$(recovered)
check 'by hand' exits 0 replug recover capture
settled
check 'by hand: one reset' saw_times 1 'a-capture reset'
check 'by hand: no unit was started by it that did anything' equal "$(recovered)" $((before + 1))
check 'by hand: it is recovered' is_state "${at[a-capture]}" recovered
finish
