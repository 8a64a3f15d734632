"""What the soak does, step by step: decided by the seed and by what the steps before have done, never by how long that
took or what came of it, so that a seed is the same sequence on every machine.

    plan.py SEED STEPS      prints it"""
import collections
import random
import sys

Step = collections.namedtuple("Step", "kind port words calm pause rest")

DONGLES, BRIDGES, BOARDS = ("d0", "d1"), ("b0",), ("r0",)
PORTS = DONGLES + BRIDGES + BOARDS
PULSE_MS = 300  # of the section

# What can be the matter with a device: its settings, and those that take it away.
# Of these, no recovery that a plug starts has an excuse not to come to its good end.
MILD = {
    "first-reset-fails": ("fail-resets=1 back-after=200", "fail-resets=0"),
    "other-descriptors": ("change-descriptors=1", "change-descriptors=0"),
    "other-at-each-reset": ("reenumerate=1", "reenumerate=0"),
    "drops-off": ("drop-at-reset=1500", "drop-at-reset=-1"),
    "drops-off-briefly": ("drop-at-reset=200", "drop-at-reset=-1"),
}
GRAVE = {
    "sick-until-reset": ("sick=1 heals-on=reset", "sick=0"),
    "sick-until-configured": ("sick=1 heals-on=configure", "sick=0 heals-on=reset"),
    "sick-until-power": ("sick=1 heals-on=power", "sick=0 heals-on=reset"),
    "no-driver": ("probe-fails=3", "probe-fails=0"),
    "stalls": ("ep0-stall=1", "ep0-stall=0"),
    "silent": ("usb-silent=now", "usb-silent=0"),
    "silent-at-reset": ("usb-silent=1", "usb-silent=0"),
    "falls-out-at-reset": ("unplug-on=reset", "unplug-on=0"),
    "falls-out-when-back": ("unplug-on=configured", "unplug-on=0"),
    "flaps": ("flap=2500,400", "flap=0"),
    "flaps-slowly": ("flap=4000,900", "flap=0"),
}
CHIP = {
    "chip-hangs": ("wedge=1", "wedge=0"),
    "chip-silent": ("dead=1", "dead=0"),
    "chip-garbled": ("garbage=1", "garbage=0"),
    "chip-foreign": ("foreign=1", "foreign=0"),
}
RELAY = {
    "welded": ("stuck=1", "stuck=0"),
    "bus-fails": ("eproto=1", "eproto=0"),
    "board-hangs": ("mute=1", "mute=0"),
}
FAULTS = {**MILD, **GRAVE, **CHIP, **RELAY}
MAY_FALL_OUT = ("falls-out-at-reset", "falls-out-when-back")


def faults_of(port):
    if port in BOARDS:
        return RELAY
    return {**MILD, **GRAVE, **(CHIP if port in BRIDGES else {})}


class Plan:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.plugged = dict.fromkeys(PORTS, True)
        self.fault = dict.fromkeys(PORTS, "")

    def pick(self, weights):
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def kinds(self, port):
        """What can happen to this port now, and how often."""
        cure = 12 if self.fault[port] else 0
        if port in BOARDS:
            if not self.plugged[port]:
                return dict(plug=60, pulse=8, off=4, fault=6, cure=cure)
            return dict(unplug=8, blink=10, fault=6, cure=cure, pulse=40, killpulse=14, pulled=10, off=6, get=6)
        if not self.plugged[port]:
            return dict(plug=60, fault=10, cure=cure, recover=6, health=4, look=3)
        chip = 6 if port in BRIDGES else 0
        return dict(unplug=12, blink=24, fault=14, cure=cure, recover=9, reset=5, health=8, refresh=6, chip=chip, kill=12, look=3,
                    storm=3)

    def words(self, kind, port):
        """What is to be known of a step besides its kind. Changes what the steps after it go by."""
        rng = self.rng
        if kind in ("plug", "unplug"):
            self.plugged[port] = kind == "plug"
            return ()
        if kind == "blink":
            return (rng.choice((0, 0, 50, 300, 1000)),)  # ms
        if kind == "fault":
            self.fault[port] = rng.choice(sorted(faults_of(port)))
            return (self.fault[port],)
        if kind == "cure":
            was, self.fault[port] = self.fault[port], ""
            return (was,)
        if kind in ("recover", "health"):
            return ("all",) if rng.random() < 0.2 else ()
        if kind == "reset":
            return (rng.choice(("usb", "usb", "rebind", "authorize", "power")),)
        if kind == "chip":
            return (rng.choice(("reset", "info")),)
        if kind == "look":
            return (rng.choice(("list --json", "status --json", "check", "health", "refresh --dry-run")),)
        if kind == "kill":
            run = rng.choice(("unit", "unit", "hand"))
            at = rng.choice(("reset", "reset", "configured", "close", "begin"))
            return run, at, rng.choice(("all", "parent", "child")), rng.choice(("KILL", "KILL", "TERM")), rng.choice((0, 0, 30, 100, 300))
        if kind == "pulse":
            return rng.choice((1, 1, 2)), rng.choice((50, PULSE_MS, 1000))
        if kind == "killpulse":
            return rng.choice((300, 1000)), rng.choice(("command", "hand")), rng.choice(("KILL", "TERM"))
        if kind == "pulled":
            return (rng.choice((300, 1000)),)
        if kind in ("off", "get"):
            return (rng.choice((1, 2)),)
        return ()

    def next(self):
        port = self.pick(dict(d0=3, d1=3, b0=3, r0=2))
        kind = self.pick(self.kinds(port))
        words = self.words(kind, port)
        calm = self.rng.random() < 0.2
        pause = self.rng.choice((0, 0, 50, 200, 500))
        rest = self.rng.random() < 0.04
        if rest:
            self.rested()
        return Step(kind, port, words, calm, pause, rest)

    def rested(self):
        self.fault = dict.fromkeys(PORTS, "")


def show(n, step):
    how = "rest" if step.rest else "calm" if step.calm else "%d ms" % step.pause
    return "step %d: %s %s %s, then %s" % (n, step.port, step.kind, " ".join(map(str, step.words)), how)


if __name__ == "__main__":
    plan = Plan(int(sys.argv[1]))
    for number in range(1, int(sys.argv[2]) + 1):
        print(show(number, plan.next()))
