#!/bin/bash
# What acts (recover by each rung, reset, lost) and has a call fail: it says so or has done it all the same, owes nothing when
# what its unit runs at the end has run, and leaves a device that works and a port that is free.
# timeout: 1500
# Usage: healing.sh [N [METHOD…]]: N of each kind of call (5; 0: all), by these methods.
most=5
# shellcheck source=tests/vm/faults/engine.sh
. /bench/faults/engine.sh
methods=("${@:2}")
((${#methods[@]})) || methods=(authorize power rebind usb)
systemctl stop replug-lost.path
set_up() { # RUNG, OTHER KEYS
	configure <<-END
		[device capture]
		reset = $1
		timeout = 3s
		power-off = 100ms
		[device hid]
		reset = $1
		timeout = 3s
		power-off = 100ms
		ready = 1s
		${2-}
		[guard]
		max-resets = 20
	END
}
set_up usb
plug dongle capture
plug hid bridge
healed dongle
healed hid
settled
# The plug's own run would come in between, and pay what is owed before it is looked at.
ln -s /dev/null /run/systemd/system/replug@.service
systemctl daemon-reload

record() { jq -r ".$1" "/run/replug/$port.json"; }
root() { echo "/sys/bus/usb/devices/${port%-*}-0:1.0/usb${port%-*}-port${port#*-}"; }
whole() {
	[[ $(record owed) == '' && $(<"$(root)/disable") == 0 && $(<"/sys/bus/usb/devices/$port/authorized") == 1 &&
		$(<"/sys/bus/usb/devices/$port/bConfigurationValue") == 1 ]]
}
# Of $port, which $rung was to be taken of.
judge() {
	common
	flock -n "/run/replug/$port.lock" true || echo 'its port is locked still'
	# That the outcome could not be written is said; the device is well all the same.
	[[ $status != 0 || $(record state) == recovered && $(record action) == $rung* ]] ||
		grep -q 'the record in /run/replug cannot be written' /run/err || echo "status 0, and on record: $(record state), $(record action)"
	[[ $status != 0 || $(record owed) == '' ]] || echo "status 0, and owed: $(record owed)"
	[[ $status == 0 ]] || replug settle "$port" >/run/settled 2>&1 || { echo 'not settled:'; cat /run/settled; }
	until_ 10 whole >/dev/null || { echo 'left:'; jq -c '[.state,.owed,.error]' "/run/replug/$port.json"; }
	until_ 10 replug health "usb=$port" >/dev/null || { replug health "usb=$port"; replug recover "usb=$port"; }
}
before() { udevadm settle; }

each_rung() { # NAME, OTHER KEYS
	port=${at[$1]}
	for rung in "${methods[@]}"; do
		set_up "$rung" "${2-}"
		method=$rung
		[[ $rung != usb ]] || rung=reset
		sweep "recover $1 by $method" judge replug recover "usb=$port"
	done
}
each_rung hid 'init = none'
each_rung dongle
# With the chip.
rung=reset
set_up usb
sweep 'recover hid and its chip' judge replug recover "usb=$port"
for method in usb authorize; do
	[[ $method == usb ]] || rung=$method
	sweep "reset hid by $method" judge replug reset "--method=$method" "usb=$port"
done

# Of a port that has lost nothing, and one of which there is a note: it is told or taken up, and never twice.
looked() {
	common
	[[ $(record state) == recovered ]] || echo "on record: $(record state)"
}
before() { touch "/run/replug/lost/$port"; }
mkdir -p /run/replug/lost
sweep lost looked replug lost
rm /run/systemd/system/replug@.service
systemctl daemon-reload
finish
