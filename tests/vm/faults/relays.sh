#!/bin/bash
# A contact is never left closed by a call that fails, and what is said of it is true: get has no answer rather than a wrong one.
# timeout: 1500
# Usage: relays.sh [N]: N of each kind of call (12; 0: all).
most=12
# shellcheck source=tests/vm/faults/engine.sh
. /bench/faults/engine.sh
configure <<-END
	[relay power]
	match = 16c0:05df usb=1-1
	pulse = 100ms
	[relay lamp]
	match = 16c0:05df usb=1-1
	channel = 2
	momentary = no
END
board hid relay-hid
# Its last move since the mark.
contact() { emu log --since "$mark" | awk -v n="$1" '$3 == "hid" && $4 ~ /^(closed|opened)$/ && $5 == n { s = $4 } END { print s }'; }
open() { [[ $(contact "$1") != closed ]]; }
nobody() { ! pgrep -x 'replug-(relay|hand).*' >/dev/null; }
no_press() { equal "$(find /run/replug/relay -name '*.press' -size +0)" ''; }
common_relay() {
	common
	until_ 5 nobody >/dev/null || echo 'a process is left'
	# A note that could not be struck off has the contact opened once more than it has to be.
	[[ $failed != *ftruncate* ]] || replug-relay release >/dev/null 2>&1
	until_ 5 no_press >/dev/null || { echo 'a press is on record still:'; cat /run/replug/relay/*.press; }
	for lock in /run/replug/relay/*; do flock -n "$lock" true || echo "$lock is locked"; done
}
switched() { # CHANNEL MOVE
	common_relay
	[[ $status != 0 || $(contact "$1") == "$2" ]] || echo "status 0, and the contact: '$(contact "$1")'"
}

is_on() { switched 2 closed; }
before() { replug-relay off lamp >/dev/null 2>&1; mark; }
sweep on is_on replug-relay on lamp
is_off() { switched 2 opened; }
before() { replug-relay on lamp >/dev/null 2>&1; mark; }
sweep off is_off replug-relay off lamp
is_closed() {
	common_relay
	((status != 1)) || echo 'it is said to be open'
}
sweep get is_closed replug-relay get lamp
before() { mark; }
listed() {
	common
	# Row by row, and why a state is unknown stands in its place.
	((status != 0)) || sed -E 's/ +/ /g' /run/out | grep -vE 'NODE$| unknown .*: .*' | grep -vxFf <(sed -E 's/ +/ /g' /run/good)
}
sweep list listed replug-relay list
is_pressed() {
	common_relay
	until_ 3 open 1 >/dev/null || echo 'IT IS PRESSED STILL'
	[[ $status != 0 || $(moves hid) == 'closed 1, opened 1' ]] || echo "status 0, and it did: $(moves hid)"
	((status != 0)) || between "$(held_for hid 1)" 80 600
}
sweep pulse is_pressed replug-relay pulse power

# Left pressed by a command and its hand that were both killed.
press() {
	mark
	replug-relay pulse power --for=5s >/dev/null 2>&1 &
	disown
	happens 'hid closed 1' >/dev/null
	pkill -STOP -x replug-relay
	pkill -KILL -x replug-hand
	pkill -KILL -x replug-relay
	until_ 5 nobody
}
is_released() {
	((status <= 5)) || echo "exit status $status"
	[[ $status == 0 || -s /run/out || -s /run/err ]] || echo "status $status without a word"
	[[ $status != 0 || $(contact 1) == opened ]] || echo 'status 0, and it is pressed'
	replug-relay release >/dev/null 2>&1
	until_ 3 open 1 >/dev/null || echo 'IT IS PRESSED STILL'
	until_ 5 no_press >/dev/null || echo 'a press is on record still'
}
before() { press; }
sweep release is_released replug-relay release
finish
