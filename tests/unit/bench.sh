#!/bin/bash
# tests/bench/report.py: what holds, what is broken, and what was not measured are three exit statuses. TAP.
. "$(dirname "$0")/tap.bash"
figures() { # NAME VALUE…: one round of each
	while (($#)); do
		printf 'figure\t%s\t0\t%s\n' "$1" "$2"
		shift 2
	done
}
recovery() { # BY-HAND BY-PLUG PROCEDURE: milliseconds, on a floor of 500
	local kind name part
	for kind in fast usual; do
		figures "bare-dongle.$kind" 500 "bare-bridge.$kind" 300 "chip.$kind" 100 "hand.$kind" "$1" "plug.$kind" "$2" \
			"plug-kernel.$kind" 900
		for name in dongle hid; do
			for part in start exec run; do figures "plug-$part.$name.$kind" 1; done
		done
	done
	figures procedure.fast "$3" usbreset.usual 800 rule-kernel.usual 900 size.replug 1 size.replug-match 1 size.replug-relay 1 lines.src 1
}
report() { # STATUS: of what is in $tmp/figures
	local status=0
	python3 "$here/tests/bench/report.py" "$tmp/figures" "$tmp" recovery >"$tmp/out" 2>&1 || status=$?
	equal "$status" "$1" || { cat "$tmp/out"; return 1; }
}
verdict() { equal "$(grep -cE "$1.* $2\$" "$tmp/table.txt")" "$3"; } # PATTERN WORD TIMES

recovery 625 750 7500 >"$tmp/figures"
check 'all limits hold, and just so' report 0
check 'as the last line says' equal "$(tail -1 "$tmp/out")" '5 limits hold, 0 are broken'
check 'the table as JSON is one, with as many' equal "$(python3 -c 'import json, sys
print(sum(row["verdict"] == "holds" for row in json.load(open(sys.argv[1]))["table"]))' "$tmp/table.json")" 5
check 'the plot is XML' python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$tmp/plot.svg"
recovery 626 750 7600 >"$tmp/figures"
check 'by hand a millisecond too long' report 1
check 'is what is broken' verdict 'by hand to the floor' broken 2
check 'and no other' verdict '^.  ' broken 2
recovery 625 751 7500 >"$tmp/figures"
check 'a plug likewise' report 1
check 'is what is broken' verdict 'by plug to the floor' broken 2
recovery 625 750 7499 >"$tmp/figures"
check 'a limit from below' report 1
check 'is broken below it' verdict 'Python procedure to by hand' broken 1
recovery 625 750 7500 | grep -v usbreset >"$tmp/figures"
check 'a figure that is missing' report 2
check 'is named' grep -q 'usbreset.usual' "$tmp/out"
finish
