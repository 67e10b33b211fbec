/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What routers on the way to an endpoint say of its MTU (Path MTU Discovery about outer
 *            packets, lib/encap.h): a number for each address that said less than we knew.
 * Layout     WAY_MTUS entries in sets of WAY_MTU_WAYS by hash of the address. The word of an entry
 *            (until when, MTU, family; 0: empty) is written last and read before and after.
 * Invariant  1. A number only falls until its entry ends, WAY_MTU_MS after the last error that was
 *               believed; then larger packets try the path again (RFC 1191 section 6.3, RFC 8201
 *               section 4).
 *            2. None is below WAY_MTU_MIN4 or WAY_MTU_MIN6: a forged one does so much harm at most.
 *            3. A reader gets an address and its number together, or none.
 *            4. Whatever changes for a reader is followed by another epoch.
 * Owner      The main lcore writes; workers read, when they look for a way's next hop.
 * Limits     In a full set the entry that ends first gives way.
 * See        RFC 1191, RFC 8201, RFC 2003 section 5.1, RFC 2473 section 7; docs/lb.md.
 */
#ifndef MR_WAY_MTU_H
#define MR_WAY_MTU_H

#include <stdatomic.h>

#include "addr.h"

enum { WAY_MTUS = 512, WAY_MTU_WAYS = 4, WAY_MTU_MS = 600000 };
enum { WAY_MTU_MIN4 = 576, WAY_MTU_MIN6 = 1280, WAY_MTU_NONE = 0xffff };

struct way_mtu {
	_Atomic uint64_t word;
	_Atomic uint64_t to[2];
};

struct way_mtus {
	_Atomic uint32_t epoch;
	uint32_t due_ms;     /* the writer's: no entry ends before, while used is not 0 */
	uint32_t used;
	uint32_t early;      /* the writer's: entries that gave way before their end */
	struct way_mtu entry[WAY_MTUS];
};

/* way_mtu_learn: a router says so of the path to an address. => does it change anything? */
bool way_mtu_learn(struct way_mtus *t, const union addr *to, uint8_t family, uint32_t mtu,
                   uint32_t now_ms);
/* way_mtu_tick: entries end. Not before due_ms, if used is not 0. */
void way_mtu_tick(struct way_mtus *t, uint32_t now_ms);

/* way_mtu_of: what is known of the path to an address, or WAY_MTU_NONE. */
uint16_t way_mtu_of(const struct way_mtus *t, const union addr *to, uint8_t family);

/* What an entry says, for whoever wants to see it. */
struct way_mtu_row {
	union addr to;
	uint8_t family;
	uint16_t mtu;
	uint32_t left_ms;
};

/* way_mtu_row: the writer's view of entry i. => false: it is empty. */
bool way_mtu_row(const struct way_mtus *t, uint32_t i, uint32_t now_ms, struct way_mtu_row *row);

/*
 * way_mtu_said: what an ICMP error says, of whose MTU field this is the content; size: of the
 * packet that it quotes, as its header says. A router of before RFC 1191 says 0: then the next
 * smaller number of its section 7.1.
 */
uint32_t way_mtu_said(uint32_t field, uint32_t size);

#endif
