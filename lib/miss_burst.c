/* SPDX-License-Identifier: Apache-2.0 */
/* The misses of a burst, stage by stage. */
#include "miss_burst.h"

#include "flow_index.h"
#include "miss.h"

/* So many at a time, at most: what opening writes on the way is to stay in the core's own cache. */
enum { MISSES = 48 };

enum step {
	STEP_JUDGED,
	STEP_WAIT, /* for its turn: it may be of the flow of one before it, or of an old one */
	STEP_MAKE, /* the policy has said how */
	STEP_END,
};

/* The misses that a policy asks for memory for. */
struct warming {
	struct miss *m[MISSES];
	unsigned n;
};

struct batch {
	struct pkt *const *p;
	unsigned n;
	uint8_t step[MISSES]; /* enum step */
	struct warming warm[MAX_POLICIES];
	struct judged judged[MISSES];
	struct flow_spec spec[MISSES];
	uint64_t reply_hash[MISSES];
	uint8_t made[MISSES]; /* those that are in STEP_MAKE */
	unsigned n_made;
	/* A bit for the low 10 bits of a hash: of both tuples of the flows that were asked for, in
	 * the burst's batches before this one too. */
	uint64_t seen[16];
	uint32_t room[2]; /* for more flows of each family than were asked for */
};

static inline uint32_t *
room_of(struct batch *b, const struct pkt *p)
{
	return &b->room[p->family == FAMILY_V6];
}

/* A candidate that proved false, or idle, is looked for again when its turn comes. */
static void
judge_all(const struct worker *w, struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct pkt *p = b->p[i];
		struct judged *j = &b->judged[i];
		b->step[i] = p->ref != 0 ? STEP_WAIT : STEP_JUDGED;
		if (p->ref != 0)
			continue;
		miss_judge(w, p, j);
		if (j->fate != FATE_OPEN || *room_of(b, p) == 0)
			continue;
		struct warming *v = &b->warm[j->policy];
		v->m[v->n++] = &j->m;
	}
}

static void
warm_all(const struct worker *w, const struct batch *b, unsigned from, unsigned to)
{
	for (unsigned stage = from; stage < to; stage++) {
		for (unsigned i = 0; i < w->n_policies; i++) {
			const struct policy *pol = &w->policy[i];
			if (b->warm[i].n != 0 && pol->ops->warm != NULL)
				pol->ops->warm(pol->state, b->warm[i].m, b->warm[i].n, stage);
		}
	}
}

static inline uint64_t *
seen_word(struct batch *b, uint64_t hash)
{
	return &b->seen[hash >> 6 & 15];
}

/* May the packet be one of a flow that was asked for? (or of one whose hash begins so) */
static bool
is_asked_for(struct batch *b, uint64_t hash)
{
	return (*seen_word(b, hash) >> (hash & 63) & 1) != 0;
}

static void
note(struct batch *b, uint64_t hash)
{
	*seen_word(b, hash) |= 1ull << (hash & 63);
}

static void
ask(struct worker *w, struct batch *b, unsigned i)
{
	struct pkt *p = b->p[i];
	if (is_asked_for(b, p->hash)) {
		b->step[i] = STEP_WAIT;
		return;
	}
	b->step[i] = STEP_END;
	if (!miss_ask(w, p, &b->judged[i], &b->spec[i], *room_of(b, p) != 0))
		return;
	b->step[i] = STEP_MAKE;
	b->reply_hash[i] = tuple_hash(&b->spec[i].reply, w->flows.seed);
	b->made[b->n_made++] = (uint8_t)i;
	note(b, p->hash);
	note(b, b->reply_hash[i]);
	--*room_of(b, p);
}

/* Index lines of the replies, back to back: a core walks for several addresses at once. */
static void
prefetch_replies(const struct worker *w, const struct batch *b)
{
	for (unsigned i = 0; i < b->n_made; i++)
		index_prefetch(&w->flows, b->reply_hash[b->made[i]]);
}

static void
finish(struct worker *w, struct batch *b, unsigned i)
{
	struct pkt *p = b->p[i];
	if (b->step[i] == STEP_WAIT) {
		pipeline_forward(w, p);
	} else if (b->step[i] == STEP_MAKE) {
		p->ref = miss_make(w, p, &b->judged[i], &b->spec[i], b->reply_hash[i]);
		if (p->ref != 0)
			pipeline_hit(w, p);
	}
}

static void
count_room(struct batch *b, const struct flow_table *t)
{
	b->room[0] = flow_table_left(t, FAMILY_V4);
	b->room[1] = flow_table_left(t, FAMILY_V6);
}

/* The large arrays are filled as they are used. */
static void
batch_init(struct batch *b, const struct flow_table *t, struct pkt *const *p, unsigned n)
{
	b->p = p;
	b->n = n;
	b->n_made = 0;
	for (unsigned i = 0; i < MAX_POLICIES; i++)
		b->warm[i].n = 0;
	count_room(b, t);
}

/* Hits may turn out to be misses, which come to the others, and end flows or open them again. */
static void
forward_hits(struct worker *w, struct batch *b, struct pkt **hits, unsigned n)
{
	pipeline_hits(w, hits, n);
	count_room(b, &w->flows);
}

static void
open_batch(struct worker *w, struct batch *b, struct pkt **hits, unsigned n_hits)
{
	judge_all(w, b);
	warm_all(w, b, 0, 1);
	forward_hits(w, b, hits, n_hits);
	warm_all(w, b, 1, WARM_STAGES);
	for (unsigned i = 0; i < b->n; i++)
		if (b->step[i] == STEP_JUDGED)
			ask(w, b, i);
	prefetch_replies(w, b);
	for (unsigned i = 0; i < b->n; i++)
		finish(w, b, i);
}

/* Even parts of what is left. */
static unsigned
next_batch(unsigned left)
{
	unsigned parts = (left + MISSES - 1) / MISSES;
	return parts <= 1 ? left : (left + parts - 1) / parts;
}

void
miss_burst(struct worker *w, struct pkt **hits, unsigned n_hits)
{
	struct pipeline *pipe = w->pipe;
	unsigned from = 0;
	struct batch b;
	memset(b.seen, 0, sizeof(b.seen));
	do {
		batch_init(&b, &w->flows, pipe->late + from, next_batch(pipe->n_late - from));
		open_batch(w, &b, hits, n_hits);
		n_hits = 0;
		from += b.n;
	} while (from < pipe->n_late);
	pipe->n_late = 0;
}
