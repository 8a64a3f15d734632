#!/bin/bash
# make install and make uninstall on a live system: udev and systemd know at once, and what is plugged already can be
# told of, as the README says.
. /bench/lib.sh
cd /usr/src/replug || exit 1
start_emulator
completed() { # what bash offers behind `replug recover`
	. /usr/share/bash-completion/completions/replug
	COMP_WORDS=(replug recover '') COMP_CWORD=2 COMP_LINE='replug recover '
	_replug replug '' recover
	echo "${COMPREPLY[*]}"
}
mk() { make -s -o all -o build/replug -o build/replug-match -o build/replug-relay "$@"; }

printf '[guard]\ncool-down = 0\n' | configure # plugs follow each other fast here

check 'make uninstall' mk uninstall
plug dongle capture
happens 'dongle configured' >/dev/null && settled
check 'then a plug is nothing to anybody' saw_times 0 'dongle reset'
check 'and no unit is known' not systemctl cat replug@x.service
check 'nor a timer' equal "$(systemctl list-unit-files --no-legend 'replug-*')" ''
check 'nor is a link left' equal "$(ls /usr/lib/systemd/system/timers.target.wants/*replug* 2>/dev/null)" ''
check 'no program is left' equal "$(ls /usr/bin/replug /usr/lib/udev/replug-match /usr/bin/replug-relay /usr/lib/replug /usr/share/replug 2>/dev/null)" ''
check 'make install' mk install
check 'the unit is known' systemctl cat replug@x.service
check 'a completion names what is plugged' equal "$(completed)" "capture hid usb=${at[dongle]} 534d:2109"
check 'the timers run' systemctl -q is-active replug-health.timer replug-refresh.timer
us() { systemd-analyze timespan "$1" | awk '$1 ~ /s:$/ { print $2; exit }'; }
first() { # TIMER: how long after its start, in seconds, its first round is due, but for what chance adds
	local next
	next=$(systemctl show -P TimersMonotonic "$1.timer" | sed -n 's/.*next_elapse=\([1-9].*\) }$/\1/p')
	echo $((($(us "$next") - $(systemctl show -P ActiveEnterTimestampMonotonic "$1.timer")) / 1000000))
}
check 'but however long the machine has been up, the first round of health is not now' between "$(first replug-health)" 59 60
check 'nor is that of refresh' between "$(first replug-refresh)" 599 600
systemctl start replug-health.service replug-refresh.service
next_after() { # UNIT PROPERTY: how long after what the service's property says the next round is due, in seconds
	echo $((($(us "$(systemctl show -P NextElapseUSecMonotonic "$1.timer")") - $(systemctl show -P "$2" "$1.service")) / 1000000))
}
check 'after a round of health the next one is half a minute later' between "$(next_after replug-health InactiveEnterTimestampMonotonic)" 29 32
check 'after one of refresh ten minutes, and at most another five' between "$(next_after replug-refresh InactiveExitTimestampMonotonic)" 599 961
check 'and will at the next boot' test -e /usr/lib/systemd/system/timers.target.wants/replug-health.timer \
	-a -e /usr/lib/systemd/system/timers.target.wants/replug-refresh.timer
settled
check 'what is plugged already is left alone' saw_times 0 'dongle reset'
mark
udevadm trigger --action=add -s usb -s usb-serial -s hid -s hidraw -s tty
check 'until it is treated as plugged just now' healed dongle 30
settled
check 'with one reset' saw_times 1 'dongle reset'
replug_it dongle
check 'and the next plug is seen' healed dongle
check 'make uninstall stops the timers' mk uninstall
check 'they are gone' equal "$(systemctl list-units --all --no-legend 'replug-*.timer')" ''
check 'what a person has written stays' equal "$(</etc/replug.conf)" $'[guard]\ncool-down = 0'
check 'so does the group' getent group replug
mk install
systemctl stop replug-health.timer # before: systemd calls a running timer that is masked failed
systemctl mask replug-health.timer >/dev/null 2>&1
check 'one that is masked' mk install
check 'stays off' not systemctl -q is-active replug-health.timer
finish
