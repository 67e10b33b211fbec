/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds and rates of services, as one worker keeps them. */
#include "gauge.h"

#include "lib/mem.h"

static const uint64_t SECOND_NS = 1000000000;

static struct lb_rate
rate_of(uint32_t rate, uint32_t burst, unsigned n_workers)
{
	if (rate == 0)
		return (struct lb_rate){0, 0};
	uint64_t interval = SECOND_NS * n_workers / rate;
	interval = interval != 0 ? interval : 1;
	return (struct lb_rate){interval, interval * img_share(burst, n_workers)};
}

struct lb_guard
lb_guard_of(const struct img_lb_guard *g, uint8_t family, unsigned n_workers)
{
	unsigned sources = g->source_plen == addr_bits(family) ? 1 : n_workers;
	return (struct lb_guard){
		.half = g->half_open != 0 ? img_share(g->half_open, n_workers) : UINT32_MAX,
		.flows = g->flows != 0 ? img_share(g->flows, n_workers) : UINT32_MAX,
		.rate = rate_of(g->rate, g->burst, n_workers),
		.source = rate_of(g->source_rate, g->source_burst, sources),
		.allow = g->allow, .deny = g->deny, .source_plen = g->source_plen,
		.is_bounded = g->half_open != 0 || g->flows != 0,
		.is_stateless = g->overflow == LB_OVERFLOW_STATELESS,
	};
}

/* A token of a bucket that is full again at *full_ns. */
static bool
take(uint64_t *full_ns, const struct lb_rate *r, uint64_t now_ns)
{
	uint64_t full = *full_ns > now_ns ? *full_ns : now_ns;
	if (full + r->interval_ns - now_ns > r->depth_ns)
		return false;
	*full_ns = full + r->interval_ns;
	return true;
}

bool
lb_service_admit(struct lb_limits *l, const struct lb_guard *g, uint32_t service, uint64_t now_ns)
{
	return g->rate.interval_ns == 0 || take(&l->gauge[service].full_ns, &g->rate, now_ns);
}

/* The bucket of a source; a new one in place of the fullest of its line. */
static struct lb_source *
source_find(struct lb_limits *l, uint64_t key)
{
	struct lb_source *set = &l->source[(key >> 32 & (l->source_sets - 1)) * SOURCE_WAYS];
	struct lb_source *oldest = set;
	for (unsigned i = 0; i < SOURCE_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		oldest = set[i].full_ns < oldest->full_ns ? &set[i] : oldest;
	}
	*oldest = (struct lb_source){.key = key};
	return oldest;
}

bool
lb_source_admit(struct lb_limits *l, const struct lb_guard *g, uint32_t service,
                const struct tuple *t, uint64_t now_ns)
{
	if (g->source.interval_ns == 0 || l->source_sets == 0)
		return true;
	union addr p = addr_masked(&t->src, g->source_plen);
	uint64_t key = mix64(p.q[0] ^ l->seed, p.q[1] ^ 0x9e3779b97f4a7c15u);
	key = mix64(key ^ service, l->seed ^ 0xd6e8feb86659fd93u) | 1;
	return take(&source_find(l, key)->full_ns, &g->source, now_ns);
}

/* A power of two, with room for all of them. */
static uint32_t
sets_of(uint32_t sources)
{
	uint32_t sets = sources != 0;
	while ((uint64_t)sets * SOURCE_WAYS < sources)
		sets *= 2;
	return sets;
}

static size_t
sources_size(uint32_t sources)
{
	return (size_t)sets_of(sources) * SOURCE_WAYS * sizeof(struct lb_source);
}

size_t
lb_limits_memsize(uint32_t sources)
{
	return sizeof(struct lb_limits) + sources_size(sources);
}

struct lb_limits *
lb_limits_create(uint32_t sources, uint64_t seed, int node)
{
	struct lb_limits *l = mem_alloc(sizeof(*l), node);
	if (l == NULL)
		return NULL;
	l->seed = seed;
	l->source_sets = sets_of(sources);
	if (l->source_sets != 0)
		l->source = mem_alloc(sources_size(sources), node);
	if (l->source_sets != 0 && l->source == NULL) {
		mem_free(l, sizeof(*l));
		return NULL;
	}
	return l;
}

void
lb_limits_destroy(struct lb_limits *l)
{
	if (l == NULL)
		return;
	if (l->source != NULL)
		mem_free(l->source, (size_t)l->source_sets * SOURCE_WAYS * sizeof(*l->source));
	mem_free(l, sizeof(*l));
}
