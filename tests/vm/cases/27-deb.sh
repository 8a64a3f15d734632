#!/bin/bash
# with: build/deb/replug_*.deb
# The Debian package on a live system: it acts at once on what is plugged, an upgrade keeps what a person has changed, and
# nothing is left by a purge.
. /bench/lib.sh
deb=$(echo /job/replug_*.deb)
timers=(replug-health.timer replug-refresh.timer)
export DEBIAN_FRONTEND=noninteractive
start_emulator
# shellcheck disable=SC2034 # read by lib.sh
may_fail='?(replug-settle@ signal,)replug@ @(exit-code|signal)' # what the removal of the package stops

# What there is of replug: files (but for what the bench has brought along, and dpkg's diary), units, properties, the group.
traces() {
	find / /run /dev -xdev \( -path /bench -o -path /job -o -path /usr/src -o -path /proc -o -path /sys -o -path /tmp \) -prune \
		-o -name '*replug*' -print
	systemctl list-unit-files --no-legend '*replug*'
	systemctl list-units --all --plain --no-legend '*replug*'
	udevadm info --export-db | grep -i replug
	getent group replug
	grep -s replug /etc/gshadow
	find /dev -xdev -nogroup
	dpkg-query -W replug 2>/dev/null
}
node_of() { echo "/dev/$(basename "$(echo "/sys/bus/usb/devices/${at[$1]}:1.0"/*/hidraw/hidraw*)")"; }
owner() { stat -c '%U:%G %a' "$1"; }
owned() { equal "$(owner "$1")" "$2"; }
property() { udevadm info -q property "/sys/bus/usb/devices/${at[$1]}" | sed -n "s/^$2=//p"; }
pid() { systemctl show -P MainPID kvmd; }
groups_of_kvmd() { systemctl show -P SupplementaryGroups kvmd; }
dpkg_is() { equal "$(dpkg-query -W -f '${db:Status-Abbrev}${Version}' replug)" "$1"; }
quiet() { # a command that must succeed and not complain
	local out
	out=$("$@" 2>&1) && ! grep -iE 'warning|error|fail|cannot|unknown' <<<"$out" || { echo "$out"; return 1; }
}

# As it is where replug has never been.
make -s -C /usr/src/replug -o all -o build/replug -o build/replug-match -o build/replug-relay uninstall
groupdel replug
rm -rf /run/replug
plug dongle capture
board board relay-lcus-hid
happens 'dongle configured' >/dev/null
settled
check 'there is nothing of replug' equal "$(traces)" ''
# A person's, who knows what is to come.
printf '[guard]\ncool-down = 0\n' | configure
mkdir /etc/replug.conf.d
printf '[device capture]\nsymlink = kvmd-video\n' >/etc/replug.conf.d/mine.conf
sum=$(cat /etc/replug.conf /etc/replug.conf.d/mine.conf | md5sum)
kept() { equal "$(cat /etc/replug.conf /etc/replug.conf.d/mine.conf | md5sum)" "$sum"; }
mark
begin=$EPOCHSECONDS
check 'the package is installed' quiet dpkg -i "$deb"
echo "## installed in $((EPOCHSECONDS - begin)) s"
check 'dpkg has it' dpkg_is "ii $(dpkg-deb -f "$deb" Version)"
check 'what is plugged already is recovered' healed dongle 30
settled
check 'with one reset' saw_times 1 'dongle reset'
check 'the name that is asked for is there' test -e /dev/kvmd-video
check 'the relay board is the group'\''s' until_ 10 owned "$(node_of board)" 'root:replug 660'
check 'so is its folder' owned /run/replug/relay 'root:replug 2770'
check 'the timers and the path run' systemctl -q is-active "${timers[@]}" replug-lost.path
check 'and will at the next boot' systemctl -q is-enabled "${timers[@]}" replug-lost.path
check 'of kvmd there is nothing' equal "$(systemctl list-units --all --plain --no-legend 'kvmd*')" ''
check 'the manuals are there' test -s /usr/share/man/man8/replug.8.gz

# A person's, too.
gpasswd -a daemon replug >/dev/null
systemctl disable --now replug-refresh.timer 2>/dev/null
printf '[Service]\nExecStart=sleep infinity\n' >/etc/systemd/system/kvmd.service
systemctl daemon-reload
systemctl start kvmd
check 'a kvmd gets the group' equal "$(groups_of_kvmd)" replug
kvmd=$(pid)

# The next version, which has another unit.
dpkg-deb -R "$deb" /tmp/next
sed -i 's/^Version: .*/&+next/' /tmp/next/DEBIAN/control
sed -i 's/^Description=.*/Description=next/' /tmp/next/lib/systemd/system/replug-health.timer
dpkg-deb -Znone -b /tmp/next /tmp/next.deb >/dev/null
mark
check 'an upgrade' quiet dpkg -i /tmp/next.deb
check 'is one' dpkg_is "ii $(dpkg-deb -f "$deb" Version)+next"
settled
check 'resets nothing' saw_times 0 'dongle reset'
check 'keeps what a person has written' kept
check 'and the members of the group' equal "$(getent group replug | cut -d: -f4)" daemon
check 'and a timer disabled' not systemctl -q is-enabled replug-refresh.timer
check 'and off' not systemctl -q is-active replug-refresh.timer
check 'while the other runs' systemctl -q is-active replug-health.timer
check 'as the new version has it' equal "$(systemctl show -P Description replug-health.timer)" next
check 'kvmd is not disturbed' equal "$(pid)" "$kvmd"

# Removed while it works, on a chip that takes its time.
plug hid bridge silent=60000
check 'the next plug is seen, and a run is on' becomes "${at[hid]}" busy
node=$(node_of board)
systemctl stop replug-health.timer # before: systemd calls a running timer that is masked failed
systemctl mask replug-health.timer 2>/dev/null
check 'it is removed' quiet dpkg -r replug
check 'dpkg has its configuration' equal "$(dpkg-query -W -f '${db:Status-Abbrev}' replug)" 'rc '
check 'no process of it is left' until_ 5 not pgrep -x 'replug.*'
check 'no unit runs, and none has failed' equal "$(systemctl list-units --state=active,activating,deactivating,failed --plain --no-legend '*replug*')" ''
check 'no property is left' equal "$(udevadm info --export-db | grep -E 'REPLUG|replug')" ''
check 'nor a name' not test -e /dev/kvmd-video
check 'the relay board is root'\''s, as without rules' owned "$node" 'root:root 600'
check 'what a person has written is kept' kept
check 'kvmd does not get the group again' equal "$(groups_of_kvmd)" ''
mark
emu unplug dongle && plug dongle capture
happens 'dongle configured' >/dev/null
udevadm settle
check 'a plug is nothing to anybody' saw_times 0 'dongle reset'
check 'it is purged' quiet dpkg -P replug
check 'and nothing is left' equal "$(traces)" ''
systemctl stop kvmd
finish
