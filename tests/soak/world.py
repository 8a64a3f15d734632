"""What the soak sees: the emulator and its log, the journal, processes, locks and descriptors, sysfs, records. Without
starting a process for it: on an emulated processor that costs more than all else a step does."""
import collections
import glob
import json
import os
import re
import socket
import subprocess
import time

now = time.monotonic
Event = collections.namedtuple("Event", "seq at name word rest")


class Refused(Exception):
    """The emulator does not do it."""


def emu(*words):
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.connect("/run/emu.sock")
        daemon.sendall(b"".join(word.encode() + b"\0" for word in words))
        daemon.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: daemon.recv(65536), b"")).decode()
    if answer[:1] != "0":
        raise Refused(answer[1:].strip())
    return answer[1:].strip()


def events(since):
    for line in emu("log", "--since", str(since)).splitlines():
        seq, at, name, word, *rest = line.split(" ", 4)
        yield Event(int(seq), float(at), name, word, rest[0] if rest else "")


def happens(since, pattern, seconds):
    try:
        return emu("wait", "--since", str(since), "--timeout", str(seconds), pattern)
    except Refused:
        return ""


def read(path, default=""):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return default


def until(what, seconds, often=0.05):
    """For state that announces itself to nobody."""
    end = now() + seconds
    while not what():
        if now() > end:
            return False
        time.sleep(often)
    return True


# --- a port, as the kernel and replug show it
def listed(at):
    return os.path.exists("/sys/bus/usb/devices/" + at)


def attribute(at, name):
    return read("/sys/bus/usb/devices/%s/%s" % (at, name)).strip()


def power_is_off(at):
    bus, number = at.split("-")
    return read("/sys/bus/usb/devices/%s-0:1.0/usb%s-port%s/disable" % (bus, bus, number)).strip() == "1"


def record(at):
    try:
        return json.loads(read("/run/replug/%s.json" % at) or "{}")
    except ValueError:
        return {"state": "unreadable"}


def record_is_of_this_device(at):
    return str(record(at).get("dev")) == attribute(at, "devnum")


def nodes(at):
    """What its drivers have made of it: video4linux, tty, hidraw."""
    found = [p for p in ("video4linux/video*", "ttyUSB*", "*/hidraw/hidraw*")
             if glob.glob("/sys/bus/usb/devices/%s:1.0/%s" % (at, p))]
    return " ".join(p.split("/")[-1].rstrip("*") for p in found)


def udev_is_busy():
    return os.path.exists("/run/udev/queue")


# --- processes
Process = collections.namedtuple("Process", "pid name parent state group born")


def processes(prefix="replug"):
    """Those whose name begins like this, but for the dead."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if not read("/proc/%s/comm" % pid).startswith(prefix):
            continue
        stat = read("/proc/%s/stat" % pid).rpartition(") ")
        if not stat[2] or stat[2][0] in "ZX":
            continue
        field = stat[2].split()
        found[int(pid)] = Process(int(pid), stat[0].partition("(")[2], int(field[1]), field[0],
                                  read("/proc/%s/cgroup" % pid).strip()[4:], float(field[19]) / os.sysconf("SC_CLK_TCK"))
    return found


def descriptors(pid):
    try:
        return os.listdir("/proc/%d/fd" % pid)
    except OSError:
        return []


def has_open(pid, file):
    for fd in descriptors(pid):
        try:
            if os.readlink("/proc/%d/fd/%s" % (pid, fd)) == file:
                return True
        except OSError:
            pass
    return False


KEPT = re.compile(r"/run/replug|/dev/(bus/usb|video|ttyUSB|hidraw)")


def kept_open():
    """Who has a lock, a record, a device or a node open, of all processes but the emulator's."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if read("/proc/%s/comm" % pid).startswith("emu"):
            continue
        for fd in descriptors(int(pid)):
            try:
                what = os.readlink("/proc/%s/fd/%s" % (pid, fd))
            except OSError:
                continue
            if KEPT.match(what):
                found.append("%s (%s): %s" % (read("/proc/%s/comm" % pid).strip(), pid, what))
    return found


def locks():
    """The port's lock's file: who has it, of those below /run/replug."""
    files = {os.stat(f).st_ino: f for f in glob.glob("/run/replug/*.lock") + glob.glob("/run/replug/relay/*")}
    held = {}
    for line in read("/proc/locks").splitlines():
        field = line.split()
        if field[1] == "->":  # waits for it
            continue
        inode = int(field[5].rpartition(":")[2])
        if inode in files:
            held[files[inode]] = int(field[4])
    return held


def group_of(unit):
    return "/system.slice/system-replug.slice/" + unit


def unit_has_processes(unit):
    return bool(read("/sys/fs/cgroup%s/cgroup.procs" % group_of(unit)).strip())


def units(*states):
    """Units in one of these states."""
    said = subprocess.run(["systemctl", "list-units", "--plain", "--no-legend", "--all", "--state=" + ",".join(states)],
                          stdout=subprocess.PIPE, text=True).stdout
    return [line.split()[0] for line in said.splitlines() if line.strip()]


# --- the journal
class Journal:
    """What was said since the start, as it comes."""
    FIELDS = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,UNIT,INVOCATION_ID,_SYSTEMD_UNIT,_SYSTEMD_INVOCATION_ID,UNIT_RESULT"

    def __init__(self):
        self.follower = subprocess.Popen(
            ["journalctl", "-b", "-f", "-n", "0", "-o", "json", "--output-fields=" + self.FIELDS]
            + ["--identifier=" + i for i in ("replug", "replug-match", "replug-relay", "systemd")],
            stdout=subprocess.PIPE)
        os.set_blocking(self.follower.stdout.fileno(), False)
        self.rest = b""
        self.tail = collections.deque(maxlen=60)

    def news(self):
        while True:
            data = self.follower.stdout.read(1 << 16)
            if not data:
                return
            lines = (self.rest + data).split(b"\n")
            self.rest = lines.pop()
            for line in lines:
                entry = json.loads(line)
                if not isinstance(entry.get("MESSAGE"), str):
                    continue
                self.tail.append("%.3f %s: %s" % (int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6,
                                                  entry.get("SYSLOG_IDENTIFIER"), entry["MESSAGE"]))
                yield entry

    def close(self):
        self.follower.terminate()
        self.follower.wait()
