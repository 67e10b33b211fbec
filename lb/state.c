/* SPDX-License-Identifier: Apache-2.0 */
/* States of backends: from what is wanted to what is used. */
#include "state.h"

#include <string.h>

enum lb_backend_state
lb_state_of(const char *word)
{
	if (strcmp(word, "ready") == 0)
		return LB_READY;
	return strcmp(word, "drain") == 0 ? LB_DRAIN : LB_MAINT;
}

static bool
is_healthy(const struct img_lb_backend *b)
{
	return b->state == LB_READY && b->weight != 0;
}

static uint32_t
healthy(const struct img_lb_backend *rows, uint32_t n)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < n; i++)
		count += is_healthy(&rows[i]);
	return count;
}

/* The last group that is used. */
static unsigned
last_group(const struct img_lb_backend *rows, uint32_t n, uint32_t min_healthy)
{
	uint32_t in_group[UINT8_MAX + 1] = {0}, sum = 0;
	for (uint32_t i = 0; i < n; i++)
		in_group[rows[i].priority] += is_healthy(&rows[i]);
	for (unsigned group = 0; group < UINT8_MAX; group++) {
		sum += in_group[group];
		if (sum != 0 && sum >= min_healthy)
			return group;
	}
	return UINT8_MAX;
}

void
lb_state_settle(const struct img_lb_service *s, struct img_lb_backend *rows)
{
	uint32_t n = s->backends;
	for (uint32_t i = 0; i < n; i++)
		if (rows[i].state == LB_STANDBY)
			rows[i].state = LB_READY;
	if (healthy(rows, n) == 0) {
		for (uint32_t i = 0; i < n && s->when_none == LB_NONE_USE_ALL; i++)
			if (rows[i].state == LB_DOWN)
				rows[i].state = LB_READY;
		return;
	}
	unsigned last = last_group(rows, n, s->min_healthy);
	for (uint32_t i = 0; i < n; i++)
		if (rows[i].state == LB_READY && rows[i].priority > last)
			rows[i].state = LB_STANDBY;
}

void
lb_state_players(const struct img_lb_backend *rows, uint32_t n, struct maglev_backend *out)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t share = lb_state_share(&rows[i]);
		most = share > most ? share : most;
	}
	uint32_t unit = most > LB_MAX_WEIGHT ? LB_TENTHS : 1;
	for (uint32_t i = 0; i < n; i++) {
		out[i].key = maglev_key(&rows[i].address, rows[i].family, rows[i].port);
		out[i].weight = (lb_state_share(&rows[i]) + unit - 1) / unit;
	}
}
