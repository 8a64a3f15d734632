#!/bin/bash
# early: early.sh
# Devices that are in their ports when the machine starts are recovered by coldplug.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh

at[dongle]=$(emu port dongle) at[hid]=$(emu port hid)
check 'the dongle is recovered' healed dongle
check 'the bridge is recovered' healed hid
settled
check 'one reset of the dongle' saw_times 1 'dongle reset'
check 'one reset of the bridge' saw_times 1 'hid reset'
check 'one RESET of the chip' saw_times 1 "hid $reset_frame"
check 'a unit each' equal "$(runs)" 2
check 'the system is up and well' equal "$(systemctl is-system-running)" running

mark
udevadm trigger --action=add --subsystem-match=usb
more_runs() { [[ $(runs) -ge 4 ]]; }
check 'another coldplug has its runs' until_ 20 more_runs
settled
check 'which do nothing' saw_times 0 '(dongle|hid) reset'
check 'nor does a change' exits 0 udevadm trigger --action=change --settle --subsystem-match=usb
settled
check 'to anything' saw_times 0 '(dongle|hid) reset'
finish
