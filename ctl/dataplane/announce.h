/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Tells the links of addresses that are new here, so that switches and neighbours turn
 *            to us: one gratuitous ARP or unsolicited neighbour advertisement an address.
 * Layout     A list made when a generation is published, sent a few at a time.
 * Invariant  1. An address is announced once when it appears (or its interface's MAC changes).
 *            2. With derive_mac nothing is announced.
 * Owner      The main lcore.
 * Limits     ANNOUNCE_MAX addresses a generation (what is beyond is not announced, and learnt by
 *            ARP and ND as usual); ANNOUNCE_RATE a second.
 * See        RFC 5227, section 3; RFC 4861, section 7.2.6.
 */
#ifndef MR_ANNOUNCE_H
#define MR_ANNOUNCE_H

#include <stddef.h>

#include "lib/generation.h"

struct slow;

enum { ANNOUNCE_MAX = 16384, ANNOUNCE_RATE = 1000, ANNOUNCE_BURST = 16 };

struct announcement {
	union addr address;
	uint8_t family, nic;
};

struct announce {
	struct announcement *list; /* ANNOUNCE_MAX */
	size_t n, next;
	uint64_t due_ns;     /* of the next few */
	uint64_t defend_ns;  /* when an address may be defended again */
};

/* announce_reload: list what gen has and previous (or NULL) had not. */
void announce_reload(struct slow *s, const struct generation *previous);
/* announce_tick: send what is due. => how many. */
uint32_t announce_tick(struct slow *s);
/* announce_due: => ns, or UINT64_MAX. */
uint64_t announce_due(const struct slow *s);
/* announce_defend: somebody else says that our IPv4 address is his (RFC 5227, 2.4b). */
void announce_defend(struct slow *s, uint8_t nic, const union addr *a);

#endif
