#!/bin/sh
# The usual advice: a RUN program of udev's that resets what has been plugged.
usbreset "$1" && : >"/run/rule-usbreset.$2"
