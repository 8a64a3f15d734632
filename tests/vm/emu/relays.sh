#!/bin/bash
# Checks the emulated relay boards against clients that are not ours: the kernel's drivers, usbrelay, usbutils, pyserial.
# Runs in the virtual machine: tests/vm/run tests/vm/emu/relays.sh
# shellcheck source=tests/vm/emu/lib.sh
. /bench/emu/lib.sh

hidraw() { # NAME
	local node
	for node in "$(dev "$1"):1.0"/*/hidraw/hidraw*; do echo "/dev/${node##*/}"; done
}
without_driver() { # NAME COMMAND…
	local interface=${at[$1]}:1.0 status=0
	shift
	echo "$interface" >/sys/bus/usb/drivers/usbhid/unbind
	"$@" || status=$?
	echo "$interface" >/sys/bus/usb/drivers/usbhid/bind
	udevadm settle
	return "$status"
}
board() { # NAME [KIND] [KEY=VALUE…]: a board, plugged in and taken by its drivers
	mark
	emu plug "$@" && ready "$1"
}
by_serial() { # BOARD NAME
	python_says "$1" /bench/emu/relays_serial.py "$1" "/dev/$(node "$2")" "$2"
}
looks() { # NAME: what tells one device from another
	local key
	for key in idVendor idProduct bcdDevice bDeviceClass manufacturer product serial speed; do
		printf '%s=%s ' "$key" "$(attr "$1" "$key")"
	done
	driver "$1" 0
}

# ---- dcttech ----
board two relay-hid
check "relay-hid: low speed" equal "$(attr two speed)" 1.5
check "its strings" equal "$(attr two manufacturer) $(attr two product)" "www.dcttech.com USBRelay2"
check "usbhid binds it" equal "$(driver two 0)" usbhid
check "it has a hidraw node" test -c "$(hidraw two)"
check "usbrelay lists it" equal "$(usbrelay 2>/dev/null)" $'HURTM_1=0\nHURTM_2=0'
for i in 1 2; do
	mark
	usbrelay "HURTM_$i=1" >/dev/null 2>&1
	check "usbrelay closes contact $i" equal "$(contacts two)" "closed $i"
	check "… and sees it" grep -qx "HURTM_$i=1" <(usbrelay 2>/dev/null)
	usbrelay "HURTM_$i=0" >/dev/null 2>&1
	check "… and opens it" equal "$(contacts two)" "closed $i, opened $i"
done
board eight relay-hid channels=8 board-serial=ABCDE
check "two boards, ten contacts" equal "$(usbrelay 2>/dev/null | sort | tr '\n' ' ')" \
	"$(printf '%s=0 ' ABCDE_{1..8} HURTM_1 HURTM_2)"
mark
usbrelay ABCDE_8=1 ABCDE_3=1 ABCDE_8=0 >/dev/null 2>&1
check "each of them moves its own" equal "$(contacts eight)/$(contacts two)" "closed 8, closed 3, opened 8/"
check "channels= is for a board that is not plugged in" not emu set eight channels=4
check "board-serial= has five characters" not emu set eight board-serial=ABCD
mark
emu unplug eight
check "unplugged, its contacts open" equal "$(contacts eight)" "opened 3"
check "… after the plug is out" in_order 'eight unplugged' 'eight opened 3'
for i in 1 4; do
	board eight channels=$i
	check "channels=$i" equal "$(usbrelay 2>/dev/null | grep -c ABCDE_)" $i
	check "… all open" not grep -q 'ABCDE_.=1' <(usbrelay 2>/dev/null)
	emu unplug eight
done
usbrelay HURTM_2=1 >/dev/null 2>&1
reset two 16c0:05df
check "a bus reset" grep -q ok <<<"$said"
check "… moves nothing" equal "$(contacts two)/$(usbrelay 2>/dev/null | tr '\n' ' ')" "/HURTM_1=0 HURTM_2=1 "
usbrelay HURTM_2=0 >/dev/null 2>&1
check "lsusb -v finds nothing wrong" without_driver two lsusb_finds_nothing_wrong 16c0:05df
python_says hidraw /bench/emu/relays_hid.py dcttech "$(hidraw two)" two
board two mute=0 unplug-on=closed
usbrelay HURTM_1=1 >/dev/null 2>&1
check "unplug-on=closed" happens 'two unplugged'
check "… a pulse of the contact" happens 'two opened 1'
echo "# dcttech: $SECONDS s"

# ---- the other HIDs ----
board lc relay-lcus-hid channels=2
check "relay-lcus-hid" equal "$(looks lc)" \
	"idVendor=5131 idProduct=2007 bcdDevice=0000 bDeviceClass=00 manufacturer= product= serial= speed=12 usbhid"
python_says lcus-hid /bench/emu/relays_hid.py lcus "$(hidraw lc)" lc
board uc relay-ucreatefun channels=4
check "relay-ucreatefun" equal "$(looks uc)" "idVendor=0519 idProduct=2018 bcdDevice=0001 bDeviceClass=00 \
manufacturer=Ucreatefun.com product=HIDRelay serial=A0001 speed=12 usbhid"
python_says ucreatefun /bench/emu/relays_hid.py ucreatefun "$(hidraw uc)" uc
mark
usbrelay A0001_3=1 >/dev/null 2>&1
usbrelay A0001_3=0 >/dev/null 2>&1
check "usbrelay switches it" equal "$(contacts uc)" "closed 3, opened 3"
check "lsusb -v finds nothing wrong" without_driver lc lsusb_finds_nothing_wrong 5131:2007
check "… nor here" without_driver uc lsusb_finds_nothing_wrong 0519:2018
echo "# the other HIDs: $SECONDS s"

# ---- behind a CH340 ----
board bridge bridge
board serial relay-serial
check "relay-serial looks like a bridge" equal "$(looks serial)" "$(looks bridge)"
by_serial lcus serial
emu unplug serial
board serial board-baud=19200 && by_serial rate serial
mark
emu unplug serial
check "unplugged, a closed contact opens" equal "$(contacts serial)" 'opened 1'
board serial board-baud=9600 dialect=diustou channels=3 && by_serial diustou serial && emu unplug serial
board serial dialect=feedback channels=1 query=1 && by_serial feedback serial && emu unplug serial
board serial stuck=0 protocol=kmtronic channels=2 && by_serial kmtronic serial && emu unplug serial
board serial channels=4 query=1 && by_serial kmtronic-four serial && emu unplug serial
board serial protocol=dtype && by_serial dtype serial && emu unplug serial
check "an unknown protocol" not emu set serial protocol=modbus
echo "# behind a CH340: $SECONDS s"

# ---- ICSE ----
board icse relay-icse
check "relay-icse" equal "$(looks icse)" "idVendor=067b idProduct=2303 bcdDevice=0300 bDeviceClass=00 \
manufacturer=Prolific Technology Inc. product=USB-Serial Controller serial= speed=12 pl2303"
check "lsusb -v finds nothing wrong" lsusb_finds_nothing_wrong 067b:2303
by_serial icse icse
reset icse 067b:2303
happens 'icse configured' && udevadm settle
check "a bus reset does not end it" equal "$(contacts icse)" ''
by_serial icse-started icse
mark
emu unplug icse
check "unplugged, its contacts open" equal "$(contacts icse)" 'opened 2'
board icse
by_serial icse icse
emu unplug icse
for model in 012 014; do
	board icse model=$model && by_serial icse-$model icse && emu unplug icse
done
check "the model says how many contacts it has" not emu set icse channels=3
finish
