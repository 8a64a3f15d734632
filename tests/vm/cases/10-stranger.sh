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

emu unplug stranger
settled
empty="usb=${at[dongle]}"
cp "/run/replug/${at[dongle]}.json" /run/before
check 'nothing is plugged: the dry run of an event says so' exits 3 replug recover --event --dry-run "$empty"
check 'and leaves its record as it is' cmp /run/before "/run/replug/${at[dongle]}.json"
for form in '' --json --metrics; do
	check "an empty port that is named is status 3${form:+ ($form)}" exits 3 replug health $form "$empty"
done
# A chip behind an adapter that no section takes: a person may ask it, at whatever rate it is.
configure <<<$'[device hid]\nmatch ='
plug bridge bridge baud=115200
happens 'bridge configured' >/dev/null
udevadm settle
check 'a chip that is nobody'\''s is found at its rate' grep -q 'CH9329 V1.8 at 115200 baud' <(replug ch9329 info "/dev/$(node bridge)")
settled
check 'and was left alone before' saw_times 0 "bridge (reset|$reset_frame)"

check 'list says that nothing is there' grep -q 'no device matches' <(replug list "$empty" 2>&1)
finish
