#include "control.h"

#include "device.h"
#include "orders.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORDS 64

static int listener = -1;
struct client *clients;

void client_free(struct client *c)
{
	for (struct client **p = &clients; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	for (struct device *d = device_list(); d; d = d->next) {
		if (d->client == c->fd)
			d->client = -1;
	}
	if (c->waiting)
		regfree(&c->pattern);
	timer_stop(&c->deadline);
	loop_unwatch(c->fd);
	close(c->fd);
	free(c->text);
	free(c);
}

void send_text(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t did = send(fd, text, n, MSG_NOSIGNAL);
		if (did <= 0)
			return;
		text += did;
		n -= (size_t)did;
	}
}

void answer_ok(struct client *c, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	send_text(c->fd, "0", 1);
	if (n > 0)
		send_text(c->fd, text, (size_t)n);
	free(text);
	client_free(c);
}

void answer_fail(struct client *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_text(c->fd, "1emu: ", 6);
	send_text(c->fd, text, strlen(text));
	send_text(c->fd, "\n", 1);
	client_free(c);
}

static void carry_out(struct client *c)
{
	char *words[WORDS];
	int n = 0;

	for (size_t at = 0; at < c->used && n < WORDS; at += strlen(c->order + at) + 1)
		words[n++] = c->order + at;
	if (n == 0 || !order_run(c, words[0], words + 1, n - 1))
		answer_fail(c, "unknown order '%s'", n ? words[0] : "");
}

static void gone(void *arg)
{
	client_free(arg);
}

static void readable(void *arg)
{
	struct client *c = arg;
	ssize_t n = recv(c->fd, c->order + c->used, sizeof(c->order) - 1 - c->used, MSG_DONTWAIT);

	if (n > 0) {
		c->used += (size_t)n;
		return;
	}
	c->order[c->used] = '\0';
	loop_watch(c->fd, 0, gone, c); /* from now on only a client that was killed is of interest */
	carry_out(c);
}

static void accept_one(void *arg)
{
	(void)arg;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct client *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
	if (!c)
		return;
	c->fd = fd;
	c->next = clients;
	clients = c;
	loop_watch(fd, POLLIN, readable, c);
}

int control_open(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = CONTROL_PATH};

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(CONTROL_PATH);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 16) < 0)
		return -1;
	orders_open();
	loop_watch(listener, POLLIN, accept_one, NULL);
	return 0;
}
