/* The one poll loop: file descriptors and timers, nothing else runs. */
#ifndef EMU_LOOP_H
#define EMU_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#define MS(n) ((int64_t)(n)*1000000)

struct timer {
	int64_t due;
	bool armed;
	void (*fire)(void *arg);
	void *arg;
	struct timer *next;
};

int64_t now_ns(void);

/* Due times are absolute, in now_ns() time. Setting an armed timer moves it. */
void timer_set(struct timer *t, int64_t due);
void timer_stop(struct timer *t);

/* events as for poll(2); hang-ups and errors are always told. */
void loop_watch(int fd, short events, void (*ready)(void *arg), void *arg);
void loop_unwatch(int fd);
void loop_run(void);
void loop_stop(void);

#endif
