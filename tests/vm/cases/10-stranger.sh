#!/bin/bash
# A device that no section takes is none of our business.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator

plug stick stick
check 'a stick is there' happens 'stick configured'
udevadm settle
plug dongle capture # when this one is done, so would be the other
check 'a dongle is recovered' healed dongle
settled
check 'no unit was started for the stick' equal "$(runs)" 1
check 'it was not reset' saw_times 0 'stick reset'
check 'it is not on record' equal "$(field "${at[stick]}" state)" ''
check 'nor has it a lock' equal "$(find /run/replug -type f -printf '%P\n')" "${at[dongle]}.json"$'\n'"${at[dongle]}.lock"
check 'list shows it, taken by nobody' equal \
	"$(replug list --json "usb=${at[stick]}" | jq -r '.[0] | "\(.id) \(.section) \(.state)"')" '1234:5678 null null'
emu unplug stick
settled
check 'its removal is not on record either' equal "$(field "${at[stick]}" state)" ''

emu unplug dongle
check 'a port whose device is gone' becomes "${at[dongle]}" gone
settled
emu plug stranger stick "port=$((${at[dongle]#*-} - 1))"
happens 'stranger configured' >/dev/null
udevadm settle
check 'that is on record of the one before, not of a stranger in its place' equal \
	"$(replug list --json "usb=${at[dongle]}" | jq -r '.[0] | "\(.id) \(.state)"')" '1234:5678 null'
finish
