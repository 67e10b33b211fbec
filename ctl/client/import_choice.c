/* SPDX-License-Identifier: Apache-2.0 */
/* How IPVS chooses a server, in our words: schedulers, their flags, persistence, limits. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

enum { MAX_PERSISTENCE_S = 604800, MAX_CONNECTIONS = 1000000000, MAX_PRIORITY = 255 };

/* IPVS's schedulers; differs: what is said of those that ours are not quite. */
static const struct { const char *name, *ours, *differs; } schedulers[] = {
	{"rr", "round-robin", NULL}, /* this and lc know weight 0, and no others */
	{"wrr", "round-robin", NULL},
	{"lc", "least-connections", NULL},
	{"wlc", "least-connections", NULL},
	{"sh", "source-hash", NULL},
	{"mh", "maglev", NULL},
	{"sed", "least-connections", NULL},
	{"nq", "least-connections", "the shortest queue decides, idle or not"},
	{"twos", "two-choices", NULL},
	{"lblc", "least-connections", "the destination does not matter"},
	{"lblcr", "least-connections", "the destination does not matter"},
	{"dh", "maglev", "the destination does not matter"},
	{"fo", "maglev", NULL}, /* servers become groups: import_order */
	{"ovf", "maglev", "connections are divided by weight, there is no order of servers"},
};

static void
set_text(json_t *service, const char *key, const char *value)
{
	json_object_set_new(service, key, json_string(value));
}

static bool
is_scheduled(const json_t *service, const char *name)
{
	const char *s = json_string_value(json_object_get(service, "scheduler"));
	return s != NULL && strcmp(s, name) == 0;
}

void
import_scheduler(struct import *im, unsigned line, json_t *service, const char *name)
{
	for (size_t i = 0; i < sizeof(schedulers) / sizeof(schedulers[0]); i++) {
		if (strcmp(schedulers[i].name, name) != 0)
			continue;
		set_text(service, "scheduler", schedulers[i].ours);
		if (schedulers[i].differs != NULL)
			import_note(im, line, "scheduler %s: it becomes %s; %s", name,
			            schedulers[i].ours, schedulers[i].differs);
		if (strcmp(name, "rr") == 0 || strcmp(name, "lc") == 0)
			json_object_set_new(service, IMPORT_WEIGHTLESS, json_true());
		if (strcmp(name, "fo") == 0)
			json_object_set_new(service, IMPORT_ORDER, json_true());
		return;
	}
	import_note(im, line, "scheduler %.40s is not known", name);
}

/* flag_is: is it flag number n ("flag-1") of the scheduler, by number or by name? */
static bool
flag_is(const char *flag, size_t n, const char *number, const char *name)
{
	return (strlen(number) == n && strncmp(flag, number, n) == 0) ||
	       (strlen(name) == n && strncmp(flag, name, n) == 0);
}

void
import_flags(struct import *im, unsigned line, json_t *service, const char *flags)
{
	for (const char *at = flags; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
		size_t n = strcspn(at, ",");
		bool sh = is_scheduled(service, "source-hash");
		bool mh = is_scheduled(service, "maglev");
		if ((sh && flag_is(at, n, "flag-2", "sh-port")) ||
		    (mh && flag_is(at, n, "flag-2", "mh-port")))
			json_object_set_new(service, "port hash", json_true());
		else if (!(sh && flag_is(at, n, "flag-1", "sh-fallback")) &&
		         !(mh && flag_is(at, n, "flag-1", "mh-fallback")))
			import_note(im, line, "scheduler flag %.*s", n < 40 ? (int)n : 40, at);
	}
}

/* mask_bits: of a netmask ("255.255.255.0") or a prefix length. => -1 if it is neither. */
static long
mask_bits(const char *mask, bool v6)
{
	struct in_addr a;
	char *end;
	if (!v6 && inet_pton(AF_INET, mask, &a) == 1) {
		uint32_t bits = ntohl(a.s_addr);
		bool is_mask = bits != 0 && ((~bits + 1) & ~bits) == 0;
		return is_mask ? 32 - (bits == UINT32_MAX ? 0 : __builtin_ctz(bits)) : -1;
	}
	long n = strtol(mask, &end, 10);
	return end != mask && *end == '\0' && n >= 1 && n <= (v6 ? 128 : 32) ? n : -1;
}

void
import_persistence(struct import *im, unsigned line, json_t *service, const char *timeout,
                   const char *mask)
{
	const char *address = json_string_value(json_object_get(service, "address"));
	bool v6 = address != NULL && strchr(address, ':') != NULL;
	long full = v6 ? 128 : 32, bits = mask != NULL ? mask_bits(mask, v6) : full;
	char *end;
	long s = strtol(timeout, &end, 10);
	if (end == timeout || *end != '\0' || s < 1 || bits < 0) {
		import_note(im, line, "persistence of %.20s s by %.40s: expected seconds and a "
		            "mask", timeout, mask != NULL ? mask : "the address");
		return;
	}
	if (s > MAX_PERSISTENCE_S)
		import_note(im, line, "persistence of %ld s; it becomes %d", s,
		            MAX_PERSISTENCE_S);
	json_t *p = json_pack("{s:I}", "timeout",
	                      (json_int_t)(s < MAX_PERSISTENCE_S ? s : MAX_PERSISTENCE_S));
	if (bits < full)
		json_object_set_new(p, "mask", json_integer(bits));
	json_object_set_new(service, "persistence", p);
}

void
import_per_packet(struct import *im, unsigned line, json_t *service)
{
	const char *protocol = json_string_value(json_object_get(service, "protocol"));
	if (protocol != NULL && strcmp(protocol, "udp") == 0)
		set_text(service, "schedule", "packet");
	else
		import_note(im, line, "one-packet scheduling: it is for UDP");
}

void
import_limit(struct import *im, unsigned line, const json_t *service, json_t *backend,
             const char *connections)
{
	char *end;
	long n = strtol(connections, &end, 10);
	if (end == connections || *end != '\0' || n < 0 || n > MAX_CONNECTIONS)
		import_note(im, line, "upper threshold of %.20s connections", connections);
	else if (n > 0 && json_object_get(service, "schedule") != NULL)
		import_note(im, line, "upper threshold of %ld connections: with one-packet "
		            "scheduling there are none to count", n);
	else if (n > 0)
		json_object_set_new(backend, "max_connections", json_integer(n));
}

void
import_choice_end(struct import *im, unsigned line, json_t *service)
{
	bool ports = json_object_del(service, "port hash") == 0;
	const json_t *persistence = json_object_get(service, "persistence");
	bool maglev = is_scheduled(service, "maglev");
	/* IPVS's mh and sh hash the address alone, but for their flag. */
	if (is_scheduled(service, "source-hash") && ports)
		set_text(service, "scheduler", "maglev");
	else if (maglev && !ports && persistence == NULL)
		set_text(service, "hash", "source");
	if (json_object_get(persistence, "mask") == NULL || maglev ||
	    is_scheduled(service, "source-hash"))
		return;
	import_note(im, line, "scheduler %s: with persistence of networks it becomes maglev, since "
	            "workers agree upon a network by hashing it",
	            json_string_value(json_object_get(service, "scheduler")));
	set_text(service, "scheduler", "maglev");
}

void
import_choice_copy(json_t *to, const json_t *from)
{
	static const char *const keys[] = {"scheduler", "hash", "schedule", "persistence",
	                                   IMPORT_WEIGHTLESS, IMPORT_ORDER};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *v = json_object_get(from, keys[i]);
		if (v != NULL)
			json_object_set(to, keys[i], v);
	}
}

static long
weight_of(const json_t *backend)
{
	return (long)json_integer_value(json_object_get(backend, "weight"));
}

/* heavier: how many weights above this one the service's own servers have. */
static long
heavier(const json_t *list, const json_t *backend)
{
	long n = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *b = json_array_get(list, i);
		bool is_first = json_object_get(b, "priority") == NULL;
		for (size_t k = 0; k < i && is_first; k++)
			is_first = weight_of(json_array_get(list, k)) != weight_of(b);
		n += is_first && weight_of(b) > weight_of(backend);
	}
	return n;
}

/* service_order: groups by weight; a server of last resort, which has a group, comes after them. */
static void
service_order(struct import *im, const json_t *service)
{
	const json_t *list = json_object_get(service, "backends");
	size_t n = json_array_size(list);
	long *group = calloc(n + 1, sizeof(*group)), last = 0;
	for (size_t i = 0; group != NULL && i < n; i++) {
		const json_t *b = json_array_get(list, i);
		group[i] = json_object_get(b, "priority") != NULL ? -1 : heavier(list, b);
		last = group[i] > last ? group[i] : last;
	}
	if (last + 1 > MAX_PRIORITY)
		import_note(im, 0, "scheduler fo: the order of more than %d servers", MAX_PRIORITY);
	for (size_t i = 0; group != NULL && i < n; i++) {
		long to = group[i] >= 0 ? group[i] : last + 1;
		if (to != 0)
			json_object_set_new(json_array_get(list, i), "priority",
			                    json_integer(to < MAX_PRIORITY ? to : MAX_PRIORITY));
	}
	free(group);
}

void
import_order(struct import *im)
{
	for (size_t i = 0; i < json_array_size(im->services); i++) {
		json_t *s = json_array_get(im->services, i);
		if (json_object_del(s, IMPORT_ORDER) == 0)
			service_order(im, s);
	}
}
