/* SPDX-License-Identifier: Apache-2.0 */
/* What clients speak to: a service's prefix, protocol and ports, and what of it clashes. */
#include <arpa/inet.h>

#include "service_place.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

static void
ports_read_of(struct model *m, const json_t *json, size_t at, struct img_lb_service *s)
{
	const json_t *port = json_object_get(json, "port");
	const char *ports = get_text(json, "ports");
	uint16_t first = 1, last = 65535;
	struct config_path path;
	path_make(&path, "lb.services[%zu].port", at);
	if (port != NULL)
		first = last = (uint16_t)json_integer_value(port);
	else if (ports != NULL)
		ports_parse(ports, &first, &last);
	else
		config_error_add(m->errs, path.text, "missing; expected port or ports");
	if (port != NULL && ports != NULL)
		config_error_add(m->errs, path.text, "stands beside ports; expected one of them");
	s->port = htons(first);
	s->port_last = htons(last);
}

static void
address_read(struct model *m, const json_t *json, size_t at, struct img_lb_service *s)
{
	struct prefix p;
	union addr last;
	network_parse(get_text(json, "address"), &p);
	last = prefix_last(&p);
	s->address = p.address;
	s->family = p.family;
	s->plen = p.plen;
	claim_add(m, &p.address, &last, p.family, ORIGIN_SERVICE, at, 0);
}

void
service_place_read(struct model *m, const json_t *json, size_t at, struct img_lb_service *s)
{
	const char *protocol = get_text(json, "protocol");
	address_read(m, json, at, s);
	ports_read_of(m, json, at, s);
	s->proto = strcmp(protocol, "udp") == 0 ? PROTO_UDP :
	           strcmp(protocol, "tcp") == 0 ? PROTO_TCP : LB_PROTO_ANY;
}

int
service_place_compare(const struct img_lb_service *a, const struct img_lb_service *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int order = addr_compare(&a->address, &b->address);
	if (order == 0 && a->plen != b->plen)
		order = a->plen < b->plen ? -1 : 1;
	if (order == 0 && a->proto != b->proto)
		order = a->proto < b->proto ? -1 : 1;
	if (order == 0)
		order = memcmp(&a->port, &b->port, sizeof(a->port));
	if (order == 0)
		order = memcmp(&a->port_last, &b->port_last, sizeof(a->port_last));
	return order;
}

bool
service_same_prefix(const struct img_lb_service *a, const struct img_lb_service *b)
{
	return a->family == b->family && a->plen == b->plen && addr_equal(&a->address, &b->address);
}

/* Do ranges of ports cross, so that neither lies within the other? */
static bool
ports_cross(const struct img_lb_service *a, const struct img_lb_service *b)
{
	uint16_t a0 = ntohs(a->port), a1 = ntohs(a->port_last);
	uint16_t b0 = ntohs(b->port), b1 = ntohs(b->port_last);
	return (a0 < b0 && b0 <= a1 && a1 < b1) || (b0 < a0 && a0 <= b1 && b1 < a1);
}

bool
service_places_clash(const struct img_lb_service *a, const struct img_lb_service *b)
{
	bool both = a->proto == b->proto || a->proto == LB_PROTO_ANY || b->proto == LB_PROTO_ANY;
	return both && service_same_prefix(a, b) && ports_cross(a, b);
}

bool
service_is_exact(const struct img_lb_service *s)
{
	return s->plen == addr_bits(s->family) && s->port == s->port_last;
}

void
service_place_route(struct model *m, const struct img_lb_service *s, struct origin origin)
{
	struct prefix p = {s->address, s->family, s->plen};
	route_add(m, ROUTE_SERVICE, &p, nic_of(m, &s->address, s->family), origin);
}
