#!/usr/bin/python3
"""A terminal to run a program on, as far as that needs one: terminal.py ROWSxCOLUMNS STEP... -- COMMAND...

Steps: see=REGEX (in one line of the screen), not=REGEX (in none, now), key=TEXT (with escapes), signal=NAME, size=ROWSxCOLUMNS,
run=SHELL (must succeed; $pid is the program), mode=alternate|main, end=STATUS. Fails when a step is not met in time, when
anything is written beyond the last column or row, or when the terminal is not left as it was.
"""
import codecs, fcntl, os, re, select, signal, struct, subprocess, sys, termios, time, unicodedata

PATIENCE = 20


class Screen:
    def __init__(self, rows, columns):
        self.faults = []
        self.modes = {"1049": False, "25": True, "7": True}
        self.attributes = ""
        self.writes = ""
        self.main = None
        self.resize(rows, columns)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.clear()

    def clear(self):
        self.cells = [[""] * self.columns for _ in range(self.rows)]
        self.row = self.column = 0

    def lines(self):
        return ["".join(c or " " for c in row).rstrip() for row in self.cells]

    def put(self, c):
        if unicodedata.category(c) in ("Mn", "Me", "Cf"):
            return
        width = 2 if unicodedata.east_asian_width(c) in "WF" else 1
        if self.column + width > self.columns:
            if self.modes["1049"]:
                self.faults.append("beyond the last column: %r in %r" % (c, "".join(self.cells[self.row])))
                return
            self.column = 0
            self.feed("\n")
        self.cells[self.row][self.column] = c
        for i in range(1, width):
            self.cells[self.row][self.column + i] = "\0"
        self.column += width

    def control(self, parameters, final):
        if final in "hl" and parameters.startswith("?"):
            for mode in parameters[1:].split(";"):
                if mode == "1049" and self.modes["1049"] != (final == "h"):
                    self.clear()
                self.modes[mode] = final == "h"
        elif final == "m":
            self.attributes = "" if parameters in ("", "0") else parameters
            if self.attributes:
                self.coloured = True
        elif final == "H":
            numbers = [int(n or 1) for n in parameters.split(";")] + [1]
            self.row, self.column = numbers[0] - 1, numbers[1 if ";" in parameters else -1] - 1
            if self.row >= self.rows:
                self.faults.append("beyond the last row: %d" % (self.row + 1))
                self.row = self.rows - 1
        elif final == "J" and parameters == "2":
            row, column = self.row, self.column
            self.clear()
            self.row, self.column = row, column
        elif final == "K":
            if parameters == "2":
                self.cells[self.row] = [""] * self.columns
        elif self.modes["1049"]:
            self.faults.append("unknown sequence: CSI %s%s" % (parameters, final))

    coloured = False

    def feed(self, text):
        self.writes += text
        while self.writes:
            m = re.match(r"\x1b\[([0-9;?]*)([A-Za-z])", self.writes)
            if m:
                self.control(m[1], m[2])
            elif re.match(r"\x1b(\[[0-9;?]*)?$", self.writes):
                return  # the rest is on its way
            else:
                m = re.match(r".", self.writes, re.S)
                c = m[0]
                if c == "\r":
                    self.column = 0
                elif c == "\n":
                    if self.row + 1 < self.rows:
                        self.row += 1
                    else:
                        self.cells = self.cells[1:] + [[""] * self.columns]
                elif c >= " " and c != "\x7f":
                    self.put(c)
                elif self.modes["1049"]:
                    self.faults.append("control character %r" % c)
            self.writes = self.writes[m.end():]


def size_of(text):
    return [int(n) for n in text.split("x")]


def main():
    at = sys.argv.index("--")
    steps, command = sys.argv[2:at], sys.argv[at + 1:]
    screen = Screen(*size_of(sys.argv[1]))
    master, slave = os.openpty()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def set_size():
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", screen.rows, screen.columns, 0, 0))

    set_size()
    before = termios.tcgetattr(slave)

    def as_session():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    program = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=as_session)

    def fail(why):
        print(why)
        print("\n".join("|%s|" % line for line in screen.lines()))
        program.kill()
        sys.exit(1)

    def take(seconds):
        if select.select([master], [], [], seconds)[0]:
            screen.feed(decoder.decode(os.read(master, 65536)))
        if screen.faults:
            fail(screen.faults[0])

    def until(met, why):
        end = time.monotonic() + PATIENCE
        while not met():
            if time.monotonic() > end:
                fail("not within the time: " + why)
            take(0.2)

    def sees(pattern):
        return any(re.search(pattern, line) for line in screen.lines())

    for step in steps:
        what, value = step.split("=", 1)
        if what == "see":
            until(lambda: sees(value), step)
        elif what == "not":
            take(0)
            if sees(value):
                fail(step)
        elif what == "key":
            os.write(master, value.encode().decode("unicode_escape").encode("latin-1"))
        elif what == "signal":
            program.send_signal(getattr(signal, "SIG" + value))
        elif what == "size":
            screen.resize(*size_of(value))
            set_size()  # which sends SIGWINCH
        elif what == "mode":
            until(lambda: screen.modes["1049"] == (value == "alternate"), step)
        elif what == "colour":
            if screen.coloured != (value == "yes"):
                fail(step)
        elif what == "run":
            done = subprocess.run(["bash", "-c", value], env=dict(os.environ, pid=str(program.pid)), text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                fail("%s\n%s" % (step, done.stdout))
        elif what == "end":
            until(lambda: program.poll() is not None, step)
            if program.returncode != int(value):
                fail("%s, but %d" % (step, program.returncode))
        else:
            fail("unknown step " + step)
    while select.select([master], [], [], 0)[0]:
        take(0)
    if screen.modes != dict(screen.modes, **{"1049": False, "25": True, "7": True}) or screen.attributes:
        fail("the terminal was left as %r, %r" % (screen.modes, screen.attributes))
    if termios.tcgetattr(slave) != before:
        fail("termios are not as before: %r instead of %r" % (termios.tcgetattr(slave), before))


main()
