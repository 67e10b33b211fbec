/* SPDX-License-Identifier: Apache-2.0 */
/* Drains and slow starts: their steps, what is due, and how they look. */
#include "drain.h"

#include "internal.h"

enum { STEPS = LB_TENTHS };
static const uint64_t SECOND = 1000000000;

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct course
course_after(struct course c, const struct health_conf *conf, bool serves, bool knows,
             uint64_t now_ns)
{
	uint64_t now = now_ns != 0 ? now_ns : 1; /* 0 is never */
	c.drain_ns = earlier(c.drain_ns, now); /* the clock may have been set back */
	c.start_ns = earlier(c.start_ns, now);
	if (conf->configured != LB_DRAIN)
		c.drain_ns = 0;
	else if (c.drain_ns == 0)
		c.drain_ns = now;
	if (!serves || conf->slow_start_s == 0)
		c.start_ns = 0;
	else if (!c.serves && knows)
		c.start_ns = now;
	c.serves = serves;
	if (c.start_ns != 0 && course_withheld(&c, conf, now) == 0)
		c.start_ns = 0;
	return c;
}

static uint64_t
end_of(const struct course *c, const struct health_conf *conf)
{
	return c->drain_ns != 0 && conf->deadline_s != 0 ?
		c->drain_ns + conf->deadline_s * SECOND : UINT64_MAX;
}

bool
course_is_over(const struct course *c, const struct health_conf *conf, uint64_t now_ns)
{
	return now_ns >= end_of(c, conf);
}

/* The first step is taken at once: a tenth of the weight. */
uint8_t
course_withheld(const struct course *c, const struct health_conf *conf, uint64_t now_ns)
{
	if (c->start_ns == 0 || now_ns < c->start_ns || conf->slow_start_s == 0)
		return c->start_ns == 0 || conf->slow_start_s == 0 ? 0 : STEPS - 1;
	uint64_t step = (now_ns - c->start_ns) * STEPS / (conf->slow_start_s * SECOND);
	return step < STEPS - 1 ? (uint8_t)(STEPS - 1 - step) : 0;
}

uint64_t
course_due(const struct course *c, const struct health_conf *conf, uint64_t now_ns)
{
	uint64_t due = course_is_over(c, conf, now_ns) ? UINT64_MAX : end_of(c, conf);
	uint8_t withheld = course_withheld(c, conf, now_ns);
	if (withheld == 0)
		return due;
	uint64_t all = conf->slow_start_s * SECOND, step = STEPS - (uint64_t)withheld;
	uint64_t next = c->start_ns + (step * all + STEPS - 1) / STEPS;
	return next < due ? next : due;
}

static void
sample_add(struct course_samples *s, uint64_t flows, uint64_t now_ns)
{
	if (s->n == COURSE_SAMPLES)
		memmove(s->at, s->at + 1, --s->n * sizeof(s->at[0]));
	s->at[s->n++] = (struct course_sample){now_ns, flows};
}

static uint64_t
sample_due(const struct health_target *t)
{
	const struct course_samples *s = &t->samples;
	if (t->course.drain_ns == 0)
		return UINT64_MAX;
	return s->n == 0 ? 0 : s->at[s->n - 1].time_ns + COURSE_SAMPLE_NS;
}

static uint64_t
flows_of(struct api *api, uint32_t id)
{
	struct backend_sum sum;
	backend_sum(api->link.statistics(api->link.ctx), id, &sum);
	return sum.live;
}

static void
target_turn(struct api *api, struct health_target *t, uint64_t now_ns)
{
	const struct course_samples *s = &t->samples;
	bool went_back = s->n != 0 && s->at[s->n - 1].time_ns > now_ns;
	if (t->course.drain_ns == 0 || went_back)
		t->samples.n = 0;
	if (t->course.drain_ns == 0)
		return;
	if (sample_due(t) <= now_ns)
		sample_add(&t->samples, flows_of(api, t->conf.id), now_ns);
}

void
drain_turn(struct api *api, uint64_t now_ns)
{
	struct health *h = &api->health;
	bool went_back = now_ns < h->turned_ns;
	h->turned_ns = now_ns;
	if (now_ns < h->turn_ns && !went_back)
		return;
	uint64_t next = UINT64_MAX;
	h->dirty |= went_back && h->n != 0; /* what began after now has to begin now */
	for (size_t i = 0; i < h->n; i++) {
		struct health_target *t = h->target[i];
		target_turn(api, t, now_ns);
		uint64_t sample = sample_due(t);
		uint64_t due = course_due(&t->course, &t->conf, now_ns);
		h->dirty |= t->due_ns <= now_ns;
		t->due_ns = due;
		next = due < next ? due : next;
		next = sample < next ? sample : next;
	}
	h->turn_ns = next;
}

uint64_t
drain_next(const struct api *api, uint64_t now_ns)
{
	return api->health.turn_ns > now_ns ? api->health.turn_ns : now_ns;
}

/* When the last flow ends, if they go on to end as they did over the samples. 0: nobody knows. */
static uint64_t
expected_end(const struct course_samples *s, uint64_t flows, uint64_t now_ns)
{
	if (s->n == 0)
		return 0;
	const struct course_sample *first = &s->at[0];
	if (first->flows <= flows || now_ns <= first->time_ns)
		return 0;
	double ns_a_flow = (double)(now_ns - first->time_ns) / (double)(first->flows - flows);
	return now_ns + (uint64_t)(ns_a_flow * (double)flows);
}

static json_t *
time_or_null(uint64_t ns)
{
	return ns != 0 ? name_time(ns) : json_null();
}

json_t *
drain_json(const struct health_target *t, uint64_t flows, uint64_t now_ns)
{
	if (t == NULL || t->course.drain_ns == 0)
		return json_null();
	uint64_t end = end_of(&t->course, &t->conf);
	return json_pack("{s:o, s:o, s:b, s:I, s:o}", "since", name_time(t->course.drain_ns),
	                 "deadline", time_or_null(end != UINT64_MAX ? end : 0), "over",
	                 course_is_over(&t->course, &t->conf, now_ns), "flows_left",
	                 (json_int_t)flows, "expected_end",
	                 time_or_null(flows == 0 ? 0 :
	                              expected_end(&t->samples, flows, now_ns)));
}

json_t *
slow_start_json(const struct health_target *t, uint64_t now_ns)
{
	if (t == NULL || t->course.start_ns == 0)
		return json_null();
	unsigned tenths = STEPS - course_withheld(&t->course, &t->conf, now_ns);
	return json_pack("{s:o, s:o, s:i}", "since", name_time(t->course.start_ns), "until",
	                 name_time(t->course.start_ns + t->conf.slow_start_s * SECOND), "percent",
	                 (int)tenths * 100 / STEPS);
}
