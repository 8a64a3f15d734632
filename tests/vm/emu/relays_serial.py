"""Relay boards at a tty. usage: relays_serial.py BOARD NODE NAME"""
import sys

import serial

from bench import Board, same

kind, node, name = sys.argv[1:]
board = Board(name)
tty = serial.Serial(node, 9600)
GET_INFO = "57 AB 00 01 00 03"


def ask(frame, size=1, wait=0.3):
    tty.timeout = wait
    tty.write(bytes.fromhex(frame))
    return tty.read(size)


def tell(what, frame, *moves, verdict="ok"):
    tty.write(bytes.fromhex(frame))
    board.saw(what, "frame %s %s" % (frame, verdict), *moves)


def garbage(what, bytes_):
    tty.write(bytes.fromhex(bytes_))
    board.saw(what, "garbage " + bytes_)


def answered(what, frame, answer):
    same(what, ask(frame, len(answer)), answer)
    board.saw("… as the log says", "frame %s ok" % frame, "answer " + answer.hex(" ").upper())


def unanswered(what, frame, *events):
    same(what, ask(frame), b"")
    board.saw("… the log tells why", *events)


def lcus():
    tell("A0 1 1 closes contact 1", "A0 01 01 A2", "closed 1")
    tell("A0 2 1 closes contact 2", "A0 02 01 A3", "closed 2")
    tell("once more moves nothing", "A0 02 01 A3")
    tell("A0 1 0 opens contact 1", "A0 01 00 A1", "opened 1")
    answered("FF asks", "FF", b"CH1: OFF\r\nCH2: ON \r\n")
    tell("a wrong sum", "A0 01 01 A3", verdict="bad")
    tell("no such contact", "A0 03 01 A4", verdict="bad")
    tell("no such command", "A0 01 02 A3", verdict="bad")
    garbage("a CH9329's frame is none of its own", GET_INFO)
    garbage("half a frame", "A0 01")
    tty.write(bytes.fromhex("A0 01 01 A2 A0 02 00 A2"))
    board.saw("two in one write", "frame A0 01 01 A2 ok", "closed 1", "frame A0 02 00 A2 ok", "opened 2")
    tty.write(bytes.fromhex("00 FE A0 01 00 A1"))
    board.saw("behind garbage", "garbage 00 FE", "frame A0 01 00 A1 ok", "opened 1")
    tty.write(bytes.fromhex("57 AB 00 02 08" + "00" * 60))
    board.saw("much garbage is all there", "garbage 57 AB 00 02 08" + " 00" * 59, "garbage 00")

    board.put("query=0")
    unanswered("query=0: no answer", "FF", "garbage FF")
    board.put("query=1", "mute=1")
    unanswered("mute: no answer", "FF", "frame FF ok", "suppressed mute")
    tell("… but it obeys", "A0 01 01 A2", "closed 1")
    board.put("mute=0", "stuck=1")
    tell("stuck: it stays", "A0 01 00 A1")
    answered("… and says so", "FF", b"CH1: ON \r\nCH2: OFF\r\n")
    board.put("stuck=0", "eproto=1")
    tty.write(bytes.fromhex("A0 01 00 A1"))
    board.saw("eproto: the packet is lost", "eproto OUT")
    tell("… the next one is not", "A0 01 00 A1", "opened 1")


def at_another_rate():
    tty.write(bytes.fromhex("A0 01 01 A2"))
    seen = board.wait("garbage .*")
    same("it sees garbage", bool(seen), True)
    board.saw("… and nothing moves", " ".join(seen.split()[3:]))
    tty.baudrate = 19200
    tell("at its own it obeys", "A0 01 01 A2", "closed 1")
    answered("… and answers", "FF", b"CH1: ON \r\nCH2: OFF\r\n")


def diustou():
    tell("0F 1: all on", "A0 0F 01 B0", "closed 1", "closed 2", "closed 3")
    tell("contact 2 off", "A0 02 00 A2", "opened 2")
    answered("op 2 asks for one", "A0 02 02 A4", b"CH2:OFF")
    answered("… or for all", "A0 0F 02 B1", b"CH1:ONCH2:OFFCH3:ON")
    tell("there is no contact 4 to ask", "A0 04 02 A6", verdict="bad")
    garbage("FF is no question", "FF")
    tell("0F 0: all off", "A0 0F 00 AF", "opened 1", "opened 3")
    board.put("query=0")
    tell("query=0: it cannot be asked", "A0 0F 02 B1", verdict="bad")


def feedback():
    on, off = b"\xa0\1\1\xa2", b"\xa0\1\0\xa1"
    for op, what, answer, move in (
        (3, "on", on, "closed 1"),
        (4, "invert", off, "opened 1"),
        (4, "invert again", on, "closed 1"),
        (2, "off", off, "opened 1"),
    ):
        frame = "A0 01 %02X %02X" % (op, 0xA1 + op)
        same("op %d: %s" % (op, what), ask(frame, 4), answer)
        board.saw("… moves", "frame %s ok" % frame, move, "answer " + answer.hex(" ").upper())
    tell("op 1: on, and no answer", "A0 01 01 A2", "closed 1")
    answered("op 5 asks", "A0 01 05 A6", on)
    tell("no such contact", "A0 02 05 A7", verdict="bad")
    board.put("stuck=1")
    answered("stuck: the feedback tells it", "A0 01 02 A3", on)


def kmtronic():
    tell("FF 1 1 closes", "FF 01 01", "closed 1")
    answered("FF 1 3 asks", "FF 01 03", b"\xff\1\1")
    answered("FF 2 3 asks", "FF 02 03", b"\xff\2\0")
    tell("FF 1 0 opens", "FF 01 00", "opened 1")
    tell("no such contact", "FF 03 01", verdict="bad")
    tell("a board of two is not asked for all", "FF 09 00", verdict="bad")
    garbage("a CH9329's frame", GET_INFO)
    board.put("query=0")
    tell("query=0: it cannot be asked", "FF 01 03", verdict="bad")


def kmtronic_four():
    tell("FF 4 1 closes", "FF 04 01", "closed 4")
    answered("FF 9 0 asks for all", "FF 09 00", b"\0\0\0\1")
    tell("a board of four is not asked for one", "FF 04 03", verdict="bad")


def dtype():
    tell("D0 1 closes", "D0 01", "closed 1")
    tell("D0 0 opens", "D0 00", "opened 1")
    tell("D0 2 is nothing", "D0 02", verdict="bad")
    garbage("a CH9329's frame", GET_INFO)


def icse():
    garbage("before anything, a state is not one", "FE")
    tell("51 without 50", "51", verdict="bad")
    answered("50 asks for the model", "50", b"\xad")
    answered("… as often as one likes", "50", b"\xad")
    garbage("… and a state still is not one", "FE")
    tell("51 starts it", "51")
    tell("a zero closes contact 1", "FE", "closed 1")
    tell("bits of contacts that are not there", "02", verdict="ok")
    tell("all on", "00", "closed 2")
    tell("all off", "FF", "opened 1", "opened 2")


def icse_started():
    unanswered("50 is a state now", "50", "frame 50 ok", "closed 1", "closed 2")
    tell("all off", "FF", "opened 1", "opened 2")
    board.put("stuck=1")
    tell("stuck", "00", "closed 2")
    board.put("stuck=0")


def icse_model(answer, contacts):
    board.put("mute=1")
    unanswered("mute: not a word", "50", "frame 50 ok", "suppressed mute")
    board.put("mute=0")
    answered("50", "50", answer)
    tell("51", "51")
    tell("it has %d contacts" % contacts, "00", *["closed %d" % n for n in range(1, contacts + 1)])
    tell("the highest alone", "%02X" % (0xFF ^ 1 << contacts - 1), *["opened %d" % n for n in range(1, contacts)])


{
    "lcus": lcus,
    "rate": at_another_rate,
    "diustou": diustou,
    "feedback": feedback,
    "kmtronic": kmtronic,
    "kmtronic-four": kmtronic_four,
    "dtype": dtype,
    "icse": icse,
    "icse-started": icse_started,
    "icse-012": lambda: icse_model(b"\xab", 4),
    "icse-014": lambda: icse_model(b"\xac", 8),
}[kind]()
