#!/bin/bash
# Every family of relay boards: switched, asked, listed; and what is no such board, contact or protocol.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[relay two]
	match = 16c0:05df product=USBRelay2
	channel = 2
	[relay one]
	match = 16c0:05df product=USBRelay1
	[relay four]
	match = 16c0:05df product=USBRelay4
	channel = 4
	[relay eight]
	match = 16c0:05df product=USBRelay8
	channel = 8
	[relay noyito]
	match = 5131:2007 usb=1-5
	protocol = lcus-hid
	channel = 2
	[relay fun]
	match = 0519:2018
	channel = 2
	[relay station]
	match = 067b:2303
	protocol = icse
	channel = 2
	[relay absent]
	match = 1234:5678
	protocol = lcus
END
r() { replug-relay "$@"; }
listed() { r list --json | jq -r --arg name "$1" --arg key "$2" '.[] | select(.name == $name) | .[$key]'; } # NAME KEY

# NAME BOARD CHANNEL: a board that can be asked.
tells() {
	mark
	check "$1: on" exits 0 r on "$1"
	check "$1: closed, says the board" exits 0 r get "$1"
	check "$1: listed as closed" equal "$(listed "$1" state)" closed
	check "$1: off" exits 0 r off "$1"
	check "$1: open, says the board" exits 1 r get "$1"
	check "$1: toggled" exits 0 r toggle "$1"
	check "$1: toggled back" exits 0 r toggle "$1"
	check "$1: the contact did just that" equal "$(moves "$2")" "closed $3, opened $3, closed $3, opened $3"
	check "$1: listed as open" equal "$(listed "$1" state) $(listed "$1" commanded)" 'open open'
}
# The same of one that cannot: nothing is a guess.
dumb() {
	mark
	check "$1: toggle has nothing to go by" exits 5 r toggle "$1"
	check "$1: on" exits 0 r on "$1"
	check "$1: nobody can tell" exits 5 r get "$1"
	check "$1: but what it was told is on record" equal "$(listed "$1" state) $(listed "$1" commanded)" 'unknown closed'
	check "$1: toggle goes by that" exits 0 r toggle "$1"
	check "$1: the contact did just that" equal "$(moves "$2")" "closed $3, opened $3"
	check "$1: it says so" grep -q 'does not say' <(r off "$1")
}

board hid2 relay-hid port=0
tells two hid2 2
mark
for verb in on off 'off --all' toggle; do
	# shellcheck disable=SC2086 # two words
	check "$verb: a dry run" exits 0 r $verb --dry-run two
done
check 'tells the board nothing' saw_times 0 'hid2 (report|closed|opened)'
for verb in on off toggle get; do
	check "$verb: another command has the board" exits 4 flock "/run/replug/relay/${at[hid2]}.board" replug-relay $verb two
done
check 'tells it nothing either' saw_times 0 'hid2 (report|closed|opened)'
board hid1 relay-hid channels=1 port=1
tells one hid1 1
board hid4 relay-hid channels=4 port=2
tells four hid4 4
board hid8 relay-hid channels=8 port=3
tells eight hid8 8
mark
for i in 1 3 8; do r on 16c0:05df\ product=USBRelay8 --channel=$i >/dev/null; done
check 'off --all opens what is closed' exits 0 r off eight --all
check 'and nothing else' equal "$(moves hid8)" 'closed 1, closed 3, closed 8, opened 1, opened 3, opened 8'
check 'of four boards of one ID, one has to be said' exits 2 r on 16c0:05df --channel=1
check 'none was touched' equal "$(moves hid1)$(moves hid2)$(moves hid4)" ''
check 'a channel that the board does not have is exit status 2' exits 2 r on "usb=${at[hid2]}" --channel=3
check 'with the number that it has' grep -q 'only 2' <(r on "usb=${at[hid2]}" --channel=3 2>&1)
check 'no channel at all' exits 2 r on "usb=${at[hid2]}"
check 'but of one contact it is clear' exits 0 r off "usb=${at[hid1]}"
mark
emu set hid2 eproto=3
check 'transfers that fail on the bus are repeated' exits 0 r on two
check 'until one does not' equal "$(saw 'hid2 eproto') $(moves hid2)" '3 closed 2'
emu set hid2 stuck=2
check 'a relay that is stuck is exit status 1' exits 1 r off two
check 'and said' grep -q 'stuck' <(r off two 2>&1)
emu set hid2 stuck=0
emu unplug-all

board noyito relay-lcus-hid channels=2 port=4
dumb noyito noyito 2
emu unplug noyito && board noyito
mkdir -p /etc/replug.conf.d
printf '[relay bytes]\nmatch = 5131:2007 usb=1-5\nprotocol = custom\nchannel = 2\non = A0 02 01 A3\noff = A0 02 00 A2\n' >/etc/replug.conf.d/bytes.conf
dumb bytes noyito 2
rm /etc/replug.conf.d/bytes.conf
board twin relay-lcus-hid port=5
mark
check 'an ID that does not decide is exit status 2' exits 2 r on usb=1-6 --channel=1
check 'and lists the choices' grep -q 'lcus-hid, custom' <(r on usb=1-6 --channel=1 2>&1)
check 'one of which may be said' exits 0 r on usb=1-6 --channel=1 --protocol=lcus-hid
check 'then it is switched' equal "$(moves twin)" 'closed 1'
board fun relay-ucreatefun channels=2 port=6
dumb fun fun 2
emu unplug-all

for model in 013:2 012:4 014:8; do
	board "icse${model%:*}" relay-icse model="${model%:*}" port=7
	mark
	check "ICSE ${model%:*}: on" exits 0 r on station
	check "ICSE ${model%:*}: the highest contact" exits 0 r on 067b:2303 --protocol=icse --channel="${model#*:}"
	check "ICSE ${model%:*}: off" exits 0 r off 067b:2303 --protocol=icse --all
	want="closed 2, closed ${model#*:}, opened 2, opened ${model#*:}"
	((${model#*:} > 2)) || want='closed 2, opened 2'
	check "ICSE ${model%:*}: just these" equal "$(moves "icse${model%:*}")" "$want"
	check "ICSE ${model%:*}: one handshake" saw_times 1 ' frame 51 ok'
	check "ICSE ${model%:*}: cannot tell" exits 5 r get station
	emu unplug "icse${model%:*}"
done
board icse013
mark
check 'asked, it is not even opened' exits 5 r get station
check 'nor listed' exits 0 r list
check 'so that nothing was said to it' saw_times 0 'icse013 (open|frame)'
check 'a board plugged anew is made ready anew' exits 0 r on station
check 'no contact beyond the last' exits 2 r on 067b:2303 --protocol=icse --channel=3
emu unplug icse013

serial() { # NAME PROTOCOL [KEY=VALUE…]: one section, for the port that the serial boards are plugged into
	local name=$1 protocol=$2
	shift 2
	{
		printf '[relay %s]\nmatch = 1a86:7523 usb=1-1\nprotocol = %s\n' "$name" "$protocol"
		printf '%s\n' "$@"
	} | configure
}
serial lcus lcus channel=2
board lc relay-serial port=0
check 'it is in the port that the sections name' equal "${at[lc]}" 1-1
tells lcus lc 2
serial lcus lcus channel=2 'baud = 19200'
emu set lc board-baud=19200
tells lcus lc 2
serial lcus lcus channel=2
emu set lc board-baud=9600
check 'nothing was sent that is no frame' saw_times 0 'lc garbage'
mark
r on lcus >/dev/null
check 'off --all of a board that does not say how many it has' equal "$(r off lcus --all)" 'lcus (1-1): all 2 open'
check 'tells each contact that it may have' saw_times 8 'lc frame A0 0[1-8] 00'
check 'opens what was closed' equal "$(moves lc)" 'closed 2, opened 2'
emu set lc query=0
emu unplug lc && board lc
dumb lcus lc 2
check 'a board that never answers is asked three times and no more' saw_times 3 'lc garbage FF'
emu unplug lc
serial diustou diustou channel=2
board dt relay-serial port=0 dialect=diustou
tells diustou dt 2
emu unplug dt
serial kmtronic kmtronic channel=2
board km relay-serial port=0 protocol=kmtronic
tells kmtronic km 2
serial asked custom 'on = FF 02 01' 'off = FF 02 00' 'status = FF 02 03' 'status-closed = FF 02 01' 'status-open = FF 02 00'
tells asked km 2
emu set km query=0
emu unplug km
serial kmtronic kmtronic channel=2
board km
dumb kmtronic km 2
emu unplug km
serial dtype custom 'on = D0 01' 'off = D0 00'
board d1 relay-serial port=0 protocol=dtype
dumb dtype d1 1
check 'of a custom board there is what sections have bytes for' exits 2 r on 'usb=1-1' --channel=3
check 'by the channel of one it is found' exits 0 r off 'usb=1-1' --channel=1
check 'and not all' exits 2 r off dtype --all

configure <<-END
	[relay lcus]
	match = 1a86:7523 usb=1-1
	protocol = lcus
	[relay absent]
	match = 1234:5678
	protocol = lcus
END
check 'a board that is not plugged is exit status 3' exits 3 r on absent
check 'also asked' exits 3 r get absent
check 'listed as absent' equal "$(listed absent state)" absent
check 'a section that is not there is exit status 2' exits 2 r on lcuz
check 'and the nearest is named' grep -q 'did you mean "lcus"' <(r on lcuz 2>&1)
check 'another ID' exits 3 r get 16c0:05df --channel=1
emu unplug-all
finish
