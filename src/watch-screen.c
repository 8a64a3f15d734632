/* SPDX-License-Identifier: MIT */
#include "watch-screen.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "columns.h"
#include "show.h"
#include "wait.h"

/* The alternate screen, no cursor, and no line that runs over into the next; and all of that undone (xterm's control
 * sequences, which every terminal emulator and the kernel's console know or pass over). */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[0m\033[2J"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"

enum { LEAVE_MS = 500, SECTION_MOST = 16, ROWS_MOST = 1000, COLUMNS_MOST = 500 };

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

/* From the background this stops us until we are in front; to be told to end has to reach us there, too. */
static int take_keys(const struct termios *keys)
{
	sigset_t set, before;
	int e;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &set, &before);
	do
		e = tcsetattr(STDIN_FILENO, TCSANOW, keys) ? -errno : 0;
	while (e == -EINTR && !wait_interrupted());
	sigprocmask(SIG_SETMASK, &before, NULL);
	return e;
}

int screen_enter(struct screen *s, const struct out *out)
{
	const char *no_colour = getenv("NO_COLOR");
	struct termios keys;
	int e = 0;

	s->out = out;
	s->colour = !no_colour || !*no_colour;
	s->keys = !tcgetattr(STDIN_FILENO, &s->before);
	s->known = 0;
	if (s->keys) {
		keys = s->before;
		keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		keys.c_cc[VMIN] = 0; /* reading never waits */
		keys.c_cc[VTIME] = 0;
		e = take_keys(&keys);
	}
	if (e)
		return e;
	s->entered = true; /* from here on there is something to be undone */
	return out_put(out, ENTER, strlen(ENTER), clock_ms() + LEAVE_MS);
}

void screen_leave(struct screen *s)
{
	sigset_t set, before;

	if (!s->entered)
		return;
	s->entered = false;
	out_put(s->out, LEAVE, strlen(LEAVE), clock_ms() + LEAVE_MS);
	/* From the background, too. */
	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, &before);
	if (s->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void screen_free(struct screen *s)
{
	for (size_t i = 0; i < SCREEN_EVENTS; i++)
		free(s->event[i]);
	free(s->shown);
	*s = (struct screen){0};
}

void screen_event(struct screen *s, const struct event *e)
{
	char **at = &s->event[s->events++ % SCREEN_EVENTS], line[1200];

	event_short(e, line, sizeof(line));
	free(*at);
	*at = strdup(line);
}

bool screen_quit(struct screen *s, bool *ended)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	*ended = n <= 0 && !(n < 0 && (errno == EINTR || errno == EAGAIN));
	for (ssize_t i = 0; i < n; i++) {
		if (keys[i] == 'q' || keys[i] == 'Q')
			return true;
		if (keys[i] == 'L' - '@') /* Ctrl-L, as everywhere: something else has written here */
			s->known = 0;
	}
	return false;
}

/* A screen in the making. */
struct page {
	struct screen *s;
	char (*row)[SCREEN_LINE];
	unsigned n;
	int64_t now, next; /* seconds; next: when a relative time changes, after now */
};

static void put_line(struct page *p, const char *style, const char *text)
{
	char fitted[SCREEN_LINE - 16];

	if (p->n == p->s->rows)
		return;
	columns_fit(fitted, sizeof(fitted), text, p->s->columns);
	bool plain = !p->s->colour || !*style || !*fitted;
	snprintf(p->row[p->n++], SCREEN_LINE, "%s%s%s", plain ? "" : style, fitted, plain ? "" : "\033[0m");
}

enum { CELLS = 6, STATE_CELL = 2 };
static const char *const header[CELLS] = {"PORT", "SECTION", "STATE", "WHEN", "TOOK", "WHAT"};

struct cells {
	char text[CELLS][640];
};

static void fill_cells(struct page *p, const struct record *r, struct cells *c)
{
	int64_t age = p->now - r->when;

	snprintf(c->text[0], sizeof(c->text[0]), "%s", r->port);
	columns_fit(c->text[1], sizeof(c->text[1]), r->section[0] ? r->section : "-", SECTION_MOST);
	snprintf(c->text[2], sizeof(c->text[2]), "%s", record_state_name[r->state]);
	snprintf(c->text[3], sizeof(c->text[3]), "-");
	snprintf(c->text[4], sizeof(c->text[4]), "-");
	*c->text[5] = '\0';
	if (r->state == RECORD_BUSY)
		return; /* it has no outcome yet, and the one before is not this one's */
	if (r->when) {
		columns_ago(c->text[3], sizeof(c->text[3]), age);
		int64_t changes = columns_ago_changes(age);
		if (!p->next || changes < p->next)
			p->next = changes;
	}
	if (r->duration_ms)
		snprintf(c->text[4], sizeof(c->text[4]), "%u ms", r->duration_ms);
	record_what(r, c->text[5], sizeof(c->text[5]));
}

static const char *style_of(enum record_state state)
{
	static const char *const style[RECORD_STATES] = {[RECORD_NONE] = "",
		[RECORD_BUSY] = "\033[36m",
		[RECORD_RECOVERED] = "\033[32m",
		[RECORD_FAILED] = "\033[1;31m",
		[RECORD_HELD] = "\033[1;33m",
		[RECORD_GONE] = "\033[2m",
		[RECORD_SILENT] = "\033[1;31m",
		[RECORD_STUCK] = "\033[1;31m"};

	return style[state];
}

/* One row of the table: cut at the terminal's width, and the state in its colour as far as it is there. */
static void put_row(struct page *p, const struct cells *c, const unsigned *width, const char *style)
{
	char *row = p->row[p->n];
	unsigned used = 0;
	size_t n = 0;

	if (p->n == p->s->rows)
		return;
	p->n++;
	*row = '\0';
	for (int i = 0; i < CELLS && used < p->s->columns; i++) {
		char cell[640];
		unsigned room = p->s->columns - used;
		unsigned w = columns_fit(cell, sizeof(cell), c->text[i], room);
		bool coloured = i == STATE_CELL && p->s->colour && *style;
		/* No blanks behind the last cell, which may be wide. */
		unsigned pad = i + 1 == CELLS ? 0 : width[i] + 2 - w;
		if (pad > room - w)
			pad = room - w;
		n += (size_t)snprintf(row + n, SCREEN_LINE - n, "%s%s%s%*s", coloured ? style : "", cell,
			coloured ? "\033[0m" : "", (int)pad, "");
		if (n >= SCREEN_LINE)
			return;
		used += w + pad;
	}
}

static void put_table(struct page *p, const struct ports *ports, unsigned most)
{
	const struct watch_port **shown = calloc(ports->n + 1, sizeof(*shown));
	struct cells *c = calloc(most + 1, sizeof(*c));
	unsigned width[CELLS] = {0}, n = 0, drawn;
	char line[64];

	if (!shown || !c) {
		put_line(p, "", strerror(ENOMEM));
		free(c);
		free(shown);
		return;
	}
	for (size_t i = 0; i < ports->n; i++)
		if (ports->list[i].recorded && ports_shown(ports, &ports->list[i]))
			shown[n++] = &ports->list[i];
	drawn = n <= most ? n : most - 1; /* the last row says what is missing */
	for (int i = 0; i < CELLS; i++)
		width[i] = (unsigned)strlen(header[i]);
	for (unsigned i = 0; i < drawn; i++) {
		fill_cells(p, &shown[i]->r, &c[i]);
		for (int k = 0; k < CELLS; k++) {
			char cell[640];
			unsigned w = columns_fit(cell, sizeof(cell), c[i].text[k], COLUMNS_MOST);
			if (w > width[k])
				width[k] = w;
		}
	}
	for (int i = 0; i < CELLS; i++)
		snprintf(c[most].text[i], sizeof(c[most].text[i]), "%s", header[i]);
	put_row(p, &c[most], width, "");
	for (unsigned i = 0; i < drawn; i++)
		put_row(p, &c[i], width, style_of(shown[i]->r.state));
	snprintf(line, sizeof(line), "... and %u more", n - drawn);
	if (!n)
		put_line(p, "", "nothing is on record yet");
	else if (n > drawn)
		put_line(p, "", line);
	free(c);
	free(shown);
}

static void compose(struct page *p, const struct ports *ports)
{
	struct screen *s = p->s;
	unsigned rows = s->rows;

	/* A few rows are for the events, even if that is not all of the table. */
	put_table(p, ports, rows >= 8 ? rows - 6 : rows > 2 ? rows - 1 : 1);
	if (rows - p->n < 2)
		return;
	if (rows - p->n > 3)
		put_line(p, "", "");
	put_line(p, "\033[2m", s->keys ? "EVENTS (q quits)" : "EVENTS (Ctrl-C quits)");
	size_t room = rows - p->n, kept = s->events < SCREEN_EVENTS ? s->events : SCREEN_EVENTS;
	for (size_t i = s->events - (kept < room ? kept : room); i < s->events; i++)
		put_line(p, "", s->event[i % SCREEN_EVENTS] ? s->event[i % SCREEN_EVENTS] : "");
}

static void measure(struct screen *s)
{
	struct winsize w = {0};
	unsigned rows = 24, columns = 80;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row && w.ws_col) {
		rows = w.ws_row < ROWS_MOST ? w.ws_row : ROWS_MOST;
		columns = w.ws_col < COLUMNS_MOST ? w.ws_col : COLUMNS_MOST;
	}
	if (rows != s->rows || columns != s->columns)
		s->known = 0;
	s->rows = rows;
	s->columns = columns;
}

static int put_changes(struct screen *s, struct page *p)
{
	size_t size = (size_t)s->rows * (SCREEN_LINE + 24) + 16, n = 0;
	char *text = malloc(size);
	int e = 0;

	if (!text)
		return -ENOMEM;
	if (!s->known)
		n += (size_t)snprintf(text, size, "\033[0m\033[2J");
	for (unsigned i = 0; i < s->rows; i++)
		if (i >= s->known ? *p->row[i] : strcmp(p->row[i], s->shown[i]))
			n += (size_t)snprintf(text + n, size - n, "\033[%u;1H\033[2K%s", i + 1, p->row[i]);
	if (n)
		e = out_put(s->out, text, n, UINT64_MAX);
	free(text);
	return e;
}

int screen_draw(struct screen *s, const struct ports *ports, uint64_t *next)
{
	struct timespec t;
	int e = -ENOMEM;

	measure(s);
	clock_gettime(CLOCK_REALTIME, &t);
	struct page p = {.s = s, .now = t.tv_sec};
	p.row = calloc(s->rows, sizeof(*p.row));
	if (p.row) {
		compose(&p, ports);
		e = put_changes(s, &p);
		free(s->shown);
		s->shown = p.row;
		s->known = s->rows;
	}
	/* At the turn of that second; within a minute, because the clock may be set. */
	*next = UINT64_MAX;
	if (p.next)
		*next = clock_ms() + (p.next < 60 ? (uint64_t)p.next : 60) * 1000 - (uint64_t)t.tv_nsec / 1000000;
	return e;
}
