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
first_of() { grep -lx 0 "/sys/bus/usb/devices/${at[$1]}:1.0"/video4linux/video*/index | awk -F/ '{ print "/dev/" $(NF - 1) }'; } # NAME
first_video() { first_of dongle; }

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

# Twins: whose the name is must not be for the order of events to decide.
no_link() { [[ ! -L /dev/$1 ]] || { printf '%s leads to %s\n' "$1" "$(readlink -f "/dev/$1")"; return 1; }; }
leads_to() { link_is kvmd-video "$(first_of "$1")"; } # NAME: of a dongle
warned() { grep -qE -e "$1" <(replug check 2>&1 >/dev/null) || { { replug check >/dev/null; } 2>&1; return 1; }; } # PATTERN
mark
plug twin capture && plug hid2 bridge silent=200
check 'a twin of the dongle is recovered' healed twin
check 'and one of the bridge' healed hid2
settled
check 'then nobody has the video name' no_link kvmd-video
check 'nor the tty name' no_link kvmd-hid
both="${at[dongle]}, ${at[twin]}"
check 'check names the section, its line and both ports' warned "kvmd-video of \[device capture\] \(/etc/replug.conf:2\).* in $both,"
check 'of the bridges, too' warned "kvmd-hid of \[device hid\] \(/etc/replug.conf:4\).* in ${at[hid]}, ${at[hid2]},"
check 'the journal does, too' journal_says "${at[twin]}: nobody gets /dev/kvmd-video .* ${at[twin]} and ${at[dongle]};"
for name in dongle hid; do
	check "a reset of $name" exits 0 replug reset "usb=${at[$name]}"
	check 'gives no name' no_link kvmd-video
	check 'of either kind' no_link kvmd-hid
done
emu unplug-all
settled
mark
emu plug twin && emu plug dongle
check 'plugged the other way round' healed dongle
check 'both are recovered' healed twin
settled
check 'nobody has the name' no_link kvmd-video
emu unplug twin
becomes "${at[twin]}" gone >/dev/null
check 'alone again, a recovery' exits 0 replug recover capture
check 'gives it back' leads_to dongle

# What `match` names more exactly has it, whoever comes first.
configure <<-END
	[device capture]
	match = 534d:2109, 534d:2109 usb=${at[twin]}
	symlink = kvmd-video
	[guard]
	forgive = 0
END
mark
emu plug twin
check 'a twin that is named by its port' healed twin
settled
check 'takes the name over' leads_to twin
check 'as check says: nothing' equal "$(replug check 2>&1 >/dev/null)" ''
check 'a reset of the other one' exits 0 replug recover "usb=${at[dongle]}"
check 'does not change that' leads_to twin
emu unplug twin
check 'unplugged, it leaves it to nobody' until_ 10 no_link kvmd-video
becomes "${at[twin]}" gone >/dev/null
mark
replug_it dongle
check 'alone and plugged anew' healed dongle
check 'the other one has it' leads_to dongle

# Rules of others, here as kvmd has them, keep what they give.
configure <<-END
	[device capture]
	symlink = kvmd-video
	[guard]
	forgive = 0
END
rules() { # NAME: its rule is the third line; the others only speak of the name
	printf '%s\n' '# SYMLINK+="kvmd-video"' 'SYMLINK=="kvmd-video", ENV{SEEN}="SYMLINK+=kvmd-video", SYMLINK+="kvmd-video2"' \
		"KERNEL==\"video[0-9]*\", SUBSYSTEM==\"video4linux\", KERNELS==\"${at[$1]}:1.0\", ATTR{index}==\"0\", GROUP=\"video\", SYMLINK+=\"kvmd-video\"" \
		>/etc/udev/rules.d/99-kvmd.rules && udevadm control --reload
}
rules dongle
check 'the same device by both rules' exits 0 replug recover capture
check 'has the name' leads_to dongle
check 'and all is well' equal "$(replug check 2>&1 >/dev/null)" ''
plug cam capture id=1111:2222
rules cam
check 'a camera' until_ 10 test -d "/sys/bus/usb/devices/${at[cam]}:1.0/video4linux"
udevadm trigger --action=change --settle -s video4linux
check 'kvmd gives it to another device, which comes later' exits 0 replug recover capture
check 'that one has it' leads_to cam
check 'check names both, and the rule' warned \
	"kvmd-video of \[device capture\] \(/etc/replug.conf:2\) is also a name of /dev/video[0-9]+ of the device in ${at[cam]}, by /etc/udev/rules.d/99-kvmd.rules:3:"
check 'the journal knows' journal_says "${at[dongle]}: it does not get /dev/kvmd-video: that leads to /dev/video"
mark
replug_it dongle
check 'one of ours that comes later' healed dongle
check 'leaves it there' leads_to cam
emu unplug cam
check 'without that device' until_ 10 no_link kvmd-video
settled
check 'ours' exits 0 replug recover capture
check 'has it' leads_to dongle
rm /etc/udev/rules.d/99-kvmd.rules && udevadm control --reload

# The names of two sections change places: after the one trigger of the README each has what it should, whoever was first.
names() { # OF-DONGLE OF-TWIN
	configure <<-END
		[device one]
		match = usb=${at[dongle]}
		expect = video4linux
		symlink = $1
		[device two]
		match = usb=${at[twin]}
		expect = video4linux
		symlink = $2
	END
}
known() { udevadm trigger --action=add -s usb -s video4linux && settled; }
lead() { link_is "$1" "$(first_of dongle)" && link_is "$2" "$(first_of twin)"; } # OF-DONGLE OF-TWIN
names left right
mark
emu plug twin
check 'two by their ports' healed twin
known
check 'have a name each' until_ 20 lead left right
for to in 'right left' 'left right' 'right left'; do
	# shellcheck disable=SC2086 # two words
	names $to
	known
	# shellcheck disable=SC2086
	check "which change places: $to" lead $to
done

check 'what is in /run/replug is for all to read, but for locks' equal "$(find /run/replug -maxdepth 1 ! -name relay \
	\( -type d ! -perm 755 -o -name '*.json' ! -perm 644 -o -name '*.lock' ! -perm 600 -o ! -user root \))" ''
finish
