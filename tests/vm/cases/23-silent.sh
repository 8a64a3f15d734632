#!/bin/bash
# A device that the kernel gives up while it is still plugged: told apart from an unplugged one, and brought back by its
# port's power where its section allows that.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
settings() { # METHODS
	configure <<-END
		[device capture]
		reset = $1
		timeout = 2s
		power-off = 500ms
		[guard]
		max-resets = 20
	END
}
settings usb
plug dongle capture
healed dongle
settled
port=${at[dongle]}
looks() { journal -u replug-lost.service | grep -c '^Finished' || :; }

brought_back() { happens 'dongle power-on' 60 && becomes "$port" recovered 30; }

# Unplugged is unplugged.
before=$(looks)
emu unplug dongle
check 'its removal is looked at' until_ 20 eval '[[ $(looks) -gt $before ]]'
check 'unplugged: it is gone' is_state "$port" gone
check 'unplugged: nothing is said' not journal_says silent
replug_back() { emu plug dongle && healed dongle && settled; }
replug_back

# It falls silent by itself, and its section has nothing for that.
mark
emu set dongle usb-silent=now
check 'silent: put on record' becomes "$port" silent 40
check 'silent: the hub still sees it' grep -q silent <(replug status "usb=$port")
check 'silent: it says what can be done' grep -q 'unplug it and plug it in again, or give its section' <(field "$port" error)
check 'silent: told once' equal "$(journal -t replug -p err | grep -c 'gone silent')" 1
settled
check 'silent: recover by hand is exit status 1' exits 1 replug recover "usb=$port"
check 'by its section, too' exits 1 replug recover capture
check 'a reset by a method that needs a device says so' eval 'said=$(replug reset "usb=$port" 2>&1); [[ $? == 1 && $said == *"given it up"* ]]'
check 'its record outlives that' is_state "$port" silent

# Whoever may cut the power is obeyed.
mark
check 'power by hand' exits 0 replug reset --method=power "usb=$port"
check 'it was cured by it' in_order 'dongle power-off' 'dongle power-on' 'dongle configured'
check 'and is recovered' is_state "$port" recovered
settled

# By itself, where its section allows it.
settings 'usb, power'
mark
emu set dongle usb-silent=now
check 'with power: it is brought back' brought_back
check 'with power: off and on' in_order 'dongle silent' 'dongle power-off' 'dongle power-on' 'dongle configured'
check 'with power: on record' equal "$(field "$port" action)" power
settled
mark
emu set dongle usb-silent=1 # at the next reset
check 'silent by the reset: recovered all the same' exits 0 replug recover "usb=$port"
check 'silent by the reset: by power' equal "$(field "$port" action)" reset+power
check 'silent by the reset: that is said' journal_says 'usb did not help: not back .*; trying power'
settled

# By a selector, for a person.
settings usb
mark
emu set dongle usb-silent=now
becomes "$port" silent 40
settings 'usb, power'
check 'a section names its lost device' exits 0 replug recover capture
check 'which is recovered' is_state "$port" recovered
settled

# Under the guard.
configure <<-END
	[device capture]
	reset = usb, power
	timeout = 2s
	power-off = 500ms
	[guard]
	max-resets = 2
	cool-down = 0
	forgive = 1h
END
mark
emu set dongle usb-silent=now
check 'the first time its power is cut' brought_back
settled
mark
emu set dongle usb-silent=now
check 'again and again: it is silent' becomes "$port" silent 40
check 'and left alone' until_ 20 grep -q 'left alone until' <(field "$port" error)
check 'its power is not cut' saw_times 0 'dongle power-off'
check 'a person is obeyed' exits 0 replug recover "usb=$port"

# Plugged back while we wait for it.
settings 'usb, power'
settled
emu set dongle usb-silent=now
until_ 20 not test -e "/sys/bus/usb/devices/$port/idVendor"
emu unplug dongle
mark
emu plug dongle usb-silent=0
this_one() { [[ $(jq -r '"\(.state) \(.dev)"' "/run/replug/$port.json") == "recovered $(<"/sys/bus/usb/devices/$port/devnum")" ]]; }
check 'plugged anew: this very device is recovered' until_ 30 this_one
check 'plugged anew: without its power being cut' saw_times 0 'dongle power-off'

# A port of which nothing is known.
check 'an empty port' eval 'said=$(replug recover usb=1-5 2>&1); [[ $? == 3 && $said == *"1-5: nothing is plugged there"* ]]'
check 'its power' exits 3 replug reset --method=power usb=1-5
finish
