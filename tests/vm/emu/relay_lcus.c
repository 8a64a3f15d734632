/*
 * LC Technology's serial boards (LCUS-1 … LCUS-8) and two that took over their frame:
 * plain     FF asks for all states; text as in brzycki's driver of an LCUS X2 ("ON" padded to three letters).
 *           Many boards of the same look do not answer (query=0).
 * diustou   "USB Relay PRO" in Diustou's wiki: channel 0F means all, op 02 asks; text as the owners of a DSTUR-T20
 *           parse it: without blanks and line ends.
 * feedback  Samiore Robot, as Pebble94464/lcus-usb-relay-module-controller (DeviceB.py) drives it: op 02 off, 03 on,
 *           04 invert, 05 ask; each of these is answered with a frame that has the state for its op.
 */
#include "relay_lcus.h"

#include "relay_serial.h"

#include <stdio.h>

enum { OFF = 0, ON = 1 };
enum { DIUSTOU_ASK = 2, DIUSTOU_ALL = 0x0f };
enum { FEEDBACK_OFF = 2, FEEDBACK_ON, FEEDBACK_INVERT, FEEDBACK_ASK };
enum { ASK_ALL = 0xff };

bool lcus_sum_right(const uint8_t *frame)
{
	return frame[3] == (uint8_t)(frame[0] + frame[1] + frame[2]);
}

bool lcus_parse(const struct relay_board *b, const uint8_t *frame, struct relay_order *order)
{
	return frame[0] == LCUS_HEADER && lcus_sum_right(frame) && (frame[2] == ON || frame[2] == OFF) &&
	       relay_order_one(b, frame[1], frame[2] == ON, order);
}

static size_t frame_size(const struct serial_relay *s, uint8_t first)
{
	if (first == LCUS_HEADER)
		return LCUS_FRAME;
	return first == ASK_ALL && s->dialect == PLAIN && s->query ? 1 : 0;
}

static bool parse_diustou(const struct serial_relay *s, const uint8_t *frame, struct relay_order *order)
{
	bool all = frame[1] == DIUSTOU_ALL, there = all || (frame[1] >= 1 && frame[1] <= s->board.channels);

	if (frame[2] == DIUSTOU_ASK)
		return s->query && there;
	if (all && (frame[2] == ON || frame[2] == OFF))
		return relay_order_all(&s->board, frame[2] == ON, order);
	return lcus_parse(&s->board, frame, order);
}

static bool parse_feedback(const struct serial_relay *s, const uint8_t *frame, struct relay_order *order)
{
	bool close;

	switch (frame[2]) {
	case FEEDBACK_ON:
	case FEEDBACK_OFF:
		close = frame[2] == FEEDBACK_ON;
		break;
	case FEEDBACK_INVERT:
		close = !relay_closed(&s->board, frame[1]);
		break;
	case FEEDBACK_ASK:
		return s->query && frame[1] >= 1 && frame[1] <= s->board.channels;
	default:
		return lcus_parse(&s->board, frame, order);
	}
	return relay_order_one(&s->board, frame[1], close, order);
}

static bool parse(const struct serial_relay *s, const uint8_t *frame, struct relay_order *order)
{
	if (frame[0] == ASK_ALL)
		return true;
	if (!lcus_sum_right(frame))
		return false;
	switch (s->dialect) {
	case DIUSTOU:
		return parse_diustou(s, frame, order);
	case FEEDBACK:
		return parse_feedback(s, frame, order);
	default:
		return lcus_parse(&s->board, frame, order);
	}
}

static size_t tell(const struct serial_relay *s, long from, long to, const char *format[2], char *out, size_t room)
{
	size_t n = 0;
	for (long i = from; i <= to; i++)
		n += (size_t)snprintf(out + n, room - n, format[relay_closed(&s->board, i)], i);
	return n;
}

static size_t respond(struct serial_relay *s, const uint8_t *frame, uint8_t *out)
{
	static const char *plain[] = {"CH%ld: OFF\r\n", "CH%ld: ON \r\n"};
	static const char *diustou[] = {"CH%ld:OFF", "CH%ld:ON"};
	char text[SERIAL_ANSWER_ROOM];
	size_t n = 0;

	if (frame[0] == ASK_ALL) {
		n = tell(s, 1, s->board.channels, plain, text, sizeof(text));
	} else if (s->dialect == DIUSTOU && frame[2] == DIUSTOU_ASK) {
		bool all = frame[1] == DIUSTOU_ALL;
		n = tell(s, all ? 1 : frame[1], all ? s->board.channels : frame[1], diustou, text, sizeof(text));
	} else if (s->dialect == FEEDBACK && frame[2] >= FEEDBACK_OFF) {
		out[0] = LCUS_HEADER;
		out[1] = frame[1];
		out[2] = relay_closed(&s->board, frame[1]);
		out[3] = (uint8_t)(out[0] + out[1] + out[2]);
		return LCUS_FRAME;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)text[i];
	return n;
}

const struct serial_protocol lcus_protocol = {
	.name = "lcus",
	.frame_size = frame_size,
	.parse = parse,
	.respond = respond,
};
