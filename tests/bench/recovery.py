#!/usr/bin/python3
"""Back in service: a dongle, and a bridge with its chip, by each of the ways, in turn. Usage: recovery.py ROUNDS"""
import json
import os
import subprocess
import sys

sys.path.insert(0, "/job")
from inside import *  # noqa: E402,F403

ROUNDS = int(sys.argv[1])
# A chip that is there at once, and what was seen of real ones.
CHIPS = {"fast": 100, "usual": 900}
MASK = "/run/udev/rules.d/60-replug.rules"
BENCH = "/run/udev/rules.d/99-bench.rules"
port = {}


def back():
    """Both are as they should be, and nothing is at work."""
    idle()
    until(20, lambda: video(port["dongle"]) and tty(port["hid"]), "both are there")
    idle()


def chip_ready(log):
    begun = [at for at, name, what in log if name == "hid" and what == "restart"]
    ready = [at for at, name, what in log if name == "hid" and what == "ready"]
    if not begun or not ready:
        raise Failed("the chip did not restart")
    return (ready[-1] - begun[0]) * 1000


def seen(log, name, what):
    return sum(1 for _, who, event in log if who == name and event == what)


def once(log):
    """Whoever claims to be done has reset each, and the chip has been restarted."""
    if seen(log, "dongle", "reset") != 1 or seen(log, "hid", "reset") != 1:
        raise Failed("not one reset of each:\n%s" % "\n".join(map(str, log)))


def bare(kind, number):
    out = run("/job/tool", "reset", node(port["dongle"]), node(port["hid"]))
    took = dict(line.split("\t") for line in out.splitlines())
    figure("bare-dongle." + kind, number, int(took[node(port["dongle"])]) / 1000)
    figure("bare-bridge." + kind, number, int(took[node(port["hid"])]) / 1000)
    if not video(port["dongle"]) or not tty(port["hid"]):
        raise Failed("a node is not back when the kernel's reset is over")


def by_hand(kind, number):
    since = emu("mark")
    figure("hand." + kind, number, timed("replug", "recover", "capture", "hid"))
    log = events(since)
    once(log)
    figure("chip." + kind, number, chip_ready(log))
    for name in port:
        steps = record(port[name])["steps"]
        for step in steps:
            figure("step.%s.%s.%s" % (name, kind, step), number, steps[step])


def by_procedure(kind, number):
    since = emu("mark")
    figure("procedure." + kind, number, timed("/job/procedure.py", tty(port["hid"])))
    log = events(since)
    once(log)
    until(5, lambda: seen(events(since), "hid", "ready") == seen(events(since), "hid", "restart"), "the chip is ready")


def by_usbreset(kind, number):
    figure("usbreset." + kind, number, timed("usbreset", "534d:2109") + timed("usbreset", "1a86:7523"))


def unplug():
    for name in port:
        emu("unplug", name)
    idle()


def plug():
    """Both at once. When udev's monitor saw the kernel and udev itself add them, in seconds since boot."""
    monitor = subprocess.Popen(["udevadm", "monitor", "--kernel", "--udev", "--subsystem-match=usb/usb_device"],
                               stdout=open("/run/monitor", "w"))
    until(10, lambda: "KERNEL" in read("/run/monitor"), "udevadm monitor listens")
    order_many = [subprocess.Popen(["emu", "plug", name]) for name in port]
    if any(one.wait() for one in order_many):
        raise Failed("emu plug")
    return monitor


def added(monitor):
    monitor.terminate()
    monitor.wait()
    found = {}
    for who, at, path in re.findall(r"^(KERNEL|UDEV) *\[([0-9.]+)\] +add +(\S+)", read("/run/monitor"), re.M):
        for name in port:
            if path.endswith("/" + port[name]):
                found.setdefault((who, name), float(at))
    if len(found) != 2 * len(port):
        raise Failed("udevadm monitor has not seen all: %s" % found)
    return found


def since_boot(path):
    """When a file was written, on the monitor's clock."""
    offset = time.time() - time.monotonic()
    return os.stat(path).st_mtime - offset


def unit_started(name):
    """When systemd began to start the last run of a port, in seconds since boot."""
    log = run("journalctl", "-b", "-o", "json", "--no-pager", "-t", "systemd", "-u", "replug@*")
    return [int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6 for entry in map(json.loads, log.splitlines())
            if entry["MESSAGE"].startswith("Starting") and entry["MESSAGE"].rstrip(".").endswith("/" + name)][-1]


def by_plug(kind, number):
    unplug()
    since = emu("mark")
    monitor = plug()
    for name in port:
        until(30, lambda: record(port[name]).get("state") == "recovered", "the %s is recovered" % name)
    at = added(monitor)
    once(events(since))
    ends = {name: since_boot("/run/replug/%s.json" % port[name]) for name in port}
    figure("plug." + kind, number, max(ends[name] - at["UDEV", name] for name in port) * 1000)
    for name in port:
        begun = unit_started(port[name])
        took = record(port[name])["duration_ms"] / 1000
        figure("plug-start.%s.%s" % (name, kind), number, (begun - at["UDEV", name]) * 1000)
        figure("plug-exec.%s.%s" % (name, kind), number, (ends[name] - took - begun) * 1000)
        figure("plug-run.%s.%s" % (name, kind), number, took * 1000)
    figure("plug-kernel." + kind, number, max(ends[name] - at["KERNEL", name] for name in port) * 1000)


def by_rule(kind, number):
    """usbreset in a RUN script of udev's, with replug's rules away."""
    unplug()
    os.makedirs(os.path.dirname(BENCH), exist_ok=True)
    os.symlink(os.devnull, MASK)
    with open(BENCH, "w") as file:
        file.write('ACTION=="add", SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="534d|1a86", '
                   'RUN+="/job/rule-usbreset.sh $attr{busnum}/$attr{devnum} $kernel"\n')
    run("udevadm", "control", "--reload")
    monitor = plug()
    done = {name: "/run/rule-usbreset." + port[name] for name in port}
    for name in port:
        until(30, lambda: os.path.exists(done[name]), "the rule has reset the %s" % name)
    run("udevadm", "settle")
    at = added(monitor)
    figure("rule-kernel." + kind, number, max(since_boot(done[name]) - at["KERNEL", name] for name in port) * 1000)
    for name in port:
        os.unlink(done[name])
    os.unlink(BENCH)
    os.unlink(MASK)
    run("udevadm", "control", "--reload")


# The chip's own time makes no difference to these.
ONCE = {by_procedure: "fast", by_usbreset: "usual", by_rule: "usual"}


def work():
    # Plugged again and again within seconds, by a person for once.
    configure("[guard]\nforgive = 0\ncool-down = 0\n")
    for name, kind in (("dongle", "capture"), ("hid", "bridge")):
        emu("plug", name, kind)
        port[name] = emu("port", name)
    until(30, lambda: all(record(port[name]).get("state") == "recovered" for name in port), "both are recovered")
    back()
    ways = [bare, by_hand, by_procedure, by_plug, by_usbreset, by_rule]
    for number in range(ROUNDS):
        for kind, silent in CHIPS.items():
            emu("set", "hid", "silent=%d" % silent)
            for way in ways:
                if way not in ONCE or kind == ONCE[way]:
                    way(kind, number)
                    back()
        ways.append(ways.pop(0))


main(work)
