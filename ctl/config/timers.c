/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timer sets. Row 0 is nat.timeouts, another row lb.timeouts; a rule or service with timeouts of
 * its own has a row that is known by their text, and shares it with those of the same text. A row
 * that nobody wants any more stays as it was, for the flows that still refer to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

/* A key of a set, and the one whose value is taken where neither set nor base has it. */
static const struct key {
	const char *name;
	uint8_t or_else; /* itself: none */
} keys[] = {
	{"udp", 0}, {"tcp_opening", 1}, {"tcp_established", 2}, {"tcp_closing", 3}, {"icmp", 4},
	{"udp_unanswered", 0}, {"tcp_half_closed", 2}, {"tcp_reset", 3},
	{"other", 8},
};
enum { N_KEYS = sizeof(keys) / sizeof(keys[0]), ICMP_DEFAULT_S = 60 };
static const char *const bases[] = {"nat", "lb"};

/* timeout_s: an own one, or that of the base; the balancer has none for ICMP. */
static uint32_t
timeout_s(const struct model *m, const json_t *own, unsigned base, const struct key *k)
{
	const json_t *v = json_object_get(own, k->name);
	if (v == NULL)
		v = json_object_get(model_get(m, bases[base], "timeouts"), k->name);
	if (v != NULL)
		return (uint32_t)json_integer_value(v);
	return &keys[k->or_else] == k ? ICMP_DEFAULT_S :
	                                timeout_s(m, own, base, &keys[k->or_else]);
}

static void
timers_fill(const struct model *m, struct timer_set *t, const json_t *own, unsigned base)
{
	static const uint8_t key_of[CONN_MAX] = {
		[CONN_UDP_NEW] = 5, [CONN_UDP_BOTH] = 0, [CONN_TCP_SYN] = 1, [CONN_TCP_MID] = 1,
		[CONN_TCP_EST] = 2, [CONN_TCP_FIN_I] = 6, [CONN_TCP_FIN_R] = 6,
		[CONN_TCP_CLOSING] = 3, [CONN_TCP_TRANS] = 7, [CONN_ICMP] = 4,
		[CONN_ONE_SYN] = 1, [CONN_ONE_EST] = 2, [CONN_ONE_FIN] = 3, [CONN_ONE_MID] = 7,
		[CONN_OTHER] = 8,
	};
	memset(t, 0, sizeof(*t));
	for (unsigned s = CONN_FREE + 1; s < CONN_MAX; s++)
		t->idle_ms[s] = timeout_s(m, own, base, &keys[key_of[s]]) * 1000;
}

/* timers_key: what a set is known by. */
static void
timers_key(const json_t *own, unsigned base, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%s", bases[base]);
	for (unsigned i = 0; i < N_KEYS; i++) {
		const json_t *v = json_object_get(own, keys[i].name);
		if (v != NULL && n < size)
			n += (size_t)snprintf(out + n, size - n, " %s=%lld", keys[i].name,
			                      (long long)json_integer_value(v));
	}
}

uint8_t
timers_row(struct model *m, const json_t *timeouts, unsigned base, const char *path)
{
	char key[256];
	uint32_t row;
	timers_key(timeouts, base, key, sizeof(key));
	if (!id_space_take_stale(&m->timer_ids, key, &row)) {
		config_error_add(m->errs, path, "is one more set of timeouts; there may be %d "
		                 "different ones", MAX_TIMER_SETS);
		return 0;
	}
	while (m->timers.n <= row)
		if (rows_add(m, &m->timers) == NULL)
			return 0;
	timers_fill(m, rows_at(&m->timers, row), timeouts, base);
	return (uint8_t)row;
}

void
model_timers(struct model *m)
{
	uint32_t n = 0;
	const struct timer_set *old = m->previous == NULL ? NULL
		: image_rows(m->previous, IMG_TIMERS, &n);
	if (!id_space_init(&m->timer_ids, &m->ids, "timers", MAX_TIMER_SETS)) {
		m->failed = true;
		return;
	}
	for (uint32_t i = 0; i < n && i < MAX_TIMER_SETS; i++) {
		struct timer_set *t = rows_add(m, &m->timers);
		if (t == NULL)
			return;
		*t = old[i];
	}
	timers_row(m, NULL, 0, "nat.timeouts");
	timers_row(m, NULL, 1, "lb.timeouts");
}
