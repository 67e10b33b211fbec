/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Finds the MAC address of next hops and holds packets meanwhile; keeps what is found
 *            true.
 * Layout     Two tables. `awaited`: addresses asked for and not answered, with their queues,
 *            hashed. `live`: by next-hop number, when to ask again.
 * Invariant  1. A held packet is in exactly one queue, and in the gauges `held`.
 *            2. Only resolved addresses are in the next-hop table.
 *            3. Static neighbours are never asked about and never learnt over.
 * Owner      The main lcore.
 * Limits     NEIGHBOUR_AWAITED addresses, NEIGHBOUR_QUEUE packets each and NEIGHBOUR_HELD in all;
 *            a packet beyond is dropped as neighbour_queue. NEIGHBOUR_TRIES questions, a second
 *            apart; then the address is taken for absent for NEIGHBOUR_ABSENT_NS.
 * See        RFC 1122, 2.3.2; RFC 4861, 7.2 and 7.3.
 */
#ifndef MR_NEIGHBOUR_H
#define MR_NEIGHBOUR_H

#include "lib/command.h"
#include "lib/generation.h"

struct neighbours;
struct rte_mbuf;
struct slow;

enum {
	NEIGHBOUR_AWAITED = 1024,
	NEIGHBOUR_QUEUE = 16,
	NEIGHBOUR_HELD = 4096,
	NEIGHBOUR_TRIES = 3,
	NEIGHBOUR_PROBES = 64, /* questions repeated in one turn */
};
#define NEIGHBOUR_RETRY_NS ((uint64_t)1000000000)
#define NEIGHBOUR_ABSENT_NS ((uint64_t)3000000000)
#define NEIGHBOUR_REACHABLE_NS ((uint64_t)60000000000)
#define NEIGHBOUR_STEP_NS ((uint64_t)250000000)

struct neighbours *neighbours_create(void);
/* neighbours_destroy: frees held buffers through s. */
void neighbours_destroy(struct slow *s);

/* neighbours_reload: static ones come and go, interfaces that changed lose theirs. */
void neighbours_reload(struct slow *s, const struct generation *previous);

/*
 * neighbour_output: send the IP packet in m to the next hop now, or when it is known.
 * made_here: it was made here, not received. => SLOW_TAKEN, or a drop reason and m is the caller's.
 */
int neighbour_output(struct slow *s, struct rte_mbuf *m, uint8_t nic, uint8_t family,
                     const union addr *hop, bool made_here);

/*
 * neighbour_learn: somebody on the link of nic says that address is at mac. Changes what is known
 * and ends what is awaited; makes a new entry only if create. => was there, or is now, an entry?
 */
bool neighbour_learn(struct slow *s, uint8_t nic, uint8_t family, const union addr *address,
                     const uint8_t mac[6], bool create);
/* neighbour_confirm: it is still there. neighbour_differs: is it known under another MAC? */
bool neighbour_confirm(struct slow *s, uint8_t nic, uint8_t family, const union addr *address);
bool neighbour_differs(const struct slow *s, uint8_t nic, uint8_t family,
                       const union addr *address, const uint8_t mac[6]);

/* neighbour_tick: ask again, give up, revalidate. */
void neighbour_tick(struct slow *s);
/* neighbour_due: when neighbour_tick has something to do. => ns, or UINT64_MAX. */
uint64_t neighbour_due(const struct slow *s);

/* neighbour_row: row i of a listing. => false when there is none there; *end when none follow. */
bool neighbour_row(const struct slow *s, uint32_t i, struct cmd_neighbour *out, bool *end);

#endif
