/* SPDX-License-Identifier: Apache-2.0 */
/* Who comes first with a burst, and what he will get. */
#include "nat/newcomer.h"

#include "lib/prefetch.h"

/* The rule under which m would be a subscriber's, if it is a plain one. => NULL: it is not. */
static const struct img_nat_rule *
plain_rule(const struct miss *m)
{
	const struct img_nat_rule *rule = rules_match(rules_of(m->gen), m);
	return rule != NULL && rule->action == NAT_TRANSLATE && !rule->apart ? rule : NULL;
}

/* The next of a table that nobody in all was foretold. */
static uint32_t
entry_after(const struct newcomers *all, const struct table *t, uint32_t last)
{
	uint32_t n = all->n == 0 ? table_peek(t) : last != 0 ? table_peek_after(t, last) : 0;
	prefetch_write(table_at(t, n));
	return n;
}

static struct newcomer *
add(struct newcomers *all, struct subscriber_table *s, struct pool *p, const struct miss *m,
    uint64_t *random)
{
	const struct img_nat_rule *rule = plain_rule(m);
	if (rule == NULL || all->n == BURST)
		return NULL;
	struct newcomer *c = &all->row[all->n];
	*c = (struct newcomer){
		.address = m->tuple.src.w[0], .realm = m->tuple.realm,
		.subscriber = entry_after(all, &s->t, all->n == 0 ? 0 : c[-1].subscriber),
	};
	all->entry = entry_after(all, &p->blocks, all->entry);
	all->n++;
	pool_foresee(p, m->gen, rule->pool, c->address, &c->block, random);
	return c;
}

struct newcomer *
newcomer_of(struct newcomers *all, struct subscriber_table *s, struct pool *p,
            const struct miss *m, uint64_t *random)
{
	for (uint32_t i = all->n; i-- > 0;)
		if (all->row[i].address == m->tuple.src.w[0] && all->row[i].realm == m->tuple.realm)
			return &all->row[i];
	return add(all, s, p, m, random);
}
