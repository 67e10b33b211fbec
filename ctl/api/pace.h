/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The last minute of each backend: its counters as they were each second, so that there
 *            are rates, and so that handshakes that failed lately can lower it (passive.h).
 * Layout     One ring of times for all, and one of counters for each target, by the number of the
 *            sample. Counters are the low 32 bits: only differences mean something.
 * Invariant  1. A difference is of one backend and of one life of the data plane: when either is
 *               another one, its samples begin anew.
 *            2. A rate over a time is given when there are samples for all of that time.
 * Owner      The thread of the API.
 * Limits     PACE_SECONDS; a second passes between samples at least, more if nobody calls.
 */
#ifndef MR_API_PACE_H
#define MR_API_PACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { PACE_SECONDS = 60, PACE_SAMPLES = PACE_SECONDS + 4 };

struct pace_sample {
	uint32_t opened, answered, refused, unanswered;
};

/* Of a target. */
struct pace {
	struct pace_sample at[PACE_SAMPLES];
	uint64_t from;  /* number of the first sample that means something */
	uint32_t id;    /* 1 + the backend id that it is of; 0: none yet */
};

/* Of all. */
struct pace_times {
	uint64_t n;     /* samples ever */
	uint64_t at_ns[PACE_SAMPLES];
	uint64_t life;  /* of the data plane that is counted */
};

struct api;
struct health;
struct health_target;

/* pace_turn: take a sample of all targets if it is time to. => has it? */
bool pace_turn(struct api *api, uint64_t now_ns);
/* pace_due: when it is next. */
uint64_t pace_due(const struct health *h);
/* pace_since: what was counted in the last so many seconds, or for how long it is known. => the
 * seconds that this is; 0: nothing is known. */
double pace_since(const struct health *h, const struct health_target *t, unsigned seconds,
                  struct pace_sample *difference);
/* pace_forget: what was counted so far was before. */
void pace_forget(const struct health *h, struct health_target *t);
/* pace_json: {"1s", "10s", "60s"}: new connections a second; null: not known. t may be NULL. */
json_t *pace_json(const struct health *h, const struct health_target *t);

#endif
