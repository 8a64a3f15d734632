"""For the emulator's own tests: orders to it, and verdicts as python_says in lib.sh reads them."""
import socket


def emu(*words):
    """As the command, but without a process for each order: starting one takes longer than what it does."""
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.connect("/run/emu.sock")
        daemon.sendall(b"".join(word.encode() + b"\0" for word in words))
        daemon.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: daemon.recv(65536), b"")).decode()
    if answer[0] != "0":
        note(answer[1:].strip())
        return ""
    return answer[1:].strip()


def note(text):
    print("#", text, flush=True)


def same(what, got, wanted):
    print("pass" if got == wanted else "fail", what, flush=True)
    if got != wanted:
        note("%r is not %r" % (got, wanted))


class Board:
    """A relay board of the emulator, by its name there."""

    WORDS = "report frame garbage answer suppressed eproto closed opened".split()

    def __init__(self, name):
        self.name = name
        self.since = int(emu("mark"))

    def put(self, *settings):
        emu("set", self.name, *settings)

    def wait(self, event):
        return emu("wait", "--since", str(self.since), "--timeout", "8", " %s %s$" % (self.name, event))

    def saw(self, what, *events):
        """It experienced these since we last looked, and nothing else: each is a line's words after the name."""
        if events:
            self.wait(events[-1])
        lines = [line.split(" ", 3) for line in emu("log", "--since", str(self.since)).splitlines()]
        if lines:
            self.since = int(lines[-1][0]) + 1
        got = [line[3] for line in lines if line[2] == self.name and line[3].split()[0] in self.WORDS]
        same(what, got, list(events))
