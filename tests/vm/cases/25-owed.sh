#!/bin/bash
# What is switched off is switched on again: replug is killed right before each of the system calls between the moment
# that something is owed and the moment that it is paid, and the device is usable at the end.
# Usage: 25-owed.sh [all]: without `all` a few of the calls of each method, beginning with another one each time.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
# shellcheck disable=SC2034 # read by lib.sh
may_fail='?(replug@ exit-code)' # those that are killed
every=${1-}
configure <<-END
	[device hid]
	timeout = 5s
	power-off = 100ms
	init = none
	expect = tty
	[guard]
	max-resets = 20
END
plug bridge bridge
healed bridge
settled
port=${at[bridge]}
root=/sys/bus/usb/devices/${port%-*}-0:1.0/usb${port%-*}-port${port#*-}

whole() { # nothing is off any more
	[[ $(jq -r .owed "/run/replug/$port.json") == '' && $(<"$root/disable") == 0 ]] &&
		[[ $(<"/sys/bus/usb/devices/$port/authorized") == 1 && $(<"/sys/bus/usb/devices/$port/bConfigurationValue") == 1 ]]
}
free() { flock -n "/run/replug/$port.lock" true; } # no run is at work
usable() { until_ 15 whole && until_ 15 free && until_ 10 well || { replug health "usb=$port"; cat "/run/replug/$port.json"; return 1; }; }
well() { replug health "usb=$port"; }

# METHOD STEP SIGNAL [OPTION]: the sweep.
sweep() {
	local method=$1 step=${every:+1} signal=$3 option=${4-} at status tried=0 bad=0 last begin
	step=${step:-$2} begin=$((RANDOM % ${step:-$2} + 1))
	for ((at = begin; ; at += step)); do
		status=0
		settled # a plug's own unit would have the port, and nothing would be owed
		last=$(killat ${option:+"$option"} -s "$signal" "$at" replug reset --method="$method" "usb=$port" 2>/run/said) || status=$?
		[[ $status != 3 ]] || break
		((++tried))
		# Killed with its parent: what follows the unit that failed.
		[[ $option != *a* ]] || { until_ 10 free; replug settle "$port" >/dev/null 2>&1; }
		usable >/run/usable && continue
		((++bad))
		echo "# $method, signal $signal $option, before call $at:"
		sed 's/^/#   /' /run/said /run/usable "/run/replug/$port.json"
		replug recover "usb=$port" >/dev/null 2>&1
	done
	[[ $option != *a* ]] || signal+=' to all'
	check "$method, signal $signal: usable after each of $tried interruptions" equal "$bad" 0
	check "$method, signal $signal: there were some" test "$tried" -ge 1 -a "${last##*$'\n'}" -ge 1
	echo "## $method, signal $signal: ended before $tried of ${last##*$'\n'} system calls, from the ${begin}th on"
}
while read -r method step; do
	sweep "$method" "$step" 9
	sweep "$method" "$step" 9 -a
	sweep "$method" "$step" 15
	settled
done <<-END
	rebind 5
	authorize 5
	power 40
END
# A reset of the port owes nothing: all calls of its run.
sweep usb 150 9 -w
sweep usb 150 15 -w

# In the unit, which pays by itself; and by the next run where nobody did.
mkdir -p /run/systemd/system/replug@.service.d
in_unit() { # METHOD CALL
	configure <<-END
		[device hid]
		reset = $1
		timeout = 5s
		power-off = 100ms
		init = none
		expect = tty
		[guard]
		max-resets = 20
		cool-down = 0
	END
	# killat traces, which the unit does not let replug do; and what it has killed has failed.
	printf '[Service]\nSystemCallFilter=@debug process_vm_readv\nExecStart=\nExecStart=/bin/sh -c "! killat -a %s replug recover --event %%f"\n' "$2" >/run/systemd/system/replug@.service.d/kill.conf
	systemctl daemon-reload
	settled
	paid=$(payments)
	emu unplug bridge
	emu plug bridge
	check "$1 in the unit, killed before call $2: the unit that follows pays" until_ 30 paid_again
	check "$1 in the unit, killed before call $2: usable" usable
}
payments() { journal -t replug | grep -c 'putting right' || :; }
paid_again() { [[ $(payments) -gt $paid && $(jq -r .owed "/run/replug/$port.json") == '' ]]; }
in_unit authorize 9
in_unit power 20
rm -r /run/systemd/system/replug@.service.d
systemctl daemon-reload
settled
mark
killat -a 12 replug reset --method=authorize "usb=$port" >/dev/null 2>&1
until_ 10 free
check 'nobody has paid yet' equal "$(jq -r .owed "/run/replug/$port.json" | cut -d@ -f1)" authorize
check 'status shows it' grep -q authorize <(field "$port" owed)
check 'the next run does' exits 0 replug recover "usb=$port"
check 'first of all' journal_says "$port hid: an earlier run was ended before it was done; putting right: authorize"
check 'and all is well' usable

# Who else pays: the timer's round, and `settle` without a port, which needs no configuration.
leave_it_off() {
	settled
	killat -a 12 replug reset --method=authorize "usb=$port" >/dev/null 2>&1
	until_ 10 free
	check "$1: it is owed" equal "$(jq -r .owed "/run/replug/$port.json" | cut -d@ -f1)" authorize
}
leave_it_off 'a round of health'
replug health --heal >/run/said 2>&1
check 'a round of health: it pays' whole
check 'a round of health: and says so' grep -q "^$port hid: an earlier run was ended before it was done; putting right: authorize" /run/said
check 'a round of health: all is well' usable
leave_it_off 'settle, while the configuration is broken'
cp /etc/replug.conf /run/good && echo '[gaurd]' >>/etc/replug.conf
check 'settle, while the configuration is broken: it works' exits 0 replug settle
check 'settle, while the configuration is broken: it pays' whole
cp /run/good /etc/replug.conf
check 'settle, while the configuration is broken: all is well' usable
settled
systemctl stop replug-lost.path # which would see to it at once
killat -a 70 replug reset --method=power "usb=$port" >/dev/null 2>&1
until_ 10 free
until_ 10 not test -e "/sys/bus/usb/devices/$port"
udevadm settle
check 'a port that was left dark is not an unplugged one' is_state "$port" failed
check 'what to do about it is told' grep -q "has left something switched off; .replug recover usb=$port. puts it right" <(replug status)
check 'and nobody says that all are well' exits 1 replug health
check 'that puts it right' exits 0 replug recover "usb=$port"
check 'with the power on' usable
systemctl start replug-lost.path

# What cannot be paid yet is owed on beside what another climb owes, and paid when it can be.
configure <<<$'[device hid]\npower-off = 2s\ninit = none\nexpect = tty\n[guard]\nmax-resets = 20'
bus=${port%-*}
other=/sys/bus/usb/devices/$bus-0:1.0/usb$bus-port5/disable
settled
owes() { equal "$(jq -r .owed "/run/replug/$port.json")" "$*"; }
echo 1 >"$other"
jq --arg owed "power=usb$bus-port5" '.owed = $owed' "/run/replug/$port.json" >/run/edited && mv /run/edited "/run/replug/$port.json"
mount --bind /dev/full "$other" # whoever writes there gets an error
replug reset --method=power "usb=$port" >/run/said 2>&1 &
climbing=$!
check 'during another climb both are owed' until_ 10 eval '[[ $(jq -r .owed "/run/replug/$port.json") == "power=usb$bus-port5 power=usb$bus-port${port#*-}"* ]]'
wait "$climbing"
check 'which does its own work' equal $? 0
check 'and pays its own' owes "power=usb$bus-port5"
check 'what was not to be paid was said' grep -q "$port hid: .*usb$bus-port5/disable: .*; it is tried again by the next run" /run/said
settled # its own plug
umount "$other"
check 'it is off still' equal "$(<"$other")" 1
check 'the next run pays it' exits 0 replug recover "usb=$port"
check 'it is on' equal "$(<"$other")" 0
check 'and owed no more' owes ''

# /sys is read-only, as in a container, and the hub's node is not: the hub was asked for off, and is asked for on.
settled
check 'with a read-only /sys a power cycle has failed' exits 1 unshare -m \
	sh -c 'mount -o remount,bind,ro /sys && exec replug reset --method=power "$1"' - "usb=$port"
check 'nothing is owed' owes ''
check 'and it is usable' usable
finish
