#!/usr/bin/python3
"""Resets one device with pyusb. Usage: pyusb-reset.py VENDOR PRODUCT, both in hexadecimal."""
import sys

import usb.core

usb.core.find(idVendor=int(sys.argv[1], 16), idProduct=int(sys.argv[2], 16)).reset()
