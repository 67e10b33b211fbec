/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Which backend a new flow goes to: persistence first, then the service's scheduler.
 * Layout     The schedulers share the service's table (lb/lb_table.h) and differ in how they go
 *            through it:
 *              maglev             the slot at the hash of the client
 *              source-hash        the same, of the client's address alone
 *              two-choices        two slots at two hashes: the less loaded
 *              round-robin        the slot after the last one
 *              least-connections  of the next CHOICE_CANDIDATES slots the least loaded
 *            Load is flows by weight, with the new flow counted in. A slot whose backend takes
 *            nothing more is passed over: the next slots are asked, then the service's rows.
 * Invariant  1. maglev and source-hash: the choice depends on the client, the service and the set
 *               of its backends alone, as long as none has reached its max_flows.
 *            2. live[id] is the number of this worker's flows of a backend, those that are
 *               being opened included.
 *            3. A flow finds a backend exactly if there is one: ready, of a weight above 0 and
 *               below its share of max_flows.
 *            4. No backend has more than max_flows / workers flows of a worker, rounded up: of all
 *               workers, workers - 1 beyond max_flows at most.
 *            5. Persistence: while an entry holds, its source goes to its backend, weight 0
 *               included, and while it drains; unless that is neither ready nor in drain (the
 *               entry is made anew) or full (it stays).
 *               Sources under a mask shorter than an address may have several homes, each with
 *               an entry of its own. So there is such a mask with maglev and source-hash only,
 *               whose first choice is by the masked source: workers agree, but for a network that
 *               comes to one before and to the other after a change that moves its slot.
 * Owner      One worker. round-robin, least-connections and two-choices know its own flows only.
 * Limits     A choice looks at CHOICE_PROBES slots at most. Only when all of these are full it
 *            looks at all rows of the service; and when that was in vain, not again until a flow of
 *            the service has ended or a generation has come.
 * See        docs/lb.md, "Choosing".
 */
#ifndef MR_LB_CHOICE_H
#define MR_LB_CHOICE_H

#include "lb_view.h"
#include "lib/policy.h"
#include "sticky.h"

enum { CHOICE_CANDIDATES = 16, CHOICE_PROBES = 64 };

struct choice {
	struct stats *stats;
	struct sticky sticky;
	uint32_t cursor[LB_MAX_SERVICES]; /* a slot, by row of the service */
	uint8_t in_vain[LB_MAX_SERVICES]; /* drop reason while nobody takes anything; 0: unknown */
	uint32_t live[LB_MAX_IDS];        /* by backend id */
};

/* choice_memsize: bytes that it takes beside its own. choice_init: => 0 or -ENOMEM; c is zero. */
size_t choice_memsize(const struct policy_env *env);
int choice_init(struct choice *c, const struct policy_env *env);
void choice_fini(struct choice *c);

/* choice_take: the backend of a new flow, which counts from now on. => NULL and *drop set. */
const struct img_lb_backend *choice_take(struct choice *c, const struct lb_view *v,
                                         const struct img_lb_service *s, const struct tuple *t,
                                         uint32_t now_ms, uint8_t *drop);
/*
 * choice_guess: the backend that it would most likely be, on any instance; nothing is remembered.
 * => NULL: that depends on the instance, or there is none.
 */
const struct img_lb_backend *choice_guess(const struct lb_view *v,
                                          const struct img_lb_service *s,
                                          const struct tuple *t);
/*
 * choice_beside: another backend than this one that takes new flows, which counts instead of it
 * from now on: the next of the service's rows. Nothing is remembered of it. => NULL: none.
 */
const struct img_lb_backend *choice_beside(struct choice *c, const struct lb_view *v,
                                           const struct img_lb_service *s, uint32_t backend);
/* choice_note: the flow's backend was known: an older connection's, whatever its limit. */
static inline void
choice_note(struct choice *c, const struct img_lb_backend *b)
{
	c->live[b->id]++;
}

/*
 * choice_peek: the backend of a packet that is forwarded without a flow: what choice_take would say
 * of a service whose scheduler goes by the client alone. Nothing counts and nothing is remembered.
 */
const struct img_lb_backend *choice_peek(struct choice *c, const struct lb_view *v,
                                         const struct img_lb_service *s, const struct tuple *t,
                                         uint32_t now_ms, uint8_t *drop);
/* choice_undo: the flow did not come to be. choice_put: it has ended; t is its client's tuple. */
void choice_undo(struct choice *c, const struct lb_view *v, uint32_t backend);
void choice_put(struct choice *c, const struct lb_view *v, uint32_t backend,
                const struct tuple *t, uint32_t now_ms);
/* choice_reload: rows of services and backends are others now. */
void choice_reload(struct choice *c);

#endif
