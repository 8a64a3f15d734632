#include "ch9329_answer.h"

#include <string.h>

/* Command and status codes: WCH's "CH9329 serial communication protocol" V1.2, chapter 2. */
enum {
	GET_INFO = 1,
	KEYBOARD,
	MEDIA,
	MOUSE_ABSOLUTE,
	MOUSE_RELATIVE,
	CUSTOM_HID,
	GET_PARA = 8,
	SET_PARA,
	GET_STRING,
	SET_STRING,
	SET_DEFAULTS
};
enum { OK = 0x00, BAD_COMMAND = 0xe3, BAD_PARAMETER = 0xe5 };

/* Where the parameters keep the rate: four bytes, the highest first. */
#define AT_BAUD 3

void para_defaults(uint8_t para[PARA_SIZE])
{
	/* mode, serial mode, address, 9600 baud, reserved, 3 ms between packets, the USB side's ids 1a86:e129, … */
	static const uint8_t factory[] = {0x80, 0x80, 0x00, 0x00, 0x00, 0x25, 0x80, 0x08, 0x00, 0x00, 0x03, 0x86,
		0x1a, 0x29, 0xe1, 0x00, 0x00, 0x00, 0x01, 0x00, 0x0d};
	memset(para, 0, PARA_SIZE);
	memcpy(para, factory, sizeof(factory));
}

long para_baud(const uint8_t para[PARA_SIZE])
{
	long baud = 0;
	for (size_t i = 0; i < 4; i++)
		baud = baud * 256 + para[AT_BAUD + i];
	return baud >= 50 && baud <= 1000000 ? baud : 9600;
}

void para_set_baud(uint8_t para[PARA_SIZE], long baud)
{
	for (size_t i = 0; i < 4; i++)
		para[AT_BAUD + i] = (uint8_t)(baud >> (24 - 8 * i));
}

static uint8_t get_string(const struct chip *c, uint8_t *data, size_t *n)
{
	static const char *const texts[] = {"WWW.WCH.CN", "CH9329", "1234"};
	uint8_t which = c->frame[5];
	if (c->frame[4] != 1 || which > 2)
		return BAD_PARAMETER;
	size_t length = strlen(texts[which]);
	data[0] = which;
	data[1] = (uint8_t)length;
	memcpy(data + 2, texts[which], length);
	*n = length + 2;
	return OK;
}

uint8_t chip_execute(struct chip *c, uint8_t data[64], size_t *n)
{
	const uint8_t length = c->frame[4];
	bool good;

	data[0] = OK;
	*n = 1;
	switch (c->frame[3]) {
	case GET_INFO:
		if (length != 0)
			return BAD_PARAMETER;
		memset(data, 0, 8);
		data[0] = (uint8_t)c->version;
		data[1] = (uint8_t)c->target;
		data[2] = (uint8_t)c->leds;
		*n = 8;
		return OK;
	case GET_PARA:
		if (length != 0)
			return BAD_PARAMETER;
		memcpy(data, c->para, PARA_SIZE);
		*n = PARA_SIZE;
		return OK;
	case SET_PARA:
		if (length != PARA_SIZE)
			return BAD_PARAMETER;
		memcpy(c->next_para, c->frame + 5, PARA_SIZE);
		c->para_set = true;
		return OK;
	case SET_DEFAULTS:
		if (length != 0)
			return BAD_PARAMETER;
		para_defaults(c->next_para);
		c->para_set = true;
		c->factory_wanted = true;
		return OK;
	case GET_STRING:
		return get_string(c, data, n);
	case KEYBOARD:
		good = length == 8;
		break;
	case MEDIA:
		good = length == 2 || length == 4;
		break;
	case MOUSE_ABSOLUTE:
		good = length == 7;
		break;
	case MOUSE_RELATIVE:
		good = length == 5;
		break;
	case CUSTOM_HID:
	case SET_STRING:
		good = length > 0;
		break;
	default:
		return BAD_COMMAND;
	}
	return good ? OK : BAD_PARAMETER;
}
