/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A data plane as millrace runs it (devices.c, nic_ethdev.c, nic_steer.c, workers, slow
 *            path) on three simulated NICs, turned by one thread; flows that go to and fro.
 * Layout     inside: 10.255.0.1/24, subscribers 100.64.0.0/10 behind .2. outside: 198.51.100.2/24,
 *            2001:db8:1::2/64, default routes by ::1 and .1. farm: 10.1.0.1/16, 2001:db8:f::1/64.
 * Owner      One thread; EAL has been started.
 */
#ifndef MR_SIM_WORLD_H
#define MR_SIM_WORLD_H

#include "ctl/dataplane/devices.h"
#include "sim_nic.h"
#include "tests/packets.h"

enum { SIM_BATCH = 1024, SIM_INSIDE = 0, SIM_OUTSIDE, SIM_FARM, SIM_DEVICES, SIM_JSON = 65536 };

struct sim_world {
	struct plane plane;
	struct devices *devices;
	struct sim_nic *nic[SIM_DEVICES];
	void *image;
	size_t image_size;
	unsigned workers;
	uint64_t now;
	uint64_t asleep;        /* bits of workers that are not polled */
	uint64_t lost;          /* frames that found a queue full */
	char policy[SIM_JSON];  /* "nat": …, "lb": … of the configuration */
	void (*nics)(const struct sim_world *w, char *text); /* writes interfaces and routes */
};

/* A kind of flow: what its i-th flow's first packet is, and where it goes in and out. */
struct sim_kind {
	const char *name;
	void (*first)(struct frame *f, unsigned i);
	unsigned in, out;       /* devices */
};

/* sim_world_open: policy is the part of the document with "nat" and "lb". */
void sim_world_open(struct sim_world *w, const struct sim_model *const model[SIM_DEVICES],
                    unsigned workers, unsigned flows, const char *policy);
/* sim_world_open_on: the same with interfaces and routes of its own ("nics": …, "routes": …). */
void sim_world_open_on(struct sim_world *w, const struct sim_model *const model[SIM_DEVICES],
                       unsigned workers, unsigned flows, const char *policy,
                       void (*nics)(const struct sim_world *w, char *text));
void sim_world_close(struct sim_world *w);
/* sim_world_apply: a further configuration. sim_world_change: the same, and nobody turns yet. */
void sim_world_apply(struct sim_world *w, unsigned flows, const char *policy);
void sim_world_change(struct sim_world *w, unsigned flows, const char *policy);

/* sim_world_flows: flows first..end-1 send a packet, and get `bounces` back and forth. => frames
 * that came out, of all that should: (end - first) * (1 + bounces). */
uint64_t sim_world_flows(struct sim_world *w, const struct sim_kind *k, unsigned first,
                         unsigned end, unsigned bounces);

/* sim_world_send: the i-th flow's first packet. sim_world_bounce: all that left by a device comes
 * back to it, answered. => how many. */
void sim_world_send(struct sim_world *w, const struct sim_kind *k, unsigned i);
unsigned sim_world_bounce(struct sim_world *w, unsigned dev);
/* sim_world_put: one frame arrives. sim_world_turn: until nobody has work. */
void sim_world_put(struct sim_world *w, unsigned dev, const uint8_t *frame, size_t size);
void sim_world_turn(struct sim_world *w);
/* sim_world_drain: throw away what left by a device. => how many frames. */
unsigned sim_world_drain(struct sim_world *w, unsigned dev);
/* sim_world_buffers: of a device's pool, those that somebody has. */
unsigned sim_world_buffers(const struct sim_world *w, unsigned dev);

/* Sums over the workers. */
uint64_t sim_world_handoffs(const struct sim_world *w); /* all but those to the slow path */
uint64_t sim_world_moves(const struct sim_world *w);    /* all there are */
uint64_t sim_world_cause(const struct sim_world *w, unsigned cause); /* of one handoff_cause */
uint64_t sim_world_drops(const struct sim_world *w);
uint64_t sim_world_live(const struct sim_world *w);
uint64_t sim_world_opened(const struct sim_world *w);
/* sim_world_spread: the largest share of flows, and of packets received, over the mean. */
double sim_world_spread(const struct sim_world *w);

/* sim_main: a test's main: EAL without privileges, then its cases. => exit status; 77: no EAL. */
struct test_case;
int sim_main(const char *name, const struct test_case *cases, size_t n);

/* sim_text: append to a document. */
void sim_text(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
