/* SPDX-License-Identifier: MIT */
#include "status.h"

enum status status_worse(enum status a, enum status b)
{
	static const unsigned char weight[] = {[STATUS_DONE] = 0,
		[STATUS_NO_DEVICE] = 1,
		[STATUS_HELD] = 2,
		[STATUS_UNKNOWN] = 3,
		[STATUS_FAILED] = 4,
		[STATUS_USAGE] = 5};

	return weight[b] > weight[a] ? b : a;
}
