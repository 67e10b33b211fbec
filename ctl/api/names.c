/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the images and commands as the words that people and JSON use, and back. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "lib/conn.h"

const char *
name_address(const union addr *a, uint8_t family, char buf[API_NAME])
{
	if (inet_ntop(family == FAMILY_V6 ? AF_INET6 : AF_INET, a->b, buf, API_NAME) == NULL)
		buf[0] = '\0';
	return buf;
}

const char *
name_v4(be32 a, char buf[API_NAME])
{
	union addr u = addr_from_v4(a);
	return name_address(&u, FAMILY_V4, buf);
}

const char *
name_endpoint(const union addr *a, uint8_t family, be16 port, char buf[API_NAME])
{
	char name[API_NAME];
	snprintf(buf, API_NAME, family == FAMILY_V6 ? "[%.46s]:%u" : "%.46s:%u",
	         name_address(a, family, name), ntohs(port));
	return buf;
}

const char *
name_mac(const uint8_t m[6], char buf[API_NAME])
{
	snprintf(buf, API_NAME, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
	         m[5]);
	return buf;
}

static const struct { uint8_t number; const char *name; } protocols[] = {
	{IPPROTO_L4_TCP, "tcp"}, {IPPROTO_L4_UDP, "udp"}, {IPPROTO_L4_ICMP, "icmp"},
	{IPPROTO_L4_ICMP6, "icmp6"}, {0, "any"},
};
enum { PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]) };

const char *
name_protocol(unsigned proto, char buf[API_NAME])
{
	for (unsigned i = 0; i < PROTOCOLS; i++)
		if (protocols[i].number == proto)
			return protocols[i].name;
	snprintf(buf, API_NAME, "%u", proto);
	return buf;
}

int
name_parse_protocol(const char *s)
{
	char *end;
	for (unsigned i = 0; i < PROTOCOLS; i++)
		if (strcmp(protocols[i].name, s) == 0)
			return protocols[i].number;
	long n = strtol(s, &end, 10);
	return end != s && *end == '\0' && n > 0 && n < 256 ? (int)n : -1;
}

/* In the order in which they are asked. */
static const char *const policies[] = {"lb", "nat", "route"};
enum { POLICIES = sizeof(policies) / sizeof(policies[0]) };

const char *
name_policy(unsigned policy)
{
	return policy < POLICIES ? policies[policy] : "other";
}

int
name_parse_policy(const char *s)
{
	for (int i = 0; i < POLICIES; i++)
		if (strcmp(policies[i], s) == 0)
			return i;
	return -1;
}

int
name_parse_state(const char *s)
{
	for (int i = 1; i < CONN_MAX; i++)
		if (strcmp(conn_state_name(i), s) == 0)
			return i;
	return -1;
}

const char *
name_handoff(unsigned cause)
{
	static const char *const names[STATS_CAUSES] = {"home", "hairpin", "fragment", "icmp",
	                                                "stray", "punt", "tx"};
	return cause < STATS_CAUSES ? names[cause] : NULL;
}

void
name_known(char *list, size_t size, const char *name)
{
	static const char more[] = ", …";
	size_t used = strlen(list), room = size - used;
	bool is_cut = used >= sizeof(more) && strcmp(list + used - sizeof(more) + 1, more) == 0;
	if (is_cut)
		return;
	if (strlen(name) + 2 + sizeof(more) <= room)
		snprintf(list + used, room, "%s%s", used != 0 ? ", " : "", name);
	else if (sizeof(more) <= room)
		memcpy(list + used, more, sizeof(more));
}

const char *
name_backend_state(unsigned state)
{
	static const char *const names[LB_STATES] = {"ready", "drain", "down", "maint", "standby",
	                                             "over"};
	return state < LB_STATES ? names[state] : "?";
}

const char *
name_scheduler(unsigned scheduler)
{
	static const char *const names[] = {
		[LB_MAGLEV] = "maglev", [LB_SOURCE_HASH] = "source-hash",
		[LB_TWO_CHOICES] = "two-choices", [LB_ROUND_ROBIN] = "round-robin",
		[LB_LEAST_CONNECTIONS] = "least-connections",
	};
	return scheduler < LB_SCHEDULERS ? names[scheduler] : "?";
}

void
name_digest(const struct image_header *h, char buf[33])
{
	for (int i = 0; i < 16; i++)
		snprintf(buf + 2 * i, 3, "%02x", h->digest[i]);
}

static const struct img_realm *
realms_of(const struct image_header *h, uint32_t *n)
{
	*n = 0;
	return h != NULL ? image_rows(h, IMG_REALMS, n) : NULL;
}

json_t *
name_realm_put(const struct image_header *h, json_t *object, unsigned realm)
{
	uint32_t n;
	const struct img_realm *r = realms_of(h, &n);
	if (realm != 0 && realm < n && r[realm].name[0] != '\0')
		json_object_set_new(object, "realm_name", json_string(r[realm].name));
	return object;
}

json_t *
api_realm_put(struct api *api, json_t *object, unsigned realm)
{
	return name_realm_put(api->link.image(api->link.ctx), object, realm);
}

int
name_parse_realm(const struct image_header *h, const char *s)
{
	uint32_t n;
	char number[API_NAME];
	const struct img_realm *r = realms_of(h, &n);
	for (uint32_t i = 1; i < n; i++)
		if (strcmp(r[i].name, s) == 0 && s[0] != '\0')
			return (int)i;
	for (uint32_t i = 1; i < n; i++) {
		snprintf(number, sizeof(number), "%u", i);
		if (r[i].name[0] != '\0' && strcmp(number, s) == 0)
			return (int)i;
	}
	return strcmp(s, "outside") == 0 || strcmp(s, "0") == 0 ? 0 : -1;
}

int
api_param_realm(struct api *api, const json_t *params, int *realm, struct rpc_error *err)
{
	const char *name = param_string(params, "realm");
	*realm = name != NULL ? name_parse_realm(api->link.image(api->link.ctx), name) : -1;
	if (name == NULL || *realm >= 0)
		return 0;
	rpc_fail(err, API_NOT_FOUND, "there is no realm %s", name);
	return -1;
}

json_t *
name_time(uint64_t ns)
{
	return json_real((double)(ns / 1000) / 1e6);
}
