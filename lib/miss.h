/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A packet without a flow: is it ours, whose is it, and may it open one?
 * Invariant  1. A packet is handed to a home at most once for each time it enters: if it then still
 *               has another home (generations differ between workers), it is dropped as LOOP.
 *            2. RST, and TCP without SYN and ACK, never opens a flow.
 *            3. A full table refuses before a policy spends anything, but after all other reasons
 *               that the generation gives; or the policy says what becomes of the packet without
 *               a flow (bears_full).
 *            4. Nothing that arrives from outside opens a flow from an address of ours.
 * Owner      The worker.
 * See        lib/policy.h; docs/design.md, "Policies".
 */
#ifndef MR_MISS_H
#define MR_MISS_H

#include "pipeline.h"

/* Of those whose flow cannot be, for want of room for one, so many a millisecond are told. */
enum { TOLD_EACH_MS = 8 };

void miss_fill(const struct worker *w, const struct pkt *p, struct miss *m);

/* miss_home: the first policy's answer that is not HOME_NOT_MINE. */
int miss_home(const struct worker *w, const struct miss *m);

/*
 * miss_is_untouched: a packet without ports, or an error about one without a flow: is it to be
 * routed as it is? *home: its home if not, or HOME_NOT_MINE.
 */
bool miss_is_untouched(const struct worker *w, const struct miss *m, int *home);

/* miss_is_local: would the slow path answer for this destination? (interface address, or echo to
 * a service address, or to a pool address where it is set so) */
bool miss_is_local(const struct worker *w, const struct pkt *p, const struct img_route *route);

/*
 * miss_is_forged: did it arrive from a device with an address of ours as its source (RFC 1812,
 * 5.3.7), or the broadcast address of a network of ours? What other workers hand over was asked
 * there, and a hairpin may have one.
 */
bool miss_is_forged(const struct worker *w, const struct pkt *p);

/*
 * Of HANDOFF_STRAY, HANDOFF_FRAGMENT and HANDOFF_ICMP, behind the stages of others: what would be
 * forged if its flow, which answers clients itself, were not found. p->stage says so.
 */
enum { STAGE_ANSWER = 3 };

/*
 * miss_is_answer: may the fragment, or ICMP error, be of an endpoint that answers from an address
 * of ours (lib/encap.h)? Then it has that stage: whose it is, is the client's worker's to say.
 */
bool miss_is_answer(const struct worker *w, struct pkt *p);

enum miss_fate {
	FATE_OPEN,      /* a policy may open a flow for it here */
	FATE_AWAY,      /* its home is another worker */
	FATE_STRAY,     /* no policy claims it */
	FATE_ROUTE,     /* a policy says HOME_ROUTE, or is_untouched and has no room */
	FATE_FORGED,    /* see miss_is_forged */
	FATE_ANSWER,    /* the same, unless its home has a flow for it */
	FATE_BROADCAST, /* to the broadcast address of a network of ours */
	FATE_LOCAL,     /* see miss_is_local */
	FATE_NOT_SYN,   /* TCP that opens nothing: see conn_opens_none */
	FATE_NO_ROUTE,
};

/* What generation and packet say about a miss. */
struct judged {
	struct miss m;
	uint8_t fate;    /* enum miss_fate */
	uint8_t policy;  /* FATE_OPEN, FATE_AWAY: the one that claims it */
	uint16_t home;   /* FATE_AWAY, FATE_ANSWER */
};

/* miss_judge: nothing is changed by it, or decided that a full table could change. */
void miss_judge(const struct worker *w, const struct pkt *p, struct judged *j);

/*
 * miss_ask: its end, or (true) *spec is filled: miss_make has to follow, in the same burst. Without
 * room in the flow table no policy is asked but those that bear it, and the answer is false.
 */
bool miss_ask(struct worker *w, struct pkt *p, struct judged *j, struct flow_spec *spec,
              bool has_room);

/* miss_make: => the new flow (or the old one of that name, spec->name), or 0 when there is none,
 * and the packet has ended. spec is another if its reply's tuple was taken: lib/clash.h. */
flow_ref miss_make(struct worker *w, struct pkt *p, const struct judged *j,
                   struct flow_spec *spec, uint64_t reply_hash);

/* miss_open: all three. => The new flow, or 0 when the packet has ended. */
flow_ref miss_open(struct worker *w, struct pkt *p);

#endif
