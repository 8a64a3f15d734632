#!/usr/bin/python3
"""A seeded random machine: steps of plug, unplug, fault, command, refresh, kill and relay pulse on four ports, and after
every one what has to be true (judge.py). Runs in the virtual machine; see tests/soak/run.

    soak.py SEED STEPS"""
import collections
import os
import signal
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True

import judge as judging
import plan as planning
import stage
import world
from judge import Violation
from plan import BOARDS, BRIDGES, DONGLES, FAULTS, MAY_FALL_OUT, MILD, PORTS
from world import emu, now

STEP_LIMIT = 900  # seconds; nothing a step waits for takes so long
# Exit statuses that a command may have, whatever else happens at the same time.
MAY = {
    "recover": (0, 1, 3, 4), "reset": (0, 1, 3, 4), "health": (0, 1, 3, 4, 5), "refresh": (0, 1, 3, 4), "ch9329": (0, 1, 3, 4, 5),
    "list": (0, 3), "status": (0, 1, 3), "check": (0,), "pulse": (0, 1, 3, 4, 5), "off": (0, 1, 3, 4, 5), "get": (0, 1, 3, 4, 5),
    "release": (0, 1, 3, 4),
}


class Command:
    """One of ours, under way."""

    def __init__(self, words, ports, why):
        self.words, self.ports, self.why = words, ports, why
        self.verb = words[1]
        self.forgives = self.verb in ("recover", "reset") or words[1:3] == ["ch9329", "reset"]  # the guard, for it
        self.begun = now()
        self.said = open("/run/soak.said", "w+")
        os.unlink("/run/soak.said")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.said, stderr=subprocess.STDOUT)
        self.killed = False
        self.must = None  # the statuses that it has to have

    def output(self):
        self.said.seek(0)
        return self.said.read().strip()


class Soak:
    def __init__(self, seed):
        self.plan = planning.Plan(seed)
        self.counts, self.statuses = collections.Counter(), collections.Counter()
        self.steps = collections.deque(maxlen=20)
        self.plugged = dict.fromkeys(PORTS, True)
        self.fault = dict.fromkeys(PORTS, "")
        self.running = []
        self.settled = self.excused = 0
        self.port = {}
        self.journal = world.Journal()

    def set_up(self):
        at, unit = stage.set_up()
        for name in PORTS:
            self.port[name] = judging.Port(name)
            if self.port[name].at != at[name]:
                raise Violation("%s is at %s and not at %s" % (name, self.port[name].at, at[name]))
            self.port[name].arrivals.append(now())
        self.judge = judging.Judge(self.port, unit, self.journal)
        self.rest()

    # --- commands
    def start(self, words, ports, must=None):
        command = Command(words, ports, self.steps[-1] if self.steps else "")
        command.must = must
        self.running.append(command)
        self.judge.owners[command.process.pid] = command
        if command.forgives:
            for name in ports:
                self.port[name].obeyed.add(command)
        return command

    def reap(self):
        ended = [c for c in self.running if c.process.poll() is not None]
        self.judge.look()  # what they have done to their devices is known before they are forgotten
        for c in ended:
            self.running.remove(c)
            del self.judge.owners[c.process.pid]
            status = c.process.returncode
            self.statuses["%s %s" % (c.verb, status)] += 1
            for name in c.ports if c.forgives else ():
                port = self.port[name]
                if status != 4 or len(c.ports) > 1:  # another of them may have been the one that was held
                    port.forgiven(c.begun)
                if status == 0:
                    port.pardons.append((now(), c.begun))
                port.obeyed.discard(c)
            if status not in MAY[c.verb] and not (c.killed and status < 0):
                raise Violation("`%s` (of %s) ended with %d: %s" % (" ".join(c.words), c.why, status, c.output()))
            if c.must and status not in c.must:
                raise Violation("`%s` (of %s) ended with %d instead of %s: %s" % (" ".join(c.words), c.why, status, c.must, c.output()))
            c.said.close()

    def done(self, command, seconds=150):
        if not world.until(lambda: command.process.poll() is not None, seconds, 0.02):
            raise Violation("`%s` does not end: %s" % (" ".join(command.words), command.output()))
        self.reap()
        return command.process.returncode

    def look(self):
        self.reap()
        self.judge.check()

    # --- steps
    def be(self, name, plugged):
        """A fault may have taken it out, and then it is where it should be, or can be put back."""
        self.plugged[name] = plugged
        try:
            emu("plug" if plugged else "unplug", name)
        except world.Refused as refused:
            if self.fault[name] not in MAY_FALL_OUT or "plugged in" not in str(refused):
                raise

    def cure(self, name):
        fault, self.fault[name] = self.fault[name], ""
        if not fault:
            return
        emu("set", name, *FAULTS[fault][1].split())
        if fault in MAY_FALL_OUT and self.plugged[name]:
            try:
                emu("plug", name)
            except world.Refused:  # it did not
                pass

    def ready(self, name):
        """The board's node is there and udev has done with it."""
        return world.until(lambda: world.nodes(self.port[name].at) == "hidraw" and not world.udev_is_busy(), 30)

    def do(self, step):
        name, kind, words = step.port, step.kind, step.words
        port, by_port = self.port[name], "usb=" + self.port[name].at
        healthy = step.calm and self.plugged[name] and not self.fault[name] and not port.excuse
        if step.calm:
            self.settle(name)
        if kind in ("plug", "unplug"):
            self.be(name, kind == "plug")
        elif kind == "blink":
            self.be(name, False)
            time.sleep(words[0] / 1000)
            self.be(name, True)
        elif kind == "storm":  # more plugs than the guard allows resets, each seen to as far as its reset
            for _ in range(judging.MAX_RESETS + 2):
                mark = emu("mark")
                self.be(name, False)
                self.be(name, True)
                world.happens(mark, " %s reset" % name, 6)
                self.look()
        elif kind == "fault":
            self.cure(name)
            self.fault[name] = words[0]
            if words[0] not in MILD:
                port.excuse.add(words[0])
            if words[0] == "welded":
                self.judge.welded = True
            emu("set", name, *FAULTS[words[0]][0].split())
        elif kind == "cure":
            self.cure(name)
        elif kind in ("recover", "health", "refresh", "reset", "chip", "look"):
            ports = [name]
            if words == ("all",):
                ports = list(DONGLES + BRIDGES)
            selectors = ["usb=" + self.port[p].at for p in ports]
            more = {"recover": ["recover"], "health": ["health", "--heal"], "refresh": ["refresh"],
                    "reset": ["reset"] + ["--method=" + w for w in words], "chip": ["ch9329", *words], "look": []}[kind]
            if kind == "look":
                selectors = words[0].split()
                ports = []
            command = self.start(["replug", *more, *selectors], ports)
            if step.calm and len(ports) <= 1:
                status = self.done(command)
                if healthy and kind in ("recover", "reset") and status != 0:
                    raise Violation("%s is well, and %s ended with %d: %s" % (name, kind, status, port.at))
        elif kind == "kill":
            self.kill(name, *words)
        elif kind == "pulse":
            contact, ms = words
            if healthy and not self.ready(name):
                raise Violation("%s has no node" % name)
            command = self.start(["replug-relay", "pulse", "one" if contact == 1 else "two", "--for=%dms" % ms], [name])
            if step.calm and self.done(command) and healthy:
                raise Violation("a pulse of %s, which is well, ended with %d" % (name, command.process.returncode))
        elif kind in ("killpulse", "pulled"):
            mark = emu("mark")
            command = self.start(["replug-relay", "pulse", "one", "--for=%dms" % words[0]], [name])
            world.happens(mark, " %s closed" % name, 3)
            if kind == "pulled":
                self.be(name, False)
                self.be(name, True)
            elif words[1] == "command":
                command.killed = True
                command.process.send_signal(getattr(signal, "SIG" + words[2]))
            else:
                for p in world.processes("replug-hand").values():
                    if p.parent == command.process.pid:
                        os.kill(p.pid, getattr(signal, "SIG" + words[2]))
        elif kind in ("off", "get"):
            self.start(["replug-relay", kind, "one" if words[0] == 1 else "two"], [name])

    def kill(self, name, run, at, whom, sig, delay):
        """Starts a run, by a plug or by hand, and kills it where its device has come so far."""
        port, unit = self.port[name], self.judge.unit[name]
        port.excuse.add("killed")
        mark = emu("mark")
        if run == "unit":
            self.be(name, False)
            self.be(name, True)
        else:
            command = self.start(["replug", "recover", "usb=" + port.at], [name])
            command.killed = True
        if at != "begin":
            world.happens(mark, " %s %s" % (name, at), 6)
        if run == "unit":
            world.until(lambda: world.unit_has_processes(unit), 4, 0.01)
        time.sleep(delay / 1000)
        if run == "unit":
            pids = [int(p) for p in world.read("/sys/fs/cgroup%s/cgroup.procs" % world.group_of(unit)).split()]
            self.judge.killed[unit] = now()
        else:
            parent = command.process.pid
            pids = [parent, *map(int, world.read("/proc/%d/task/%d/children" % (parent, parent)).split())]
        pids = {"all": pids, "parent": pids[:1], "child": pids[1:]}[whom]
        for pid in pids:
            try:
                os.kill(pid, getattr(signal, "SIG" + sig))
                self.counts["killed"] += 1
            except ProcessLookupError:
                pass

    # --- rest
    def state(self, name):
        return world.record(self.port[name].at).get("state", "none")

    def at_work(self, name):
        port = self.port[name]
        if any(name in c.ports for c in self.running if c.process.poll() is None):
            return True
        if world.udev_is_busy() and not any(f.startswith("flaps") for f in self.fault.values()):
            return True  # while one flaps, that is always so
        if name in BOARDS:
            return bool(world.processes("replug-"))
        return world.unit_has_processes(self.judge.unit[name]) or "/run/replug/%s.lock" % port.at in world.locks()

    def settle(self, name, seconds=150):
        """What is going on at this port comes to its end, and what is healthy there is recovered, without help."""
        port = self.port[name]
        good = self.plugged[name] and name not in BOARDS and self.fault[name] in ("", *MILD) and not port.excuse

        def over():
            if good:
                return self.state(name) in ("recovered", "held") and world.record_is_of_this_device(port.at) and not self.at_work(name)
            if not self.plugged[name] and not port.excuse and name not in BOARDS:
                return self.state(name) in ("gone", "none") and not world.listed(port.at) and not self.at_work(name)
            return not self.at_work(name)

        end = now() + (5 if self.fault[name].startswith("flaps") else seconds)
        while not over():
            if now() > end and (good or not port.excuse):
                raise Violation("%s: %s after %d s, plugged %s, its device is %s" % (
                    name, self.state(name), seconds, self.plugged[name], world.attribute(port.at, "devnum") or "not there"))
            if now() > end:
                break
            self.look()
            time.sleep(0.05)
        if good:
            self.settled += 1

    def by_hand(self, name):
        """A person would wait for the run that has the port, and try again."""
        for _ in range(20):
            command = self.start(["replug", "recover", "usb=" + self.port[name].at], [name])
            status = self.done(command)
            if status != 4:
                break
            time.sleep(0.5)
        if status:
            raise Violation("%s, without a fault: by hand %d: %s" % (name, status, self.journal.tail[-1] if self.journal.tail else ""))

    def rest(self):
        """Faults are taken away, and all that is under way comes to its end."""
        for name in PORTS:
            self.cure(name)
        for command in list(self.running):
            self.done(command)
        for name in PORTS:
            if self.plugged[name] and not world.listed(self.port[name].at) and self.port[name].excuse:
                world.until(lambda n=name: world.listed(self.port[n].at), 5)
                if not world.listed(self.port[name].at):  # gone silent, and nobody could help: a person would
                    emu("unplug", name)
                    emu("plug", name)
        if self.judge.welded:
            self.judge.welded = False
            if self.plugged["r0"] and self.ready("r0"):
                self.done(self.start(["replug-relay", "off", "--all", "usb=" + self.port["r0"].at], ["r0"], (0,)))
        for name in PORTS:
            self.settle(name)
        if not world.until(lambda: self.look() or not self.judge.closed, judging.LETS_GO):
            raise Violation("contacts stay closed: %s" % self.judge.closed)
        for name in DONGLES + BRIDGES:
            if self.plugged[name] and self.state(name) != "recovered":
                if self.state(name) != "held" and not self.port[name].excuse:
                    raise Violation("%s, without a fault: %s" % (name, self.state(name)))
                self.excused += 1
                self.by_hand(name)
        self.judge.nothing_left()
        self.look()
        for name in PORTS:
            if self.plugged[name] and name in BOARDS:
                if not self.ready(name):
                    raise Violation("%s has no node" % name)
            if self.plugged[name]:
                self.judge.is_well(name)
            elif self.state(name) not in ("gone", "none") or world.listed(self.port[name].at):
                raise Violation("%s is unplugged, and %s" % (name, self.state(name)))
            else:
                self.judge.nothing_owed(name)
            self.port[name].excuse.clear()
        well = ["usb=" + self.port[n].at for n in DONGLES + BRIDGES if self.plugged[n]]
        if well:
            self.done(self.start(["replug", "health", *well], [], (0,)))
        self.counts["rests"] += 1

    # --- all of it
    def run(self, steps):
        begun = now()
        for n in range(1, steps + 1):
            step = self.plan.next()
            self.steps.append(planning.show(n, step))
            print("%s  [%.1f s]" % (self.steps[-1], now() - begun), flush=True)
            signal.alarm(STEP_LIMIT)
            self.do(step)
            self.look()
            if step.rest or n == steps:
                self.rest()
            elif step.calm:
                self.settle(step.port)
            else:
                time.sleep(step.pause / 1000)
                self.look()
            self.counts[step.kind] += 1
            if n % 100 == 0 and n != steps:
                print("## %d steps in %.0f s" % (n, now() - begun), flush=True)
        signal.alarm(0)
        self.summary(n, now() - begun)

    def summary(self, n, seconds):
        def line(what, counter):
            print("## %s: %s" % (what, ", ".join("%s %d" % (k, counter[k]) for k in sorted(counter))))
        print("## %d steps in %.0f s" % (n, seconds))
        line("steps", self.counts)
        print("## resets: %s" % ", ".join("%s %d" % (p.name, p.all_resets) for p in self.port.values() if p.name not in BOARDS))
        line("outcomes", self.judge.counts)
        line("exit statuses", self.statuses)
        print("## a healthy device was waited for %d times, and helped by hand after faults, kills and holds %d times" % (self.settled, self.excused), flush=True)

    def tell(self, why):
        print("not ok - %s" % why)
        print("the last steps:")
        for line in self.steps:
            print("  " + line)
        print("state:")
        for name, port in self.port.items():
            print("  %s %s plugged %s, fault '%s', excuse %s, resets %s, record %s" % (
                name, port.at, self.plugged[name], self.fault[name], sorted(port.excuse), port.resets, " ".join(world.read("/run/replug/%s.json" % port.at).split())))
        for c in self.running:
            print("  under way: %s (%d, %.0f s)" % (" ".join(c.words), c.process.pid, now() - c.begun))
        for p in world.processes().values():
            print("  process: %s" % (p,))
        print("  locks: %s" % world.locks())
        try:
            list(self.journal.news())
        finally:
            print("the journal:")
            for line in list(self.journal.tail)[-40:]:
                print("  " + line)
        print("what the devices felt:")
        for e in [e for e in world.events(0) if e.word not in ("frame", "answer", "suppressed", "modem", "rate", "probe")][-60:]:
            print("  %.3f %s %s %s" % e[1:])
        sys.stdout.flush()


def hangs(*_):
    raise Violation("the step hangs")


def main():
    seed, steps = int(sys.argv[1]), int(sys.argv[2])
    soak = Soak(seed)
    signal.signal(signal.SIGALRM, hangs)
    signal.alarm(STEP_LIMIT)
    try:
        soak.set_up()
        soak.run(steps)
    except Exception as why:
        signal.alarm(0)
        if not isinstance(why, Violation):
            traceback.print_exc()
        soak.tell(why)
        print("again: make soak SEED=%d STEPS=%d" % (seed, steps), flush=True)
        sys.exit(1)
    finally:
        soak.journal.close()
    print("ok - seed %d, %d steps" % (seed, steps), flush=True)


main()
