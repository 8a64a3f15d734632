#!/usr/bin/python3
"""Reads whatever comes from the tty in a USB port, whenever there is one: thief.py PORT. Says when it has it."""
import ctypes
import glob
import os
import select
import sys
import termios
import time
import tty

ctypes.CDLL(None).prctl(15, b"thief", 0, 0, 0)  # PR_SET_NAME: so that a message can be told from others
while True:
    try:
        name = glob.glob("/sys/bus/usb/devices/%s:1.0/ttyUSB*" % sys.argv[1])[0]
        fd = os.open("/dev/" + os.path.basename(name), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        print("here", flush=True)
        tty.setraw(fd)
        while True:
            select.select([fd], [], [])
            if not os.read(fd, 64):
                break
    except (IndexError, OSError, termios.error):
        time.sleep(0.02)
    try:
        os.close(fd)
    except (NameError, OSError):
        pass
