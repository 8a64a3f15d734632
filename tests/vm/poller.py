#!/usr/bin/python3
"""Asks a CH9329 for its state in kvmd's manner: 9600 baud, no lock, GET_INFO every 0.1 s, five bytes and then the
rest; after a bad reply, or when the tty went away, 2 s offline. Says "online" and "offline" as it changes.

usage: poller.py DEVICE [late]      late: closes a tty that went away only after these 2 s"""
import sys
import time

import serial

state = None


def say(now):
    global state
    if now != state:
        state = now
        print(now, flush=True)


def good(tty):
    tty.write(bytes.fromhex("57ab00010003"))
    data = tty.read(5)
    if len(data) == 5:
        data += tty.read(data[4] + 1)
    return len(data) > 5 and data[:4] == b"\x57\xab\x00\x81" and data[-1] == sum(data[:-1]) & 0xFF


def poll(tty):
    while True:
        well = good(tty)
        say("online" if well else "offline")
        time.sleep(0.1 if well else 2)


late = sys.argv[2:] == ["late"]
while True:
    tty = None
    try:
        tty = serial.Serial(sys.argv[1], 9600, timeout=0.3)
        poll(tty)
    except Exception:  # pyserial lets termios.error through, which is no OSError
        say("offline")
        if tty and not late:
            tty.close()
        time.sleep(2)
        if tty:
            try:
                tty.close()
            except Exception:
                pass
