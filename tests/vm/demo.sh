#!/bin/bash
# The main job as a story: what was plugged, what replug did, what the device saw. Runs in the virtual machine;
# `make demo` starts it. Exits 0 only if every chapter ended as it should.
. /bench/lib.sh

if [[ ${1-} == colour ]]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' blue=$'\e[34m' off=$'\e[0m'
else
	bold='' dim='' red='' green='' yellow='' blue='' off=''
fi

chapter() { # what happens in the next lines
	mark
	printf '\n%s%s%s\n' "$bold" "$*" "$off"
}

# Two logs, one clock: the emulated device's own, and the journal.
timeline() {
	local begun
	settled
	begun=$(emu log --since "$mark" | awk 'NR == 1 { print $2 }')
	{
		emu log --since "$mark" | awk '{ t = $2; name = $3; event = $4; $1 = $2 = $3 = $4 = ""; sub(/^ +/, "")
			print t "\t" name "\t" event "\t" $0 }'
		journalctl -b -t replug -t replug-match -t replug-relay -o json --no-pager |
			jq -r 'select((.MESSAGE | type == "string") and .PRIORITY != "7") |
				[(.__MONOTONIC_TIMESTAMP | tonumber / 1000000), "replug", (.PRIORITY // "6"), .MESSAGE] | @tsv'
	} | sort -n -s -k1,1 | awk -F'\t' -v begun="$begun" -v dim="$dim" -v red="$red" -v green="$green" \
		-v yellow="$yellow" -v blue="$blue" -v off="$off" '
	function out(t, colour, who, text,    cut) {
		printf "  %s%8.0f ms%s  %s%-8s%s ", dim, (t - begun) * 1000, off, colour, who, off
		for (; length(text) > 92; text = substr(text, cut + 1)) {
			for (cut = 92; cut > 40 && substr(text, cut, 1) != " "; cut--);
			printf "%s\n%24s", substr(text, 1, cut), ""
		}
		print text
	}
	function flush() {
		if (asked > 0) out(asked_at, dim, asked_who, "asked GET_INFO " asked (asked > 1 ? " times" : " time") " while it starts: no answer yet")
		asked = 0
	}
	$1 < begun { next }
	{ who = $2; event = $3; text = $4 }
	who == "replug" { flush(); out($1, event <= 4 ? yellow : green, who, text); next }
	event == "plugged" || event == "returned" { flush(); out($1, blue, who, event == "plugged" ? "is plugged in" : "is back on the bus"); next }
	event == "unplugged" || event == "dropped" { flush(); out($1, blue, who, event == "dropped" ? "drops off the bus" : "is pulled out"); next }
	event == "reset" { out($1, "", who, "feels a bus reset"); next }
	event == "frame" && text ~ /^57 AB 00 0F/ { out($1, "", who, "hears " text); next }
	event == "frame" && text ~ /^57 AB 00 01/ { hold = $1; next }
	event == "suppressed" && text ~ /^01/ { if (!asked) asked_at = hold; asked++; asked_who = who; next }
	event == "ready" { flush(); out($1, "", who, "has restarted"); next }
	event == "answer" { flush(); out($1, "", who, "answers " text (text ~ /00 81 08/ ? " (GET_INFO: version, target, LEDs)" : "")); next }
	event == "closed" || event == "opened" { out($1, "", who, (event == "closed" ? "closes" : "opens") " contact " text); next }
	event == "report" { out($1, "", who, "hears " text); next }
	event == "wedged" { out($1, red, who, "is wedged: answers nothing any more"); next }
	'
}

verify() { # TEXT COMMAND…
	local what=$1 out
	shift
	n=$((n + 1))
	if out=$("$@" 2>&1); then
		printf '  %s✓%s %s\n' "$green" "$off" "$what"
	else
		printf '  %s✗ %s%s\n' "$red" "$what" "$off"
		sed 's/^/      /' <<<"$out"
		failures=$((failures + 1))
	fi
}

configure <<-'END'
	[device capture]
	symlink = kvmd-video
	then = hid

	[device hid]
	symlink = kvmd-hid

	[relay power]
	match = 16c0:05df
	pulse = 500ms

	[guard]
	cool-down = 0 # nobody plugs as fast as this demo
END
start_emulator

printf '%sreplug on Linux %s, systemd %s; the USB devices are virtual, the rest is not.%s\n' "$dim" "$(uname -r)" \
	"$(systemctl --version | awk 'NR == 1 { print $2 }')" "$off"
echo "${dim}Times are from the moment of the plug, under an emulated processor: a real box is several times faster.$off"

chapter '1. A capture dongle is plugged in.'
emu plug dongle capture >/dev/null
dongle=$(emu port dongle)
becomes "$dongle" recovered >/dev/null
timeline
verify 'recovered, without anybody asking' is_state "$dongle" recovered
verify 'reset exactly once' saw_times 1 'dongle reset'
verify '/dev/kvmd-video leads to it' v4l2-ctl -d /dev/kvmd-video --info

chapter '2. A serial adapter is plugged in; the CH9329 behind it hangs and answers nothing.'
emu plug bridge bridge wedge=1 >/dev/null
bridge=$(emu port bridge)
becomes "$bridge" recovered >/dev/null
timeline
verify 'recovered, without anybody asking' is_state "$bridge" recovered
verify 'the chip was reset once, and answered for itself' saw_times 1 'bridge frame 57 AB 00 0F 00 11 ok'
verify '/dev/kvmd-hid leads to it' test -c /dev/kvmd-hid

chapter '3. Both are pulled out, then plugged in together, as with a hub; `then = hid` asks for the chip after the dongle.'
emu unplug dongle >/dev/null
emu unplug bridge >/dev/null
becomes "$dongle" gone >/dev/null
verify 'their removal is on record' becomes "$bridge" gone
mark
emu plug dongle >/dev/null && emu plug bridge >/dev/null
becomes "$dongle" recovered >/dev/null
becomes "$bridge" recovered >/dev/null
timeline
verify 'both are recovered' equal "$(state "$dongle") $(state "$bridge")" 'recovered recovered'
verify 'each was reset once' equal "$(saw 'dongle reset') $(saw 'bridge reset')" '1 1'
verify 'the chip was initialised once, not twice' saw_times 1 'bridge frame 57 AB 00 0F 00 11 ok'

chapter '4. The chip hangs while nobody touches a plug; a person asks.'
emu set bridge wedge=1 >/dev/null
printf '  %s$ replug recover hid%s\n' "$bold" "$off"
replug recover hid >/dev/null
status=$?
timeline
verify 'recovered, exit status 0' equal "$status" 0

chapter '5. A dongle comes back from its reset as a slightly different device: the kernel drops it and adds it anew.'
emu unplug dongle >/dev/null
becomes "$dongle" gone >/dev/null
mark
emu set dongle change-descriptors=1 >/dev/null
emu plug dongle >/dev/null
becomes "$dongle" recovered >/dev/null
timeline
verify 'recovered under its new number' is_state "$dongle" recovered
verify 'no loop: reset exactly once' saw_times 1 'dongle reset'

chapter '6. A dongle with a bad contact drops off every three seconds: it is not reset for ever.'
replug recover capture >/dev/null # a person asked: what was counted before is forgiven
settled
mark
emu set dongle flap=3000,500 >/dev/null
becomes "$dongle" held 60 >/dev/null
emu set dongle flap=0 >/dev/null
timeline
verify 'left alone after at most three resets' between "$(saw 'dongle reset')" 1 3
verify 'and said so, once' equal "$(journal -t replug | grep -c 'left alone until')" 1

chapter '7. A button is pressed through a relay board, and the program that presses it is killed in the middle.'
emu plug board relay-hid >/dev/null
until_ 10 has_node board
udevadm settle
mark
printf '  %s$ replug-relay pulse power%s\n' "$bold" "$off"
replug-relay pulse power >/dev/null 2>&1 &
pulse=$!
happens 'board closed 1' >/dev/null
kill -KILL $pulse
wait $pulse 2>/dev/null
happens 'board opened 1' >/dev/null
happens_in_journal 'the command itself was killed'
timeline
held=$(held_for board 1)
verify "the button was let go on time: pressed for $held of 500 ms" between "$held" 480 600
verify 'and the board says so itself' exits 1 replug-relay get power

printf '\n%s$ replug status%s\n' "$bold" "$off"
replug status
if ((failures)); then
	printf '\n%s%d of %d points did not hold.%s\n' "$red" "$failures" "$n" "$off"
	exit 1
fi
printf '\n%sAll %d points held.%s\n' "$green" "$n" "$off"
