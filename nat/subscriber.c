/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers by address and side. */
#include "nat/subscriber.h"

uint32_t
subscriber_add(struct subscriber_table *s, be32 address, uint32_t side)
{
	uint32_t n = table_take(&s->t);
	if (n == 0)
		return 0;
	struct subscriber *sub = subscriber_at(s, n);
	sub->address = address;
	sub->side = side & (NAT_MAX_LANES << 8 | 0xff);
	sub->is_current = 1;
	table_link(&s->t, n, subscriber_hash(s, address, side));
	return n;
}

void
subscriber_retire(struct subscriber_table *s, uint32_t number)
{
	struct subscriber *sub = subscriber_at(s, number);
	if (!sub->is_current)
		return;
	table_unlink(&s->t, number, subscriber_hash(s, sub->address, sub->side));
	sub->is_current = 0;
}

void
subscriber_del(struct subscriber_table *s, uint32_t number)
{
	subscriber_retire(s, number);
	table_give(&s->t, number);
}
