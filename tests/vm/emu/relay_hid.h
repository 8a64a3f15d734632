/* A relay board that is a USB HID: the descriptors and requests that they share. The protocol is the model's. */
#ifndef EMU_RELAY_HID_H
#define EMU_RELAY_HID_H

#include "relay_board.h"

struct hid_relay;

struct hid_model {
	const uint8_t *report_descriptor;
	uint8_t report_descriptor_size;
	uint8_t hid_version; /* bcdHID's lower byte: 1.xx */
	uint8_t attributes, max_power;
	uint8_t ep_in, ep_out, interval; /* ep_out 0: none; then reports come by SET_REPORT only */
	/* A report without its id. False: it is none of this board's commands. */
	bool (*parse)(const struct hid_relay *r, const uint8_t *bytes, size_t n, struct relay_order *order);
	/* The feature report; NULL: the board has none. */
	size_t (*feature)(const struct hid_relay *r, uint8_t *out);
};

struct hid_relay {
	struct relay_board board;
	const struct hid_model *model;
	char serial[6];     /* in dcttech's feature report */
	bool other_dialect; /* does not understand what others of its ID do */
};

struct hid_relay *hid_relay_create(struct device *d, const struct hid_model *model, long channels);

/* For boards that have a report of 8 bytes in each direction and no ids. */
#define HID_RELAY_REPORTS_SIZE 34
extern const uint8_t hid_relay_reports[HID_RELAY_REPORTS_SIZE];

/* As struct kind's; set is for boards that have no settings of their own. */
#define HID_RELAY_FUNCTIONS                                                                                          \
	.config = hid_relay_config, .descriptor = hid_relay_descriptor, .control = hid_relay_control,                \
	.submit = hid_relay_submit, .power_lost = hid_relay_power_lost, .stats = hid_relay_stats
size_t hid_relay_config(const struct device *d, uint8_t *out, size_t room);
int hid_relay_descriptor(const struct device *d, uint8_t type, uint8_t *out);
int hid_relay_control(struct device *d, const struct setup *s, const uint8_t *sent, uint8_t *answer, size_t room);
void hid_relay_submit(struct device *d, struct urb *u);
void hid_relay_power_lost(struct device *d);
int hid_relay_set(struct device *d, const char *key, const char *value);
int hid_relay_stats(const struct device *d, char *out, size_t size);

#endif
