/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The flows of a bench by number: which addresses flow i has, its packets in either
 *            direction, and what the translation made of it (learnt from the opening packet).
 * Layout     8 bytes a flow: the endpoint that the responder answers to (NAT), or the responder's
 *            own (balancer).
 */
#ifndef MR_BENCH_TRAFFIC_H
#define MR_BENCH_TRAFFIC_H

#include "rig.h"

enum traffic_kind {
	TRAFFIC_NAT, TRAFFIC_LB,
	TRAFFIC_LB6, /* the same in IPv6: each address is the IPv4 one behind 2001:db8::/96 */
	TRAFFIC_ONE, /* of a balancer whose backends answer past it: direction 0 only */
};

struct traffic_end {
	be32 addr;
	be16 port, valid;
};

struct traffic {
	enum traffic_kind kind;
	uint64_t flows;
	uint64_t per_subscriber; /* NAT: consecutive flows of one inside address */
	uint64_t first;          /* added to every flow number: other flows than before */
	struct traffic_end *end; /* of flow i */
};

struct traffic *traffic_create(enum traffic_kind kind, uint64_t flows, uint64_t per_subscriber);
void traffic_destroy(struct traffic *t);

/* traffic_packet: the packet of flow i in direction dir with TCP flags, into m. => the device. */
unsigned traffic_packet(const struct traffic *t, uint64_t i, unsigned dir, uint8_t flags,
                        struct rte_mbuf *m);
/* traffic_tuple: the tuple of that packet. => Direction 1 only when learnt. */
struct tuple4 traffic_tuple(const struct traffic *t, uint64_t i, unsigned dir);
/* traffic_learn: m is flow i's opening packet as it was sent. => was it translated? */
bool traffic_learn(struct traffic *t, uint64_t i, const struct rte_mbuf *m);
/* traffic_home: the worker that flow i's packets belong to. */
unsigned traffic_home(const struct traffic *t, const struct rig *r, uint64_t i);
/* traffic_raw: a TCP packet from anywhere, for scans and floods. */
void traffic_raw(struct rte_mbuf *m, be32 src, be32 dst, be16 sport, be16 dport, uint8_t flags);

enum { TRAFFIC_SUBSCRIBERS = 0x0a000100 }; /* the first one's address */
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

#endif
