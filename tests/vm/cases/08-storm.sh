#!/bin/bash
# cpus: 2
# Devices that come back again and again: few resets, then peace; and how a port is forgiven.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
held_told() { journal -t replug | grep -c 'left alone until' || :; }

plug dongle capture reenumerate=1
check 'enumerated anew at every reset: it is recovered' healed dongle
settled
check 'by one reset' saw_times 1 'dongle reset'
check 'the dry run of an event would do nothing' grep -q '^[0-9].*: recovered already: nothing would be done$' <(replug recover --event --dry-run "usb=${at[dongle]}")
heard
check 'nothing was held' equal "$(held_told)" 0
emu set dongle reenumerate=0
emu unplug dongle

configure <<-END
	[guard]
	forgive = 20s
	cool-down = 0
END
mark
plug flapper capture flap=4000,700 # a slow machine, too, has to get as far as a reset in that time
check 'dropping off again and again: it is held in the end' becomes "${at[flapper]}" held 60
check 'after three resets at most' between "$(saw 'flapper reset')" 1 3
returns() { emu wait --since "$(emu mark)" --timeout 10 'flapper returned' >/dev/null; }
check 'it goes on dropping off' eval 'returns && returns'
settled
check 'and it stays at that' between "$(saw 'flapper reset')" 1 3
check 'one warning tells it' equal "$(held_told)" 1
check 'as a warning' equal "$(journal -t replug -p warning..warning | grep -c 'left alone until')" 1
check 'that says how to go on' journal_says "left alone until .*replug recover usb=${at[flapper]}"
check 'status says so, too' grep -q 'replug recover' <(field "${at[flapper]}" error)
check 'it drops off still' returns
emu set flapper flap=0
becomes "${at[flapper]}" held
settled
check 'its dry run says so' grep -q '^[0-9].*: reset too often of late: left alone by the guard$' <(replug recover --event --dry-run "usb=${at[flapper]}")
check 'another event is exit status 4' exits 4 replug recover --event "usb=${at[flapper]}"
mark
check 'a person is obeyed' exits 0 replug recover "usb=${at[flapper]}"
check 'by a reset' saw_times 1 'flapper reset'
check 'it is recovered' is_state "${at[flapper]}" recovered
emu unplug flapper
mark
emu plug flapper
check 'and all is forgiven: the next plug is handled' healed flapper
emu unplug flapper

# One reset is the limit from here on.
configure <<-END
	[guard]
	max-resets = 1
	cool-down = 0
	forgive = 5s
END
there() { [[ $(<"/sys/bus/usb/devices/${at[dongle]}/bConfigurationValue") == 1 ]]; }
hold() { # until the port is held
	until_ 10 there
	settled
	replug recover "usb=${at[dongle]}" >/dev/null
	emu unplug dongle
	mark
	emu plug dongle
	check "$1: two plugs are one too many" becomes "${at[dongle]}" held
	settled
	check "$1: no reset" saw_times 0 'dongle reset'
	emu unplug dongle
	becomes "${at[dongle]}" gone
}
emu plug dongle
hold 'unplugged for long'
sleep 5.2 # what is tested: empty for longer than `forgive`
mark
emu plug dongle
check 'unplugged for long: handled again' healed dongle
configure <<-END
	[guard]
	max-resets = 1
	cool-down = 0
	window = 12s
	forgive = 1h
END
hold 'quiet for long'
sleep 12.2 # no event for longer than `window`
mark
emu plug dongle
check 'quiet for long: handled again' healed dongle

# A person may also ask for the reset alone.
hold 'reset by hand'
emu plug dongle
check 'reset by hand: held still' becomes "${at[dongle]}" held
settled
check 'reset by hand: obeyed' exits 0 replug reset "usb=${at[dongle]}"
check 'reset by hand: it is held no longer' is_state "${at[dongle]}" recovered

# Plugged right after its reset.
configure <<-END
	[guard]
	cool-down = 1min
	forgive = 1h
END
again() { # [KEY=VALUE]
	emu unplug dongle
	becomes "${at[dongle]}" gone
	mark
	emu plug dongle "$@"
}
again
check 'reset just now: it is looked after' becomes "${at[dongle]}" recovered
settled
check 'reset just now: and only verified' equal "$(field "${at[dongle]}" action) $(saw 'dongle reset')" 'verify 0'
again sick=1 heals-on=reset
check 'reset just now: where that fails it is reset all the same' healed dongle
settled
check 'reset just now: once' saw_times 1 'dongle reset'
finish
