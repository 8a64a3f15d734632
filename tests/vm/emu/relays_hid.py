"""HID relay boards by /dev/hidraw. usage: relays_hid.py KIND NODE NAME"""
import errno
import fcntl
import os
import sys
import threading
import time

from bench import Board, emu, note, same

kind, node, name = sys.argv[1:]
board = Board(name)
fd = os.open(node, os.O_RDWR)


def ioctl(number, data):  # linux/hidraw.h: HIDIOCSFEATURE is 6, HIDIOCGFEATURE 7, HIDIOCSOUTPUT 11
    buffer = bytearray(data)
    n = fcntl.ioctl(fd, 3 << 30 | len(data) << 16 | ord("H") << 8 | number, buffer)
    return bytes(buffer[:n])


def set_feature(*data):
    ioctl(6, bytes(data).ljust(9, b"\0"))


def get_feature(report):
    return ioctl(7, bytes([report]).ljust(9, b"\0"))


def write(*data):
    os.write(fd, b"\0" + bytes(data))


def error(function, *args):
    try:
        function(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    return "none"


def padded(*data):
    return bytes(data).ljust(8, b"\0").hex(" ").upper()


def dcttech():
    on, off = "report " + padded(0xFF, 2), "report " + padded(0xFD, 2)
    set_feature(0, 0xFF, 2)
    board.saw("FF 2 closes contact 2", on, "closed 2")
    same("asked with id 1: serial number, state", get_feature(1), b"HURTM\0\0\2")
    board.saw("… and that is all", "answer 48 55 52 54 4D 00 00 02")
    same("asked with id 0: all of it one later", get_feature(0), b"\0HURTM\0\0\2")
    board.saw("… for the board it is the same", "answer 48 55 52 54 4D 00 00 02")
    set_feature(0, 0xFF, 2)
    board.saw("once more moves nothing", on)
    set_feature(0, 0xFF, 3)
    board.saw("there is no contact 3", "report %s ignored" % padded(0xFF, 3))
    set_feature(0, 0xFB, 1)
    board.saw("an unknown command", "report %s ignored" % padded(0xFB, 1))
    set_feature(0, 0xFE)
    board.saw("FE: all on", "report " + padded(0xFE), "closed 1")
    set_feature(0, 0xFC)
    board.saw("FC: all off", "report " + padded(0xFC), "opened 1", "opened 2")
    write(0xFF, 2, 0, 0, 0, 0, 0, 0)
    board.saw("an output report does the same", on, "closed 2")

    board.put("eproto=1")
    same("eproto: the next command fails", error(set_feature, 0, 0xFD, 2), "EPROTO")
    board.saw("… and moves nothing", "eproto SET_REPORT")
    set_feature(0, 0xFD, 2)
    board.saw("… the one after that is obeyed", off, "opened 2")
    board.put("eproto=2")
    same("eproto: questions fail too", [error(get_feature, 1) for i in range(3)], ["EPROTO", "EPROTO", "none"])
    board.saw("… for as long as it says", "eproto GET_REPORT", "eproto GET_REPORT", "answer 48 55 52 54 4D 00 00 00")
    board.put("stuck=2")
    set_feature(0, 0xFE)
    board.saw("stuck: contact 2 stays", "report " + padded(0xFE), "closed 1")
    same("… and the state says so", get_feature(1)[7], 1)
    board.put("stuck=0")
    board.saw("… no command, no movement", "answer 48 55 52 54 4D 00 00 01")

    board.put("mute=1")
    start = time.monotonic()
    same("mute: the kernel gives the question up", error(get_feature, 1), "ETIMEDOUT")
    note("after %.1f s" % (time.monotonic() - start))
    board.saw("… which the board heard", "suppressed mute")
    set_feature(0, 0xFF, 2)
    board.saw("… commands are still obeyed", on, "closed 2")
    errors = []
    asker = threading.Thread(target=lambda: errors.append(error(get_feature, 1)))
    asker.start()
    board.wait("suppressed mute")
    start = time.monotonic()
    emu("unplug", name)
    asker.join()
    took = time.monotonic() - start
    same("unplugged with a question open: it ends soon", took < 2, True)
    note("%s after %.2f s" % (errors, took))
    board.saw("… and without power all is open", "suppressed mute", "opened 1", "opened 2")


def lcus():
    write(0xA0, 1, 1, 0xA2)
    board.saw("at the endpoint: A0 1 1 closes", "report A0 01 01 A2", "closed 1")
    ioctl(11, bytes([0, 0xA0, 1, 0, 0xA1, 0, 0, 0, 0]))
    board.saw("by SET_REPORT: A0 1 0 opens", "report " + padded(0xA0, 1, 0, 0xA1), "opened 1")
    write(0xA0, 1, 1, 0xA3)
    board.saw("a wrong sum", "report A0 01 01 A3 ignored")
    write(0xA0, 3, 1, 0xA4)
    board.saw("no such contact", "report A0 03 01 A4 ignored")
    write(0xA0, 1, 1)
    board.saw("a byte short", "report A0 01 01 ignored")
    same("no feature report", error(get_feature, 1), "EPIPE")
    board.put("eproto=1")
    same("eproto at the endpoint", error(write, 0xA0, 2, 1, 0xA3), "EPROTO")
    board.saw("… moves nothing", "eproto OUT")
    board.put("stuck=1")
    write(0xA0, 1, 1, 0xA2)
    board.saw("stuck", "report A0 01 01 A2")
    board.put("stuck=0", "dialect=ff55")
    write(0xA0, 2, 1, 0xA3)
    board.saw("dialect=ff55 is deaf to it", "report A0 02 01 A3 ignored")
    board.put("dialect=plain")
    write(0xA0, 2, 1, 0xA3)
    board.saw("dialect=plain is not", "report A0 02 01 A3", "closed 2")


def ucreatefun():
    for n in range(1, 5):
        write(0xF0 + n)
        board.saw("F%d closes" % n, "report F%d" % n, "closed %d" % n)
    write(0x02)
    board.saw("02 opens", "report 02", "opened 2")
    write(0xF9)
    board.saw("F9: all on", "report F9", "closed 2")
    write(0x09)
    board.saw("09: all off", "report 09", *["opened %d" % n for n in range(1, 5)])
    write(0xF5)
    board.saw("no such contact", "report F5 ignored")
    write(0xA1)
    board.saw("an unknown command", "report A1 ignored")


{"dcttech": dcttech, "lcus": lcus, "ucreatefun": ucreatefun}[kind]()
