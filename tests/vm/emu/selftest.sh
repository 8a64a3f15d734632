#!/bin/bash
# Checks the emulator against clients that are not ours: the kernel's drivers, usbutils, v4l2-ctl, pyserial.
# Runs in the virtual machine: tests/vm/run tests/vm/emu/selftest.sh
# shellcheck source=tests/vm/emu/lib.sh
. /bench/emu/lib.sh

# ---- what the drivers make of the devices ----
emu plug cam capture serial=20210623 port=3
emu plug hid bridge
ready cam
ready hid
check "uvcvideo binds the dongle" equal "$(driver cam 0) $(driver cam 1)" "uvcvideo uvcvideo"
check "ch341 binds the bridge" equal "$(driver hid 0)" ch341
check "the bridge has a tty" test -c "/dev/$(node hid)"
check "serial number and no serial number" equal "$(attr cam serial),$(attr hid serial)" "20210623,"
check "port=3 is the fourth port" equal "$(attr cam devpath)" 4
check "full speed and high speed" equal "$(attr hid speed) $(attr cam speed)" "12 480"
check "VIDIOC_QUERYCAP" v4l2-ctl -d /dev/video0 --info
check "20 pictures come" v4l2-ctl -d /dev/video0 --stream-mmap --stream-count=20 --stream-to=/tmp/pictures
check "they are JPEG" equal "$(od -An -tx1 -N4 /tmp/pictures)" " ff d8 ff db"
v4l2-ctl -d /dev/video0 --set-ctrl contrast=77
check "a control keeps its value" equal "$(v4l2-ctl -d /dev/video0 --get-ctrl contrast)" "contrast: 77"
check "lsusb -v finds nothing wrong" lsusb_finds_nothing_wrong 534d:2109 1a86:7523
reset cam 534d:2109
check "usbreset of the dongle says ok" grep -q ok <<<"$said"
happens 'cam configured' && udevadm settle
check "one reset is one line" happened ' cam reset' 1
check "the video device is back" test -c /dev/video0
echo "# usbreset of the dongle: $took ms; of these the emulator saw $(($(logged_at configured) - $(logged_at reset)))"

# ---- faults on the bus, on a device without a driver ----
emu plug stick stick product=$'a\x1b[31mb\n\xff' manufacturer='Größe €😀' && ready stick
check "any bytes in a string" equal "$(attr stick product)" $'a\x1b[31mb\n\u00ff'
check "UTF-8 in a string" equal "$(attr stick manufacturer)" 'Größe €😀'
check "no driver" gone "$(dev stick):1.0/driver"
number=$(attr stick devnum)
reset stick 1234:5678
echo "# usbreset of a device without driver: $took ms"
check "a reset keeps the number" equal "$(attr stick devnum)" "$number"
emu set stick stall-descriptors=2
reset stick 1234:5678
check "two stalls: the reset succeeds" grep -q ok <<<"$said"
check "… with the same number" equal "$(attr stick devnum)" "$number"
check "… and counts once" happened ' stick reset' 1

emu set stick change-descriptors=1
reset stick 1234:5678
happens 'stick configured'
check "changed descriptors: usbreset says failed" grep -q failed <<<"$said"
check "… a new number" differ "$(attr stick devnum)" "$number"
check "… and a new bcdDevice" equal "$(attr stick bcdDevice)" 0101
number=$(attr stick devnum)
reset stick 1234:5678
check "… only once" equal "$(attr stick devnum)" "$number"
emu set stick reenumerate=1
reset stick 1234:5678 && happens 'stick configured'
second=$(attr stick devnum)
reset stick 1234:5678 && happens 'stick configured'
emu set stick reenumerate=0
check "reenumerate: a new number" differ "$second" "$number"
check "… each time" differ "$(attr stick devnum)" "$second"

emu set stick fail-resets=1 back-after=200
reset stick 1234:5678
happens 'stick returned' && happens 'stick enumerated'
check "failed reset: usbreset says failed" grep failed <<<"$said"
check "… drops, and is back" happened ' stick (reset|dropped|returned)' 3
echo "# the kernel gives up after $(($(logged_at dropped) - $(logged_at reset))) ms"
reset stick 1234:5678
check "… and can be reset" grep -q ok <<<"$said"

emu set stick drop-at-reset=1000
reset stick 1234:5678
happens 'stick dropped'
check "drop at reset: gone for a while" gone "$(dev stick)"
happens 'stick returned' && happens 'stick configured'
check "… and back" equal "$(attr stick idProduct)" 5678
emu set stick drop-at-reset=0
reset stick 1234:5678
happens 'stick dropped'
sleep 0.7
check "drop for good" gone "$(dev stick)"
mark
emu plug stick && happens 'stick configured'
check "… until it is plugged in again, as it was" equal "$(attr stick manufacturer)" 'Größe €😀'

mark
emu set stick flap=700,150
happens 'stick returned' && emu set stick flap=0
happens 'stick configured'
check "flapping: it goes and comes by itself" happened ' stick (dropped|returned)' 2
emu set stick unplug-on=reset
reset stick 1234:5678
check "unplugged on an event" happens 'stick unplugged'
mark
emu plug stick && emu unplug stick && emu plug stick && happens 'stick configured'
check "replugged in haste" equal "$(attr stick idVendor)" 1234
check "plugged twice is an error" equal "$(emu plug stick 2>&1)" "emu: stick is plugged in already"
emu set cam ep0-stall=1
reset cam 534d:2109
happens 'cam configured' && udevadm settle
check "ep0-stall: it enumerates, but no driver gets on with it" gone /dev/video0
emu set cam ep0-stall=0
check "nothing was left to time out" nothing_timed_out

echo "# the drivers and the bus: $SECONDS s"

# ---- the chip ----
python_says chip - "/dev/$(node hid)" <<'END'
import sys, time
import serial
from bench import emu, note, same
def put(*settings):
    emu("set", "hid", *settings)
def ask(frame, size, wait=0.25):
    tty.reset_input_buffer()
    tty.timeout = wait
    tty.write(bytes.fromhex(frame))
    return tty.read(size).hex(" ")
def timed(what, *args):
    start = time.monotonic()
    got = ask(*args)
    note("%s: %.1f ms" % (what, (time.monotonic() - start) * 1e3))
    return got
def until_it_answers():
    start = time.monotonic()
    while not ask(INFO, 14, 0.06) and time.monotonic() - start < 5:
        pass
    return time.monotonic() - start
INFO, RESET = "57ab00010003", "57ab000f0011"
HERE, ACK = "57 ab 00 81 08 38 01 00 00 00 00 00 00 c4", "57 ab 00 8f 01 00 92"
tty = serial.Serial(sys.argv[1], 9600)
same("GET_INFO", timed("GET_INFO at 9600", INFO, 14), HERE)
same("keyboard", ask("57ab000208 0000040000000000 10", 7), "57 ab 00 82 01 00 85")
same("mouse", ask("57ab000505 0100000000 0d", 7), "57 ab 00 85 01 00 88")
same("GET_PARA", ask("57ab0008000a", 56, 1)[:26], "57 ab 00 88 32 80 80 00 00")
same("a frame of 70 bytes, three packets", ask("57ab000640" + "00" * 64 + "48", 7), "57 ab 00 86 01 00 89")
same("two frames in one write", ask(INFO + INFO, 28), HERE + " " + HERE)
same("unknown command: E3", ask("57ab00200022", 7), "57 ab 00 e0 01 e3 c6")
same("bad sum: E4", ask("57ab000100ff", 7), "57 ab 00 c1 01 e4 a8")
same("half a frame: E1", ask("57ab0001", 7), "57 ab 00 c1 01 e1 a5")
same("broadcast: no answer", ask("57abff010002", 1), "")
same("another address: no answer", ask("57ab05010008", 1), "")
same("RESET", timed("RESET at 9600", RESET, 7), ACK)
start = time.monotonic()
same("nothing while it restarts", ask(INFO, 1, 0.2), "")
until_it_answers()
silent = time.monotonic() - start
note("silent after RESET: %.0f ms" % (silent * 1e3))
same("for about 0.9 s", 0.7 < silent < 1.6, True)
put("silent=150")
ask(RESET, 7)
same("silent=150", until_it_answers() < 0.6, True)
put("target=0", "version=0x30", "leds=5")
same("target, version, leds", ask(INFO, 14), "57 ab 00 81 08 30 00 05 00 00 00 00 00 c0")
put("target=1", "version=0x38", "leds=0", "wedge=1")
same("wedged: silent", ask(INFO, 1), "")
same("wedged: bad sum, silent", ask("57ab000f00ff", 1), "")
same("wedged: obeys RESET", ask(RESET, 7), ACK)
until_it_answers()
same("… and answers again", ask(INFO, 14), HERE)
put("dead=1")
same("dead: not even RESET", ask(RESET, 1), "")
put("dead=0", "garbage=1")
noise = ask(INFO, 14)
same("garbage comes, and is none of its answers", (len(noise), noise[:5] == "57 ab"), (41, False))
put("garbage=0", "drop-ack=1")
same("drop-ack: no acknowledgement", ask(RESET, 1, 0.1), "")
until_it_answers()
put("drop-ack=0", "foreign=1")
strange = [ask(INFO, 40, 0.12) for i in range(3)]
same("foreign bytes before each answer", [len(s) > 41 and s.endswith(HERE) for s in strange], [True] * 3)
put("foreign=0", "first-e4=1")
tty.close()
tty.open()
same("first-e4: E4 at first", ask(INFO, 7), "57 ab 00 c1 01 e4 a8")
same("… then the answer", ask(INFO, 14), HERE)
put("first-e4=0", "baud=115200")
seen = emu("mark")
same("at another rate no answer", ask(INFO, 1), "")
same("… it saw garbage", emu("count", "--since", seen, "frame .*garbage"), "1")
tty.baudrate = 115200
same("at its rate an answer", timed("GET_INFO at 115200", INFO, 14), HERE)
same("a frame of 70 bytes at 115200", ask("57ab000640" + "00" * 64 + "48", 7), "57 ab 00 86 01 00 89")
same("the bridge knows the rates", emu("count", " hid rate (9600|115200)$"), "2")
tty.baudrate = 9600
put("baud=9600", "wedge=1", "power-cycle=1")
until_it_answers()
same("a power cycle cures it", ask(INFO, 14), HERE)
put("def-on-rts=1", "baud=19200")
tty.rts = True
time.sleep(3.2)
tty.rts = False
until_it_answers()
same("RTS for 3 s: factory settings", ask(INFO, 14), HERE)
put("wedge=1")
END
check "factory-reset is in the log" equal "$(emu count ' hid factory-reset')" 1
mark
emu unplug hid && emu plug hid && happens 'hid configured' && udevadm settle
emu plug hid2 bridge && ready hid2
talk() { # NAME: asks GET_INFO with no more than a shell
	local tty
	tty=/dev/$(node "$1")
	stty -F "$tty" 9600 raw -echo -hupcl min 0 time 3
	printf '\x57\xab\x00\x01\x00\x03' >"$tty" && dd if="$tty" bs=1 count=14 2>/dev/null | od -An -tx1
}
check "wedged still, after the bridge was replugged" equal "$(talk hid)" ""
exec 9<>"/dev/$(node hid2)" # a tty closed and opened would lose the answer in between
check "another bridge's chip is not" equal "$(talk hid2)" " 57 ab 00 81 08 38 01 00 00 00 00 00 00 c4"
exec 9>&-
emu unplug-all
check "unplug-all" gone "$(dev cam)"
finish
