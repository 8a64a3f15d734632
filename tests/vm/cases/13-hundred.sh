#!/bin/bash
# cpus: 2
# timeout: 400
# A hundred plugs, eight at once, two on each of four buses: nothing piles up.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device simple]
	match = 1234:5678
	[guard]
	forgive = 0
END
declare -A kind=([dongle]=capture [hid]=bridge)
names=(dongle hid s1 s2 s3 s4 s5 s6)
fds() { find "/proc/$1/fd" -type l | wc -l; }
udevd=$(systemctl show -P MainPID systemd-udevd)
round() { # all are plugged at once, and pulled as soon as all are well
	local name
	mark
	for name in "${names[@]}"; do emu plug "$name" & done
	wait
	for name in "${names[@]}"; do
		happens " $name reset" 30 >/dev/null && until_ 30 record_says "${at[$name]}" recovered || return
	done
	emu unplug-all
	for name in "${names[@]}"; do until_ 10 record_says "${at[$name]}" gone || return; done
}
for i in "${!names[@]}"; do
	name=${names[i]}
	plug "$name" "${kind[$name]-stick}" "port=$((i % 4 * 8 + i / 4))"
	[[ $name != hid ]] || emu set hid silent=100
done
for name in "${names[@]}"; do
	check "$name is recovered" healed "$name" 30
done
emu unplug-all
settled
before=$(runs) systemd_fds=$(fds 1) udevd_fds=$(fds "$udevd")
units=$(systemctl list-units --all --plain --no-legend | wc -l)
for i in {1..13}; do check "round $i" round; done
settled
# vhci's hub now and then drops a device while it resets another: that is a plug, too.
check 'about as many units ran as there were plugs' between "$(($(runs) - before))" $((13 * ${#names[@]})) $((14 * ${#names[@]}))
check 'systemd has no more files open' between "$(fds 1)" 0 "$((systemd_fds + 2))"
check 'nor has udevd' between "$(fds "$udevd")" 0 "$((udevd_fds + 2))"
check 'no units are left over' between "$(systemctl list-units --all --plain --no-legend | wc -l)" 0 "$((units + 2))"
check 'no unit of ours is loaded' equal "$(systemctl list-units --all --plain --no-legend 'replug@*')" ''
check 'the folder holds what it held' equal "$(find /run/replug -type f | wc -l)" $((2 * ${#names[@]}))
finish
