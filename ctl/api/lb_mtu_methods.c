/* SPDX-License-Identifier: Apache-2.0 */
/* lb.mtus: what was learnt of the ways to backends, and whose ways those are. */
#include <arpa/inet.h>
#include <string.h>

#include "lb_page.h"
#include "methods.h"

enum { LOOKS = 4 << 20 }; /* for each address all backends are looked at: so many a page */

struct mtus {
	struct lb_rows v;
	json_t *learnt, *backends;
};

/* A backend, and how large the packets around its service's are on the way to it. */
static json_t *
backend_json(const struct img_lb_service *s, const struct img_lb_backend *b, unsigned mtu)
{
	char address[API_NAME];
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:i}", "service", s->name, "address",
	                 name_address(&b->address, b->family, address), "port", ntohs(b->port),
	                 "mode", lb_mode_name(s->mode), "state", name_backend_state(b->state),
	                 "mtu", mtu);
}

/* The service's backends that stand there, to the others'. => is there one? */
static bool
backends_add(struct mtus *x, const struct img_lb_service *s, const struct cmd_way_mtu *c)
{
	bool has_any = false;
	for (uint32_t i = 0; i < lb_rows_count(&x->v, s); i++) {
		const struct img_lb_backend *b = &x->v.backend[s->first_backend + i];
		if (b->family != c->family || !addr_equal(&b->address, &c->address))
			continue;
		json_array_append_new(x->backends, backend_json(s, b, c->mtu));
		has_any = true;
	}
	return has_any;
}

static bool
mtu_row(void *arg, const void *data)
{
	struct mtus *x = arg;
	struct cmd_way_mtu c;
	char address[API_NAME];
	json_t *services = json_array();
	memcpy(&c, data, sizeof(c));
	for (uint32_t i = 0; i < x->v.services; i++) {
		const struct img_lb_service *s = &x->v.service[i];
		if (lb_mode_is_tunnel(s->mode) && backends_add(x, s, &c))
			json_array_append_new(services, json_string(s->name));
	}
	json_array_append_new(x->learnt, json_pack("{s:s, s:i, s:o, s:o}", "address",
		name_address(&c.address, c.family, address), "mtu", c.mtu, "left",
		name_time(c.left_ms * 1000000ull), "services", services));
	return true;
}

json_t *
lb_mtus_m(struct api *api, const json_t *params, struct rpc_error *err)
{
	struct mtus x;
	struct listing l = {.kind = CMD_WAY_MTUS, .row_size = sizeof(struct cmd_way_mtu),
	                    .row = mtu_row, .arg = &x};
	if (lb_rows_get(api, &x.v, err) != 0 || param_cursor(params, &l.cursor, err) != 0)
		return NULL;
	long long limit = param_integer(params, "limit", LB_PAGE_MAX);
	uint32_t most = 1 + LOOKS / (1 + x.v.backends);
	l.limit = limit < most ? (uint32_t)limit : most;
	x.learnt = json_array();
	x.backends = json_array();
	if (api_list(api, &l, err) == 0)
		return api_cursor_put(json_pack("{s:o, s:o}", "mtus", x.learnt, "backends",
		                                x.backends), l.cursor);
	json_decref(x.learnt);
	json_decref(x.backends);
	return NULL;
}
