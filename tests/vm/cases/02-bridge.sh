#!/bin/bash
# A bridge is plugged whose CH9329 hangs: the chip is reset, verified, and found at its rate, on a bad line too.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[guard]
	forgive = 0
END

plug hid bridge wedge=1 def-on-rts=1
check 'a wedged chip is recovered' healed hid
settled
check 'it saw one RESET' saw_times 1 "hid $reset_frame"
check 'that RESET, its restart, GET_INFO and the answer came in this order' in_order "hid $reset_frame" \
	'hid answer 57 AB 00 8F 01 00 92' 'hid restart' 'hid ready' 'hid frame 57 AB 00 01 00 03 ok' \
	'hid answer 57 AB 00 81 08 38 01'
check 'the bridge saw one reset' saw_times 1 'hid reset'
check 'the status has the version' equal "$(chip hid version)" V1.8
check 'and the target' equal "$(chip hid target)" true
check 'and the rate' equal "$(chip hid baud)" 9600
check 'the action is on record' equal "$(field "${at[hid]}" action)" reset+init
rts() { emu log | awk '$3 == "hid" && $4 == "modem" { if (on) sum += $2 - on; on = $5 == "rts=1" ? $2 : 0 }
	END { print on ? "still on" : int(sum * 1000) }'; }
check 'RTS was raised for an instant only' between "$(rts)" 0 500
check 'and the chip is no factory reset away' saw_times 0 'hid factory-reset'
# A line that drops does so before the emulator sees the tty closed.
dropped() { emu log | awk '/ hid (open|frame|answer)/ { moved = "" } / hid modem/ { moved = $0 }
	/ hid close/ { n++; if (moved != "") print moved; moved = "" } END { if (!n) print "no close" }'; }
check 'no line moved when the tty was closed' equal "$(dropped)" ''

again() { # DESCRIPTION KEY=VALUE…: plugged anew with this fault
	local what=$1
	shift
	emu unplug hid
	mark
	emu plug hid wedge=1 "$@"
	check "$what: recovered" healed hid
	settled
	check "$what: one reset of the bridge" saw_times 1 'hid reset'
}
again 'at 115200' baud=115200
check 'at 115200: found' equal "$(chip hid baud)" 115200
check 'at 115200: one RESET' saw_times 1 "hid $reset_frame"
again 'first answer E4' baud=9600 first-e4=1 wedge=0 # a wedged chip would not say even that
check 'first answer E4: it was asked again' saw_times 2 "hid $reset_frame"
again 'foreign bytes' first-e4=0 foreign=1
check 'foreign bytes: one RESET' saw_times 1 "hid $reset_frame"
again 'no acknowledgement' foreign=0 drop-ack=1
check 'no acknowledgement: the chip did restart' in_order 'hid restart' 'hid ready' 'hid answer 57 AB 00 81'
emu set hid drop-ack=0 wedge=0
finish
