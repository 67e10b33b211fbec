/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A data plane in a simulated world: devices in memory, a clock that is moved by hand,
 *            and the production workers and slow path called in turn by one thread.
 * Invariant  1. Between two calls nothing is under way: every queue and ring is empty, every frame
 *               that was sent is in its output. Only what waits for time to pass is held.
 *            2. The clock never goes back, and no timer is passed over: sim_advance stops at each.
 *            3. The state at a moment depends on the arguments of the calls so far alone.
 * Owner      One thread.
 * Limits     SIM_ROOM bytes a frame (a buffer's length is a 16-bit field, headroom included).
 * See        docs/replay.md; ctl/dataplane/plane.h, lib/nic_mem.h.
 */
#ifndef MR_REPLAY_SIM_H
#define MR_REPLAY_SIM_H

#include <jansson.h>

#include "ctl/api/api.h"
#include "ctl/dataplane/plane.h"
#include "ctl/replay/outputs.h"
#include "lib/nic_mem.h"

enum {
	SIM_BUFFERS = 4096,         /* and for each worker, for what it may hold, */
	SIM_BUFFERS_WORKER = 1024,
	SIM_BUFFERS_MAX = 32768,    /* but no more than these (2 GB, touched when used) */
	SIM_ROOM = 65535 - BUF_HEADROOM,
	SIM_MTU = SIM_ROOM - 18, /* Ethernet header and a tag */
	SIM_MAX_TURNS = 100000,  /* of all workers at one moment, before it is called endless */
	SIM_ERR = 512,
};

/* How often idle flows are looked for, by the time since the last packet, in seconds. */
enum {
	SIM_IDLE_1 = 4 * 3600,     /* until then every second, */
	SIM_IDLE_2 = 30 * 86400,   /* until then every minute, from then on every day */
	SIM_STEP_1 = 1,
	SIM_STEP_2 = 60,
	SIM_STEP_3 = 86400,
};

struct sim {
	struct plane plane;
	struct nic_mem *mem;
	uint32_t buffers;
	struct api *api;
	struct outputs *outputs; /* borrowed */
	json_t *log;           /* records as JSON, in order of time */
	uint64_t now_ns;
	uint64_t active_ns;    /* of the last packet or request */
	uint64_t fed;          /* frames put into devices */
	uint64_t written;      /* frames taken out of devices */
	uint64_t lost;         /* of them with no interface to write them to */
	bool endless;          /* SIM_MAX_TURNS was reached */
	bool refused;          /* a generation that time brought was not taken: err */
	bool starved;          /* a frame found no buffer */
	char err[SIM_ERR];     /* of the last request: an output that could not be made */
};

/* sim_open: => 0 or -errno and a sentence. After either, sim_close. */
int sim_open(struct sim *s, const struct image_header *image, uint64_t seed, struct outputs *out,
             uint64_t now_ns, char *err, size_t err_size);
void sim_close(struct sim *s);

/* sim_put: a frame arrives now. => false when it is longer than SIM_ROOM. Then call sim_settle. */
bool sim_put(struct sim *s, uint16_t dev, const void *frame, uint32_t size);
/* sim_settle: everything that can happen now happens. */
void sim_settle(struct sim *s);
/* sim_advance: the time becomes now_ns; what is due until then happens at its time. */
void sim_advance(struct sim *s, uint64_t now_ns);

/* sim_broken: does the accounting not add up? => NULL, or a sentence in the caller's text. */
const char *sim_broken(const struct sim *s, char *text, size_t size);

#endif
