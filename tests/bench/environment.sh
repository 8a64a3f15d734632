#!/bin/sh
# What udev gives to a program that it starts for a device, for whoever wants to start that program again.
cat "/proc/$$/environ" >"/run/environment.${DEVPATH##*/}"
