/* SPDX-License-Identifier: Apache-2.0 */
/* Packets translated without a flow. */
#include "stateless.h"

#include "encap.h"
#include "hop.h"
#include "ident.h"
#include "mss.h"
#include "rewrite.h"

union passing {
	struct flow4 v4;
	struct flow6 v6;
};

void
stateless_send(struct worker *w, struct pkt *p, const struct flow_spec *spec)
{
	union passing t = {.v6 = {.f = {.proto = p->proto, .flags = spec->flags,
		.owner = spec->owner}}};
	if ((spec->flags & FLOW_WAY) != 0) {
		w->stats->stateless++;
		encap_to(w, p, spec->owner, p->hash);
		return;
	}
	struct hop hop = hop_find(w, spec->reply.realm, &spec->reply.src, p->family);
	if (!hop_admit(w, p, hop))
		return;
	if (p->family == FAMILY_V4) {
		t.v4.tuple[0] = p->key.t4;
		t.v4.tuple[1] = tuple_to4(&spec->reply);
	} else {
		t.v6.tuple[0] = p->key.t6;
		t.v6.tuple[1] = tuple_to6(&spec->reply);
	}
	struct flow *f = &t.v4.f;
	if (conn_is_syn(p->event))
		mss_clamp_pkt(w, p, hop);
	ident_renew(w, p, f, 0);
	rewrite_flow(p, f, 0);
	w->stats->stateless++;
	hop_send(w, p, hop);
}
