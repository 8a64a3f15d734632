#!/usr/bin/python3
"""Makes table.txt, table.json and plot.svg of the bench's figures. Usage: report.py FIGURES FOLDER PART...

Exit status: 0 every limit holds, 1 one is broken, 2 a figure is missing.
"""
import html
import json
import math
import statistics
import sys

# RESET, its answer, GET_INFO, its answer: 6 + 7 + 6 + 14 bytes of ten bits at 9600 baud.
WIRE_MS = 33 * 10 / 9.6
SAME = 1.05  # of the least of several runs: how many of udev's events a look at the device answers differs from run to run

figures = {}


def read(path):
    with open(path) as file:
        for line in file:
            _, name, number, value = line.rstrip("\n").split("\t")
            figures.setdefault(name, {})[int(number)] = float(value)


def each(name):
    return figures[name]


def median(name):
    return statistics.median(each(name).values())


def floor(kind):
    """Of each round: ports recover side by side, so the slower one counts."""
    return {i: max(each("bare-dongle." + kind)[i], each("bare-bridge." + kind)[i] + each("chip." + kind)[i] + WIRE_MS)
            for i in each("chip." + kind)}


def derive():
    for kind in ("fast", "usual"):
        if "chip." + kind in figures:
            figures["floor." + kind] = floor(kind)


def steps(what):
    """At how many devices it was measured."""
    return sorted(int(name[len(what) + 1:]) for name in figures if name.startswith(what + ".") and name[len(what) + 1:].isdigit())


class Table:
    def __init__(self):
        self.rows, self.missing = [], []

    def add(self, point, text, value, unit, limit=None, sense="<=", spread=None):
        holds = None if limit is None else value <= limit if sense == "<=" else value >= limit
        self.rows.append(dict(point=point, what=text, value=value, unit=unit, limit=limit, sense=sense if limit is not None else None,
                              verdict=None if holds is None else "holds" if holds else "broken", spread=spread))

    def figure(self, point, text, name, unit):
        values = sorted(each(name).values())
        self.add(point, text, statistics.median(values), unit, spread=[values[0], values[-1]] if len(values) > 1 else None)

    def ratio(self, point, text, over, under, limit=None, sense="<="):
        self.add(point, text, median(over) / median(under), "x", limit, sense)

    def same(self, point, text, what):
        n = steps(what)
        low, high = (min(each("%s.%d" % (what, i)).values()) for i in (n[0], n[-1]))
        self.add(point, "%s, %d to %d devices: %.0f to %.0f" % (text, n[0], n[-1], low, high), high / low, "x", SAME)

    def grows(self, point, text, what):
        n = steps(what)
        low, high = median("%s.%d" % (what, n[0])), median("%s.%d" % (what, n[-1]))
        self.add(point, "%s, %d to %d devices: %.0f to %.0f" % (text, n[0], n[-1], low, high), high / low, "x")


def recovery(t):
    names = {"usual": "chip restarts in 0.9 s", "fast": "chip restarts in 0.1 s"}
    for kind, chip in names.items():
        t.figure(1, "floor: bare reset, chip, bytes; %s" % chip, "floor." + kind, "ms")
        t.figure(1, "by hand: replug recover capture hid; %s" % chip, "hand." + kind, "ms")
        t.figure(1, "by plug: udev's add to the record; %s" % chip, "plug." + kind, "ms")
        t.figure(1, "from the kernel's add to the record; %s" % chip, "plug-kernel." + kind, "ms")
    t.figure(1, "Python procedure, which does not ask when the chip is ready", "procedure.fast", "ms")
    t.figure(1, "usbreset of both, without the chip", "usbreset.usual", "ms")
    t.figure(1, "usbreset in a RUN script, kernel's add to its end, without the chip", "rule-kernel.usual", "ms")
    for kind, chip in names.items():
        t.ratio(1, "by hand to the floor; %s" % chip, "hand." + kind, "floor." + kind, 1.25)
        t.ratio(1, "by plug to the floor; %s" % chip, "plug." + kind, "floor." + kind, 1.5)
    t.ratio(1, "Python procedure to by hand; chip restarts in 0.1 s", "procedure.fast", "hand.fast", 12, ">=")
    t.ratio(1, "Python procedure to by hand; chip restarts in 0.9 s", "procedure.fast", "hand.usual")
    t.ratio(1, "Python procedure to the floor: what nobody can exceed; chip restarts in 0.9 s", "procedure.fast", "floor.usual")
    for kind in names:
        for name in ("dongle", "hid"):
            for part, text in (("start", "udev's add to systemd's start"), ("exec", "systemd's start to the run's begin"),
                               ("run", "the run")):
                t.figure(1, "a plug, %s, %s: %s" % (name, names[kind], text), "plug-%s.%s.%s" % (part, name, kind), "ms")


def scale(t):
    t.add(2, "replug-match, instructions", median("instructions.match.1"), "", 160000)
    t.same(2, "replug-match, instructions", "instructions.match")
    t.ratio(2, "replug-match, instructions, with %d sections to the vendor's" % median("sections"),
            "instructions.match-sections.1", "instructions.match.1", 10)
    t.figure(2, "v4l_id, instructions", "instructions.v4l_id.1", "")
    t.figure(2, "empty static program, instructions", "instructions.empty.1", "")
    for what in ("match", "v4l_id", "empty"):
        t.figure(2, "%s, start to end" % {"match": "replug-match", "empty": "empty static program"}.get(what, what),
                 "start." + what, "ms")
    t.ratio(2, "replug-match, start to end, to v4l_id", "start.match", "start.v4l_id")
    for point, ours, peers in ((3, {"reset": "replug reset"}, {"usbreset": "usbreset", "pyusb": "pyusb"}),
                               (4, {"get": "replug-relay get", "on": "replug-relay on"},
                                {"usbrelay-get": "usbrelay (get)", "usbrelay-on": "usbrelay (on)"})):
        for what, text in ours.items():
            t.same(point, text + ", system calls", "calls." + what)
            t.same(point, text + ", instructions", "instructions." + what)
        for what, text in peers.items():
            t.grows(point, text + ", system calls", "calls." + what)
            t.grows(point, text + ", instructions", "instructions." + what)
        for what, text in dict(ours, **peers).items():
            for n in steps("time." + what):
                t.figure(point, "%s, start to end, %d devices" % (text, n), "time.%s.%d" % (what, n), "ms")
    most = steps("time.reset")[-1]
    for peer in ("usbreset", "pyusb"):
        t.ratio(3, "replug reset to %s, start to end, %d devices" % (peer, most), "time.reset.%d" % most, "time.%s.%d" % (peer, most))
    for what in ("get", "on"):
        t.ratio(4, "replug-relay %s to usbrelay, start to end, %d devices" % (what, most), "time.%s.%d" % (what, most),
                "time.usbrelay-%s.%d" % (what, most))
    for name in figures:
        if name.startswith("memory."):
            t.figure(6, "%s, most private memory" % name[7:], name, "KiB")


def storm(t):
    t.figure(5, "events sent with replug", "sent.with", "/s")
    t.figure(5, "a slice of 30 s of events until udev's queue is empty, with replug", "drain.with", "ms")
    t.figure(5, "the same without replug", "drain.without", "ms")
    t.figure(5, "the same with an empty static program in replug-match's place", "drain.empty", "ms")
    t.ratio(5, "with replug to without", "drain.with", "drain.without", 1.1)
    t.ratio(5, "with the empty program to without: what nobody who is asked can undercut", "drain.empty", "drain.without")
    t.figure(5, "runs that systemd started in a slice", "storm-runs", "")
    t.add(5, "memory of systemd and udevd after the last slice, more than after the first", each("storm-memory")[max(each("storm-memory"))] - each("storm-memory")[0], "KiB", 1024)
    for name, text in (("dongle", "dongle"), ("hid", "bridge")):
        t.figure(5, "resets of the %s in a storm" % text, "storm-resets." + name, "")
        t.add(5, "%s is recovered or held after a storm" % text, min(each("storm-state." + name).values()), "", 1, ">=")
        t.add(5, "%s is recovered when a person asks" % text, median("storm-after." + name), "", 1, ">=")
        t.add(5, "%s is gone when unplugged" % text, median("storm-gone." + name), "", 1, ">=")
    t.add(5, "units of replug's left over", median("storm-left"), "", 0)


def sizes(t):
    for name in ("replug", "replug-match", "replug-relay"):
        t.add(6, "%s, stripped" % name, median("size." + name), "bytes")
    t.add(6, "src, lines", median("lines.src"), "")


def number(value, unit):
    return "%.2f" % value if unit == "x" else "%.1f" % value if unit == "ms" and value < 100 else "%.0f" % value


def text_of(rows, parts):
    lines = ["replug beside others, in a virtual machine with one processor that takes 1 ns for any instruction (with KVM: this host's).",
             "Medians; instructions are user space's, counted by valgrind's callgrind in the machine, to the end of the last child;",
             "those of relays' programs with a slower clock preloaded, or they would give up before they are done;",
             "system calls by strace; memory is Private_* of smaps_rollup at every system call;",
             "lines that speak of more devices are of the least of three.",
             "Measured: %s." % ", ".join(parts), ""]
    width = max(len(row["what"]) for row in rows)
    for row in rows:
        limit = "" if row["limit"] is None else "%s %s" % (row["sense"], number(row["limit"], row["unit"]))
        spread = "" if not row["spread"] else "%s..%s" % tuple(number(v, row["unit"]) for v in row["spread"])
        lines.append(("%d  %-*s %12s %-5s %-20s %-10s %s" % (row["point"], width, row["what"], number(row["value"], row["unit"]),
                                                          row["unit"], spread, limit, row["verdict"] or "")).rstrip())
    broken = [row for row in rows if row["verdict"] == "broken"]
    judged = [row for row in rows if row["verdict"]]
    lines += ["", "%d limits hold, %d are broken" % (len(judged) - len(broken), len(broken))]
    return "\n".join(lines) + "\n"


class Plot:
    WIDTH, LEFT, RIGHT = 880, 250, 70
    COLOURS = {"replug": "#1a7f37", "floor": "#57606a", "a": "#9a6700", "b": "#8250df"}

    def __init__(self):
        self.parts, self.y = [], 12

    def text(self, x, y, text, more=""):
        self.parts.append('<text x="%.1f" y="%.1f"%s>%s</text>' % (x, y, more, html.escape(text)))

    def title(self, text):
        self.y += 22
        self.text(16, self.y, text, ' class="h"')
        self.y += 10

    def bars(self, title, rows):
        """rows: label, name, colour. The line through a bar's end is from the least to the most."""
        self.title(title)
        most = max(max(each(name).values()) for _, name, _ in rows)
        span = self.WIDTH - self.LEFT - self.RIGHT
        for label, name, colour in rows:
            values = sorted(each(name).values())
            middle = statistics.median(values)
            x = [self.LEFT + v / most * span for v in (0, middle, values[0], values[-1])]
            self.text(self.LEFT - 8, self.y + 13, label, ' text-anchor="end"')
            self.parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="12" fill="%s" fill-opacity=".5"/>'
                              % (x[0], self.y + 3, max(x[1] - x[0], 1), self.COLOURS[colour]))
            self.parts.append('<path d="M%.1f %.1fH%.1f" stroke="#1f2328"/>' % (x[2], self.y + 9, x[3]))
            self.text(x[3] + 6, self.y + 13, "%.0f ms" % middle)
            self.y += 18

    def curves(self, title, lines):
        """lines: label, name, colour. Both beside each other would be crowded: a panel each, its y axis logarithmic."""
        self.title(title)
        height, left = 130, 70
        values = {label: [(n, median("%s.%d" % (name, n))) for n in steps(name)] for label, name, _ in lines}
        everything = [v for curve in values.values() for _, v in curve]
        low, high = math.floor(math.log10(min(everything))), math.ceil(math.log10(max(everything)))
        most = max(n for curve in values.values() for n, _ in curve)

        def at(n, value):
            return (left + n / most * (self.WIDTH - left - 190),
                    self.y + height - (math.log10(value) - low) / max(high - low, 1) * height)
        for power in range(low, high + 1):
            y = at(0, 10 ** power)[1]
            self.parts.append('<path d="M%d %.1fH%d" stroke="#d8dee4"/>' % (left, y, self.WIDTH - 190))
            self.text(left - 6, y + 4, "{:,}".format(10 ** power).replace(",", " ") if power < 7 else "10^%d" % power, ' text-anchor="end"')
        taken = []
        for label, _, colour in lines:
            points = [at(n, v) for n, v in values[label]]
            self.parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>'
                              % (" ".join("%.1f,%.1f" % p for p in points), self.COLOURS[colour]))
            y = points[-1][1] + 4
            while any(abs(y - other) < 12 for other in taken):
                y += 3
            taken.append(y)
            self.text(points[-1][0] + 8, y, label, ' fill="%s"' % self.COLOURS[colour])
        for n, _ in values[lines[0][0]]:
            self.text(at(n, 1)[0], self.y + height + 14, str(n), ' text-anchor="middle"')
        self.y += height + 28
        self.text((left + self.WIDTH - 190) / 2, self.y, "devices on the bus", ' text-anchor="middle"')
        self.y += 8

    def svg(self):
        return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="replug beside others">\n'
                "<style>text{font-family:sans-serif;font-size:11px}.h{font-size:14px;font-weight:bold}</style>\n"
                '<rect x=".5" y=".5" width="%d" height="%d" rx="8" fill="#fff" stroke="#d0d7de"/>\n%s\n</svg>\n'
                % (self.WIDTH, self.y + 20, self.WIDTH - 1, self.y + 19, "\n".join(self.parts)))


def draw(parts):
    p = Plot()
    if "recovery" in parts:
        for kind, chip in (("usual", "0.9 s"), ("fast", "0.1 s")):
            p.bars("Back in service: a dongle, and a bridge whose chip restarts in %s" % chip,
                   [("the hardware's own time", "floor." + kind, "floor"), ("replug recover capture hid", "hand." + kind, "replug"),
                    ("plugged: udev's add to the record", "plug." + kind, "replug"),
                    ("Python: reset, two RESETs, pauses", "procedure.fast", "a")])
    if "scale" in parts:
        for what, unit in (("calls", "System calls"), ("instructions", "Instructions")):
            p.curves(unit + " to reset one device", [("replug reset", what + ".reset", "replug"), ("usbreset", what + ".usbreset", "a"),
                                                     ("pyusb", what + ".pyusb", "b")])
            p.curves(unit + " to ask one relay", [("replug-relay get", what + ".get", "replug"), ("usbrelay", what + ".usbrelay-get", "a")])
            p.curves(unit + " to switch one relay", [("replug-relay on", what + ".on", "replug"), ("usbrelay", what + ".usbrelay-on", "a")])
        p.bars("What udev starts for an event", [("empty static program", "start.empty", "floor"), ("replug-match", "start.match", "replug"),
                                                 ("v4l_id", "start.v4l_id", "a")])
    if "storm" in parts:
        p.bars("A slice of 30 s of 200 events a second, until udev's queue is empty", [("without replug", "drain.without", "floor"),
                                                                           ("an empty program asked", "drain.empty", "a"),
                                                                           ("with replug", "drain.with", "replug")])
    return p.svg()


def main(path, folder, parts):
    read(path)
    t = Table()
    try:
        derive()
        for part in parts:
            {"recovery": recovery, "scale": scale, "storm": storm}[part](t)
        sizes(t)
        t.rows.sort(key=lambda row: row["point"])
        picture = draw(parts)
    except (KeyError, IndexError) as e:
        print("report.py: no figure for %s" % e, file=sys.stderr)
        return 2
    text = text_of(t.rows, parts)
    with open(folder + "/table.txt", "w") as file:
        file.write(text)
    with open(folder + "/table.json", "w") as file:
        json.dump(dict(table=t.rows, figures=figures), file, indent=1)
        file.write("\n")
    with open(folder + "/plot.svg", "w") as file:
        file.write(picture)
    print(text, end="")
    return 1 if any(row["verdict"] == "broken" for row in t.rows) else 0


sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
