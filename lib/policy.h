/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the engine asks a policy (NAT, balancer, …) when a packet belongs to no flow.
 * Invariant  1. A policy is called on a miss, when a flow of its ends or is first answered, and
 *               between bursts; never for a packet of a known flow.
 *            2. home() is a pure function of generation and tuple, the same on every worker.
 *            3. open() runs on the home worker only.
 *            4. warm and parting may be NULL: nothing is worth asking for; guess, other,
 *               is_mute, alias, crowded and refused too: it has none.
 * Owner      state is one worker's; a policy keeps no other writable memory.
 * See        docs/design.md, "Policies"; docs/adding.md, "A policy".
 */
#ifndef MR_POLICY_H
#define MR_POLICY_H

#include "cookie.h"
#include "flow.h"
#include "generation.h"
#include "record.h"
#include "stats.h"

/* What opening and ending read is asked for in so many steps, each over all flows of a burst. */
enum { WARM_STAGES = 5, PARTING_STAGES = 3, HINTS = 5 };

struct pkt;

struct miss {
	struct tuple tuple;     /* of the packet as it arrived */
	const struct generation *gen;
	const struct img_route *route; /* to tuple.dst, or NULL */
	const struct img_route *back;  /* to tuple.src, or NULL */
	uint32_t now_ms;
	uint64_t now_ns;
	uint8_t nic;            /* interface of arrival; NIC_NONE when it entered again (hairpin) */
	uint8_t event;          /* enum conn_event of a TCP packet */
	uint8_t has_frag;       /* first fragment of several */
	uint8_t is_flowless;    /* nothing to tell a flow by: only HOME_ROUTE will do */
	uint8_t is_full;        /* there is no room for a flow: see bears_full */
	uint64_t hint[HINTS];   /* of the policy's warm() for its later stages and open(); zeroed */
	const struct pkt *pkt;  /* the packet itself, lib/pkt.h; NULL for home() and guess() */
};

enum verdict {
	VERDICT_PASS,        /* not mine: ask the next policy */
	VERDICT_OPEN,        /* spec is filled: make the flow */
	VERDICT_DROP,        /* with spec->drop */
	VERDICT_HOLD,        /* drop with spec->drop, but answer a SYN first, late: lib/syn.h */
	VERDICT_ANSWER,      /* a SYN: answer it with a cookie and spec->offer: lib/synproxy.h */
	VERDICT_STATELESS,   /* spec is filled: translate this packet, make no flow */
	VERDICT_UNREACHABLE, /* drop with spec->drop, answer Destination Unreachable, spec->code */
	VERDICT_RESET,       /* drop with spec->drop, answer a TCP packet by RST */
};

/* What becomes of a flow under a new generation. */
enum stale {
	STALE_NOT,   /* it goes on */
	STALE_ENDS,  /* it ends; its next packet is a miss */
	STALE_RESET, /* TCP: its next packet is answered by RST, to both ends; else it ends */
};

/* What our own SYN-ACK says of the responder. */
struct syn_offer {
	uint16_t mss;
	uint8_t scale;       /* of its window; above 14: no scaling */
	bool sack, time;
};

struct flow_spec {
	struct tuple reply; /* tuple[1]: the packet as the responder will send it, with its realm */
	uint32_t owner;
	uint8_t flags;      /* enum flow_flag */
	uint8_t timers;
	uint8_t drop;       /* enum drop_reason, for the other verdicts */
	uint8_t code;       /* ICMP code, IPv4 numbering */
	uint8_t taken;      /* VERDICT_OPEN: 0, or the reply's tuple may be another flow's: then
	                     * the packet is dropped with this (enum drop_reason) */
	/*
	 * name: 0, or REALM_NAMED and on: packets like this one belong to several flows, and each
	 * asks the policy which. The flow's tuple[0] has this realm, so that none of them finds
	 * it; the packet goes by the flow of this owner that there is (then undo is called;
	 * lib/named.h), or by a new one. Replies find theirs as ever.
	 */
	uint8_t name;
	uint8_t tell;       /* FLOW_SHIFT: enum tell, how the responder learns of the initiator */
	uint8_t toa_kind;   /* TELL_TOA: of the option */
	bool is_answered;   /* the initiator has been answered by us: it has shaken hands with us */
	struct syn_offer offer;
	struct cookie cookie; /* is_answered: what it had asked for */
};

/* A flow that ends. */
struct leaving {
	const struct flow *f;
	uint8_t family;
	uint64_t hint[HINTS]; /* of the policy's parting() for its later stages and ended() */
};

/* leaving_tuple: of a direction. */
static inline struct tuple
leaving_tuple(const struct leaving *l, unsigned dir)
{
	struct tuple t;
	const struct flow *f = l->f;
	if (l->family == FAMILY_V4)
		tuple_of4(&t, &((const struct flow4 *)f)->tuple[dir], f->proto, f->realm[dir]);
	else
		tuple_of6(&t, &((const struct flow6 *)f)->tuple[dir], f->proto, f->realm[dir]);
	return t;
}

/* verdict_drop: the packet ends, under this reason. */
static inline enum verdict
verdict_drop(struct flow_spec *spec, enum drop_reason reason)
{
	spec->drop = (uint8_t)reason;
	return VERDICT_DROP;
}

enum {
	HOME_NOT_MINE = -1,
	HOME_ANY = -2,   /* mine, and any worker will do: stay */
	HOME_ROUTE = -3, /* mine, to be routed untouched, without a flow, by any worker */
};

struct policy_ops {
	const char *name;
	/* A SYN on a connection that is over ends its flow and asks open() anew: lib/again.h. */
	bool opens_again;
	/* is_untouched: its flows change nothing, so packets of its go their way without one too,
	 * where there is no room for a flow. */
	bool is_untouched;
	/* bears_full: open() is asked where there is no room for a flow too (m->is_full), and of a
	 * RST that has none. It says anything but VERDICT_OPEN then. */
	bool bears_full;
	/* check: this policy's sections of an image. => 0 or -EINVAL and a sentence. */
	int (*check)(const struct image_header *h, char *err, size_t err_size);
	/* view_create, view_destroy: derived tables of a generation, kept in gen->view[number].
	 * => 0, -ENOMEM, or -ESTALE: it is to keep what the previous one has not. */
	int (*view_create)(struct generation *g, unsigned number);
	void (*view_destroy)(struct generation *g, unsigned number);
	/* home: the worker whose this packet is, or one of HOME_*. */
	int (*home)(const struct generation *g, const struct miss *m);
	/*
	 * warm: ask for the memory that open() will read for n misses; stage k may read what stage
	 * k-1 asked for. Called for every stage with all misses of a part of a burst that this
	 * policy claims, in the order of their packets, before the first open() for any of them;
	 * but between stage 0 and stage 1 a hit of the burst may end flows and open its own again,
	 * so stage 0 keeps nothing that this could change. It decides nothing and writes hints
	 * only, which open() may use as such.
	 */
	void (*warm)(void *state, struct miss *const *all, unsigned n, unsigned stage);
	/* open: => spec is zero but for drop, which is DROP_NO_POLICY. */
	enum verdict (*open)(void *state, const struct miss *m, struct flow_spec *spec);
	/*
	 * other: another live flow has the reply of spec, which open() has filled: is there another
	 * answer? Then spec is that, and what was taken for the first is given back. NULL: no.
	 */
	bool (*other)(void *state, const struct miss *m, struct flow_spec *spec);
	/*
	 * guess: the flow that a packet of this tuple would open now, nothing being spent on it:
	 * for ICMP errors about flows that nobody here has seen. => false: none, or it depends.
	 */
	bool (*guess)(const void *state, const struct miss *m, struct flow_spec *spec);
	/* is_mute: is echo to this service address left unanswered now? NULL: no. */
	bool (*is_mute)(const struct generation *g, const union addr *dst, uint8_t family);
	/* alias: the outside address of an inside one that has it for itself, for an ICMP error
	 * that a router with such an address sends. NULL, false: it has none. */
	bool (*alias)(const struct generation *g, uint8_t realm, const union addr *inside,
	              uint8_t family, union addr *outside);
	/*
	 * crowded: a fragment that came before its first one was not held, since `limit` of its
	 * source or of its datagram are (of_all: of everybody's). m has no ports and no pkt. Asked
	 * on the worker where the datagram's fragments meet.
	 */
	void (*crowded)(void *state, const struct miss *m, uint32_t limit, bool of_all);
	/*
	 * serves: is it a request to an address of ours that this policy answers? data: what stands
	 * behind the UDP header, before its checksum is looked at. => the worker whose it is, or
	 * HOME_NOT_MINE. serve: on that worker; the same becomes the answer, room octets at most.
	 * => its size, 0: there is none. Both or neither.
	 */
	int (*serves)(const struct generation *g, const struct miss *m, const uint8_t *data,
	              uint32_t size);
	uint32_t (*serve)(void *state, const struct miss *m, uint8_t *data, uint32_t size,
	                  uint32_t room);
	/*
	 * refused: a flow that this packet would open cannot be, for want of room
	 * (DROP_FLOW_TABLE_FULL) or since its reply is another one's (spec->taken). => its sender
	 * is to be told, by *code (ICMP, IPv4 numbering). NULL, false: he is not.
	 */
	bool (*refused)(void *state, const struct miss *m, unsigned drop, uint8_t *code);
	/* opened: the flow exists now; undo: open() said OPEN but no flow could be made. */
	void (*opened)(void *state, const struct miss *m, const struct flow_spec *spec);
	void (*undo)(void *state, const struct miss *m, const struct flow_spec *spec);
	/* answered: first packet of direction 1, so long after the flow was opened; f as it was
	 * before that packet. It may take FLOW_REFRESH_1 from it. ended: last words, with
	 * parting's hint. */
	void (*answered)(void *state, struct flow *f, unsigned event, uint64_t waited_ns);
	/* settled: a flow opened with FLOW_HALF is half-open no more (lib/half.h). */
	void (*settled)(void *state, const struct flow *f);
	void (*ended)(void *state, const struct leaving *l, uint32_t now_ms);
	/* parting: as warm, for ended(): n flows are about to end. hint is zero at stage 0, and for
	 * ended() where parting was not asked. */
	void (*parting)(void *state, struct leaving *const *all, unsigned n, unsigned stage);
	/*
	 * stale: does the flow go on under the generation of the last reload? f is NULL: may there
	 * be any that does not? Asked of all that there are after a reload, and when lapsed says
	 * so. A policy without it keeps its flows.
	 */
	enum stale (*stale)(void *state, const struct flow *f);
	/* chosen: is the flow one of those that an operator wants ended? what: as posted. */
	bool (*chosen)(void *state, const struct flow *f, const void *what);
	/* cut: the same of what it has beside flows, so many steps at a time. *at: how far it is, 0
	 * at first. => true: it is over. NULL: nothing. */
	bool (*cut)(void *state, const void *what, uint32_t *at, uint32_t steps);
	/* lapsed: may flows have become stale by time alone since this was last asked? Or NULL. */
	bool (*lapsed)(void *state);
	/* tick: bounded work between bursts. reload: a new generation is in force. */
	void (*tick)(void *state, uint64_t now_ns);
	void (*reload)(void *state, const struct generation *g);
};

struct tally;

/* What a policy sends unasked: UDP over IPv4, from an address of ours, in a realm (lib/say.h). */
enum { SPOKEN_MAX = 484 };
struct spoken {
	be32 src, dst;
	be16 sport, dport;
	uint8_t realm;
	uint16_t size;       /* of data, up to SPOKEN_MAX */
	const uint8_t *data; /* behind the UDP header */
};

/* What a policy's worker state is created with. */
struct policy_env {
	uint16_t worker, n_workers;
	const struct img_plane *plane; /* capacities */
	struct stats *stats;
	struct stats_backend *backends;
	struct record_ring *records;
	struct cookies *cookies; /* the worker's */
	const struct tally *tally; /* the worker's; NULL: flows have their own counters only */
	void (*say)(void *whose, const struct spoken *what); /* from tick() only; NULL: to nobody */
	void *whose;
	uint64_t seed;    /* secret, for hashes and random ports; fixed in replay */
	int node;         /* NUMA */
};

struct policy {
	const struct policy_ops *ops;
	void *state;
};
enum { MAX_POLICIES = 4 };

/* The order in which policies are asked: flow.policy, and their place in generation.view. */
enum policy_number { POLICY_LB, POLICY_NAT, POLICY_ROUTE };

#endif
