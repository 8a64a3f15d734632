#!/usr/bin/python3
"""A storm of add and remove events, with replug's rules and without them, in turn. Usage: storm.py ROUNDS

Thirty seconds in as many slices as there are rounds, each until udev's queue is empty. The kernel makes the events, asked for in each device's `uevent` file: no hub drops 200 real devices a second. So a "remove"
is one of a device that is still there, as udev may see when the next is plugged already, and an "add" is a plug.
"""
import os
import sys

sys.path.insert(0, "/job")
from inside import *  # noqa: E402,F403

RATE = 200
SECONDS = 30
MASK = ("/run/udev/rules.d/60-replug.rules", "/run/udev/rules.d/61-replug-systemd.rules")
MATCHED = {"dongle": "capture", "hid": "bridge"}
OTHERS = 6
WAYS = ("with", "without", "empty")


def rules(what):
    """With replug's rules, without, or with an empty program where they have replug-match: the least that asking costs."""
    os.makedirs(os.path.dirname(MASK[0]), exist_ok=True)
    for path in MASK:
        if os.path.lexists(path):
            os.unlink(path)
        if what != "with":
            os.symlink(os.devnull, path)
    with open("/run/udev/rules.d/60-z-bench.rules", "w") as file:
        if what == "empty":
            file.write('ACTION=="add", SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", IMPORT{program}="/job/empty"\n')
    run("udevadm", "control", "--reload")


def runs():
    """Units of replug's that systemd has started so far."""
    return run("journalctl", "-b", "-o", "cat", "--no-pager", "-t", "systemd", "-u", "replug@*").count("Starting ")


def pss(pid):
    return sum(int(line.split()[1]) for line in read("/proc/%s/smaps_rollup" % pid).splitlines() if line.startswith("Pss:"))


def udevd():
    return run("systemctl", "show", "-P", "MainPID", "systemd-udevd").strip()


def memory():
    """Of systemd and of udev's own process, its workers come and go: in KiB."""
    return pss(1) + pss(udevd())


def storm(ports, seconds):
    """Events at the rate, or as fast as they are taken. Returns how long they took."""
    files = [os.open("/sys/bus/usb/devices/%s/uevent" % port, os.O_WRONLY) for port in ports]
    begun = time.monotonic()
    count = RATE * seconds
    for i in range(count):
        late = begun + i / RATE - time.monotonic()
        if late > 0:
            time.sleep(late)
        # Each device is removed, and then added.
        os.write(files[i // 2 % len(files)], b"remove" if i % 2 == 0 else b"add")
    took = time.monotonic() - begun
    for fd in files:
        os.close(fd)
    return took


def drained():
    run("udevadm", "settle", "--timeout=300")


def once(ports, seconds, what, number):
    begun = time.monotonic()
    sent = storm(ports, seconds)
    drained()
    figure("sent." + what, number, RATE * seconds / sent)
    figure("drain." + what, number, (time.monotonic() - begun) * 1000)


def work():
    ports = {}
    for i, (name, kind) in enumerate(MATCHED.items()):
        emu("plug", name, kind, "port=%d" % (i * 8))
        ports[name] = emu("port", name)
    for name in MATCHED:
        until(30, lambda: record(ports[name]).get("state") == "recovered", "the %s is recovered" % name)
    for i in range(OTHERS):
        name = "stick%d" % i
        emu("plug", name, "stick", "port=%d" % (16 + i * 8))
        ports[name] = emu("port", name)
        until(10, lambda: configured(ports[name]), "%s is there" % name)
    idle()
    everything = list(ports.values())
    rounds = int(sys.argv[1])
    seconds = max(SECONDS // rounds, 1)
    # The first one loads what is loaded once.
    storm(everything, 1)
    drained()
    idle()
    before = memory()
    for number in range(rounds):
        for what in WAYS[number % 3:] + WAYS[:number % 3]:
            rules(what)
            since, started = emu("mark"), runs()
            once(everything, seconds, what, number)
            idle()
            if what != "with":
                continue
            figure("storm-runs", number, runs() - started)
            figure("storm-memory", number, memory() - before)
            for name in MATCHED:
                figure("storm-resets.%s" % name, number,
                       sum(1 for _, who, event in events(since) if who == name and event == "reset"))
                state = record(ports[name]).get("state")
                say("%s is %s" % (name, state))
                figure("storm-state." + name, number, int(state in ("recovered", "held")))
    rules("with")
    # A person asks, and all is well again.
    run("replug", "recover", *("usb=" + ports[name] for name in MATCHED))
    for name in MATCHED:
        figure("storm-after." + name, 0, int(record(ports[name]).get("state") == "recovered"))
    for name in ports:
        emu("unplug", name)
    idle()
    for name in MATCHED:
        figure("storm-gone." + name, 0, int(record(ports[name]).get("state") == "gone"))
    figure("storm-left", 0, len(run("systemctl", "list-units", "--all", "--plain", "--no-legend", "replug@*").splitlines()))


main(work)
