/* SPDX-License-Identifier: Apache-2.0 */
/* Places of connections in the table of their service. */
#include "place.h"

#include "lb_table.h"

uint64_t
lb_place_hash(const struct img_lb_service *s, const struct tuple *t)
{
	if (s->choice.persistence_s != 0) {
		union addr network = addr_masked(&t->src, s->choice.mask);
		return lb_client_hash(&network, 0);
	}
	if (s->choice.hash == LB_HASH_SOURCE)
		return lb_client_hash(&t->src, 0);
	if (s->choice.hash == LB_HASH_SOURCE_PORT)
		return lb_client_hash(&t->src, t->dport);
	/* What of the destination is not the service's own: nothing, where it has one endpoint. */
	uint64_t beyond = (t->dst.q[0] ^ s->address.q[0]) + (t->dst.q[1] ^ s->address.q[1]) * 3 +
		(uint64_t)(t->dport ^ s->port) * 0x9e3779b97f4a7c15u;
	uint64_t h = lb_client_hash(&t->src, t->sport);
	return beyond == 0 ? h : mix64(h ^ 0xa0761d6478bd642fu, beyond ^ 0xe7037ed1a0b428dbu);
}

unsigned
lb_place_slots(const struct img_lb_service *s, const struct tuple *t, uint32_t slot[2])
{
	if (lb_table_is_order(s->choice.scheduler))
		return 0;
	uint64_t hash = lb_place_hash(s, t);
	slot[0] = maglev_slot((uint32_t)(hash ^ hash >> 32));
	slot[1] = maglev_slot((uint32_t)(hash >> 32));
	return s->choice.scheduler == LB_TWO_CHOICES ? 2 : 1;
}
