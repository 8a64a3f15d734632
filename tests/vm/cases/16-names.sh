#!/bin/bash
# The stable names: through a reset, another number, another plug; and gone with the device.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device capture]
	symlink = kvmd-video
	[device hid]
	symlink = kvmd-hid
	[guard]
	forgive = 0
END
link_is() { equal "$(readlink -f "/dev/$1")" "$2"; }
first_video() { grep -lx 0 "/sys/bus/usb/devices/${at[dongle]}:1.0"/video4linux/video*/index | awk -F/ '{ print "/dev/" $(NF - 1) }'; }

plug dongle capture
plug hid bridge silent=200
check 'the dongle is recovered' healed dongle
check 'the bridge is recovered' healed hid
check 'recovered means that the video name is there' link_is kvmd-video "$(first_video)"
check 'and the tty name' link_is kvmd-hid "/dev/$(node hid)"
for by in 'recover capture hid' 'reset capture hid' 'ch9329 reset hid'; do
	# shellcheck disable=SC2086 # several words
	check "$by" exits 0 replug $by
	check "$by: the video name is there" link_is kvmd-video "$(first_video)"
	check "$by: the tty name is there" link_is kvmd-hid "/dev/$(node hid)"
done

exec 8<>/dev/kvmd-hid 9<>/dev/kvmd-video # somebody has them open
old_tty=$(node hid) old_video=$(first_video)
check 'in use' exits 0 replug recover capture hid
check 'the tty has another number' not equal "$(node hid)" "$old_tty"
check 'the video node, too' not equal "$(first_video)" "$old_video"
check 'the tty name follows' link_is kvmd-hid "/dev/$(node hid)"
check 'so does the video name' link_is kvmd-video "$(first_video)"
exec 8>&- 9>&-

emu unplug-all
settled
check 'unplugged, the tty name goes' until_ 10 not test -L /dev/kvmd-hid
check 'and the video name' until_ 10 not test -L /dev/kvmd-video
mark
emu plug hid && emu plug dongle
check 'plugged again, the dongle is recovered' healed dongle
check 'the bridge is recovered' healed hid
check 'the tty name is there' link_is kvmd-hid "/dev/$(node hid)"
check 'the video name is there' link_is kvmd-video "$(first_video)"
check 'a name is a selector' equal "$(replug list --json /dev/kvmd-hid | jq -r '.[].port')" "${at[hid]}"
finish
