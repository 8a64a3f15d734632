#!/bin/bash
# timeout: 400
# Without systemd's help: udevd is a daemon that somebody has started, and it starts the runs, which outlive all that it would
# wait for.
. /bench/lib.sh
mk() { make -s -C /usr/src/replug -o all -o build/replug -o build/replug-match -o build/replug-relay "$@"; }
settled() { udevadm settle && until_ 60 not pgrep -x 'replug(-run)?' >/dev/null; } # no run of ours is at work
start_emulator
conf() { # METHODS [LINE]: of the dongle
	configure <<-END
		[device capture]
		reset = $1
		timeout = 3s
		${2-}
		[device hid]
		baud = 9600
		ready = 30s
		timeout = 3s
		[relay power]
		match = 16c0:05df
		pulse = 300ms
		[guard]
		max-resets = 20
		cool-down = 0
	END
}
conf usb

check 'make install SYSTEMD=no, where the units were' mk install SYSTEMD=no
check 'no unit is left' equal "$(systemctl list-unit-files --no-legend 'replug*'; systemctl list-units --all --plain --no-legend 'replug*.timer' 'replug*.path')" ''
units=(systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket)
systemctl stop "${units[@]}" 2>/dev/null
systemctl mask --runtime "${units[@]}" 2>/dev/null
rm -rf /run/replug
# It kills what it still has after seven seconds.
udev_says() { journal -t systemd-udevd -t '(udev-worker)' -t udevd; }
before=$(udev_says | wc -l)
check 'udevd runs, without its unit' env SYSTEMD_LOG_TARGET=journal /lib/systemd/systemd-udevd --daemon --event-timeout=7
since() { udev_says | tail -n +$((before + 1)); }
check 'and answers' udevadm control --ping
check 'its unit does not' not systemctl -q is-active "${units[@]}"


# A plug.
plug dongle capture product='$(touch /run/owned) `touch /run/owned`; touch /run/owned'
check 'a dongle is recovered' healed dongle
settled
check 'by one reset' saw_times 1 'dongle reset'
check 'the run is in syslog, once' equal "$(journal -t replug | grep -c "^${at[dongle]} .*recovered in")" 1
check 'nothing that it calls itself was run' not test -e /run/owned
mark
udevadm trigger --action=change --settle -s usb
settled
check 'a change is nothing to it' saw_times 0 'dongle reset'
udevadm trigger --action=add --settle -s usb
settled
check 'nor is another coldplug' saw_times 0 'dongle reset'
plug hid bridge wedge=1
check 'a chip is recovered' healed hid
settled
check 'by one reset of the bridge' saw_times 1 'hid reset'
check 'and one of the chip' saw_times 1 "hid $reset_frame"

# udev goes on while a run is at work, and does not end it.
replug_it hid silent=10000
check 'a slow chip: the run is on' becomes "${at[hid]}" busy
check 'a slow chip: udev is done with it' udevadm settle --timeout=3
runner=$(pgrep -f "replug-run --detached ${at[hid]}\$")
check 'a slow chip: the run is nobody'\''s' equal "$(ps -o sid= -p "$runner" | tr -d ' ')" "$runner"
check 'a slow chip: it keeps no pipe of udev'\''s' equal "$(find "/proc/$runner/fd" -lname '/*' ! -lname /usr/lib/udev/replug-run -printf '%l\n' | sort -u; find "/proc/$runner/fd" -lname '*:*')" /dev/null
emu unplug dongle
mark
emu plug dongle
check 'a slow chip: another plug is handled' ends dongle recovered
check 'a slow chip: before its run is over' record_says "${at[hid]}" busy
check 'a slow chip: it is recovered in the end' becomes "${at[hid]}" recovered
check 'a slow chip: that took longer than udev would have waited' between "$(field "${at[hid]}" duration_ms)" 7500 60000
settled
emu set hid silent=0

# One run at a time.
mark
plug right capture
replug_it dongle reenumerate=1
check 'twins: the one is recovered' healed dongle
check 'twins: the other is recovered' becomes "${at[right]}" recovered
settled
check 'its run enumerates it anew, and that plug finds it done' saw_times 1 'dongle reset'
check 'it is recovered still' is_state "${at[dongle]}" recovered
emu set dongle reenumerate=0
emu unplug right
check 'unplugged: gone' becomes "${at[right]}" gone
mark
replug_it hid silent=3000
check 'unplugged under a run' becomes "${at[hid]}" busy
emu unplug hid
check 'unplugged under a run: gone' becomes "${at[hid]}" gone 30
settled
check 'no note is left of either' equal "$(ls /run/replug/lost)" ''

# Lost.
mark
emu set dongle usb-silent=now
check 'silent: put on record' becomes "${at[dongle]}" silent 40
settled
conf 'usb, power' 'power-off = 500ms'
check 'by hand it is brought back' exits 0 replug recover capture
settled
mark
emu set dongle usb-silent=now
check 'silent: brought back by its power' happens 'dongle power-on' 60
check 'silent: recovered' becomes "${at[dongle]}" recovered 30
settled

# Killed.
conf power 'power-off = 30s'
port=${at[dongle]}
off=/sys/bus/usb/devices/${port%-*}-0:1.0/usb${port%-*}-port${port#*-}/disable
dark() { [[ $(jq -r .owed "/run/replug/$port.json") == power=* && $(<"$off") == 1 ]]; }
paid() { [[ $(jq -r .owed "/run/replug/$port.json") == '' && $(<"$off") == 0 ]]; }
# Nobody else is left who might pay, nor will come: what its removal starts has started, and has ended.
alone() { dark && ! [[ -e $device ]] && udevadm settle && [[ $(pgrep -cx replug-run) == 1 ]]; }
device=$(realpath "/sys/bus/usb/devices/$port")
replug_it dongle
check 'killed: something is off' until_ 20 alone
mark
pkill -KILL -x replug
check 'killed: what started it pays' happens 'dongle power-on' 10 # not for long: its return is a plug
check 'killed with all of it: something is off' until_ 20 alone
session=$(pgrep -x replug-run)
pkill -STOP -s "$session" # or who dies last may pay before it does
pkill -KILL -s "$session"
check 'killed with all of it: nobody is left' until_ 5 not pgrep -x 'replug.*'
check 'killed with all of it: nothing is paid' dark
conf usb
plug hid bridge silent=0
check 'killed with all of it: the next plug pays, whosever it is' until_ 20 paid
check 'killed with all of it: recovered' becomes "$port" recovered 30
settled

# What cron is told to run.
check 'cron: all are well' exits 0 replug health --heal
check 'cron: nothing is due' exits 0 replug refresh
check 'cron: nothing is owed' exits 0 replug settle
check 'cron: nothing is lost' exits 0 replug lost

# A device that drops off again and again.
configure <<-END
	[guard]
	forgive = 20s
	cool-down = 0
END
emu unplug dongle
settled
mark
plug flapper capture flap=2500,700
check 'dropping off again and again: it is held in the end' becomes "${at[flapper]}" held 60
check 'after three resets at most' between "$(saw 'flapper reset')" 1 3
returns() { emu wait --since "$(emu mark)" --timeout 10 'flapper returned' >/dev/null; }
check 'it goes on dropping off' eval 'returns && returns'
check 'and it stays at that' between "$(saw 'flapper reset')" 1 3
check 'one warning tells it' equal "$(journal -t replug | grep -c 'left alone until')" 1
emu set flapper flap=0
emu unplug flapper
check 'and unplugged it is gone' becomes "${at[flapper]}" gone
settled

# Relays: nobody has read tmpfiles.d, also of a board that no section takes.
rm -rf /run/replug/relay
configure </dev/null
ln -s /dev/null /etc/udev/rules.d/92-usbrelay.rules # which gives it to another group
udevadm control --reload
board board relay-hid
check 'a member switches a board without a section' setpriv --reuid=4321 --regid=4321 --groups="$(getent group replug | cut -d: -f3)" --inh-caps=-all \
	replug-relay on 16c0:05df --channel=2
check 'on' happens 'board closed 2'
emu unplug board
settled
rm -rf /run/replug/relay
conf usb
board board relay-hid
check 'the folder of the relays is the group'\''s' equal "$(stat -c '%U:%G %a' /run/replug/relay)" 'root:replug 2770'
mark
check 'a member presses' setpriv --reuid=4321 --regid=4321 --groups="$(getent group replug | cut -d: -f3)" --inh-caps=-all replug-relay pulse power
check 'and lets go' equal "$(moves board)" 'closed 1, opened 1'

check 'what udev has to say is heard' grep -q '^Starting systemd-udevd' <(since)
check 'it had nothing to kill, or to complain of' equal "$(since | grep -iE 'kill|time|fail|error')" ''
check 'systemd has started none of it' equal "$(runs 2>/dev/null) $(systemctl list-units --all --plain --no-legend 'replug*')" '0 '
check 'nor was it asked to' equal "$(udevadm info --export-db | grep -E 'SYSTEMD_WANTS=.*replug'; journal | grep -E 'Failed .*replug@')" ''

check 'make uninstall' mk uninstall
check 'leaves nothing' equal "$(find /usr -xdev -path /usr/src -prune -o -name '*replug*' -print)" ''
mark
emu unplug hid
plug hid
happens 'hid configured'
settled
check 'then a plug is nothing to anybody' saw_times 0 'hid reset'
finish
