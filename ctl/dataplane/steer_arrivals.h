/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which kinds of traffic arrive at which interface, read from the configuration: rules
 *            of NAT name or route to subscribers; replies to pool addresses and clients come by the
 *            interfaces that lead out (default routes, gateways); replies of backends by those
 *            that lead to them.
 * Invariant  A pure function of the generation.
 * Limits     A guess where routing is asymmetric: what arrives elsewhere is handed to its home.
 * See        docs/design.md, "Steering".
 */
#ifndef MR_STEER_ARRIVALS_H
#define MR_STEER_ARRIVALS_H

#include "lib/generation.h"

struct steer_arrivals {
	uint16_t traffic[MAX_NICS]; /* bits of enum steer_traffic */
};

void steer_arrivals_find(struct steer_arrivals *a, const struct generation *g);

/* steer_nic_of: the interface through which an address is reached, or NIC_NONE. */
uint8_t steer_nic_of(const struct generation *g, const union addr *address, uint8_t family);

#endif
