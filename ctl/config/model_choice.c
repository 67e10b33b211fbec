/* SPDX-License-Identifier: Apache-2.0 */
/* How services choose a backend: scheduler, hash, persistence; what of it goes together. */
#include <string.h>

#include "model.h"
#include "options.h"

enum { PROTO_UDP = 17 };

/* word_of: the number of an option's word, as in enum lb_scheduler and enum lb_hash. */
static uint8_t
word_of(const char *path, const char *word)
{
	const struct config_option *o = option_root();
	while (o != NULL && strcmp(o->path, path) != 0)
		o = option_next(o);
	return o == NULL ? 0 : (uint8_t)option_word(o, word);
}

static bool
hashes(const struct img_lb_choice *how)
{
	return how->scheduler == LB_MAGLEV || how->scheduler == LB_TWO_CHOICES;
}

/* hash_read: what is hashed, as the document says, or as follows from the rest. */
static void
hash_read(struct model *m, struct img_lb_choice *how, const json_t *json, size_t at)
{
	struct config_path path;
	const char *word = get_text(json, "hash");
	const char *scheduler = get_text(json, "scheduler");
	bool by_source = how->scheduler == LB_SOURCE_HASH ||
		(hashes(how) && how->persistence_s != 0);
	how->hash = by_source ? LB_HASH_SOURCE : LB_HASH_TUPLE;
	if (word == NULL)
		return;
	path_make(&path, "lb.services[%zu].hash", at);
	uint8_t said = word_of("lb.services[].hash", word);
	if (!by_source && !hashes(how))
		config_error_add(m->errs, path.text, "is of no use with scheduler \"%s\", which "
		                 "does not hash; expected none", scheduler);
	else if (by_source && said != LB_HASH_SOURCE)
		config_error_add(m->errs, path.text, "is \"%s\", but %s chooses by the source; "
		                 "expected \"source\", or none", word,
		                 how->scheduler == LB_SOURCE_HASH ? "source-hash" : "persistence");
	else
		how->hash = said;
}

/* persistence_read: workers can agree upon a network of clients by hashing it, and only so. */
static void
persistence_read(struct model *m, struct img_lb_service *s, const json_t *json, size_t at)
{
	struct config_path path;
	const json_t *persistence = json_object_get(json, "persistence");
	const json_t *mask = json_object_get(persistence, "mask");
	int64_t bits = addr_bits(s->family), given = mask != NULL ? json_integer_value(mask) : bits;
	s->choice.persistence_s = (uint32_t)get_int(persistence, "timeout");
	s->choice.mask = s->choice.persistence_s != 0 ? (uint8_t)given : 0;
	path_make(&path, "lb.services[%zu].persistence.mask", at);
	if (given > bits)
		config_error_add(m->errs, path.text, "is %d, but an IPv%u address has %d bits; "
		                 "expected %d at most", (int)given, s->family, (int)bits,
		                 (int)bits);
	else if (mask != NULL && s->choice.persistence_s == 0)
		config_error_add(m->errs, path.text, "is of no use without persistence.timeout; "
		                 "expected both, or none");
	else if (given < bits && s->choice.persistence_s != 0 &&
	         s->choice.scheduler != LB_MAGLEV && s->choice.scheduler != LB_SOURCE_HASH)
		config_error_add(m->errs, path.text, "is %d: clients of one network may have "
		                 "different workers, which agree by Maglev hashing only; expected "
		                 "scheduler maglev or source-hash, or %d", (int)given, (int)bits);
}

/* limits_refuse: a limit is asked before it is known whether the client has a flow: where each
 * datagram is chosen for, clients that have one would be refused. */
static void
limits_refuse(struct model *m, const json_t *backends, const char *path)
{
	for (size_t i = 0; i < json_array_size(backends); i++) {
		if (get_int(json_array_get(backends, i), "max_connections") == 0)
			continue;
		config_error_add(m->errs, path, "is \"packet\", but backends[%zu] has "
		                 "max_connections, which can refuse datagrams of flows that "
		                 "exist; expected \"flow\", or no max_connections", i);
		return;
	}
}

void
model_choice(struct model *m, struct img_lb_service *s, const json_t *json, size_t at)
{
	struct config_path path;
	struct img_lb_choice *how = &s->choice;
	const json_t *list = json_object_get(json, "backends");
	size_t backends = json_array_size(list);
	how->scheduler = word_of("lb.services[].scheduler", get_text(json, "scheduler"));
	how->per_packet = strcmp(get_text(json, "schedule"), "packet") == 0;
	persistence_read(m, s, json, at);
	hash_read(m, how, json, at);
	path_make(&path, "lb.services[%zu].schedule", at);
	if (how->per_packet && s->proto != PROTO_UDP)
		config_error_add(m->errs, path.text, "is \"packet\", but the service is not UDP; "
		                 "expected \"flow\"");
	if (how->per_packet && backends > LB_MAX_PER_PACKET)
		config_error_add(m->errs, path.text, "is \"packet\", and there are %zu backends; "
		                 "expected %d at most", backends, LB_MAX_PER_PACKET);
	if (how->per_packet)
		limits_refuse(m, list, path.text);
}

void
model_persistence(struct model *m, bool wanted)
{
	uint32_t n;
	struct img_plane *p = &m->plane;
	const struct img_plane *old = m->previous == NULL ? NULL
		: image_rows(m->previous, IMG_PLANE, &n);
	const json_t *capacity = model_get(m, "lb", "capacity");
	if (json_object_get(capacity, "persistence") != NULL)
		p->persistence = (uint32_t)get_int(capacity, "persistence");
	else if (old != NULL && old->persistence != 0)
		p->persistence = old->persistence;
	else
		p->persistence = wanted ? (p->flows_v4 + p->flows_v6) / 4 : 0;
	if (wanted && p->persistence == 0)
		config_error_add(m->errs, "lb.capacity.persistence", "is 0, but a service is "
		                 "persistent; expected 1 at least");
}
