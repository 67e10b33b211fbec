/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What the few TCP flows need that cannot be translated by their tuples alone: numbers
 *            that the two ends count differently (octets put in front of the initiator's: the PROXY
 *            header; a responder's initial sequence number that we chose: SYN cookies), and how far
 *            the responder has been told of the initiator.
 * Layout     One line for each such flow, found by the flow's reference through a small
 *            open-addressed index of line numbers. Nothing stands in the flow but FLOW_SHIFT.
 *            Free lines are linked, and so are those that wait for the responder (lib/synproxy.h).
 * Invariant  1. A TCP flow has FLOW_SHIFT exactly while it has a line here.
 *            2. What one end has sent keeps its meaning for the other: shift_edit of the numbers of
 *               direction d and shift_quote of the same numbers are each other's inverse, but for
 *               numbers within the header that we put in, which are those of its end.
 *            3. lines used + lines free = capacity.
 * Owner      The worker.
 * Limits     capacity flows; shift_add says NULL beyond it, and the flow is not opened.
 * See        docs/lb.md, "What a backend is told"; RFC 9293, RFC 7323, RFC 2018.
 */
#ifndef MR_SHIFT_H
#define MR_SHIFT_H

#include "flow.h"

struct tcp;

enum { SHIFT_QUEUES = 4 };

enum shift_phase {
	SHIFT_OPEN,  /* as the ends do it */
	SHIFT_WAIT,  /* the initiator was answered by us, the responder has our SYN */
	SHIFT_RESET, /* an end has reset the connection: the next SYN begins another */
};

enum shift_offer {
	OFFER_ISN = 1 << 0,  /* isn is known */
	OFFER_OURS = 1 << 1, /* the initiator was answered by us */
	OFFER_SCALE = 1 << 2,
	OFFER_SACK = 1 << 3,
	OFFER_TIME = 1 << 4,
};

struct shift {
	flow_ref ref;         /* of direction 0; 0: free */
	uint32_t next, prev;  /* lines of the list that it is in; 0: none */
	uint32_t seq[2];      /* added to numbers of direction d, taken from their acks */
	uint32_t time;        /* the same for timestamps of direction 1 */
	uint32_t first;       /* the initiator's first octet, as it counts */
	uint32_t isn;         /* the responder's initial number, as the initiator knows it */
	uint32_t time_seen, time_given; /* SHIFT_WAIT: timestamps of the initiator, and its echo */
	uint32_t due_ms;      /* SHIFT_WAIT: our SYN goes again */
	uint16_t hop[2];      /* next hops, 0: not known yet; under the flow's route generation */
	uint16_t window;      /* of the initiator's last segment */
	uint16_t mss;
	int8_t scale[2];      /* windows of direction d are multiplied by 2^scale */
	uint8_t tell;         /* enum tell */
	uint8_t kind;         /* TELL_TOA: of the option */
	uint8_t head;         /* octets of the header in front of first */
	bool is_told;         /* the responder has it */
	uint8_t phase;        /* enum shift_phase */
	uint8_t tries;        /* of our SYN; waits in queue tries - 1, 0: in none */
	uint8_t offered;      /* enum shift_offer: what our SYN-ACK said, or that isn is known */
	uint8_t scales;       /* said in the handshake: ours, above it the initiator's */
} __attribute__((aligned(64)));
static_assert(sizeof(struct shift) == 64, "a line a flow");

struct shifts {
	struct shift *line;   /* number 0 is not used */
	uint32_t *slot;       /* numbers; 0: empty */
	uint32_t mask, capacity, used, free;
	uint32_t first[SHIFT_QUEUES], last[SHIFT_QUEUES]; /* of those that wait, by due_ms */
};

/* shift_memsize: bytes for so many flows. shift_init: of zeroed memory of that size. */
size_t shift_memsize(uint32_t capacity);
void shift_init(struct shifts *t, void *mem, uint32_t capacity);

/* shift_add: a line for a flow that has none. => zeroed but for ref, or NULL. */
struct shift *shift_add(struct shifts *t, flow_ref ref);
/* shift_find: the line of a flow, whichever its direction, or NULL. */
struct shift *shift_find(const struct shifts *t, flow_ref ref);
void shift_del(struct shifts *t, struct shift *s);

/* shift_wait: the last in a queue. shift_unwait: out of its queue (by tries), if it waits. */
void shift_wait(struct shifts *t, struct shift *s, unsigned queue);
void shift_unwait(struct shifts *t, struct shift *s);

static inline uint32_t
shift_left(const struct shifts *t)
{
	return t->capacity - t->used;
}

static inline uint32_t
shift_number(const struct shifts *t, const struct shift *s)
{
	return (uint32_t)(s - t->line);
}

/* shift_ack: what the initiator is to read where the responder acknowledges so much. */
uint32_t shift_ack(const struct shift *s, uint32_t ack);

/* shift_edit: the numbers of a segment of direction d, with its checksum. */
void shift_edit(const struct shift *s, unsigned d, const struct tcp *t);

/*
 * shift_quote: a segment that we sent comes back in an ICMP error, of which size octets are there:
 * as its sender, of direction d, had numbered it.
 */
void shift_quote(const struct shift *s, unsigned d, uint8_t *h, uint32_t size);

#endif
