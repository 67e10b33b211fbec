/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The statistics segment: counters in shared memory, one context a thread, that the
 *            daemon maps read-only and adds up.
 * Layout     struct stats_segment, then contexts (0 is the slow path, 1..n the workers), each
 *            page-aligned. No DPDK header here.
 * Invariant  For each context, at any moment between two bursts:
 *              received + taken_over = forwarded + consumed + handed_off + held + sum(dropped).
 *            For the machine: sent = forwarded + generated.
 * Owner      The context's thread writes (plain stores of its own lines); anyone reads.
 * Limits     counters are 64 bits and never reset while the process lives.
 */
#ifndef MR_STATS_H
#define MR_STATS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "drop.h"

enum {
	STATS_MAGIC = 0x4d525331, /* "MRS1" */
	STATS_NICS = 64,          /* MAX_NICS */
	STATS_DEVS = 16,          /* MAX_DEVS */
	STATS_CAUSES = 8,         /* >= HANDOFF_MAX */
	STATS_BACKENDS = 65536,   /* LB_MAX_IDS */
	STATS_WAITS = 20,         /* of answers: below 2^14 ns, 2^15, ... 2^32, and longer */
	STATS_WAIT_SHIFT = 14,
};

struct stats_nic {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t generated;  /* of tx_packets: made here (ARP, ICMP, extra fragments) */
	uint64_t consumed;   /* arrived here and ended with us (ARP, echo to us) */
	uint64_t held;       /* gauge: arrived here, waiting (next hop, fragments) */
	uint64_t dropped;    /* arrived here and dropped, all reasons */
};

struct stats {
	uint64_t received, taken_over;             /* from devices; from other contexts */
	uint64_t forwarded, consumed, handed_off;  /* ends of a packet */
	uint64_t held;                             /* gauge */
	uint64_t generated, generated_lost;        /* packets we made; of them not sent */
	uint64_t handoff[STATS_CAUSES];            /* handed_off by cause */
	uint64_t missteered[STATS_DEVS];           /* of them: the device promised otherwise */
	uint64_t mishashed[STATS_DEVS];            /* of those: by the hash that it reports */
	uint64_t dropped[DROP_MAX];
	struct stats_nic nic[STATS_NICS];
	/* flow engine */
	uint64_t flows_opened, flows_ended;
	uint64_t flows_routed;                     /* of flows_opened: nobody claimed them */
	uint64_t flows_v4, flows_v6;               /* gauges */
	uint64_t capacity_v4, capacity_v6;         /* of flows */
	uint64_t mappings_created, mappings_freed, mappings; /* last one a gauge */
	uint64_t subscribers, blocks;              /* gauges */
	uint64_t quarantine_early;                 /* ports that left it early: it was full */
	uint64_t ports_not_kept;                   /* mappings without the port or parity wanted */
	uint64_t refusals_unsaid;                  /* due in the log, and beyond what it is told */
	uint64_t ports_from_ns;                    /* no dynamic port before, after a start; or 0 */
	uint64_t leases;                           /* gauge: mappings kept on request */
	uint64_t pcp_requests, pcp_refused;        /* of PCP: answered; of them not granted */
	uint64_t pcp_updates;                      /* of PCP: messages that nobody had asked for */
	uint64_t pcp_epoch_ns;                     /* when its epoch began, or 0 */
	uint64_t persistence;                      /* gauge: entries, some of which are over */
	uint64_t persistence_full;                 /* flows whose backend found no room there */
	uint64_t backends_passed;                  /* flows for which a full one was passed over */
	uint64_t shifts;                           /* gauge: of lb.capacity.shifts */
	uint64_t resets_doubted;                   /* RSTs out of the window: lib/window.h */
	uint64_t flow_counts_lost;                 /* times 2^24 packets of a flow: lib/tally.h */
	uint64_t cookies_sent, cookies_good, cookies_bad;
	uint64_t quic_routed;                      /* flows opened by a connection ID */
	uint64_t stateless;                        /* packets translated without a flow */
	uint64_t way_mtus;                         /* gauge: MTUs that are learnt of ways */
	uint64_t way_mtus_learnt;                  /* ICMP errors that taught one */
	uint64_t way_mtus_ignored;                 /* those that cannot be about what we sent */
	uint64_t way_mtus_early;                   /* MTUs that gave way to others: lack of room */
	uint64_t log_records, log_lost;
	uint64_t bursts, idle_polls;               /* loops with and without a packet */
	uint64_t turns_late, turns_preempted;      /* ctl/dataplane/turn.h */
	uint64_t turn_longest_ns;                  /* gauge: in the latest second */
	uint64_t generation;                       /* the one this context runs */
	uint64_t now_ns;                           /* its clock at the last loop */
} __attribute__((aligned(4096)));

/* Another build's counters may stand elsewhere: then their last member does too. */
enum { STATS_VERSION = 4 << 16 | offsetof(struct stats, now_ns) };

/* A backend's counters as one context sees them. */
struct stats_backend {
	uint64_t opened, ended;                    /* flows; opened - ended are live */
	uint64_t packets[2], bytes[2];             /* of ended flows, by direction */
	uint32_t half;                             /* gauge: flows that are half-open */
	union {                                    /* by the service's mode; stays at its largest */
		uint32_t repeated;                 /* where answers go past us: see below */
		uint32_t no_port;                  /* fullnat: no local port was free for so many */
	};
	uint64_t stateless;                        /* packets to it without a flow */
	/* TCP connections opened by a SYN: its answer was a SYN, a RST, or there was none until the
	 * flow ended, a second or more after the last SYN. */
	uint64_t answered, refused, unanswered;
	/* Those that their client never acknowledged, as long after the last SYN; `repeated` are
	 * those of them whose SYN came again, where answers go past us. */
	uint64_t unfinished;
	uint64_t waited[STATS_WAITS];              /* of `answered`: from the first SYN on */
} __attribute__((aligned(64)));
static_assert(sizeof(struct stats_backend) == 256, "there is one for each id and context");

/* stats_wait: the place of a time in `waited`. */
static inline unsigned
stats_wait(uint64_t ns)
{
	uint64_t units = ns >> STATS_WAIT_SHIFT;
	unsigned bits = units == 0 ? 0 : 64 - (unsigned)__builtin_clzll(units);
	return bits < STATS_WAITS ? bits : STATS_WAITS - 1;
}

/* stats_wait_below: the times in place i are shorter; the last place has no such bound: 0. */
static inline uint64_t
stats_wait_below(unsigned i)
{
	return i + 1 < STATS_WAITS ? (uint64_t)1 << (STATS_WAIT_SHIFT + i) : 0;
}

struct stats_segment {
	uint32_t magic, version;
	uint32_t contexts;        /* 1 + workers */
	uint32_t drop_reasons;    /* DROP_MAX of the writer */
	uint64_t stats_offset, stats_stride;       /* of context 0; to the next */
	uint64_t backend_offset, backend_stride;   /* struct stats_backend[STATS_BACKENDS] each */
	uint64_t size;
	uint64_t pid, start_time_ns;               /* of the writer; CLOCK_REALTIME */
};

/* stats_segment_size, stats_segment_init: caller's memory (zeroed), for so many contexts. */
uint64_t stats_segment_size(uint32_t contexts);
void stats_segment_init(struct stats_segment *s, uint32_t contexts);
/* stats_segment_check: may a reader use a segment of so many bytes? => 0 or -EINVAL. */
int stats_segment_check(const struct stats_segment *s, uint64_t size);

static inline struct stats *
stats_context(const struct stats_segment *s, uint32_t i)
{
	return (struct stats *)((uintptr_t)s + s->stats_offset + i * s->stats_stride);
}

static inline struct stats_backend *
stats_backends(const struct stats_segment *s, uint32_t i)
{
	return (struct stats_backend *)((uintptr_t)s + s->backend_offset + i * s->backend_stride);
}

#endif
