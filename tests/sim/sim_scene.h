/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the tests with simulated NICs have in common: configurations, in two stages, and
 *            kinds of flows that fit them.
 * Layout     Pools and services as rows of struct sim_scene; the document comes from it.
 * Owner      The test.
 */
#ifndef MR_SIM_SCENE_H
#define MR_SIM_SCENE_H

#include "sim_world.h"

/* Flows after which next hops are known. */
enum { SIM_WARM = 64 };

#define TYPES_ALL (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

/* What the configuration has; more of it after a change. */
struct sim_scene {
	const char *pool[2];     /* addresses of the pool, NULL: no NAT */
	unsigned block;
	const char *mode4, *mode6; /* of services, NULL: none */
	unsigned backends[2];
};

#define MANY {"\"203.0.113.0/24\"", "\"203.0.113.0/24\", \"203.0.112.0/24\""}
#define FEW {"\"203.0.113.0/26\"", "\"203.0.113.0/26\", \"203.0.112.0/28\""}
#define SINGLE {"\"203.0.113.5\"", "\"203.0.113.5\", \"203.0.113.9\""}

/* NICs that most tests have (see docs/nics.md): RSS and no rules; rules for queues; neither. */
extern const struct sim_model plain, ruled, dumb;
/* Pools of many addresses, and of one. */
extern const struct sim_scene many, single;

/* sim_scene_text: the part of the document with "nat" and "lb". => good until the next call. */
const char *sim_scene_text(const struct sim_scene *s, unsigned stage);

/* sim_scene_open: a world of three devices, with room for so many flows, in the first stage. */
void sim_scene_open(struct sim_world *w, const struct sim_model *in, const struct sim_model *out,
                    const struct sim_model *farm, unsigned workers, unsigned room,
                    const struct sim_scene *scene);
/* sim_scene_flows: n flows there and back. => hand-offs after next hops are known. */
uint64_t sim_scene_flows(struct sim_world *w, const struct sim_kind *kind, unsigned n);

/* Subscribers of many pool addresses, of one; clients in both families. */
extern const struct sim_kind nat_kind, single_kind, client4_kind, client6_kind;

#endif
