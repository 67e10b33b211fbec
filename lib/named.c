/* SPDX-License-Identifier: Apache-2.0 */
/* Flows by their names. */
#include "named.h"

#include "ending.h"

static bool
is_idle(const struct worker *w, flow_ref ref)
{
	return flow_is_idle(flow_get(&w->flows, ref), w->pipe->timers, w->now_ms);
}

/* Is it the owner's, and alive? */
static bool
is_wanted(const struct worker *w, const struct judged *j, const struct flow_spec *spec,
          flow_ref ref)
{
	const struct flow *f = flow_get(&w->flows, ref);
	return f->policy == j->policy && f->owner == spec->owner && !is_idle(w, ref);
}

/* Is it a named flow of packets like this one? */
static bool
is_alike(const struct worker *w, const struct judged *j, const struct tuple *name, flow_ref ref)
{
	struct tuple t = flow_tuple(&w->flows, ref, 0);
	return flow_get(&w->flows, ref)->policy == j->policy && t.realm >= REALM_NAMED &&
	       t.proto == name->proto && t.sport == name->sport && t.dport == name->dport &&
	       addr_equal(&t.src, &name->src) && addr_equal(&t.dst, &name->dst);
}

/* The owner's flow under another name. Another's, or an idle one, goes: it has the reply. */
static flow_ref
by_reply(struct worker *w, const struct judged *j, const struct flow_spec *spec,
         const struct tuple *name)
{
	flow_ref ref = flow_find(&w->flows, &spec->reply);
	if ((ref & 1) == 0 || !is_alike(w, j, name, ref))
		return 0;
	if (is_wanted(w, j, spec, ref))
		return ref & ~(flow_ref)1;
	flows_end(w, &ref, 1);
	return 0;
}

/* The names in turn, to a free one, or to one under which the owner has a flow. */
static flow_ref
by_names(struct worker *w, const struct judged *j, const struct flow_spec *spec,
         struct tuple *name)
{
	for (unsigned i = REALM_NAMED; i <= UINT8_MAX; i++) {
		flow_ref ref = flow_find(&w->flows, name);
		if (ref == 0 || is_wanted(w, j, spec, ref))
			return ref;
		if (is_idle(w, ref)) {
			flows_end(w, &ref, 1);
			return 0;
		}
		name->realm = name->realm < UINT8_MAX ? name->realm + 1 : REALM_NAMED;
	}
	return 0;
}

flow_ref
named_find(struct worker *w, const struct judged *j, const struct flow_spec *spec,
           struct tuple *name)
{
	flow_ref ref = flow_find(&w->flows, name);
	if (ref != 0 && is_wanted(w, j, spec, ref))
		return ref;
	ref = by_reply(w, j, spec, name);
	return ref != 0 ? ref : by_names(w, j, spec, name);
}
