"""For what runs in the virtual machine: the emulator, programs and their times, figures.

A figure is one line for the host: "figure", its name, its round, its value, with tabs between them.
"""
import glob
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, "/bench/emu")
from bench import emu as order  # noqa: E402

NULL = open(os.devnull, "r+b")


class Failed(Exception):
    pass


def figure(name, number, value):
    print("figure", name, number, value, sep="\t", flush=True)


def say(text):
    print("#", text, flush=True)


def emu(*words):
    return order(*(str(word) for word in words))


def run(*command, wanted=0):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if wanted is not None and done.returncode != wanted:
        raise Failed("%s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done.stdout


def timed(*command, wanted=0):
    """From before its start to its end, in milliseconds."""
    actions = [(os.POSIX_SPAWN_DUP2, NULL.fileno(), fd) for fd in (0, 1, 2)]
    begun = time.monotonic_ns()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    took = (time.monotonic_ns() - begun) / 1e6
    if wanted is not None and status != wanted:
        raise Failed("%s: exit status %d" % (" ".join(command), status))
    return took


def until(seconds, condition, what):
    """Looks seldom: whoever looks takes the processor from what is measured."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed("not within %d s: %s" % (seconds, what))
        time.sleep(0.05)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def record(port):
    try:
        return json.loads(read("/run/replug/%s.json" % port))
    except ValueError:
        return {}


def idle():
    """Nothing of udev's or ours is at work."""
    run("udevadm", "settle")
    until(60, lambda: not run("systemctl", "list-units", "--state=activating", "--plain", "--no-legend", "replug@*"),
          "no run of replug's is under way")


def configure(text):
    with open("/etc/replug.conf", "w") as file:
        file.write(text)


def node(port):
    """Of a device, in /dev/bus/usb."""
    where = "/sys/bus/usb/devices/%s/" % port
    return "/dev/bus/usb/%03d/%03d" % (int(read(where + "busnum")), int(read(where + "devnum")))


def tty(port):
    found = glob.glob("/sys/bus/usb/devices/%s:1.0/ttyUSB*" % port)
    return "/dev/" + os.path.basename(found[0]) if found else None


def video(port):
    found = glob.glob("/sys/bus/usb/devices/%s:1.0/video4linux/video*" % port)
    return "/dev/" + os.path.basename(min(found)) if found else None


def configured(port):
    return read("/sys/bus/usb/devices/%s/bConfigurationValue" % port).strip() == "1"


def events(since):
    """What the devices saw: (seconds, name, event and details)."""
    return [(float(at), name, rest) for _, at, name, rest in
            (line.split(" ", 3) for line in emu("log", "--since", since).splitlines())]


def instructions(*command, env=None, wanted=0, slow=False):
    """In user space, as callgrind counts them.

    A child's count goes on from what its parent had at the fork: the largest is that of the work, and what the parent does
    while it waits is left out. It is so slow there that its clock has to be, too, see slow.c; and should a deadline pass all
    the same: once more.
    """
    env = dict(os.environ if env is None else env)
    if slow:
        env["LD_PRELOAD"] = "/job/slow.so"
    for _ in range(3):
        done = subprocess.run(("valgrind.bin", "--tool=callgrind", "--callgrind-out-file=/dev/null") + command, env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        counts = [int(count) for count in re.findall(r"Collected : (\d+)", done.stdout)]
        if counts and (wanted is None or done.returncode == wanted):
            return max(counts)
    raise Failed("callgrind %s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stdout))


def calls(*command, wanted=0):
    """System calls, of the program and of what it forks; a busy machine may be too slow for its deadlines, then again."""
    for _ in range(5):
        done = subprocess.run(("strace", "-f", "-c", "-o", "/run/calls") + command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in read("/run/calls").splitlines():
            words = line.split()
            if words and words[-1] == "total" and done.returncode == wanted:
                return int(words[3])
    raise Failed("strace %s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stdout))


def peak(*command, env=None, wanted=0, slow=False):
    """The most private memory, in KiB."""
    env = dict(os.environ if env is None else env)
    if slow:
        env["LD_PRELOAD"] = "/job/slow.so"
    done = subprocess.run(("/job/tool", "peak") + command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    found = re.search(r"^peak (\d+)$", done.stderr, re.M)
    if not found or (wanted is not None and done.returncode != wanted):
        raise Failed("%s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stderr))
    return int(found.group(1))


def begin():
    run("systemctl", "stop", "replug-health.timer", "replug-refresh.timer")
    run("tar", "-C", "/", "-xf", "/job/peers.tar")
    run("emu", "serve", "--daemon")
    # The kernel puts an idle dongle to sleep, and another's waking up may cost vhci a device.
    with open("/sys/module/usbcore/parameters/autosuspend", "w") as file:
        file.write("-1")


def main(work):
    try:
        begin()
        work()
    except Failed as e:
        print("failed: %s" % e, flush=True)
        print(run("journalctl", "-b", "-o", "cat", "--no-pager", "-n", "20"), flush=True)
        sys.exit(1)
