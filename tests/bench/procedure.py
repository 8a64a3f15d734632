#!/usr/bin/python3
"""What people do by hand today: reset each device by its ID, then write the CH9329's RESET frame twice.

Usage: procedure.py TTY
"""
import sys
import time

import serial
import usb.core

RESET = bytes((0x57, 0xAB, 0x00, 0x0F, 0x00, 0x11))

for vendor, product in ((0x534D, 0x2109), (0x1A86, 0x7523)):
    usb.core.find(idVendor=vendor, idProduct=product).reset()
with serial.Serial(sys.argv[1], 9600, timeout=1) as port:
    for _ in range(2):
        port.write(RESET)
        port.read(64)
        time.sleep(2)
