/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings by inside endpoint. */
#include "nat/mapping.h"

#include "lib/tuple.h"

static uint64_t
hash(const struct mapping_table *m, uint32_t subscriber, uint8_t proto, be16 port)
{
	uint64_t key = ((uint64_t)subscriber << 32) | ((uint64_t)port << 8) | proto;
	return mix64(key ^ m->seed, 0xa0761d6478bd642fu);
}

uint32_t
mapping_find(const struct mapping_table *m, uint32_t subscriber, uint8_t proto, be16 inside_port)
{
	uint32_t n = table_first(&m->t, hash(m, subscriber, proto, inside_port));
	for (; n != 0; n = table_next(&m->t, n)) {
		const struct mapping *p = mapping_at(m, n);
		if (p->subscriber == subscriber && p->inside_port == inside_port &&
		    p->proto == proto)
			return n;
	}
	return 0;
}

uint32_t
mapping_add(struct mapping_table *m, uint32_t subscriber, uint8_t proto, be16 inside_port)
{
	uint32_t n = table_take(&m->t);
	if (n == 0)
		return 0;
	struct mapping *p = mapping_at(m, n);
	p->subscriber = subscriber;
	p->proto = proto;
	p->inside_port = inside_port;
	table_link(&m->t, n, hash(m, subscriber, proto, inside_port));
	return n;
}

void
mapping_del(struct mapping_table *m, uint32_t number)
{
	const struct mapping *p = mapping_at(m, number);
	table_unlink(&m->t, number, hash(m, p->subscriber, p->proto, p->inside_port));
	table_give(&m->t, number);
}
