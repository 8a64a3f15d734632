#!/bin/bash
# What only looks (list, status, check, health, refresh, replug-match) says the same as ever or that it could not tell: no
# failing call makes a device vanish in silence, or well.
# timeout: 1500
# Usage: asking.sh [N]: N of each kind of call (20; 0: all).
most=20
# shellcheck source=tests/vm/faults/engine.sh
. /bench/faults/engine.sh
configure <<-END
	[device capture]
	reset = usb
	[device hid]
	baud = 9600
	[guard]
	max-resets = 20
END
plug dongle capture
plug hid bridge
healed dongle
healed hid
settled
systemctl stop replug-lost.path

# Status 0 is for the whole answer.
same() {
	common
	((status != 0)) || cmp -s /run/out /run/good || { echo 'status 0, but another answer:'; diff /run/good /run/out; }
}
# Who switches power is asked last and beside the rest: "?" is an honest answer.
listed() {
	common
	((status != 0)) || cmp -s <(power_apart /run/out) <(power_apart /run/good) || diff /run/good /run/out
}
power_apart() { sed -E 's/per port|\?/?/; s/ +/ /g' "$1"; }
sweep list listed replug list
sweep status same replug status
sweep check same replug check
# How long it took and when that was is another one each time; who is well, is.
verdicts() {
	common
	((status != 0)) || [[ $(grep -c well /run/out) == 2 ]] || { echo 'status 0, but not all are well:'; cat /run/out; }
}
sweep health verdicts replug health
due() { # the minutes run on
	common
	((status != 0)) || cmp -s <(sed 's/due in .*/due/' /run/out) <(sed 's/due in .*/due/' /run/good) || diff /run/good /run/out
}
sweep 'refresh --dry-run' due replug refresh --dry-run

# udev has nothing but its answer. It complains to the journal, and a device that it does not know is as good as none.
answer() {
	((status <= 2)) || echo "exit status $status"
	((status != 0)) || cmp -s /run/out /run/good || diff /run/good /run/out
}
devpath=$(readlink -f "/sys/bus/usb/devices/${at[dongle]}")
PRODUCT=534d/2109/2100 DEVPATH=${devpath#/sys} BUSNUM=001 DEVNUM=002 sweep replug-match answer /usr/lib/udev/replug-match
finish
