/* SPDX-License-Identifier: Apache-2.0 */
/* Who a mapping has spoken to. */
#include "nat/filter.h"

#include "lib/tuple.h"

static uint64_t
hash(const struct filter *f, uint32_t mapping, uint8_t realm, be32 remote)
{
	return mix64((((uint64_t)mapping << 32) | remote) ^ f->seed, 0xe7037ed1a0b428dbu ^ realm);
}

static uint32_t
find(const struct filter *f, uint32_t mapping, uint8_t realm, be32 remote)
{
	uint32_t n = table_first(&f->t, hash(f, mapping, realm, remote));
	for (; n != 0; n = table_next(&f->t, n)) {
		const struct permission *p = table_at(&f->t, n);
		if (p->mapping == mapping && p->remote == remote && p->realm == realm)
			return n;
	}
	return 0;
}

bool
filter_permit(struct filter *f, uint32_t mapping, uint8_t realm, be32 remote)
{
	uint32_t n = find(f, mapping, realm, remote);
	if (n == 0) {
		n = table_take(&f->t);
		if (n == 0)
			return false;
		struct permission *p = table_at(&f->t, n);
		p->mapping = mapping;
		p->remote = remote;
		p->realm = realm;
		table_link(&f->t, n, hash(f, mapping, realm, remote));
	}
	struct permission *p = table_at(&f->t, n);
	p->flows++;
	return true;
}

void
filter_revoke(struct filter *f, uint32_t mapping, uint8_t realm, be32 remote)
{
	uint32_t n = find(f, mapping, realm, remote);
	assert(n != 0);
	struct permission *p = table_at(&f->t, n);
	if (--p->flows != 0)
		return;
	table_unlink(&f->t, n, hash(f, mapping, realm, remote));
	table_give(&f->t, n);
}

bool
filter_is_permitted(const struct filter *f, uint32_t mapping, uint8_t realm, be32 remote)
{
	return find(f, mapping, realm, remote) != 0;
}
