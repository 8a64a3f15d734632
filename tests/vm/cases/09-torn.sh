#!/bin/bash
# timeout: 400
# The device is pulled out in the middle of each step: the run ends in time, leaves nothing behind, and the next
# plug is recovered.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device capture]
	timeout = 3s
	[device hid]
	timeout = 3s
	ready = 2s
	attempts = 1
	[guard]
	forgive = 0
END
event() { # udev's add once more, of a device that is not on record
	rm -f "/run/replug/$1.json"
	udevadm trigger --action=add "/sys/bus/usb/devices/$1"
}
more_runs() { (($(runs) > $1)); }
ended() { between "$((SECONDS - begun))" 0 12; } # the kernel's reset, our 3 s, a slow machine
by_hand() { local status=0; replug recover "usb=$1" || status=$?; [[ $status == [13] ]]; }

torn() { # NAME STEP
	local port=${at[$1]} before
	for by in hand event; do
		emu set "$1" "unplug-on=$2"
		before=$(runs)
		mark
		begun=$SECONDS
		if [[ $by == hand ]]; then
			check "$1, $2, by hand: it fails" by_hand "$port"
		else
			event "$port"
			check "$1, $2, by event: a run starts" until_ 10 more_runs "$before"
		fi
		check "$1, $2, by $by: it was pulled out" happens "$1 unplugged" 10
		settled
		check "$1, $2, by $by: that ends in time" ended
		check "$1, $2, by $by: it is gone" is_state "$port" gone
		check "$1, $2, by $by: the lock is free" flock -n "/run/replug/$port.lock" true
		check "$1, $2, by $by: no process is left" until_ 5 not pgrep -x replug
		check "$1, $2, by $by: no unit has failed" equal "$(systemctl list-units --failed --plain --no-legend)" ''
		mark
		emu plug "$1"
		check "$1, $2, by $by: the next plug is recovered" healed "$1"
		settled
	done
}
plug dongle capture
plug hid bridge silent=300
healed dongle && healed hid
settled
for step in reset configured; do torn dongle $step; done
for step in reset configured open frame ack restart ready; do torn hid $step; done
finish
