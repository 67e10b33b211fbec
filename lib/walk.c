/* SPDX-License-Identifier: Apache-2.0 */
/* Over the slab by hand. */
#include "walk.h"

#include "ending.h"
#include "flow_index.h"

enum { AHEAD = 16 };

void
walk_begin(const struct worker *w, struct walk *k)
{
	*k = (struct walk){.end4 = w->flows.high4, .end6 = w->flows.high6};
}

/* The next entry, of either slab; 0 at the end. */
static flow_ref
next(const struct worker *w, struct walk *k)
{
	if (k->at4 < k->end4) {
		prefetch_read(&w->flows.v4[k->at4 + AHEAD]);
		return ++k->at4 << 1;
	}
	if (k->at6 < k->end6)
		return ++k->at6 << 1 | FLOW_REF_V6;
	return 0;
}

uint32_t
walk_on(struct worker *w, struct walk *k, uint32_t steps,
        bool (*goes)(const struct worker *w, struct flow *f))
{
	flow_ref going[EXPIRE_CHUNK], ref;
	uint32_t n = 0, ended = 0;
	for (; steps > 0 && (ref = next(w, k)) != 0; steps--) {
		struct flow *f = flow_head(&w->flows, ref);
		if (f->state == CONN_FREE || !goes(w, f))
			continue;
		going[n++] = ref;
		if (n == EXPIRE_CHUNK) {
			flows_end(w, going, n);
			ended += n;
			n = 0;
		}
	}
	if (n != 0)
		flows_end(w, going, n);
	return ended + n;
}
