/* SPDX-License-Identifier: Apache-2.0 */
/* A flow's first and last record. */
#include "nat/session.h"

#include "lib/tally.h"

static struct record
record_of(const struct nat *n, const struct mapping *m, const union addr *far, be16 far_port)
{
	const struct subscriber *s = life_subscriber(n, m);
	const struct pool_slot *slot = pool_slot_at(&n->pool, mapping_block(&n->mappings, m)->slot);
	return (struct record){
		.subscriber = s->address, .external = slot->address, .far = far->w[0],
		.port_first = m->port, .port_last = m->port,
		.inside_port = __builtin_bswap16(m->inside_port),
		.far_port = __builtin_bswap16(far_port), .pool = slot->pool,
		.proto = nat_ip_proto(m->proto), .realm = subscriber_realm(s),
	};
}

void
session_began(struct nat *n, const struct mapping *m, const union addr *far, be16 far_port)
{
	struct record rec = record_of(n, m, far, far_port);
	rec.event = RECORD_SESSION_CREATE;
	log_put(&n->log, &rec, &n->clock);
}

void
session_ended(struct nat *n, uint32_t mapping, const struct flow *f, const struct tuple *first,
              bool is_outbound)
{
	const struct mapping *m = mapping_at(&n->mappings, mapping);
	struct record rec = is_outbound ? record_of(n, m, &first->dst, first->dport) :
	                                  record_of(n, m, &first->src, first->sport);
	unsigned out = !is_outbound;
	rec.event = RECORD_SESSION_DELETE;
	if (f != NULL) {
		struct flow_totals sum = tally_totals(n->tally, f, f);
		rec.packets_out = sum.packets[out];
		rec.packets_in = sum.packets[!out];
		rec.bytes_out = sum.bytes[out];
		rec.bytes_in = sum.bytes[!out];
	}
	log_put(&n->log, &rec, &n->clock);
}
