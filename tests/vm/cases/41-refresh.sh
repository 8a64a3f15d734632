#!/bin/bash
# `replug refresh`: what is due by `every` is recovered, one device after another, and only when nobody uses it.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
every() { # EVERY [KEY=VALUE…]
	configure <<-END
		[device capture]
		every = $1
		${2:-}
		[guard]
		max-resets = 20
	END
}
says() { # STATUS PATTERN COMMAND…
	local want=$1 pattern=$2
	shift 2
	if exits "$want" "$@" >/run/said 2>&1 && grep -qE -e "$pattern" /run/said; then return; fi
	cat /run/said
	return 1
}
refresh() { replug refresh "$@" >/run/said 2>&1; }
plan() { says 0 "^${at[$1]} capture .*: $2$" replug refresh --dry-run "${@:3}"; } # NAME PATTERN
due() { until_ 20 plan "$1" "${2:-due; would be recovered}" "usb=${at[$1]}"; }

plug one capture
plug two capture
plug hid bridge
for name in one two hid; do check "$name is recovered" becomes "${at[$name]}" recovered 30; done
settled
mark
check 'by default after six hours' plan one 'due in (5h 59min|6h 0min)'
check 'every device that has `every`, and no other' equal "$(replug refresh --dry-run | wc -l)" 2
check 'unless it is named' says 0 "^${at[hid]} hid .*: never due: its section has no .every.$" replug refresh --dry-run hid
check 'nothing is due: status 0' exits 0 replug refresh
check 'and nothing is said' equal "$(replug refresh 2>&1)" ''
check 'unless it is named: then when it is' says 0 "^${at[one]} capture .*: due in [0-9]" replug refresh "usb=${at[one]}"
check 'or that it never is' says 0 "^${at[hid]} hid .*: never due: its section has no .every.$" replug refresh hid
printf '[device capture]\nevery = 0\n' | configure
check 'one line turns it off' says 0 "^nothing is to be refreshed: no plugged device's section has .every.$" replug refresh --dry-run
check 'check shows it' grep -qE '^every = never +# /etc/replug.conf:2$' <(replug check)
check 'nothing was reset' saw_times 0 ' reset$'
check 'a selector that names nothing is status 3' says 3 'no device matches' replug refresh ffff:0001

every 1s
mark
check 'both are due' due one
check 'both are due' due two
check 'a dry run does nothing' saw_times 0 ' reset$'
check 'what is due is recovered' says 0 "^${at[one]} capture .*: recovered in" replug refresh
check 'each once' equal "$(saw 'one reset') $(saw 'two reset') $(wc -l </run/said)" '1 1 2'
check 'one after the other' in_order 'one reset' 'one configured' 'two reset' 'two configured'
# Beside each other, the second reset would have come before the first device was configured again.
check 'the bridge is left alone' saw_times 0 'hid reset'
check 'a selector limits it' due two
mark
check 'to that one' exits 0 replug refresh "usb=${at[two]}"
check 'the other is left alone' equal "$(saw 'one reset') $(saw 'two reset')" '0 1'

# --- in use
every 1h
mark
check 'not due again for its whole time' plan one 'due in 59min [0-9]+s'
check 'nothing is to be done' exits 0 replug refresh
check 'and not touched' saw_times 0 ' reset$'
every 1s
exec 7<"$(picture one)"
check 'who has it open is named' due one "due; in use by 41-refresh.sh \($$\).*: postponed"
mark
refresh "usb=${at[one]}"
check 'postponing is said' grep -qE "^${at[one]} capture .*: due, but in use by 41-refresh.sh \($$\).*: postponed" /run/said
check 'with status 0' exits 0 replug refresh "usb=${at[one]}"
refresh "usb=${at[one]}"
check 'but not at each tick' equal "$(</run/said)" ''
check 'it is not touched' saw_times 0 'one reset'
exec 7<&-
check 'once it is free it is done' says 0 'recovered in' replug refresh "usb=${at[one]}"
check 'by one reset' saw_times 1 'one reset'

every 3s 'busy = skip'
exec 7<"$(picture one)"
check 'busy = skip: due' due one 'due; in use by .*: skipped this time'
mark
refresh "usb=${at[one]}"
check 'busy = skip: said' grep -q 'in use by .*: left for another 3s' /run/said
exec 7<&-
refresh "usb=${at[one]}"
check 'busy = skip: it waits its whole time, free or not' equal "$(grep -c ': due in [23]s$' /run/said) $(wc -l </run/said) $(saw 'one reset')" '1 1 0'
check 'busy = skip: then it is due again' due one
check 'busy = skip: and done' says 0 'recovered in' replug refresh "usb=${at[one]}"

every 1s 'busy = reset'
exec 7<"$(picture one)"
check 'busy = reset: due' due one 'due; would be recovered, although in use by .*'
mark
check 'busy = reset: done' says 0 'recovered in' replug refresh "usb=${at[one]}"
check 'busy = reset: under their hands' saw_times 1 'one reset'
exec 7<&-

# --- left alone
every 1s
due one
mark
check 'another run has it: left to the next tick' exits 4 flock "/run/replug/${at[one]}.lock" replug refresh "usb=${at[one]}"
check 'and not touched' saw_times 0 ' reset$'
sed -i 's/max-resets.*/max-resets = 1\nwindow = 1h/' /etc/replug.conf
check 'reset too often of late: left alone' says 0 'left alone by the guard' replug refresh --dry-run "usb=${at[one]}"
check 'it is' exits 4 replug refresh "usb=${at[one]}"
check 'and not touched' saw_times 0 ' reset$'
check 'but not held for it' is_state "${at[one]}" recovered

every 2s
emu set one fail-resets=1 back-after=100000
due one
refresh "usb=${at[one]}"
check 'what fails is said' grep -q 'not recovered' /run/said
emu unplug one
plug one fail-resets=0
check 'and comes back at its next plug' healed one
settled

# --- told to stop
every 1s
due one
due two
mark
replug refresh >/dev/null 2>&1 &
happens 'one reset' >/dev/null
kill -TERM $!
wait $!
check 'who is told to stop begins with no other' saw_times 0 'two reset'
check 'and is heard by the one at work' exits 0 replug recover "usb=${at[one]}"

# --- a record that cannot be read
due one
mark
mv "/run/replug/${at[one]}.json" /run/record
mkdir "/run/replug/${at[one]}.json"
check 'what is on record cannot be read: nothing is done' says 1 "^${at[one]} capture .*: its record in /run/replug cannot be read" replug refresh "usb=${at[one]}"
check 'nor planned' says 1 'cannot be read' replug refresh --dry-run "usb=${at[one]}"
check 'and it is not reset' saw_times 0 'one reset'
rmdir "/run/replug/${at[one]}.json"
mv /run/record "/run/replug/${at[one]}.json"

# --- the timer
every 1s
check 'the timer runs' systemctl start replug-refresh.timer
check 'and is known' systemctl -q is-active replug-refresh.timer
due one
due two
ours() { journal -t replug -t systemd; }
before=$(ours | wc -l)
since() { ours | tail -n +$((before + 1)); }
mark
systemctl start replug-refresh.service
check 'its service recovers what is due' saw_times 1 'two reset'
both() { equal "$(since | grep -c 'recovered in')" 2; }
check 'the journal has a line for each device' until_ 10 both
check 'and none of systemd' equal "$(since | wc -l)" 2
systemctl stop replug-refresh.timer
finish
