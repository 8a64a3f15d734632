/*
 * Faults of a device that is on the bus. Their settings; with 0 each ends at once:
 *
 * - usb-silent=1: from the next bus reset on it is connected and answers nothing, so that the kernel removes it and
 *   its port goes on reporting a connection. Event "silent".
 * - usb-silent=now: the same, and the kernel is made to notice: it leaves, and comes back like this.
 * - sick=1: class and vendor requests and GET_STATUS of the device stall, until it is healed. Event "healed".
 * - heals-on=reset|configure|power: by the next bus reset (so it is without this setting), by SET_CONFIGURATION(1)
 *   after SET_CONFIGURATION(0), by nothing but power.
 * - deaf=1: control requests get no answer, but the kernel may take them back.
 * - usb-stuck=1: … and not even that. Who asked waits in state D.
 * - probe-fails=N: the next N class and vendor requests stall.
 *
 * Two have a longer name because kinds have a "silent" and a "stuck" of their own.
 *
 * The kernel waits 5 s for each answer of a deaf device, and again and again when it resets one: nobody gets at the
 * hub for minutes then, so its power is not to be had either. Who writes to `disable` of a stuck one whose driver has
 * requests pending is stuck as well, with the hub; CLEAR_FEATURE by usbfs is not.
 *
 * Without power (its port's switched off, or unplugged) a device is silent, sick, deaf and stuck no longer.
 */
#ifndef EMU_FAULTS_H
#define EMU_FAULTS_H

#include "device.h"

int fault_set_silent(struct device *d, const char *value);
int fault_set_sick(struct device *d, const char *value);
int fault_set_heals_on(struct device *d, const char *value);
int fault_set_deaf(struct device *d, const char *value);
int fault_set_stuck(struct device *d, const char *value);

/* 0: no fault keeps the request from an answer. Otherwise as kind.control. */
int fault_control(struct device *d, const struct setup *s);
void fault_reset(struct device *d);
void fault_configuration(struct device *d, unsigned value);
void fault_power_lost(struct device *d);

#endif
