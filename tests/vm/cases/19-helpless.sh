#!/bin/bash
# A chip that cannot be helped: the run fails, and says where to look.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
# shellcheck disable=SC2034 # read by lib.sh
may_fail='replug@ exit-code' # each of its plugs
configure <<-END
	[device hid]
	reset = usb
	attempts = 2
	ready = 1s
	[guard]
	forgive = 0
END

plug hid bridge
check 'a good chip is recovered' healed hid
settled
says() { field "${at[hid]}" error | grep -qE -e "$1" || { field "${at[hid]}" error; return 1; }; }
fails() { # DESCRIPTION KEY=VALUE
	emu unplug hid
	mark
	emu plug hid "$2"
	check "$1: the plug fails" ends hid failed 30
	settled
	check "$1: the error names the wiring" says 'check its wiring .*ground'
	check "$1: and the rate" says 'rate .*1200 to 115200'
	check "$1: and that nobody else has the tty" says 'no other process has the tty open'
	check "$1: by hand, it is exit status 1" exits 1 replug recover hid
	sleep 100 <>"/dev/$(node hid)" & # somebody else has it
	check "$1: the chip alone, too" exits 1 replug ch9329 reset hid
	check "$1: that somebody is named" says "also open in sleep \($!\)"
	kill $!
	wait $! 2>/dev/null
	emu set hid "${2%=*}=0"
}
fails 'dead chip' dead=1
fails 'garbage' garbage=1
check 'garbage: that is told apart from silence' says 'no CH9329 answer'
mark
check 'and when all is well again, so is a recovery by hand' exits 0 replug recover hid
check 'the error is gone' equal "$(field "${at[hid]}" error)" null
finish
