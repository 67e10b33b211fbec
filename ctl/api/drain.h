/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What becomes of a backend in the course of time: a drain has a deadline, a slow start
 *            its steps. The data plane has no part in it: each step is an image.
 * Invariant  1. course_after is a function of its arguments alone: the same over simulated time.
 *            2. Who joins a service that is there already, or is ready again, starts slowly; the
 *               backends of a new service do not, nor those that a new daemon finds.
 * Owner      A target of struct health; samples are taken in drain_turn.
 * Limits     COURSE_SAMPLES counts of flows, COURSE_SAMPLE_NS apart: the end that is expected
 *            comes from how fast they went down over these.
 * See        docs/lb.md, "States of a backend"; lb/state.h.
 */
#ifndef MR_API_DRAIN_H
#define MR_API_DRAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { COURSE_SAMPLES = 12 };
#define COURSE_SAMPLE_NS 5000000000u

struct course_sample {
	uint64_t time_ns, flows;
};

struct course {
	uint64_t drain_ns;  /* when the drain began; 0: there is none */
	uint64_t start_ns;  /* when the slow start began; 0: there is none */
	bool serves;        /* was ready and not down when last asked */
};

/* Flows of a backend in drain, the latest sample last. */
struct course_samples {
	struct course_sample at[COURSE_SAMPLES];
	unsigned n;
};

struct api;
struct health;
struct health_conf;
struct health_target;

/* course_after: the course under this configuration. knows: its service was there before. */
struct course course_after(struct course c, const struct health_conf *conf, bool serves, bool knows,
                           uint64_t now_ns);
/* course_is_over: has the drain's deadline passed? course_withheld: tenths of the weight. */
bool course_is_over(const struct course *c, const struct health_conf *conf, uint64_t now_ns);
uint8_t course_withheld(const struct course *c, const struct health_conf *conf, uint64_t now_ns);
/* course_due: when the course is next another one for the data plane, or UINT64_MAX. */
uint64_t course_due(const struct course *c, const struct health_conf *conf, uint64_t now_ns);

/* drain_turn: what is due at this time: samples; health->dirty where the image may change. */
void drain_turn(struct api *api, uint64_t now_ns);
/* drain_next: when drain_turn has something to do next, or UINT64_MAX. */
uint64_t drain_next(const struct api *api, uint64_t now_ns);

/* drain_json, slow_start_json: as backend.list shows them; null: there is none. New reference. */
json_t *drain_json(const struct health_target *t, uint64_t flows, uint64_t now_ns);
json_t *slow_start_json(const struct health_target *t, uint64_t now_ns);

#endif
