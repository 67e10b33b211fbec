/* SPDX-License-Identifier: Apache-2.0 */
/* A SYN on a tuple that a flow still has. */
#include "again.h"

#include "ending.h"
#include "flow_index.h"
#include "miss.h"
#include "tally.h"

bool
again_open(struct worker *w, struct pkt *p)
{
	struct flow *f = flow_head(&w->flows, p->ref);
	unsigned d = p->ref & 1;
	bool is_over = d == 0 && conn_is_over(f->state);
	if (!is_over || !w->policy[f->policy].ops->opens_again) {
		p->event = EV_SYN;
		f->state = is_over ? conn_next[f->state][d][EV_SYN] : f->state;
		return false;
	}
	tally_uncount(&w->tally, f, d, p->l3_len);
	flows_end(w, &p->ref, 1);
	p->ref = miss_open(w, p);
	if (p->ref != 0)
		pipeline_hit(w, p);
	return true;
}
