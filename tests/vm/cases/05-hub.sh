#!/bin/bash
# Dongle and bridge come in the same instant, as behind a hub, with `then = hid`: each is reset once, and the
# chip is initialised once, whoever is first.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device capture]
	then = hid
	[guard]
	forgive = 0
END
emu plug dongle capture && at[dongle]=$(emu port dongle) && emu unplug dongle
emu plug hid bridge && at[hid]=$(emu port hid) && emu unplug hid
settled # whatever these two short visits led to

round() { # DESCRIPTION FIRST SECOND [DELAY]
	mark
	emu set hid wedge=1
	emu plug "$2" &
	[[ -z ${4-} ]] || sleep "$4" # the same instant has many shades
	emu plug "$3"
	wait $!
	check "$1: the dongle is recovered" healed dongle
	check "$1: the bridge is recovered" healed hid
	settled
	check "$1: one reset of the dongle" saw_times 1 'dongle reset'
	check "$1: one reset of the bridge" saw_times 1 'hid reset'
	check "$1: one RESET of the chip" saw_times 1 "hid $reset_frame"
	emu unplug-all
	until_ 10 is_state "${at[dongle]}" gone && until_ 10 is_state "${at[hid]}" gone
	settled
}
round 'dongle first' dongle hid
round 'bridge first' hid dongle
round 'dongle first, 0.1 s' dongle hid 0.1
round 'bridge first, 0.1 s' hid dongle 0.1
round 'dongle first, 0.4 s' dongle hid 0.4
round 'bridge first, 0.4 s' hid dongle 0.4
round 'dongle first, again' dongle hid
round 'bridge first, again' hid dongle
finish
