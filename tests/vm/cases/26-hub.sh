#!/bin/bash
# qemu: -device qemu-xhci,id=x -device usb-hub,bus=x.0,port=1,port-power=on -device usb-hub,bus=x.0,port=2 -device usb-kbd,bus=x.0,port=1.2 -device usb-kbd,bus=x.0,port=2.3
# Hubs that are not ours: QEMU's, one of which switches each port and the other none.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator # for its log, which is empty
# shellcheck disable=SC2034 # read by lib.sh
may_fail='?(replug@ exit-code)' # where nothing can be switched
modprobe -a xhci_pci usbhid
configure <<-END
	[device keyboard]
	match = usb=1-1.2, usb=1-2.3
	reset = power
	expect = input
	timeout = 5s
	power-off = 500ms
END
there() { [[ -e /sys/bus/usb/devices/$1/product ]]; }
check 'the keyboards are there' eval 'until_ 15 there 1-1.2 && until_ 15 there 1-2.3'
settled
power_of() { replug list --json "usb=$1" | jq -r '.[0].port_power'; }
check 'one hub switches each port' equal "$(power_of 1-1.2)" 'per port'
check 'the other none' equal "$(power_of 1-2.3)" none
check 'nor does the root hub' equal "$(power_of 1-1)" none

before=$(<"/sys/bus/usb/devices/1-1.2/devnum")
check 'power: the keyboard is back' exits 0 replug recover usb=1-1.2
check 'as another one' test "$(<"/sys/bus/usb/devices/1-1.2/devnum")" != "$before"
check 'by power' equal "$(field 1-1.2 action)" power
check 'its port is on' equal "$(cat /sys/bus/usb/devices/1-1:1.0/1-1-port2/disable)" 0
settled

before=$(<"/sys/bus/usb/devices/1-2.3/devnum")
said=$(replug recover usb=1-2.3 2>&1) status=$?
check 'no switching: exit status 1' equal "$status" 1
check 'no switching: it says why' grep -q 'refused: hub 1-2 cannot switch the power of its ports' <<<"$said"
check 'no switching: the keyboard was left alone' equal "$(<"/sys/bus/usb/devices/1-2.3/devnum")" "$before"
check 'by hand, too' eval 'said=$(replug reset --method=power usb=1-2.3 2>&1); [[ $? == 1 && $said == *refused* ]]'
check 'what was refused counts as no reset' equal "$(jq '.resets | length' /run/replug/1-2.3.json)" 0

# Lost there: what its section has for that is refused, and it stays what it is, whoever looks again.
sed -i 's/timeout = .*/timeout = 1s/' /etc/replug.conf
looks() { journal -u replug-lost.service | grep -c '^Finished' || :; }
echo 1 >/sys/bus/usb/devices/1-2.3/remove # the kernel gives it up, and it is plugged still
check 'lost where nothing is switched: silent' until_ 30 record_says 1-2.3 silent
check 'lost where nothing is switched: it says why' grep -q 'gone silent: refused: hub 1-2 cannot switch .*unplug it' <(field 1-2.3 error)
before=$(looks)
: >/run/replug/lost/1-2.3
check 'lost where nothing is switched: it is looked at again' until_ 20 eval '[[ $(looks) -gt $before ]]'
check 'lost where nothing is switched: and silent still' is_state 1-2.3 silent
for i in 1 2; do replug health --heal usb=1-2.3 >/dev/null 2>&1; done
check 'lost where nothing is switched: after two rounds of health, too' is_state 1-2.3 silent
check 'lost where nothing is switched: no reset is counted' equal "$(jq '.resets | length' /run/replug/1-2.3.json)" 0

# What goes with a hub that is taken away is unplugged, not silent.
before=$(looks)
echo 0 >/sys/bus/usb/devices/usb1/bConfigurationValue
check 'a hub that goes takes its devices along' until_ 20 record_says 1-1.2 gone
check 'which is looked at' until_ 20 eval '[[ $(looks) -gt $before && ! -e /run/replug/lost/1-1.2 ]]'
settled
check 'which are gone' is_state 1-1.2 gone
heard
check 'and not silent' not journal_says '1-1\.2 .*gone silent'
echo 1 >/sys/bus/usb/devices/usb1/bConfigurationValue
check 'they come back' until_ 20 there 1-1.2
until_ 30 record_says 1-1.2 recovered
settled
finish
