/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Tells the links of subscribers who may ask for mappings that what they have asked for
 *            may be lost: the epoch of PCP has begun anew (a start, other outside addresses, all
 *            leases ended by a command).
 * Layout     An answer ANNOUNCE to 224.0.0.1, port 5350, from each IPv4 address of their interfaces
 *            (those of rules with `pcp`, or by the route to their source), with the epoch of then.
 * Invariant  1. Within a second of the last worker's new epoch, and PCP_ANNOUNCEMENTS times in
 *               all, each pause twice the one before.
 *            2. With derive_mac nothing is announced (slow.h, 4).
 * Owner      The main lcore; the epoch is the oldest of the workers', who begin it together.
 * Limits     Who is behind a router learns it from the epoch of his next answer.
 * See        RFC 6887, 14.1.3; nat/pcp.h.
 */
#ifndef MR_PCP_ANNOUNCE_H
#define MR_PCP_ANNOUNCE_H

#include <stdint.h>

struct slow;

enum { PCP_ANNOUNCEMENTS = 10, PCP_CLIENT_PORT = 5350 };

struct pcp_announce {
	uint64_t epoch_ns; /* that is told */
	uint64_t look_ns;  /* when to look whether it is another */
	uint64_t due_ns;   /* of the next announcement; UINT64_MAX: none */
	uint32_t sent;
};

/* pcp_announce_reload: another generation: the epoch may be another one very soon. */
void pcp_announce_reload(struct slow *s);
/* pcp_announce_tick: what is due. => how many were sent. */
uint32_t pcp_announce_tick(struct slow *s);
/* pcp_announce_due: => ns, or UINT64_MAX. */
uint64_t pcp_announce_due(const struct slow *s);

#endif
