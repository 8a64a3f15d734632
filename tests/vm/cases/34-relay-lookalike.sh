#!/bin/bash
# Two CH340s that nothing tells apart but their ports: a CH9329 behind one, a relay board behind the other.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
# shellcheck disable=SC2034 # read by lib.sh
may_fail='?(replug@ exit-code)' # where there is no chip
warned() { replug check 2>&1 >/dev/null | grep -q '\[relay power\] and \[device hid\] both take 1a86:7523'; }

configure <<-END
	[device hid]
	match = 1a86:7523 usb=1-1
	reset = usb
	[relay power]
	match = 1a86:7523 usb=1-2
	protocol = lcus
	pulse = 200ms
END
check 'with ports there is no warning' not warned
emu plug hid bridge port=0 wedge=1 && at[hid]=$(emu port hid)
board lc relay-serial port=1
check 'the chip is initialised' healed hid
settled
check 'it saw one RESET' saw_times 1 "hid $reset_frame"
for _ in 1 2 3; do replug-relay pulse power; done >/dev/null
check 'the relay is pressed' equal "$(moves lc)" 'closed 1, opened 1, closed 1, opened 1, closed 1, opened 1'
check 'the chip saw nothing but its own frames' saw_times 0 'hid (garbage|frame .* (sum|timeout))'
check 'the relay was never sent a frame of the chip' saw_times 0 'lc (garbage|frame .*57 AB)'
check 'nor reset' saw_times 0 'lc reset'
check 'the chip by name is the chip' exits 0 replug ch9329 info hid
check 'all chips are the one' equal "$(replug ch9329 info 2>&1 | wc -l)" 1
check 'pressed while the chip is initialised' exits 0 eval 'replug recover hid >/dev/null & replug-relay pulse power && wait $!'
check 'the relay has heard no chip still' saw_times 0 'lc (garbage|frame .*57 AB)'
check 'nor the chip a relay' saw_times 0 'hid (garbage|frame .* (sum|timeout))'
check 'list shows whose each is' equal "$(replug list --json | jq -r '.[] | [.port, .section, .relay] | @csv' | tr '\n' ' ')" '"1-1","hid", "1-2",,"power" '
check 'the chip'\''s port is not to be had for relays' exits 2 replug-relay on usb=1-1 --channel=1 --protocol=lcus
check 'nothing was sent to it' saw_times 0 'hid (garbage|frame .* (sum|timeout))'

# Left pressed by a command and its hand that were both killed; then the chip is in that port.
mark
replug-relay pulse power --for=9s >/dev/null 2>&1 &
happens 'lc closed 1' >/dev/null
pkill -STOP -x replug-relay
pkill -KILL -x replug-hand
pkill -KILL -x replug-relay
wait
emu unplug-all
settled
cp /etc/replug.conf /run/with-ports
configure </dev/null
emu set hid port=1 && emu plug hid && happens 'hid configured' >/dev/null && udevadm settle
settled
mark
check 'a relay was left pressed, and the chip is in its port: release finds no board' exits 3 replug-relay release
check 'and says what is there' grep -q '\[device hid\] takes what is in its port for a CH9329' <(replug-relay release 2>&1)
check 'which was sent nothing' saw_times 0 'hid (garbage|frame A0)'
rm /run/replug/relay/1-2.1.press
cp /run/with-ports /etc/replug.conf

# In each other's ports.
emu unplug-all
settled
mark
emu set hid port=1 && emu set lc port=0
both_in() { emu plug lc && emu plug hid && happens 'lc configured' && happens 'hid configured' && udevadm settle && settled; } >/dev/null
both_in
check 'swapped: the relay gets no bytes of the chip from the relay program' exits 2 replug-relay pulse usb=1-1 --channel=1 --for=200ms
check 'swapped: and nothing moved' equal "$(moves lc)" ''

emu unplug-all
settled
configure <<-END
	[device hid]
	reset = usb
	[relay power]
	match = 1a86:7523
	protocol = lcus
END
check 'without a port there is a warning' warned
check 'which is no error' exits 0 replug check
check 'and it says what to write' grep -q 'match = 1a86:7523 usb=PORT' <(replug check 2>&1)
emu set hid port=0 && emu set lc port=1
mark
both_in
mark
check 'two that could be it: neither is pressed' exits 2 replug-relay pulse power --for=200ms
check 'none was sent anything' saw_times 0 '(hid|lc) (frame|garbage)'
emu unplug-all
settled
configure </dev/null
emu plug hid && emu plug lc && happens 'lc configured' >/dev/null && happens 'hid configured' >/dev/null && udevadm settle
check 'two CH340s and no section for either: check asks which has the chip' grep -q 'takes the devices in 1-1 and 1-2 by their ID' <(replug check 2>&1)

# By a link that udev made, which only its database knows.
settled
port=$(emu port hid)
tty=$(basename /sys/bus/usb/devices/"$port:1.0"/ttyUSB*)
for link in /dev/serial/by-path/*; do [[ $(readlink -f "$link") != "/dev/$tty" ]] || break; done
configure <<-END
	[device hid]
	match = $link
END
mark
check 'its link is there' test -L "$link"
check 'a chip that a link names is not to be had for relays' exits 2 replug-relay on "usb=$port" --channel=1 --protocol=lcus
check 'and was sent nothing' saw_times 0 'hid (frame|garbage)'
emu unplug-all
finish
