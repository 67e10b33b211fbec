/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers by address and realm. */
#include "nat/subscriber.h"

#include "lib/prefetch.h"
#include "lib/tuple.h"

static uint64_t
hash(const struct subscriber_table *s, be32 address, uint8_t realm)
{
	return mix64((((uint64_t)realm << 32) | address) ^ s->seed, 0x9e3779b97f4a7c15u);
}

uint32_t
subscriber_find(const struct subscriber_table *s, be32 address, uint8_t realm)
{
	uint32_t n = table_first(&s->t, hash(s, address, realm));
	for (; n != 0; n = table_next(&s->t, n)) {
		const struct subscriber *sub = subscriber_at(s, n);
		if (sub->address == address && sub->realm == realm)
			return n;
	}
	return 0;
}

void
subscriber_ask_chain(const struct subscriber_table *s, be32 address, uint8_t realm)
{
	prefetch_read(table_head(&s->t, hash(s, address, realm)));
}

void
subscriber_ask(const struct subscriber_table *s, be32 address, uint8_t realm)
{
	prefetch_write(subscriber_at(s, table_first(&s->t, hash(s, address, realm))));
}

uint32_t
subscriber_add(struct subscriber_table *s, be32 address, uint8_t realm)
{
	uint32_t n = table_take(&s->t);
	if (n == 0)
		return 0;
	struct subscriber *sub = subscriber_at(s, n);
	sub->address = address;
	sub->realm = realm;
	sub->is_current = 1;
	table_link(&s->t, n, hash(s, address, realm));
	return n;
}

void
subscriber_retire(struct subscriber_table *s, uint32_t number)
{
	struct subscriber *sub = subscriber_at(s, number);
	if (!sub->is_current)
		return;
	table_unlink(&s->t, number, hash(s, sub->address, sub->realm));
	sub->is_current = 0;
}

void
subscriber_del(struct subscriber_table *s, uint32_t number)
{
	subscriber_retire(s, number);
	table_give(&s->t, number);
}
