/* SPDX-License-Identifier: Apache-2.0 */
/* Identifications of datagrams whose source address is shared. */
#include "ident.h"

#include "csum.h"

enum { IP4_DF_MF_OFFSET = IP4_DF | IP4_MF | IP4_OFFSET };

void
ident_init(struct worker *w)
{
	uint64_t seed = mix64(w->shared->seed ^ w->id, 0x8ebc6af09c88c6e3u);
	for (unsigned i = 0; i < IDENT_COUNTERS; i++)
		w->pipe->ident[i] = (uint16_t)mix64(seed + i, 0x589965cc75374cc3u);
}

void
ident_write(uint8_t *l3, be16 ident)
{
	struct ip4 *h = (struct ip4 *)l3;
	h->csum = csum_apply(h->csum, csum_diff16(h->id, ident));
	h->id = ident;
}

/* Bits that say which worker gave it. */
static unsigned
worker_bits(const struct worker *w)
{
	unsigned n = w->shared->n_workers;
	return n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;
}

be16
ident_next(struct worker *w, be32 src, be32 dst, uint8_t proto, bool shared)
{
	uint64_t pair = (uint64_t)src << 32 | dst;
	uint64_t hash = mix64(pair ^ w->shared->seed, 0xd6e8feb86659fd93u ^ proto);
	uint16_t *next = &w->pipe->ident[(hash >> 32) % IDENT_COUNTERS];
	unsigned bits = shared ? worker_bits(w) : 0;
	uint16_t ident;
	do {
		(*next)++;
		ident = (uint16_t)((unsigned)*next << bits | (bits != 0 ? w->id : 0u));
	} while (ident == 0);
	return htobe16(ident);
}

void
ident_renew(struct worker *w, struct pkt *p, const struct flow *f, unsigned d)
{
	bool is_shared = (f->flags & (FLOW_HIDE_0 << d)) != 0;
	if (p->family != FAMILY_V4 || !is_shared)
		return;
	if ((pkt_ip4(p)->frag & htobe16(IP4_DF_MF_OFFSET)) == htobe16(IP4_DF))
		return;
	const struct tuple4 *other = &((const struct flow4 *)f)->tuple[!d];
	p->ident = ident_next(w, other->dst, other->src, p->proto,
	                      w->gen->plane->steer_split_blocks != 0);
	ident_write(p->l3, p->ident);
}
