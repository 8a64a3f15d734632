#ifndef EMU_CONTROL_H
#define EMU_CONTROL_H

#define CONTROL_PATH "/run/emu.sock"

/* The daemon's end: opens the socket and takes orders from then on. */
int control_open(void);

/* The client's end: sends argv as one order. Returns the exit status. */
int client_run(int argc, char **argv);

#endif
