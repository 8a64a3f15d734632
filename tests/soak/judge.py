"""What has to be true after every step, and what when the machine has come to rest."""
import collections
import glob
import re
import subprocess

import plan
import world
from world import now

MAX_RESETS, WINDOW, FORGIVE = 3, 45, 10  # of the configuration; seconds
# How much longer than a device was really away the guard may take it for: udev tells of a plug when it gets to it.
LATE = 3
LOOKED = 10  # a plug that is over earlier may have been seen by nobody
# A process that is at work for longer than all of a run's own deadlines together is one too many, and so is one that
# nobody has started, when what it was started for is over.
OLDEST, ORPHANED = 150, 20
DESCRIPTORS = 24
# A pulse whose board went away is seen to for 10 s.
LETS_GO = 15


def port_of(unit):
    """replug@sys-devices-…-usb1-1\\x2d1.service: 1-1."""
    return unit.rsplit(".", 1)[0].rsplit("-", 1)[-1].replace("\\x2d", "-")


class Violation(Exception):
    pass


class Port:
    """What one port has gone through, by the emulator's log."""

    def __init__(self, name):
        self.name = name
        self.at = world.emu("port", name)
        self.resets = []      # since the guard last forgave
        self.all_resets = 0
        self.arrivals = []
        self.causes = []      # resets and plugs since it surely forgave
        self.doubted = []     # those before, if the plug that it forgave at was seen by a run
        self.pardons = []     # when a person's run was over that the guard forgives for, and when it had begun
        self.left = None      # when it went away
        self.there = True
        self.excuse = set()   # why it need not be recovered without a person's help
        self.obeyed = set()   # a person's runs that the guard forgives for, while they are at work

    def felt(self, event):
        if event.word == "reset":
            self.resets.append(event.at)
            self.causes.append(event.at)
            self.all_resets += 1
        elif event.word in ("unplugged", "dropped", "power-off", "silent", "lost"):
            if self.there and self.arrivals and event.at - self.arrivals[-1] < LOOKED:
                self.causes = self.doubted + self.causes
            self.doubted = []
            self.left = event.at if self.there else self.left
            self.there = False
        elif event.word in ("plugged", "returned", "power-on"):
            self.there = True
            away = event.at - self.left if self.left is not None else 0
            quiet = event.at - self.arrivals[-1] if self.arrivals else 0
            if away >= FORGIVE - LATE or quiet >= WINDOW - LATE:
                self.forgiven()
            if away >= FORGIVE + LATE:
                self.doubted, self.causes = self.causes, []
            self.arrivals.append(event.at)
            self.causes.append(event.at)

    def forgiven(self, since=None):
        """All but the last that a person's own run has made since."""
        self.resets = [t for t in self.resets if since and t >= since][-1:]

    def too_many(self):
        for t in self.resets:
            within = [u for u in self.resets if t - WINDOW < u <= t]
            if len(within) > MAX_RESETS:
                return within
        return None

    def reasons_to_hold(self, at):
        """What the guard can have counted by then: resets, and plugs that were over before they were looked at."""
        return [t for t in self.causes if t <= at and not any(over <= at and t < begun for over, begun in self.pardons)]


class Judge:
    def __init__(self, port, unit, journal):
        self.port, self.unit, self.journal = port, unit, journal
        self.seen = int(world.emu("mark"))
        self.closed = {}      # contact: since when
        self.welded = False
        self.owners = {}      # pid of what a step has started
        self.killed = {}      # unit: when a step has killed its run
        self.failed = []      # units whose end has no reason yet: (deadline, unit, invocation, at, words)
        self.reasons = collections.defaultdict(list)  # invocation: what was said in it
        self.anonymous = {}  # port: when something was last said of it, nobody knows by whom
        self.told = collections.defaultdict(lambda: collections.deque(maxlen=8))  # port: when something was said of it
        self.strange = {}     # processes and locks that may still be on their way out: since when
        self.counts = collections.Counter()
        self.held = []

    # --- after every step
    def look(self):
        for event in world.events(self.seen):
            self.seen = event.seq + 1
            if event.name in self.port:
                self.port[event.name].felt(event)
            if event.word == "closed":
                self.closed[event.rest] = event.at
                self.counts["contacts closed"] += 1
            elif event.word == "opened":
                self.closed.pop(event.rest, None)
        self.read_journal()

    def check(self):
        self.guard_kept()
        self.contacts_open_in_time()
        self.failures_have_reasons()
        self.processes_and_locks()

    def guard_kept(self):
        for port in self.port.values():
            times = port.too_many() if port.name not in plan.BOARDS and not port.obeyed else None
            if times:
                raise Violation("%s: %d resets within %.1f s, the guard allows %d within %d s: at %s" % (
                    port.name, len(times), times[-1] - times[0], MAX_RESETS, WINDOW, ", ".join("%.3f" % t for t in times)))

    def contacts_open_in_time(self):
        for contact, since in self.closed.items():
            if not self.welded and now() - since > LETS_GO:
                raise Violation("contact %s is closed since %.1f s" % (contact, now() - since))

    def read_journal(self):
        for e in self.journal.news():
            who, said = e.get("SYSLOG_IDENTIFIER"), e["MESSAGE"]
            if who == "systemd":
                unit = e.get("UNIT", "")
                if "replug" in unit and "Failed with result" in said:
                    self.failed.append((now() + 5, unit, e.get("INVOCATION_ID"), int(e["__MONOTONIC_TIMESTAMP"]) / 1e6, said))
                continue
            if int(e.get("PRIORITY", 6)) <= 4:
                self.reasons[e.get("_SYSTEMD_INVOCATION_ID")].append(said)
                # Of a process that has ended meanwhile, journald does not know any more which run it was: the port says.
                port = said.split()[0].rstrip(":")
                if "_SYSTEMD_INVOCATION_ID" not in e:
                    self.anonymous[port] = now()
                # Or it takes it for the unit's next run.
                self.told[port].append(int(e["__MONOTONIC_TIMESTAMP"]) / 1e6)
            if "recovered in " in said:
                self.counts["recovered by itself"] += 1
            elif "left alone until" in said:
                self.counts["held"] += 1
                self.held.append((said.split()[0], int(e["__MONOTONIC_TIMESTAMP"]) / 1e6))
            elif "not recovered after" in said:
                self.counts["not recovered"] += 1
            elif "MAY BE PRESSED STILL" in said:
                self.counts["may be pressed still"] += 1

    def failures_have_reasons(self):
        for where, at in self.held:
            port = next((p for p in self.port.values() if p.at == where), None)
            if port and len(port.reasons_to_hold(at)) < MAX_RESETS:
                raise Violation("%s is held at %.3f after %s" % (port.name, at, port.reasons_to_hold(at)))
        self.held = []
        waiting = []
        for deadline, unit, invocation, at, said in self.failed:
            if (self.reasons.get(invocation) or now() - self.anonymous.get(port_of(unit), -1000) < 10 or
                    any(at - 1 < told <= at for told in self.told[port_of(unit)])):
                self.counts["unit failed, and said why"] += 1
            elif now() - self.killed.get(unit, -1000) < 120 and "signal" in said:
                self.counts["unit failed, killed by a step"] += 1
            elif now() > deadline:
                raise Violation("%s, and nobody has said why" % said)
            else:
                waiting.append((deadline, unit, invocation, at, said))
        self.failed = waiting

    def too_long(self, what, seconds, words):
        if now() - self.strange.setdefault(what, now()) > seconds:
            raise Violation(words)

    def processes_and_locks(self):
        found, strange, of_unit = world.processes(), set(), collections.Counter()
        for p in found.values():
            if now() - p.born > OLDEST:
                raise Violation("%s (%d) is at work since %.0f s, in %s" % (p.name, p.pid, now() - p.born, p.group))
            if len(world.descriptors(p.pid)) > DESCRIPTORS:
                raise Violation("%s (%d) has %d descriptors" % (p.name, p.pid, len(world.descriptors(p.pid))))
            of_unit[p.group] += 1
            ancestor = p
            while ancestor.pid not in self.owners and ancestor.parent in found:
                ancestor = found[ancestor.parent]
            if ancestor.pid not in self.owners and "bench" in p.group:
                strange.add(p.pid)
                self.too_long(p.pid, ORPHANED, "%s (%d) is left of a command that is over" % (p.name, p.pid))
        for group, n in of_unit.items():
            # A run and its child, and those of a run that was killed, while what comes after it is at work.
            if "system-replug.slice" in group and n > 4:
                raise Violation("%d processes in %s" % (n, group))
        for file, pid in world.locks().items():
            # A press is locked by the command, and kept by the hand that goes on when that is over.
            if pid not in found and not ("/relay/" in file and any(world.has_open(p, file) for p in found)):
                strange.add(file)
                self.too_long(file, 3, "%s is held by process %d (%s)" % (
                    file, pid, world.read("/proc/%d/comm" % pid, "none any more").strip()))
        for what in set(self.strange) - strange:
            del self.strange[what]

    # --- at rest
    def nothing_left(self):
        def still():
            return world.udev_is_busy() or world.units("activating", "deactivating", "reloading") or world.processes()
        world.until(lambda: not still(), 120, 0.2)
        if still():
            raise Violation("no rest: %s %s" % (world.units("activating", "deactivating", "reloading"), world.processes()))
        for what, found in (
                ("locks are held", world.locks()),
                ("descriptors are kept", world.kept_open()),
                ("units have failed", world.units("failed")),
                ("notes of lost devices are left", glob.glob("/run/replug/lost/*")),
                ("files are left", [f for f in glob.glob("/run/replug/*.new") + glob.glob("/run/replug/*.stuck")]),
                ("contacts are closed", self.closed)):
            if found:
                raise Violation("at rest: %s: %s" % (what, found))
        bad = re.findall(r".*(?:WARNING:|BUG:|Oops|blocked for more than).*", subprocess.run(
            ["dmesg"], stdout=subprocess.PIPE, text=True, errors="replace").stdout)
        if bad:
            raise Violation("the kernel complains: %s" % bad[0])

    def is_well(self, name):
        """Of a port whose device is healthy: not only by what replug says."""
        port = self.port[name]
        wanted = "ttyUSB" if name in plan.BRIDGES else "hidraw" if name in plan.BOARDS else "video"
        if world.attribute(port.at, "authorized") != "1" or world.nodes(port.at) != wanted:
            raise Violation("%s: authorized '%s', nodes '%s'" % (
                name, world.attribute(port.at, "authorized"), world.nodes(port.at)))
        self.nothing_owed(name)

    def nothing_owed(self, name):
        port = self.port[name]
        owed = world.record(port.at).get("owed")
        if owed or world.power_is_off(port.at):
            raise Violation("%s: owed '%s', power off: %s" % (name, owed, world.power_is_off(port.at)))
