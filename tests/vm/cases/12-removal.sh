#!/bin/bash
# A removal is on record, and lets everything go.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[guard]
	max-resets = 1
	cool-down = 0
	forgive = 1min
END
unlocked() { flock -n "/run/replug/$1.lock" true; }

plug dongle capture
check 'it is recovered' healed dongle
settled
check 'the verb gone of what is there is not believed' exits 0 replug gone "/sys/bus/usb/devices/${at[dongle]}"
check 'it is recovered still' is_state "${at[dongle]}" recovered
emu unplug dongle
check 'the removal is on record' becomes "${at[dongle]}" gone
settled
check 'in the file itself, not only in what is shown' equal "$(jq -r .state "/run/replug/${at[dongle]}.json")" gone
check 'the record knows who it was' equal "$(field "${at[dongle]}" id) $(field "${at[dongle]}" section)" '534d:2109 capture'
check 'it is still found by its ID' equal "$(replug status --json 534d:2109 | jq -r '.[].state')" gone
check 'and by its section' equal "$(replug status --json capture | jq -r '.[].state')" gone
check 'list does not have it' equal "$(replug list --json | jq -c .)" "[]"
check 'its lock is free' unlocked "${at[dongle]}"
check 'recover says that it is not there' exits 3 replug recover capture

mark
emu plug dongle
check 'back too soon, it is held' becomes "${at[dongle]}" held
settled
check 'and was not reset' saw_times 0 'dongle reset'
emu unplug dongle
check 'a removal while it is held is on record' becomes "${at[dongle]}" gone
settled
check 'its lock is free' unlocked "${at[dongle]}"
mark
emu plug dongle
check 'it is held still' becomes "${at[dongle]}" held
settled
check 'and was not reset' saw_times 0 'dongle reset'
check 'that was told once' equal "$(journal | grep -c 'left alone until')" 1

# Somebody unplugs a device that is left alone, waits, and the plug bounces: udev is too late for the first contact.
configure <<-END
	[guard]
	max-resets = 1
	cool-down = 0
	forgive = 3s
END
emu unplug dongle
check 'held, it is unplugged' becomes "${at[dongle]}" gone
settled
gone_since() { jq .gone_ms "/run/replug/${at[dongle]}.json"; }
since=$(gone_since)
waited() { (($(awk '{ printf "%d", $1 * 1000 }' /proc/uptime) - since > 3100)); }
until_ 10 waited
bounced() { [[ $(gone_since) -gt $since ]]; }
udevadm control --stop-exec-queue
mark
emu plug dongle
happens 'dongle configured' >/dev/null
emu unplug dongle
udevadm control --start-exec-queue
check 'a contact that nobody looked at is on record as a removal' until_ 20 bounced
settled
absent() { jq .absent_ms "/run/replug/${at[dongle]}.json"; }
check 'with the absence before it' between "$(absent)" 3100 60000
mark
emu plug dongle
check 'that counts: it is recovered' becomes "${at[dongle]}" recovered
check 'by a reset' saw_times 1 'dongle reset'
settled
# Nobody looks at it for longer than that, for no run can begin: that was no absence.
emu unplug dongle
check 'it is unplugged' becomes "${at[dongle]}" gone
settled
ln -s /dev/null /run/systemd/system/replug@.service && systemctl daemon-reload
mark
emu plug dongle
happens 'dongle configured' >/dev/null
since=$(awk '{ printf "%d", $1 * 1000 }' /proc/uptime)
until_ 10 waited
since=$(gone_since)
emu unplug dongle
check 'plugged and unplugged, and no run' until_ 20 bounced
settled
rm /run/systemd/system/replug@.service && systemctl daemon-reload
check 'what was no absence is not on record as one' between "$(absent)" 1 3000
mark
emu plug dongle
check 'it is left alone' becomes "${at[dongle]}" held
check 'and not reset' saw_times 0 'dongle reset'
settled

# A busy udev sees the removal when the next device is in the port already.
configure </dev/null
check 'a person has it recovered' exits 0 replug recover capture
gone_at() { jq .gone_ms "/run/replug/${at[dongle]}.json"; }
before=$(gone_at)
udevadm control --stop-exec-queue
emu unplug dongle
mark
emu plug dongle
happens 'dongle configured' >/dev/null
udevadm control --start-exec-queue
handled() { equal "$(jq .dev "/run/replug/${at[dongle]}.json")" "$(<"/sys/bus/usb/devices/${at[dongle]}/devnum")"; }
check 'udev is late: the plug is handled' until_ 20 handled
settled
check 'it is recovered' is_state "${at[dongle]}" recovered
check 'and the removal before it is on record' between "$(gone_at)" $((before + 1)) 999999999
# udev is asked for a removal that was none: nobody is started for it. (It forgets the device for being asked: so this is last.)
asked() { udevadm test --action=remove "/sys/bus/usb/devices/${at[dongle]}" 2>&1; }
check 'nobody is started for the removal of a device that is there' eval '! asked | grep -q "replug gone"'
without_nodes() { unshare -m sh -c 'mount -t tmpfs none /dev/bus/usb && exec udevadm test --action=remove "$1"' - "$1" 2>&1; }
check 'but once its node is gone' eval 'without_nodes "/sys/bus/usb/devices/${at[dongle]}" | grep -q "replug gone"'
emu unplug-all
finish
