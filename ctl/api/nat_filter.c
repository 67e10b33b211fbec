/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a filter. */
#include "nat_filter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat/nat_filter.h"

enum { FILTER_WORD = 96 };

struct parse {
	struct api *api;
	struct cmd_nat_filter *f;
	const char *wanted; /* of a value that is wrong */
	char said[128];     /* wanted, where it is put together */
};

static bool
number(const char *s, long most, uint16_t *out)
{
	char *end;
	long n = strtol(s, &end, 10);
	if (s[0] < '0' || s[0] > '9' || *end != '\0' || n > most)
		return false;
	*out = (uint16_t)(n + 1);
	return true;
}

static bool
network(struct parse *p, const char *s, be32 *address, be32 *mask)
{
	struct prefix x;
	p->wanted = "an IPv4 address or prefix";
	if (!network_parse(s, &x) || x.family != FAMILY_V4)
		return false;
	*mask = x.plen == 0 ? 0 : htonl(0xffffffffu << (32 - x.plen));
	*address = x.address.w[0];
	p->wanted = "a prefix without bits beyond its length, or the address alone";
	return (*address & ~*mask) == 0;
}

static bool
ports(struct parse *p, const char *s, uint16_t *first, uint16_t *last)
{
	uint16_t one;
	p->wanted = "a port or first-last, 1 to 65535";
	if (ports_parse(s, first, last))
		return true;
	if (!number(s, 65535, &one) || one == 1)
		return false;
	*first = *last = (uint16_t)(one - 1);
	return true;
}

static bool
set_pool(struct parse *p, const char *s)
{
	const struct image_header *h = p->api->link.image(p->api->link.ctx);
	uint32_t n = 0;
	const struct img_nat_pool *pool = h != NULL ? image_rows(h, IMG_NAT_POOLS, &n) : NULL;
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(pool[i].name, s) == 0) {
			p->f->pool = (uint16_t)(i + 1);
			return true;
		}
	}
	p->wanted = "the name of a pool; pool.list has them";
	return false;
}

static bool
set_subscriber(struct parse *p, const char *s)
{
	return network(p, s, &p->f->inside, &p->f->inside_mask);
}

static bool
set_external(struct parse *p, const char *s)
{
	return network(p, s, &p->f->external, &p->f->external_mask);
}

static bool
set_port(struct parse *p, const char *s)
{
	return ports(p, s, &p->f->port_first, &p->f->port_last);
}

static bool
set_inside_port(struct parse *p, const char *s)
{
	return ports(p, s, &p->f->inside_first, &p->f->inside_last);
}

static bool
set_protocol(struct parse *p, const char *s)
{
	int n = name_parse_protocol(s);
	p->wanted = "tcp, udp, icmp or a number";
	p->f->proto = (uint8_t)(n > 0 ? n : 0);
	return n > 0;
}

static bool
set_realm(struct parse *p, const char *s)
{
	int realm = name_parse_realm(p->api->link.image(p->api->link.ctx), s);
	p->wanted = "the name of a realm, or outside";
	p->f->realm = (uint16_t)(realm + 1);
	return realm >= 0;
}

static bool
set_worker(struct parse *p, const char *s)
{
	p->wanted = "the number of a worker";
	return number(s, IMG_MAX_WORKERS - 1, &p->f->worker);
}

static const struct key {
	const char *name;
	bool (*set)(struct parse *p, const char *value);
} keys[] = {
	{"pool", set_pool}, {"subscriber", set_subscriber}, {"external", set_external},
	{"port", set_port}, {"inside_port", set_inside_port}, {"protocol", set_protocol},
	{"realm", set_realm}, {"worker", set_worker},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static int
key_find(const char *word, size_t size)
{
	for (int i = 0; i < KEYS; i++)
		if (strlen(keys[i].name) == size && memcmp(keys[i].name, word, size) == 0)
			return i;
	return -1;
}

static const char *
keys_said(struct parse *p)
{
	size_t n = (size_t)snprintf(p->said, sizeof(p->said), "key=value, keys are");
	for (int i = 0; i < KEYS; i++)
		n += (size_t)snprintf(p->said + n, sizeof(p->said) - n, " %s", keys[i].name);
	return p->said;
}

/* One word. => false: wrong, and what was wanted. */
static bool
word_take(struct parse *p, const char *word, unsigned *seen)
{
	size_t size = strcspn(word, "=");
	int k = word[size] == '=' ? key_find(word, size) : -1;
	if (k < 0) {
		p->wanted = keys_said(p);
		return false;
	}
	p->wanted = "each key once";
	if ((*seen >> k & 1) != 0)
		return false;
	*seen |= 1u << k;
	return keys[k].set(p, word + size + 1);
}

int
nat_filter_parse(struct api *api, const char *text, struct cmd_nat_filter *f,
                 struct rpc_error *err)
{
	struct parse p = {.api = api, .f = f};
	char word[FILTER_WORD];
	unsigned seen = 0;
	*f = (struct cmd_nat_filter){0};
	while (text != NULL && *(text += strspn(text, " ")) != '\0') {
		size_t size = strcspn(text, " ");
		snprintf(word, sizeof(word), "%.*s", (int)size, text);
		if (size >= sizeof(word) || !word_take(&p, word, &seen)) {
			rpc_fail(err, RPC_PARAMS, "filter: \"%s\": wanted %s", word,
			         size < sizeof(word) ? p.wanted : "a shorter word");
			return -1;
		}
		text += size;
	}
	return 0;
}

bool
nat_filter_wants_record(const struct cmd_nat_filter *f, const struct record *r)
{
	struct nat_facts x = {
		.inside = r->subscriber, .external = r->external, .inside_port = r->inside_port,
		.port_first = r->port_first, .port_last = r->port_last, .pool = r->pool,
		.proto = r->proto, .realm = r->realm, .worker = r->worker,
	};
	return log_event_is_of_all(r->event) || nat_filter_wants(f, &x);
}
