#!/bin/bash
# The reset methods: each by hand, each as the one that helps after those before it did not, and when there is none.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device capture]
	reset = usb, rebind, authorize, power
	timeout = 2s
	power-off = 500ms
	[device hid]
	reset = usb, rebind, authorize, power
	timeout = 2s
	power-off = 500ms
	attempts = 1
	ready = 1s
END
plug dongle capture
plug hid bridge
healed dongle
healed hid
settled
port=${at[dongle]}
inode() { stat -c %i "/sys/bus/usb/devices/$port:1.0/video4linux"; } # of the dongle's nodes
owes_nothing() { equal "$(field "$1" owed)" null; }

check 'list shows who can switch power' equal "$(replug list --json | jq -r '.[].port_power' | sort -u)" 'per port'
check 'in words' grep -qE "^$port .* per port " <(replug list)
check 'who may not ask is not told' equal "$(setpriv --reuid=65534 --regid=65534 --clear-groups replug list --json 2>/dev/null |
	jq -r '.[].port_power' | sort -u)" null

# By hand: one method, and nothing of the others.
by_hand() { # METHOD NAME
	mark
	check "$1 of $2" exits 0 replug reset --method="$1" "usb=${at[$2]}"
	check "$1 of $2: on record" equal "$(field "${at[$2]}" action)" "${1/usb/reset}"
	check "$1 of $2: nothing is owed" owes_nothing "${at[$2]}"
	settled
}
for name in dongle hid; do
	by_hand usb $name
	check "usb of $name: one reset" saw_times 1 "$name reset"
	by_hand rebind $name
	check "rebind of $name: the device itself saw no reset" saw_times 0 "$name (reset|configured|power)"
	by_hand authorize $name
	check "authorize of $name: it was configured anew" saw_times 1 "$name configured"
	check "authorize of $name: by no reset" saw_times 0 "$name (reset|power)"
	by_hand power $name
	check "power of $name: off and on" in_order "$name power-off" "$name power-on" "$name configured"
	check "power of $name: for as long as configured" between "$(emu log --since "$mark" |
		awk -v n=$name '$3 == n { t[$4] = $2 } END { print int((t["power-on"] - t["power-off"]) * 1000) }')" 400 1500
done
check 'rebinding makes the nodes anew' eval 'a=$(inode); replug reset --method=rebind "usb=$port" >/dev/null
	[[ $a != "$(inode)" ]]'
check 'what is no method is named' eval 'said=$(replug reset --method=reind "usb=$port" 2>&1); [[ $? == 2 && $said == *"mean rebind?"* ]]'
check 'a dry run tells the ladder' grep -q 'usb, if that does not help rebind, if' <(replug recover --dry-run "usb=$port")
check 'and the method' grep -q '(power)' <(replug reset --dry-run --method=power "usb=$port")

# The one that helps, after those that did not; each of those said why.
climbs() { # NAME HELPS ACTION FAULT…
	local name=$1 helps=$2 action=$3 from
	shift 3
	settled
	[[ ${1-} != sick=1 ]] || emu set "$name" "$@"
	from=$(journal -t replug | wc -l)
	mark
	check "$name, $helps: recovered" exits 0 replug recover "usb=${at[$name]}"
	check "$name, $helps: by these" equal "$(field "${at[$name]}" action)" "$action"
	check "$name, $helps: nothing is owed" owes_nothing "${at[$name]}"
	check "$name, $helps: each that did not help said so" equal "$(journal -t replug | tail -n +$((from + 1)) |
		grep -cE 'did not help: .*; trying ')" "$(($(tr -cd + <<<"${action%+init}" | wc -c)))"
	# One of ours; a device that does not answer GET_STATUS the kernel resets besides whenever it wakes it.
	check "$name, $helps: it was reset" between "$(saw "$name reset")" 1 3
}
climbs dongle usb reset sick=1 heals-on=reset
climbs dongle authorize reset+rebind+authorize sick=1 heals-on=configure
climbs dongle power reset+rebind+authorize+power sick=1 heals-on=power
climbs hid usb reset+init sick=1 heals-on=reset
climbs hid power reset+rebind+authorize+power+init sick=1 heals-on=power
# A driver that was not bound is not bound by a port reset.
for interface in 1.0 1.1; do
	[[ ! -e /sys/bus/usb/devices/$port:$interface/driver ]] || echo "$port:$interface" >/sys/bus/usb/drivers/uvcvideo/unbind
done
until_ 5 not test -e /dev/video0
udevadm settle
climbs dongle rebind reset+rebind

# One climb counts once: the guard's limit is not spent by its rungs.
check 'a climb counts as one' equal "$(jq '.resets | length' "/run/replug/$port.json")" 1

# In any order, and where nothing helps.
configure <<-END
	[device capture]
	reset = power, usb
	timeout = 2s
	power-off = 500ms
	[device hid]
	match =
END
emu set dongle sick=1 heals-on=reset
mark
check 'power first' exits 0 replug recover "usb=$port"
check 'it is tried first' in_order 'dongle power-off' 'dongle power-on' 'dongle configured'
check 'and did help' equal "$(field "$port" action)" power
configure <<-END
	[device capture]
	reset = usb, rebind, authorize
	timeout = 2s
	[device hid]
	match =
END
emu set dongle sick=1 heals-on=power
mark
said=$(replug recover "usb=$port" 2>&1) status=$?
check 'nothing helped: exit status 1' equal "$status" 1
check 'each says why' grep -qE 'usb[:,] .*rebind[:,] .*authorize: .*' <<<"$said"
check 'it is authorized all the same' equal "$(<"/sys/bus/usb/devices/$port/authorized")" 1
check 'and nothing is owed' owes_nothing "$port"
emu set dongle sick=0
settled

# Somebody else's word.
echo 0 >"/sys/bus/usb/devices/$port/authorized"
check 'what somebody has not authorized is not ours to authorize' eval 'said=$(replug reset --method=authorize "usb=$port" 2>&1)
	[[ $? == 1 && $said == *"refused: somebody has withdrawn"* ]]'
check 'and is left so' equal "$(<"/sys/bus/usb/devices/$port/authorized")" 0
echo 1 >"/sys/bus/usb/devices/$port/authorized"

# A kernel that has no `disable`: the port's folder is covered up.
until_ 5 test -e /dev/video0
mount -t tmpfs none "/sys/bus/usb/devices/${port%-*}-0:1.0/usb${port%-*}-port${port#*-}"
mark
check 'power by the hub alone' exits 0 replug reset --method=power "usb=$port"
check 'off and on' in_order 'dongle power-off' 'dongle power-on' 'dongle configured'
umount "/sys/bus/usb/devices/${port%-*}-0:1.0/usb${port%-*}-port${port#*-}"

# All that should be there is there, and then it stops answering: the device itself is asked at the end.
settled
echo 'SUBSYSTEM=="video4linux", ACTION=="add", PROGRAM="/usr/local/bin/emu set dongle sick=1"' >/etc/udev/rules.d/99-sick.rules
udevadm control --reload
mark
check 'what is back and does not answer is not recovered' eval 'said=$(replug reset --method=usb "usb=$port" 2>&1)
	[[ $? == 1 && $said == *"it does not answer GET_STATUS"* ]] || { echo "$said"; false; }'
rm /etc/udev/rules.d/99-sick.rules
udevadm control --reload
emu set dongle sick=0
check 'and is, when it does' exits 0 replug reset --method=usb "usb=$port"
finish
