"""What the soak begins with: the configuration, the emulator, and two devices to a hub, as they wait for each other there."""
import os
import subprocess

import world
from judge import FORGIVE, MAX_RESETS, WINDOW
from plan import BRIDGES, DONGLES, PULSE_MS

PLACE = {"d0": (0, 1), "b0": (0, 2), "d1": (1, 1), "r0": (1, 2)}  # controller of vhci, port
SECTION = """[device %s]
match = %s usb=%s
reset = usb, rebind, authorize, power
power-off = 500ms
timeout = 8s
attempts = 2
ready = 3s
every = 1s
%s
"""
COMMON = """[device capture]
match =
[device hid]
match =
[guard]
max-resets = %d
window = %ds
forgive = %ds
[relay one]
match = 16c0:05df usb=%s
pulse = %dms
max-pulse = 2s
[relay two]
match = 16c0:05df usb=%s
channel = 2
pulse = %dms
max-pulse = 2s
"""


def kind(name):
    return "capture" if name in DONGLES else "bridge" if name in BRIDGES else "relay-hid"


def configure(at):
    os.makedirs("/etc/replug.conf.d", exist_ok=True)
    with open("/etc/replug.conf", "w") as f:
        f.write(COMMON % (MAX_RESETS, WINDOW, FORGIVE, at["r0"], PULSE_MS, at["r0"], PULSE_MS))
    with open("/etc/replug.conf.d/soak.conf", "w") as f:
        for name in DONGLES:
            f.write(SECTION % (name, "534d:2109", at[name], "expect = video4linux"))
        for name in BRIDGES:
            f.write(SECTION % (name, "1a86:7523", at[name], "init = ch9329\nbaud = 9600"))
    subprocess.run(["replug", "check"], check=True, stdout=subprocess.DEVNULL)


def set_up():
    """Returns where each device is, and the name of its unit."""
    subprocess.run(["systemctl", "stop", "replug-health.timer", "replug-refresh.timer"], check=True)
    subprocess.run(["emu", "serve", "--daemon"], check=True)
    with open("/sys/module/usbcore/parameters/autosuspend", "w") as f:
        f.write("-1")  # vhci may lose a device when another one wakes up
    at, unit = {}, {}
    for name, (lane, n) in PLACE.items():
        folder = "/sys/devices/platform/vhci_hcd.%d" % lane
        bus = next(b for b in sorted(os.listdir(folder)) if b.startswith("usb")
                   and world.read("%s/%s/speed" % (folder, b)).strip() == "480")
        at[name] = "%s-%d" % (bus[3:], n)
        unit[name] = subprocess.run(["systemd-escape", "--template=replug@.service", "--path", "%s/%s/%s" % (folder, bus, at[name])],
                                    stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    configure(at)
    for name, (lane, n) in PLACE.items():
        world.emu("plug", name, kind(name), "port=%d" % (8 * lane + n - 1))
    return at, unit
