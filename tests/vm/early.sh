#!/bin/bash
# Run before udev's coldplug: the machine is switched on with its dongles in, and the chip hangs.
/usr/local/bin/emu serve --daemon
/usr/local/bin/emu plug dongle capture
/usr/local/bin/emu plug hid bridge wedge=1
