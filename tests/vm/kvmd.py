"""Runs commands as kvmd's GPIO drivers do: argv only, a process group of their own, stdout and stderr in one pipe that is
read to its end, no time limit. `cmd` runs on a press and does nothing on a release; two buttons may run at once.
`cmdret` is asked one after the other, and status 0 is a lamp that is lit.

    kvmd.py press CMD…            one press and its release
    kvmd.py both NAME NAME        replug-relay pulse of two names at once
    kvmd.py lamps N CMD…          N questions, one after the other

Each prints a line per command: status, milliseconds, what it said."""

import os
import subprocess
import sys
import threading
import time


def run(cmd):
    begun = time.monotonic()
    proc = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            preexec_fn=os.setpgrp)
    said, _ = proc.communicate()
    print(proc.returncode, int((time.monotonic() - begun) * 1000), said.decode(errors="ignore").strip().replace("\n", " / "),
          flush=True)


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "press":
        run(args)
    elif what == "both":
        threads = [threading.Thread(target=run, args=(["replug-relay", "pulse", name],)) for name in args]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for _ in range(int(args[0])):
            run(args[1:])


main()
