#!/bin/bash
# Checks the power of the emulator's ports and what depends on it against the kernel's own ways to switch a port.
# Runs in the virtual machine: tests/vm/run tests/vm/emu/power.sh
# shellcheck source=tests/vm/emu/lib.sh
. /bench/emu/lib.sh

# ---- `disable` ----
emu plug cam capture port=0 && ready cam
check 'disable says 0' equal "$(disable cam)" 0
mark
disable cam 1
check 'disable: the device notices' happens 'cam power-off'
check 'disable: the kernel has none' gone "$(dev cam)"
check 'disable: it stays away for 3 s, and disable says 1 whenever it is read' stays_away cam 3
check 'disable: no connection, no power' equal "$(hub status 1)" 'empty, dark'
check 'disable: nothing came back meanwhile' happened 'cam (plugged|returned|power-on|enumerated)' 0
start=$(millis)
disable cam 0
check 'disable: power is back' happens 'cam power-on'
check 'disable: the device is back' happens 'cam configured' 5
echo "# configured $(($(millis) - start)) ms after its power came back"
udevadm settle
check 'disable: pictures come' v4l2-ctl -d /dev/video0 --stream-mmap --stream-count=3 --stream-to=/dev/null
check 'disable: once each' happened 'cam (power-off|power-on|enumerated)' 3

# ---- by usbfs, where the kernel does not disconnect the device ----
mark
v4l2-ctl -d /dev/video0 --stream-mmap --stream-count=1000 --stream-to=/dev/null &>/dev/null &
happens 'cam stream [0-9]'
hub off 1
check 'usbfs: the device notices in the middle of a picture' happens 'cam power-off'
check 'usbfs: the kernel notices that it is gone' until_ 5 gone "$(dev cam)"
wait
check 'usbfs: it stays away' stays_away cam 3
check 'usbfs: no connection, no power' equal "$(hub status 1)" 'empty, dark'
hub on 1
check 'usbfs: power is back' happens 'cam power-on'
check 'usbfs: the device is back' happens 'cam configured' 5
check 'usbfs: once each' happened 'cam (power-off|power-on|enumerated)' 3
hub off 1 && hub off 1 && happens 'cam power-off' && mark && hub on 1
happens 'cam configured' && udevadm settle
check 'usbfs: off and on in haste' test -c /dev/video0
hub off 1 && disable cam 0 # a moment without power
check 'disable 0 after usbfs off' until_ 5 hub_says 1 'connected, powered'

# ---- in the middle of a reset ----
emu plug stick stick port=1 && ready stick
emu set stick unplug-on=0 stall-descriptors=20
mark
usbreset 1234:5678 &>/dev/null &
happens 'stick reset'
hub off 2
check 'in the middle of a reset: the device notices' happens 'stick power-off'
wait
check 'in the middle of a reset: it is gone' until_ 5 gone "$(dev stick)"
emu set stick stall-descriptors=0
mark
hub on 2
check 'in the middle of a reset: it is back' happens 'stick configured'

# ---- without power nothing returns ----
emu set stick drop-at-reset=5000 # usbreset takes a while to fail, on a busy machine
reset stick 1234:5678
happens 'stick dropped' && disable stick 1
check 'dropped: power off is told' happens 'stick power-off'
check 'dropped: it does not come back without power' stays_away stick 6
check 'dropped: nothing tried' happened 'stick returned' 0
mark
disable stick 0
check 'dropped: with power it does' happens 'stick configured'
emu set stick drop-at-reset=3000
reset stick 1234:5678
check 'away for 3 s' happens 'stick returned' 8
check '… really' between $(($(logged_at returned) - $(logged_at dropped))) 2900 8000
happens 'stick configured'
emu set stick drop-at-reset=0
reset stick 1234:5678
happens 'stick dropped' && until_ 5 gone "$(dev stick)"
disable stick 1 && happens 'stick power-off' && disable stick 0
check 'dropped for good: a power cycle brings it back' happens 'stick configured'

# ---- plugs and dark ports ----
disable stick 1
happens 'stick power-off'
check 'unplugged in the dark' emu unplug stick
mark
disable stick 0
check 'unplugged: power brings nothing' stays_away stick 1 0
disable stick 1
until_ 5 hub_says 2 'empty, dark'
mark
emu plug stick
check 'plugged into a dark port: nothing comes' stays_away stick 1
check 'plugged into a dark port: told' happened 'stick plugged' 1
disable stick 0
check 'plugged into a dark port: power brings it' happens 'stick configured'

# ---- what else lives on that power, and what does not ----
emu plug relay relay-serial && ready relay
exec 9<>"/dev/$(node relay)"
stty -F "/dev/$(node relay)" 9600 raw -echo
mark
printf '\xa0\x01\x01\xa2' >&9
happens 'relay closed 1'
port=${at[relay]#*-}
hub off "$port"
check "a relay's contact opens with its power" happens 'relay opened 1'
exec 9>&-
hub on "$port"
happens 'relay configured'
emu plug hid bridge && ready hid
emu set hid wedge=1
mark
disable hid 1 && happens 'hid power-off' && disable hid 0 && happens 'hid configured'
check "the chip lives on its target's" grep -q '^hid .* wedged' <(emu stats)
finish
