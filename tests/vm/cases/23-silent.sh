#!/bin/bash
# A device that the kernel gives up while it is still plugged: told apart from an unplugged one, and brought back by its
# port's power where its section allows that.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
# shellcheck disable=SC2034 # read by lib.sh
may_fail='replug-lost exit-code' # the one that cannot be started
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
starts() { journal -u replug-lost.service | grep -c '^Starting' || :; }
idle_looks() { equal "$(systemctl is-active replug-lost.service)" inactive; }
looks() { journal -u replug-lost.service | grep -c '^Finished' || :; }

give_up() { echo 1 >"/sys/bus/usb/devices/$port/remove"; } # what the kernel does in the end, without its tries before
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
watchers=()
for form in '' --json; do
	replug watch ${form:+"$form"} >"/run/watched$form" &
	watchers+=($!)
	check 'a watch waits' until_ 10 eval '[[ $(</proc/$!/syscall) == 271\ * ]]' # in ppoll
done
watched() { tail -n +$((${seen:-0} + 1)) /run/watched--json | jq -r 'select(.state) | .state' | uniq | tr '\n' ' '; } # after line $seen
mark
emu set dongle usb-silent=now
check 'silent: put on record' becomes "$port" silent 40
check 'silent: the hub still sees it' grep -q silent <(replug status "usb=$port")
check 'silent: it says what can be done' grep -q "plug it in again, or cut its power: .replug reset --method=power usb=$port. (.reset = usb, power." <(field "$port" error)
check 'silent: it is listed, as what it was, without nodes' grep -qE "^$port +534d:2109 +capture +silent +per port +[^/]*-$" <(replug list "usb=$port")
check 'silent: as an object, without a number' equal "$(replug list --json capture | jq -c '.[] | [.port, .state, .port_power, .nodes, .bus]')" \
	"[\"$port\",\"silent\",\"per port\",[],null]"
check 'silent: told once' equal "$(journal -t replug -p err | grep -c 'gone silent')" 1
check 'silent: watch tells it in a line' until_ 5 grep -qE "^[^ ]+ $port capture silent after [0-9]+ ms: gone silent: the kernel has given it up; unplug it" /run/watched
check 'silent: and as an object' equal "$(tail -1 /run/watched--json | jq -r '"\(.event) \(.state) \(.error[:11])"')" 'silent silent gone silent'
check 'silent: on a terminal it has its row' python3 /bench/terminal.py 24x80 "see=^$port +capture +silent .*gone silent" key=q end=0 -- \
	env TERM=xterm replug watch
# Whoever looks again finds what was found before: another note, and rounds of health, of which the second is due to heal.
seen=$(wc -l </run/watched--json) before=$(looks)
: >"/run/replug/lost/$port"
check 'silent: it is looked at again' until_ 20 eval '[[ $(looks) -gt $before ]]'
check 'silent: and silent still' is_state "$port" silent
for i in 1 2 3; do replug health --heal >/dev/null 2>&1; done
check 'silent: after three rounds of health, too' is_state "$port" silent
check 'silent: it was nothing else meanwhile' eval '[[ "$(watched)" =~ ^(busy silent )+$ ]] || { watched; false; }'
kill "${watchers[@]}"
settled
check 'silent: recover by hand is exit status 1' exits 1 replug recover "usb=$port"
check 'by its section, too' exits 1 replug recover capture
check 'a reset by a method that needs a device says so' eval 'said=$(replug reset "usb=$port" 2>&1); [[ $? == 1 && $said == *"given it up"* ]]'
check 'its record outlives that' is_state "$port" silent
# A run that is ended while it waits for the device to come back has not seen it unplugged.
sed -i 's/timeout = 2s/timeout = 30s/' /etc/replug.conf
replug recover capture >/run/recover 2>&1 &
pid=$!
check 'silent: a run by hand waits for it' until_ 20 record_says "$port" busy
kill -INT "$pid"
wait "$pid"
check 'silent: ended by a signal it is exit status 1' equal $? 1
check 'silent: and it is silent still' is_state "$port" silent
check 'silent: as the list says' grep -q '^1-.* silent ' <(replug list capture)
settings usb

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
give_up
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
give_up
check 'the first time its power is cut' brought_back
settled
mark
give_up
check 'again and again: it is silent' becomes "$port" silent 40
left_alone() { field "$port" error | grep 'left alone until'; }
check 'and left alone' until_ 20 left_alone
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

# A stranger in its port: left its power, and not taken for the one that is lost.
powered() { saw_times 0 'power-off'; }
stranger() { emu plug stick stick "port=$((${port#*-} - 1))" && happens 'stick configured' >/dev/null && udevadm settle; }
usable() { replug health "usb=$port"; }
settings usb
settled
give_up
check 'stranger: silent before' becomes "$port" silent 40
settings 'usb, power'
emu unplug dongle
mark
stranger
check 'stranger: plugged instead of it, what was said of that holds no longer' equal "$(field "$port" state) $(field "$port" error)" 'none null'
before=$(looks)
: >"/run/replug/lost/$port"
check 'stranger: a note of the lost one is dealt with' until_ 20 eval '[[ $(looks) -gt $before ]]'
check 'stranger: nobody takes it for that' exits 3 replug recover capture
for i in 1 2; do replug health --heal >/dev/null 2>&1; done
check 'stranger: its power was left alone' powered
check 'stranger: it is usable' usable
emu unplug stick
check 'stranger: unplugged, too: the lost one is gone' until_ 10 is_state "$port" gone
settled

configure <<<$'[device capture]\nreset = usb, power\ntimeout = 60s\n[guard]\nmax-resets = 20'
replug_back
emu set dongle usb-silent=now
check 'stranger: while the lost one is waited for' until_ 30 eval 'record_says "$port" busy && ! [[ -e /sys/bus/usb/devices/$port ]]'
: >/run/replug/lost/1-5
check 'stranger: nobody else has to wait for that' until_ 10 eval '! [[ -e /run/replug/lost/1-5 ]]'
emu unplug dongle
mark
stranger
check 'stranger: the wait is over' until_ 20 record_says "$port" gone
check 'stranger: of the lost one it is on record' equal "$(field "$port" id) $(field "$port" section)" '534d:2109 capture'
settings 'usb, power'
check 'stranger: nobody looks any more' until_ 20 idle_looks
before=$(starts)
emu set stick usb-silent=now
happens 'stick silent' >/dev/null
check 'stranger: silent itself' until_ 20 eval '! [[ -e /sys/bus/usb/devices/$port ]]' 
settled
check 'stranger: which is nobody'\''s business' equal "$(starts) $(ls /run/replug/lost) $(field "$port" state)" "$before  gone"
check 'stranger: nor was its power touched' powered
emu unplug stick
settled
replug_back

# Unplugged while it is silent: no event tells it.
settings usb
give_up
becomes "$port" silent 40
emu unplug dongle
check 'unplugged while silent: a round of health says so' grep -q 'unplugged' <(replug health "usb=$port")
check 'unplugged while silent: who only looks changes nothing' is_state "$port" silent
check 'unplugged while silent: the timer'\''s round notes it' exits 1 replug health --heal
check 'unplugged while silent: it is gone' is_state "$port" gone
check 'unplugged while silent: the next round has nobody to ask' exits 0 replug health --heal
settings 'usb, power'
replug_back

# While the configuration is broken, nobody can say what may be done; what is the matter is noted all the same.
configure <<<'[gaurd]'
before=$(starts)
mark
give_up
check 'broken configuration: it is silent' becomes "$port" silent 40
: >/run/replug/lost/1-5
check 'broken configuration: the next note is taken' until_ 20 eval '! [[ -e /run/replug/lost/1-5 ]]'
settled
check 'broken configuration: they are looked at' until_ 20 idle_looks
check 'broken configuration: one start for each note' equal $(($(starts) - before)) 2
check 'broken configuration: notes are waited for' systemctl -q is-active replug-lost.path
check 'broken configuration: its power was left alone' powered
settings 'usb, power'
check 'repaired: the next round of health finds it' exits 1 replug health --heal
replug health --heal >/dev/null 2>&1
check 'repaired: and the one after it brings it back' brought_back

# When what looks at the notes cannot be started, it is not tried as fast as it fails.
settled
mkdir -p /run/systemd/system/replug-lost.service.d
printf '%s\n' '[Service]' ExecStart= ExecStart=/nowhere >/run/systemd/system/replug-lost.service.d/nowhere.conf
systemctl daemon-reload
before=$(starts)
: >/run/replug/lost/1-5
check 'cannot be started: it is tried again' until_ 30 eval '(($(starts) >= before + 2))'
check 'cannot be started: not at once' between "$(journal -u replug-lost.service -o json | jq -s 'map(select(.MESSAGE | startswith("Starting")))[-2:] |
	map(.__MONOTONIC_TIMESTAMP | tonumber) | (.[1] - .[0]) / 1000 | floor')" 4000 20000
rm -r /run/systemd/system/replug-lost.service.d
systemctl daemon-reload
check 'can be: it is dealt with' until_ 20 eval '! [[ -e /run/replug/lost/1-5 ]]'

# A port of which nothing is known.
check 'an empty port' eval 'said=$(replug recover usb=1-5 2>&1); [[ $? == 3 && $said == *"1-5: nothing is plugged there"* ]]'
check 'its power' exits 3 replug reset --method=power usb=1-5
finish
