/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of the backends' counters, and their differences. */
#include "pace.h"

#include "internal.h"

static const uint64_t SECOND = 1000000000;

uint64_t
pace_due(const struct health *h)
{
	const struct pace_times *p = &h->times;
	return p->n == 0 ? 0 : p->at_ns[(p->n - 1) % PACE_SAMPLES] + SECOND;
}

static void
target_sample(const struct stats_segment *s, struct health_target *t, uint64_t number)
{
	struct backend_sum sum;
	backend_sum(s, t->conf.id, &sum);
	if (t->pace.id != t->conf.id + 1) {
		t->pace.id = t->conf.id + 1;
		t->pace.from = number;
	}
	t->pace.at[number % PACE_SAMPLES] = (struct pace_sample){(uint32_t)sum.opened,
		(uint32_t)sum.answered, (uint32_t)sum.refused, (uint32_t)sum.unanswered};
}

/* life_of: two data planes have not both. */
static uint64_t
life_of(const struct stats_segment *s)
{
	return s->start_time_ns ^ s->pid << 40;
}

bool
pace_turn(struct api *api, uint64_t now_ns)
{
	struct health *h = &api->health;
	struct pace_times *p = &h->times;
	const struct stats_segment *s = api->link.statistics(api->link.ctx);
	uint64_t due = pace_due(h);
	bool went_back = due > now_ns + SECOND; /* the clock was set */
	if (s == NULL || (now_ns < due && !went_back))
		return false;
	if (p->life != life_of(s) || went_back)
		for (size_t i = 0; i < h->n; i++)
			h->target[i]->pace.id = 0;
	p->life = life_of(s);
	for (size_t i = 0; i < h->n; i++)
		target_sample(s, h->target[i], p->n);
	p->at_ns[p->n++ % PACE_SAMPLES] = now_ns;
	return true;
}

/* Samples lie a little more than a second apart: half of one does not matter. */
double
pace_since(const struct health *h, const struct health_target *t, unsigned seconds,
           struct pace_sample *d)
{
	const struct pace_times *p = &h->times;
	*d = (struct pace_sample){0};
	if (t == NULL || t->pace.id == 0 || p->n < 2)
		return 0;
	uint64_t last = p->n - 1, first = last, now = p->at_ns[last % PACE_SAMPLES];
	uint64_t oldest = p->n > PACE_SAMPLES ? p->n - PACE_SAMPLES : 0;
	oldest = t->pace.from > oldest ? t->pace.from : oldest;
	while (first > oldest &&
	       now - p->at_ns[(first - 1) % PACE_SAMPLES] <= seconds * SECOND + SECOND / 2)
		first--;
	const struct pace_sample *a = &t->pace.at[first % PACE_SAMPLES];
	const struct pace_sample *b = &t->pace.at[last % PACE_SAMPLES];
	*d = (struct pace_sample){b->opened - a->opened, b->answered - a->answered,
		b->refused - a->refused, b->unanswered - a->unanswered};
	return (double)(now - p->at_ns[first % PACE_SAMPLES]) / 1e9;
}

void
pace_forget(const struct health *h, struct health_target *t)
{
	t->pace.from = h->times.n != 0 ? h->times.n - 1 : 0;
}

static json_t *
rate(const struct health *h, const struct health_target *t, unsigned seconds)
{
	struct pace_sample d;
	double over = pace_since(h, t, seconds, &d);
	return over + 0.5 > seconds ? json_real((double)d.opened / over) : json_null();
}

json_t *
pace_json(const struct health *h, const struct health_target *t)
{
	return json_pack("{s:o, s:o, s:o}", "1s", rate(h, t, 1), "10s", rate(h, t, 10), "60s",
	                 rate(h, t, 60));
}
