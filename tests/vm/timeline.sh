#!/bin/bash
# What the kernel, udev, systemd, replug and the devices themselves did in the first two chapters of the demo, one event a
# line: seconds since boot, who tells it, of what, what (tabs between them). Runs in the virtual machine; `make timeline`
# starts it and has timeline.awk draw what it prints.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh

stdbuf -oL udevadm monitor --kernel --udev --subsystem-match=usb --subsystem-match=video4linux --subsystem-match=tty \
	>/run/monitor &
monitor=$!
until_ 10 grep -q '^KERNEL' /run/monitor || { echo 'udevadm monitor does not start' >&2; exit 1; }
/bench/demo.sh >/run/demo || { cat /run/demo >&2; exit 1; }
kill $monitor

end=$(emu log | awk '$3 == "dongle" && $4 == "unplugged" { print $2; exit }')
{
	emu log | awk '{ t = $2; name = $3; $1 = $2 = $3 = ""; sub(/^ +/, ""); print t "\temu\t" name "\t" $0 }'
	sed -nE 's/^(KERNEL|UDEV) *\[([0-9.]+)\] +([a-z]+) +([^ ]+) .*/\2\t\1\t\4\t\3/p' /run/monitor | sed 's/KERNEL/kernel/; s/UDEV/udev/'
	journalctl -b -o json --no-pager -t systemd -t replug |
		jq -r 'select((.MESSAGE | type == "string") and .PRIORITY != "7" and
			(.SYSLOG_IDENTIFIER == "replug" or ((.UNIT // "") | startswith("replug@")))) |
			[(.__MONOTONIC_TIMESTAMP | tonumber / 1000000), "journal", .SYSLOG_IDENTIFIER, .MESSAGE] | @tsv'
} | awk -F'\t' -v end="$end" '$1 < end' | sort -n -s -k1,1
