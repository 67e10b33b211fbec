/* SPDX-License-Identifier: Apache-2.0 */
/* SYN cookies. */
#include "cookie.h"

#include "siphash.h"

enum { HASH_BITS = 24 };

static const uint16_t sizes[COOKIE_SIZES] = {216, 536, 1220, 1300, 1380, 1440, 1460, 8940};

void
cookies_init(struct cookies *c, const uint64_t secret[2])
{
	*c = (struct cookies){.secret = secret};
}

/* The keys of an epoch and of those before it. */
static void
turn(struct cookies *c, uint64_t now_ns)
{
	uint64_t epoch = now_ns >> COOKIE_EPOCH_BITS;
	if (c->is_made && epoch == c->epoch)
		return;
	for (unsigned i = 0; i < COOKIE_LIFE; i++)
		for (uint64_t half = 0; half < 2; half++) {
			uint64_t name[] = {epoch - i, half};
			c->key[i][half] = siphash(c->secret, name, 2);
		}
	c->epoch = epoch;
	c->is_made = true;
}

static uint32_t
seal(const uint64_t key[2], const struct tuple *t, uint32_t isn, uint32_t options)
{
	uint64_t word[] = {
		t->src.q[0], t->src.q[1], t->dst.q[0], t->dst.q[1],
		(uint64_t)isn << 32 | (uint32_t)t->sport << 16 | t->dport,
		(uint64_t)t->realm << 32 | (uint32_t)t->family << 8 | options,
	};
	return options << HASH_BITS | (siphash(key, word, 6) >> (64 - HASH_BITS));
}

static uint32_t
options_of(struct cookie o)
{
	uint32_t size = COOKIE_SIZES - 1;
	while (size > 0 && sizes[size] > o.mss)
		size--;
	return size << 5 | (uint32_t)o.sack << 4 | (o.scale & 15);
}

uint32_t
cookie_make(struct cookies *c, const struct tuple *t, uint32_t isn, struct cookie o,
            uint64_t now_ns)
{
	turn(c, now_ns);
	return seal(c->key[0], t, isn, options_of(o));
}

bool
cookie_check(struct cookies *c, const struct tuple *t, uint32_t isn, uint32_t cookie,
             uint64_t now_ns, struct cookie *o)
{
	uint32_t options = cookie >> HASH_BITS;
	bool is_ours = false;
	turn(c, now_ns);
	for (unsigned i = 0; i < COOKIE_LIFE; i++)
		is_ours |= seal(c->key[i], t, isn, options) == cookie;
	*o = (struct cookie){.mss = sizes[options >> 5], .sack = (options >> 4 & 1) != 0,
		.scale = (uint8_t)(options & 15)};
	return is_ours;
}
