#!/bin/bash
# shellcheck disable=SC2317 # check is the caller
# The README's picture: drawn to scale, readable for those who cannot see it, and of the run that is on record.
. "$(dirname "$0")/tap.bash"
svg=$here/packaging/doc/timeline.svg record=$here/tests/vm/timeline.tsv

draw() { awk -f "$here/tests/vm/timeline.awk" "$@"; }
line() { printf '%s\t%s\t%s\t%s\n' "$@"; }
# A device's plug at second $1, with a reset in the middle of the second until it is recovered.
recovery() { # SECOND NAME PORT NODE
	local path=/devices/hcd/usb1/$3
	line "$1.0" emu "$2" plugged
	line "$1.1" kernel "$path" add
	line "$1.2" udev "$path" add
	line "$1.2" kernel "$path/$3:1.0/$4" add
	line "$1.25" journal systemd "Starting replug@x.service - Recover the USB device at /sys$path..."
	line "$1.5" emu "$2" reset
	line "$1.6" kernel "$path/$3:1.0/$4" remove
	line "$1.8" kernel "$path/$3:1.0/$4" add
	line "$(($1 + 1)).0" journal replug "$3 x: recovered in 750 ms (<usb> 300)"
}
both() { recovery 3 dongle 1-1 video0; recovery 5 bridge 1-2 ttyUSB0; }
# Where the first mark of a colour is: the x of circles or rectangles.
circles() { sed -nE 's/^<circle cx="([0-9.]+)".*fill="'"$1"'".*/\1/p' "$tmp/svg" | head -2 | tr '\n' ' '; }
bars() { sed -nE 's/^<rect x="([0-9.]+)" y="[0-9.]+" width="([0-9.]+)".*fill="'"$1"'".*/\1+\2/p' "$tmp/svg" | head -1; }
# Every element that is opened is closed, in order, and no text holds what would be markup.
well_formed() {
	tr '\n' ' ' <"$1" | sed -E 's/<style>[^<]*<\/style>//; s/</\n</g' | awk '
		/^<\// { sub(/^<\//, ""); sub(/>.*/, ""); if (open[depth--] != $0) { print "closed: " $0; bad = 1 }; next }
		/^<[a-z]+[^<>]*\/> *$/ { next }
		/^<[a-z]+[ >]/ { name = $1; sub(/^</, "", name); sub(/>.*/, "", name); open[++depth] = name; seen++; next }
		NF { print "stray: " $0; bad = 1 }
		/&/ && !/&(amp|lt|gt);/ { print "entity: " $0; bad = 1 }
		END { exit bad || depth || !seen }'
}

both >"$tmp/record"
check 'a record of two recoveries is drawn' eval 'draw "$tmp/record" >"$tmp/svg"'
# From x 92, 764 px for 1040 ms.
check 'a mark stands where its time is' equal "$(circles '#0969da')" '92.0 459.3 '
check 'a bar begins and ends where its times are' equal "$(bars '#9a6700')" '165.5+73.5'
check 'a run goes from its start to the line in the journal' equal "$(bars '#1a7f37')" '275.7+551.0'
check 'each has an axis in ms' equal "$(sed -nE 's/^<text x="([0-9.]+)".*>200 ms<.*/\1/p' "$tmp/svg" | tr '\n' ' ')" '238.9 238.9 '
check 'what would be markup is text' grep -q '(&lt;usb&gt; 300)' "$tmp/svg"
check 'it is well-formed' well_formed "$tmp/svg"
without() { grep -v "$1" "$tmp/record" >"$tmp/part"; ! draw "$tmp/part" >"$tmp/svg" 2>"$tmp/err" && holds "$(<"$tmp/err")" "$2"; }
check 'without a plug there is no picture' without 'dongle.plugged' 'no plug of dongle'
check 'nor without a recovery' without '1-2 x: recovered' 'bridge was not recovered'
check 'nor without a run' without 'Starting.*1-1' 'has not started a run for dongle'

check 'the picture is of the run on record' equal "$(draw "$record")" "$(<"$svg")"
check 'it is well-formed, too' well_formed "$svg"
check 'it has a title and a description' eval 'grep -q "<title id=\"title\">.*</title>" "$svg" && grep -q "<desc id=\"desc\">.*recovered in.*</desc>" "$svg"'
check 'it is small' eval '(($(wc -c <"$svg") < 15000))'
check 'the README shows it, and says in words what is in it' grep -qE '^!\[[^]]{40,}\]\(packaging/doc/timeline.svg\)$' "$here/README.md"
quoted() { local line; while read -r line; do grep -qF -- "    $line" "$here/README.md" || { echo "$line"; return 1; }; done; }
check 'and the lines that it quotes are those of that run' quoted < <(grep -oE '[^	]*: recovered in .*' "$record" | head -2)
finish
