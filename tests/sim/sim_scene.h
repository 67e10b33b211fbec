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

/* sim_scene_text: the part of the document with "nat" and "lb". => good until the next call. */
const char *sim_scene_text(const struct sim_scene *s, unsigned stage);

/* Subscribers of many pool addresses, of one; clients in both families. */
extern const struct sim_kind nat_kind, single_kind, client4_kind, client6_kind;

#endif
