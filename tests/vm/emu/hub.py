"""Asks by usbfs, as uhubctl and libusb do: hub.py status|off|on PORT for a port of the root hub (counted from 1);
hub.py ask DEVICE for the GET_STATUS of a device, given as its folder in sysfs."""
import ctypes
import fcntl
import os
import struct
import sys

USBDEVFS_CONTROL = 0xC0185500


def control(path, request_type, request, value, index, length):
    room = ctypes.create_string_buffer(length or 1)
    order = struct.pack("=BBHHHIxxxxQ", request_type, request, value, index, length, 1000, ctypes.addressof(room))
    fd = os.open(path, os.O_RDWR)
    got = fcntl.ioctl(fd, USBDEVFS_CONTROL, bytearray(order))
    os.close(fd)
    return room.raw[:got]


def node(device):
    def number(name):
        with open(device + "/" + name) as f:
            return int(f.read())
    return "/dev/bus/usb/%03d/%03d" % (number("busnum"), number("devnum"))


verb, what = sys.argv[1:]
try:
    if verb == "ask":
        print(control(node(what), 0x80, 0, 0, 0, 2).hex())
    elif verb == "status":
        status = struct.unpack("<HH", control(node("/sys/bus/usb/devices/usb1"), 0xA3, 0, 0, int(what), 4))[0]
        print("%s, %s" % ("connected" if status & 1 else "empty", "powered" if status & 0x100 else "dark"))
    else:
        control(node("/sys/bus/usb/devices/usb1"), 0x23, 3 if verb == "on" else 1, 8, int(what), 0)
except OSError as error:
    print(error.strerror)
