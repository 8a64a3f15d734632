#!/bin/bash
# A dongle is plugged whose section says `then = hid`: the chip on another port is initialised after it.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device capture]
	then = hid
	[guard]
	forgive = 0
END

plug hid bridge
check 'the bridge is recovered' healed hid
settled
emu set hid wedge=1
mark
plug dongle capture
check 'the dongle is recovered' healed dongle
check 'then the chip hears RESET' happens "hid $reset_frame"
check 'and is well' happens 'hid answer 57 AB 00 81'
settled
check 'first the dongle, then the chip' in_order 'dongle reset' 'dongle configured' "hid $reset_frame" 'hid ready'
check 'one RESET' saw_times 1 "hid $reset_frame"
check 'one reset of the dongle' saw_times 1 'dongle reset'
check 'none of the bridge' saw_times 0 'hid (reset|configured)'
check 'it is on record' equal "$(field "${at[hid]}" state) $(field "${at[hid]}" action)" 'recovered init'
check 'no unit was started for the bridge' equal "$(runs)" 2

mark
check 'by hand it is the same' exits 0 replug recover capture
check 'first the dongle, then the chip' in_order 'dongle reset' 'dongle configured' "hid $reset_frame" 'hid ready'
check 'one RESET' saw_times 1 "hid $reset_frame"
check 'none of the bridge' saw_times 0 'hid reset'

configure <<-END
	[device capture]
	then = usb=${at[hid]}
END
emu set hid wedge=1
mark
check 'a port will do as well' exits 0 replug recover capture
check 'the chip behind it hears RESET' saw_times 1 "hid $reset_frame"

settled
started=$(runs)
mark
udevadm trigger --settle --action=add "/sys/bus/usb/devices/${at[dongle]}"
check 'another event of a dongle that is well has its run' until_ 20 eval '[[ $(runs) -gt $started ]]'
settled
check 'which leaves the chip alone, too' saw_times 0 "hid $reset_frame"
check 'and both as they were' equal "$(field "${at[dongle]}" state) $(field "${at[hid]}" state)" 'recovered recovered'

emu set hid dead=1
configure <<-END
	[device capture]
	then = hid
	[device hid]
	attempts = 1
	ready = 500ms
END
mark
check 'a dead chip behind then makes it exit status 1' exits 1 replug recover capture
check 'the dongle itself is recovered' is_state "${at[dongle]}" recovered
check 'the bridge is what failed' is_state "${at[hid]}" failed
emu unplug hid
check 'a chip that is not there makes no difference' exits 0 replug recover capture
finish
