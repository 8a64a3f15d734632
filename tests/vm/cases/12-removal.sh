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
