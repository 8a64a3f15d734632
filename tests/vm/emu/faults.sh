#!/bin/bash
# Checks the faults of devices that are on the bus (faults.h) by what the kernel makes of them.
# Runs in the virtual machine: tests/vm/run tests/vm/emu/faults.sh
# shellcheck source=tests/vm/emu/lib.sh
. /bench/emu/lib.sh

authorized() { echo "$2" >"$(dev "$1")/authorized"; } # NAME 0|1
video() { compgen -G "$(dev cam):1.0/video4linux/video*" >/dev/null; }
no_video() { ! video; }
ask() { hub ask "$(dev "$1")"; }

# ---- silent: connected, and no device ----
emu plug cam capture port=0 && ready cam
emu set cam usb-silent=1
check 'usb-silent=1: until a reset all is well' v4l2-ctl -d /dev/video0 --stream-mmap --stream-count=2 --stream-to=/dev/null
reset cam 534d:2109
check 'usb-silent: the reset fails' grep -q failed <<<"$said"
check 'usb-silent: told once' happened 'cam (reset|silent)' 2
check 'usb-silent: the kernel removes it' until_ 15 gone "$(dev cam)"
check 'usb-silent: its port reports a connection' equal "$(hub status 1)" 'connected, powered'
echo "# the kernel is done with it $(($(awk '{ print int($1 * 1000) }' /proc/uptime) - $(logged_at silent))) ms after it fell silent"
check 'usb-silent: nothing changes by itself' stays_away cam 2 0
check 'usb-silent: it is on the bus all the same' grep -q '^cam .* on ' <(emu stats)
check 'usb-silent: plugged in already' equal "$(emu plug cam 2>&1)" 'emu: cam is plugged in already'
mark
disable cam 1 && happens 'cam power-off' && stays_away cam 1 && disable cam 0
check 'usb-silent: a power cycle cures it' happens 'cam configured'
udevadm settle
check 'usb-silent: all of it' video
mark
emu set cam usb-silent=now
check 'usb-silent=now: told' happens 'cam silent'
check 'usb-silent=now: it is back at once' happens 'cam returned'
check 'usb-silent=now: the kernel has none' gone "$(dev cam)"
check 'usb-silent=now: its port reports a connection' until_ 15 hub_says 1 'connected, powered'
check 'usb-silent=now: the kernel does not get on with it' happened 'cam (enumerated|configured)' 0
emu unplug cam && emu plug cam
check 'usb-silent: a new plug cures it' happens 'cam configured'
udevadm settle

# ---- sick: what heals it, and what does not ----
emu set cam sick=1
check 'sick: GET_STATUS stalls' equal "$(ask cam)" 'Broken pipe'
authorized cam 0 && mark && authorized cam 1 && happens 'cam configured' && udevadm settle
check 'sick: the driver does not get on with it' no_video
check 'sick, heals-on=reset: authorized does not help' happened 'cam healed' 0
reset cam 534d:2109
check 'sick, heals-on=reset: the reset is good' grep -q ok <<<"$said"
check 'sick, heals-on=reset: healed' happened 'cam healed' 1
# A reset binds the drivers that it has unbound, and there was none.
authorized cam 0 && authorized cam 1 && udevadm settle
check 'sick, heals-on=reset: its node is back when a driver has tried again' video
emu set cam sick=1
reset cam 534d:2109
udevadm settle
check 'sick, heals-on=reset: of one that has its driver, the reset is all' video
check 'sick: GET_STATUS is answered again' equal "$(ask cam)" 0000

emu set cam sick=1 heals-on=configure
reset cam 534d:2109
check 'sick, heals-on=configure: the reset is good' grep -q ok <<<"$said"
udevadm settle
check 'sick, heals-on=configure: it does not help' no_video
check 'sick, heals-on=configure: GET_STATUS stalls still' equal "$(ask cam)" 'Broken pipe'
authorized cam 0 && mark && authorized cam 1
check 'sick, heals-on=configure: authorized heals' happens 'cam healed'
udevadm settle
check 'sick, heals-on=configure: its node is back' video

emu set cam sick=1 heals-on=power
reset cam 534d:2109
check 'sick, heals-on=power: the reset is good' grep -q ok <<<"$said"
authorized cam 0 && authorized cam 1 && udevadm settle
check 'sick, heals-on=power: reset and authorized do not help' no_video
check 'sick, heals-on=power: it is not healed' happened 'cam healed' 0
disable cam 1 && happens 'cam healed' && disable cam 0 && happens 'cam power-on'
check 'sick, heals-on=power: it is back' happens 'cam enumerated'
udevadm settle
check 'sick, heals-on=power: with its node' video
mark
emu plug hid bridge sick=1 && ready hid
check 'sick from the beginning: a serial adapter has its driver' until_ 10 test -d "$(dev hid):1.0/ttyUSB0"
check 'sick from the beginning: no tty' gone /dev/ttyUSB0
check 'sick from the beginning: its first reset does not count' happened 'hid healed' 0
check 'sick=0 heals' emu set hid sick=0
check 'sick=0 is told' happened 'hid healed' 1

# ---- probe-fails: no driver, and nothing is wrong ----
emu set cam probe-fails=10 # it tries as many requests before it gives up
reset cam 534d:2109
udevadm settle
check 'probe-fails: no driver' no_video
echo "${at[cam]}:1.0" >/sys/bus/usb/drivers/uvcvideo/bind
check 'probe-fails: bound by hand it works' video
emu unplug hid && emu set hid probe-fails=1 && mark && emu plug hid && ready hid
check 'probe-fails: a serial adapter has its driver' until_ 10 test -d "$(dev hid):1.0/ttyUSB0"
check 'probe-fails: … and no tty' gone /dev/ttyUSB0
for verb in unbind bind; do echo "${at[hid]}:1.0" >/sys/bus/usb/drivers/ch341/$verb; done
check 'probe-fails: bound by hand there is one' test -c "/dev/$(node hid)"

# ---- deaf: no answer, until it hears again ----
emu plug stick stick port=4 && ready stick
emu set stick deaf=1
check 'deaf: the kernel takes its request back' equal "$(ask stick)" 'Connection timed out'
urbs() { emu stats | sed -n 's/^stick .* urbs=\([0-9]*\) .*/\1/p'; }
before=$(urbs)
asked() { (($(urbs) > before)); }
ask stick >/tmp/said &
check 'deaf: a request is pending' until_ 5 asked
emu set stick deaf=0
wait $!
check 'deaf=0: what was pending is answered' equal "$(</tmp/said)" 0000
check 'deaf=0: and what is asked then' equal "$(ask stick)" 0000
mark
emu set stick deaf=1
disable stick 1 && happens 'stick power-off' && disable stick 0 && happens 'stick configured'
check 'deaf: it hears again when it had no power' equal "$(ask stick)" 0000
dmesg -C # says what timed out, and was meant to

# ---- stuck: whoever asks is stuck, too ----
stuck() { # in state D, although it has been killed
	[[ $(awk '{ print $3 }' /proc/"$asker"/stat) == D ]] && grep -qE '^(ShdPnd|SigPnd):\s*0*100$' /proc/"$asker"/status
}
ask_and_hang() {
	python3 /bench/emu/hub.py ask "$(dev stick)" &>/dev/null & # (an output that is waited for would hang this)
	asker=$!
	until_ 20 grep -q ' D ' "/proc/$asker/stat" && kill -KILL "$asker"
}
ended() { until_ 5 not grep -q ' D ' "/proc/$asker/stat"; }
emu set stick usb-stuck=1
ask_and_hang
check 'stuck: who asks is in state D' grep -q ' D ' "/proc/$asker/stat"
check 'stuck: and is not even killed' stuck
check 'stuck: others are not' equal "$(ask cam)" 0000
check 'stuck: still' stuck
emu set stick usb-stuck=0
check 'usb-stuck=0 ends it' ended
check 'usb-stuck=0: it answers again' equal "$(ask stick)" 0000
emu set stick usb-stuck=1
ask_and_hang
check 'stuck: who asks, once more' stuck
mark
emu unplug stick
check 'stuck: unplugging ends it' ended
check 'stuck: it is gone' until_ 5 gone "$(dev stick)"
mark
emu plug stick && happens 'stick configured'
check 'stuck: plugged anew it is not' equal "$(ask stick)" 0000
emu set stick usb-stuck=1
ask_and_hang
check 'stuck: who asks, once more' stuck
mark
hub off 5
check 'stuck: without power it is no longer' ended
check 'stuck: and gone' until_ 5 gone "$(dev stick)"
hub on 5
check 'stuck: with power it is back' happens 'stick configured'
check 'stuck: and answers' equal "$(ask stick)" 0000
check 'bad values are refused' equal "$(emu set stick usb-silent=2 2>&1; emu set stick heals-on=never 2>&1)" \
	$'emu: stick: bad value \'2\' for usb-silent\nemu: stick: bad value \'never\' for heals-on'
finish
