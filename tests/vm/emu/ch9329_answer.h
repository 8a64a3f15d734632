/* Inside the CH9329: its state, and what each command does. */
#ifndef EMU_CH9329_ANSWER_H
#define EMU_CH9329_ANSWER_H

#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARA_SIZE 50

struct uart;

struct chip {
	const char *name;
	struct uart *uart;

	long baud, silent, target, version, leds;
	bool wedge, garbage, dead, first_e4, drop_ack, foreign, def_on_rts;

	bool restarting;     /* says nothing until the timer `ready` */
	bool answer_pending; /* a RESET's acknowledgement is still leaving */
	bool fresh;          /* the host has opened its tty and sent nothing yet */
	bool factory_wanted;
	unsigned foreign_turn;

	uint8_t frame[80], noise[64];
	size_t used, noise_used;
	struct timer gap, left, ready;

	uint8_t para[PARA_SIZE], next_para[PARA_SIZE];
	bool para_set;
	unsigned long frames, answered, unanswered;
};

uint8_t chip_noise(void);

/* Carries out the frame in c->frame. Returns the status; if that is 0, the answer's data are in data[0..*n]. */
uint8_t chip_execute(struct chip *c, uint8_t data[64], size_t *n);

void para_defaults(uint8_t para[PARA_SIZE]);
long para_baud(const uint8_t para[PARA_SIZE]);
void para_set_baud(uint8_t para[PARA_SIZE], long baud);

#endif
