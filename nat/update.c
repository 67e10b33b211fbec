/* SPDX-License-Identifier: Apache-2.0 */
/* Mapping Updates: a ring, and what a message says at the moment of its sending. */
#include "nat/update.h"

#include "nat/pcp_request.h"

/* Before the second and the third time. */
static const uint32_t pause_ms[UPDATE_TIMES] = {0, 250, 500};

struct update
update_of(const struct nat *n, const struct lease *l)
{
	const struct mapping *m = mapping_at(&n->mappings, l->mapping);
	const struct subscriber *s = life_subscriber(n, m);
	struct update u = {
		.remote = l->remote, .client = l->client, .inside = s->address,
		.external = life_external(n, m), .inside_port = m->inside_port,
		.port = htobe16(m->port), .side = s->side, .proto = nat_ip_proto(m->proto),
		.kind = l->kind, .result = PCP_SUCCESS,
	};
	memcpy(u.nonce, l->nonce, LEASE_NONCE);
	return u;
}

struct lease *
update_lease(const struct nat *n, const struct update *u, uint32_t *mapping)
{
	uint32_t subscriber = subscriber_find(&n->subscribers, u->inside, u->side);
	unsigned proto = nat_proto(u->proto);
	uint64_t hash = mapping_hash(&n->mappings, false, subscriber, proto, u->inside_port);
	*mapping = subscriber == 0 ? 0 :
		mapping_find(&n->mappings, hash, subscriber, proto, u->inside_port);
	if (*mapping == 0)
		return NULL;
	struct lease *l = u->kind == LEASE_MAP ? lease_find(&n->leases, *mapping) :
	                  lease_find_peer(&n->leases, *mapping, &u->remote);
	return l != NULL && memcmp(l->nonce, u->nonce, LEASE_NONCE) == 0 ? l : NULL;
}

bool
update_is_static(const struct nat *n, const struct update *u, uint64_t *outside)
{
	const struct statics *s = &rules_of(n->gen)->statics;
	uint8_t realm = (uint8_t)u->side, nic = u->client.nic;
	union addr inside = addr_from_v4(u->inside);
	if (s->n == 0)
		return false;
	if (u->client.is_third)
		nic = route_nic(route_find(n->gen, realm, &inside, FAMILY_V4));
	uint64_t key = static_key(realm, u->inside, u->proto, u->inside_port);
	const struct img_nat_static *row = static_out(s, key, outside);
	return row != NULL && (row->nic == NIC_NONE || row->nic == nic);
}

void
update_put(struct nat *n, const struct update *u)
{
	struct updates *q = &n->updates;
	if (q->capacity == 0 || u->client.nic == NIC_NONE)
		return;
	assert(update_has_room(q));
	q->entry[q->put++ & (q->capacity - 1)] = *u;
}

/* What there is to say of it now. */
struct news {
	be32 external;
	be16 port;
	uint8_t result;
	uint32_t lifetime, mapping; /* mapping: whose filters are told; 0: none */
};

static struct news
news_of(const struct nat *n, const struct update *u)
{
	uint64_t outside;
	uint32_t number;
	const struct lease *l = update_lease(n, u, &number);
	if (update_is_static(n, u, &outside))
		return (struct news){.external = static_address(outside),
			.port = static_port(outside), .lifetime = UINT32_MAX};
	if (l == NULL)
		return (struct news){.external = u->external, .port = u->port,
			.result = u->result, .lifetime = pcp_error_lifetime(u->result)};
	const struct mapping *m = mapping_at(&n->mappings, number);
	return (struct news){.external = life_external(n, m), .port = htobe16(m->port),
		.lifetime = lease_left(n, l),
		.mapping = u->kind == LEASE_MAP && m->filtered ? number : 0};
}

/* => octets. */
static uint32_t
options_write(const struct nat *n, const struct update *u, uint32_t mapping, uint8_t *d)
{
	struct lease_remote filter[LEASE_FILTERS];
	uint32_t size = 0, count = 0;
	if (u->client.is_third)
		size += pcp_third_write(d, u->inside);
	if (mapping != 0)
		count = lease_filters(&n->leases, mapping, filter);
	for (uint32_t i = 0; i < count; i++)
		size += pcp_filter_write(d + size, &filter[i]);
	return size;
}

/* A message as the answer to the request would be. => octets. */
static uint32_t
update_write(const struct nat *n, const struct update *u, uint8_t *d)
{
	struct news x = news_of(n, u);
	uint32_t size = PCP_HEADER + (u->kind == LEASE_PEER ? PCP_PEER : PCP_MAP);
	memset(d, 0, size);
	pcp_header_write(n, d, x.result, x.lifetime);
	d[AT_OPCODE] = PCP_RESPONSE | (u->kind == LEASE_PEER ? OP_PEER : OP_MAP);
	memcpy(d + AT_NONCE, u->nonce, LEASE_NONCE);
	d[AT_PROTO] = u->proto;
	store16(d + AT_INSIDE_PORT, u->inside_port);
	store16(d + AT_PORT, x.port);
	pcp_address_put(d + AT_ADDRESS, x.external);
	if (u->kind == LEASE_PEER) {
		store16(d + AT_PEER_PORT, u->remote.port);
		pcp_address_put(d + AT_PEER, u->remote.address);
	}
	return size + options_write(n, u, x.mapping, d + size);
}

static void
send(struct nat *n, struct update *u)
{
	uint8_t data[SPOKEN_MAX];
	struct spoken s = {
		.src = u->client.server, .dst = u->client.address, .sport = htobe16(PCP_PORT),
		.dport = u->client.port, .realm = u->client.realm, .data = data,
	};
	u->sent_ms = (uint32_t)n->clock.ms;
	if (n->say == NULL)
		return;
	s.size = (uint16_t)update_write(n, u, data);
	n->say(n->whose, &s);
	n->stats->pcp_updates++;
}

/* What was sent more often goes first: its place is wanted. */
void
update_turn(struct nat *n)
{
	struct updates *q = &n->updates;
	uint32_t left = UPDATE_TURN;
	for (int i = UPDATE_TIMES - 1; i >= 0; i--) {
		uint32_t end = i == 0 ? q->put : q->next[i - 1];
		for (; left > 0 && q->next[i] != end; left--, q->next[i]++) {
			struct update *u = &q->entry[q->next[i] & (q->capacity - 1)];
			if ((uint32_t)n->clock.ms - u->sent_ms < pause_ms[i])
				break;
			send(n, u);
		}
	}
}
