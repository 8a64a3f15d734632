#!/usr/bin/python3
"""What programs cost with 1 to 60 devices on the bus: system calls, instructions, time, memory. Usage: scale.py ROUNDS"""
import os
import sys

sys.path.insert(0, "/job")
from inside import *  # noqa: E402,F403

ROUNDS = int(sys.argv[1])
STEPS = (1, 20, 40, 60)
SECTIONS = 1000
MATCH = "/usr/lib/udev/replug-match"
plugged = []


def watch_environment():
    """Has udev write down what it gives to replug-match."""
    os.makedirs("/run/udev/rules.d", exist_ok=True)
    with open("/run/udev/rules.d/60-a-bench.rules", "w") as file:
        file.write('ACTION=="add", SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", PROGRAM="/job/environment.sh"\n')
    run("udevadm", "control", "--reload")


def environment(port):
    return dict(line.split("=", 1) for line in read("/run/environment." + port).split("\0") if line)


def plug(name, kind, *settings):
    emu("plug", name, kind, *settings)
    plugged.append(name)
    port = emu("port", name)
    until(30, lambda: configured(port), "%s is configured" % name)
    return port


def unplug(name):
    emu("unplug", name)
    plugged.remove(name)


def devices(n):
    """As many on the bus as that, of which no program here wants to know anything."""
    while len(plugged) < n:
        i = len(plugged)
        plug("stick%d" % i, "stick", "port=%d" % (i + 2))
    idle()


def cost(what, n, command):
    """What ends are compared by is counted thrice, and Python, which is slow to count and steady, once."""
    ends = n in (STEPS[0], STEPS[-1])
    rounds = 3 if ends and what != "pyusb" else 1
    for number in range(rounds):
        figure("calls.%s.%d" % (what, n), number, calls(*command))
    if what == "pyusb" and not ends:
        return
    for number in range(rounds):
        figure("instructions.%s.%d" % (what, n), number, instructions(*command, slow="relay" in command[0]))


def times(n, commands):
    for number in range(ROUNDS):
        for what, command in commands.items():
            figure("time.%s.%d" % (what, n), number, timed(*command))
        idle()


def resets(n, port):
    ours = {"reset": ("replug", "reset", "usb=" + port), "usbreset": ("usbreset", "534d:2109"),
            "pyusb": ("/job/pyusb-reset.py", "534d", "2109")}
    for what, command in ours.items():
        cost(what, n, command)
        idle()
    if n in (1, STEPS[-1]):
        times(n, ours)


def relays(n):
    ours = {"get": ("replug-relay", "get", "power"), "on": ("replug-relay", "on", "power"),
            "usbrelay-get": ("usbrelay",), "usbrelay-on": ("usbrelay", "HURTM_1=1")}
    run("replug-relay", "on", "power")
    for what, command in ours.items():
        cost(what, n, command)
    if n in (1, STEPS[-1]):
        times(n, ours)


def match(n, port, what="match"):
    env = environment(port)
    for number in range(3):
        figure("instructions.%s.%d" % (what, n), number, instructions(MATCH, env=env))


def starts(port):
    """What udev starts for an event, by its cost and its time."""
    env = environment(port)
    camera = video(port)
    ours = {"match": (MATCH,), "v4l_id": ("/usr/lib/udev/v4l_id", camera), "empty": ("/job/empty",)}
    for what in ("v4l_id", "empty"):
        figure("instructions.%s.1" % what, 0, instructions(*ours[what], env=env))
    os.environ.update(env)
    for number in range(ROUNDS * 3):
        for what, command in ours.items():
            figure("start." + what, number, timed(*command))
    for name in env:
        os.environ.pop(name)


def memory(port):
    env = environment(port)
    programs = {"replug-match": (MATCH,), "replug reset": ("replug", "reset", "usb=" + port),
                "replug recover": ("replug", "recover", "capture"), "replug status": ("replug", "status"),
                "replug-relay get": ("replug-relay", "get", "power"), "usbreset": ("usbreset", "534d:2109"),
                "pyusb": ("/job/pyusb-reset.py", "534d", "2109"), "usbrelay": ("usbrelay",),
                "v4l_id": ("/usr/lib/udev/v4l_id", video(port)), "empty": ("/job/empty",)}
    for what, command in programs.items():
        figure("memory." + what, 0, peak(*command, env=dict(os.environ, **env), slow="relay" in command[0]))
        idle()


def work():
    board = "[relay power]\nmatch = 16c0:05df usb=1-2\n"
    watch_environment()
    emu_port = plug("dongle", "capture", "port=0")
    until(30, lambda: record(emu_port).get("state") == "recovered", "the dongle is recovered")
    idle()
    match(1, emu_port)
    starts(emu_port)
    configure("".join("[device d%d]\nmatch = %04x:%04x\n" % (i, 0x4000 + i, i) for i in range(SECTIONS)))
    match(1, emu_port, "match-sections")
    figure("sections", 0, SECTIONS)
    configure(board)
    resets(1, emu_port)
    unplug("dongle")
    plug("board", "relay-hid", "port=1")
    until(10, lambda: run("usbrelay"), "the board answers")
    idle()
    relays(1)
    # Nobody has unplugged the dongle and plugged it so often by hand.
    configure(board + "[guard]\nforgive = 0\n")
    emu("plug", "dongle")
    plugged.append("dongle")
    until(30, lambda: record(emu_port).get("state") == "recovered", "the dongle is recovered")
    configure(board)
    for n in STEPS[1:]:
        devices(n)
        say("%d devices" % len(plugged))
        configure("")
        match(n, emu_port)
        configure(board)
        resets(n, emu_port)
        relays(n)
    memory(emu_port)


main(work)
