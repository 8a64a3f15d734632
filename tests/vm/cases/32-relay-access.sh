#!/bin/bash
# Who may switch: group replug, nobody else, and no node is anybody's.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[relay power]
	match = 16c0:05df
	pulse = 200ms
	[relay noyito]
	match = 5131:2007
	protocol = lcus-hid
	[relay pinned]
	match = 1a86:7523 usb=1-3
	protocol = lcus
	[relay loose]
	match = 067b:2303
	protocol = icse
END
group=$(getent group replug | cut -d: -f3)
member() { setpriv --reuid=4321 --regid=4321 --groups="$group" --inh-caps=-all "$@"; }
stranger() { setpriv --reuid=4322 --regid=4322 --clear-groups --inh-caps=-all "$@"; }
owner() { stat -c '%U:%G %a' "$1"; }
owned() { equal "$(owner "/dev/$("$1" "$2")")" "$3"; } # hidraw|node NAME OWNER
hidraw() { basename "$(echo "/sys/bus/usb/devices/${at[$1]}:1.0"/*/hidraw/hidraw*)"; }

check 'sysusers made the group' test -n "$group"
check 'the folder is its' equal "$(owner /run/replug/relay)" 'root:replug 2770'
check 'the one above is not' equal "$(owner /run/replug)" 'root:root 755'
board hid relay-hid port=0
board noyito relay-lcus-hid port=1
board lc relay-serial port=2
board icse relay-icse port=3
check 'a dcttech board is the group'\''s, though usbrelay'\''s rules are here' owned hidraw hid 'root:replug 660'
check 'so is another HID of a section' owned hidraw noyito 'root:replug 660'
check 'and a tty whose section names its port' owned node lc 'root:replug 660'
check 'a tty whose section does not is not given away' owned node icse 'root:dialout 660'
check 'a member presses' exits 0 member replug-relay pulse power
check 'and asks' exits 1 member replug-relay get power
check 'and switches a serial board' exits 0 member replug-relay on pinned
check 'and lists' exits 0 member replug-relay list
check 'root and a member share what is on record' exits 0 replug-relay off pinned
check 'the other way round' exits 0 member replug-relay off pinned
check 'for what is not given away it is told what to do' grep -q 'name its port' <(member replug-relay on loose 2>&1)
check 'as exit status 1' exits 1 member replug-relay on loose
check 'a stranger may not' exits 1 stranger replug-relay on noyito
check 'nor ask: exit status 5' exits 5 stranger replug-relay get power
check 'and is told of the group' grep -q 'group replug' <(stranger replug-relay on noyito 2>&1)
check 'a stranger may list' exits 0 stranger replug-relay list
check 'files made by a member are the group'\''s' equal "$(stat -c '%G %a' /run/replug/relay/* | sort -u)" 'replug 660'
check 'no node is anybody'\''s' equal "$(find /dev -perm -o+w \( -name 'hidraw*' -o -name 'ttyUSB*' \))" ''
mark
check 'through a reset of the board' exits 0 replug reset "usb=${at[hid]}"
check 'it stays so' until_ 5 owned hidraw hid 'root:replug 660'
replug reset "usb=${at[lc]}" >/dev/null
udevadm settle
check 'a tty too' until_ 5 owned node lc 'root:replug 660'
check 'a member switches it again' exits 0 member replug-relay off pinned

configure <<-END
	[relay late]
	match = 067b:2303 usb=1-4
	protocol = icse
END
check 'a section that is written when the board is plugged already' exits 0 udevadm trigger --action=add --settle \
	-s usb -s usb-serial -s hid -s hidraw -s tty
check 'has its node given away by the trigger of the README' until_ 5 owned node icse 'root:replug 660'
check 'and works' exits 0 member replug-relay on late

cp /usr/bin/replug-relay /usr/local/bin/replug-relay-suid
chmod 4755 /usr/local/bin/replug-relay-suid
check 'it will not run setuid' exits 2 stranger /usr/local/bin/replug-relay-suid list
check 'and says why' grep -q 'will not run setuid.*group replug' <(stranger /usr/local/bin/replug-relay-suid list 2>&1)
chmod 755 /usr/local/bin/replug-relay-suid
check 'as a plain copy it does' exits 0 stranger /usr/local/bin/replug-relay-suid list
# CAP_DAC_OVERRIDE, permitted and effective: linux/capability.h, struct vfs_cap_data.
python3 -c 'import os, struct
os.setxattr("/usr/local/bin/replug-relay-suid", "security.capability", struct.pack("<5I", 0x02000001, 1 << 1, 0, 0, 0))'
check 'nor with a capability of the file' exits 2 stranger /usr/local/bin/replug-relay-suid list
configure <<-END
	[relay power]
	match = 16c0:05df
	pulse = 200ms
END
udevadm trigger --action=add --settle -s usb -s usb-serial -s hid -s hidraw -s tty
rm -rf /run/replug/relay
check 'without the folder a member is told how it is made' grep -q 'systemd-tmpfiles --create replug.conf' <(member replug-relay on power 2>&1; member replug-relay pulse power 2>&1)
check 'root makes it' exits 0 replug-relay off power
check 'as it should be' equal "$(owner /run/replug/relay)" 'root:replug 2770'
check 'and a member goes on' exits 0 member replug-relay pulse power
emu unplug-all
finish
