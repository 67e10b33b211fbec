/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random documents, most of them nearly right: errors, or an image that passes every check and
 * comes out the same when made again; and generation after generation, numbers that stay.
 */
#include <string.h>

#include "ctl/config/config.h"
#include "ctl/config/option.h"
#include "ctl/config/walk.h"
#include "lb/lb_image.h"
#include "nat/nat_image.h"
#include "test.h"

enum { DOCUMENTS = 3000, GENERATIONS = 300 };

static uint64_t seed;
static unsigned item; /* number of the array item that is drawn */

static unsigned
draw(unsigned n)
{
	return (unsigned)(test_random(&seed) % n);
}

/* Few values for each form, so that references and clashes come about by themselves. */
static json_t *
draw_text(const struct config_option *o)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	char text[64], word[64];
	switch (o->type) {
	case CONFIG_NAME:
		return json_string(names[strcmp(option_key(o), "name") == 0 ? item % 5
		                         : draw(4) == 0]);
	case CONFIG_DEVICE:
		snprintf(text, sizeof(text), "net%u%s", item, draw(20) == 0 ? ",x=1" : "");
		break;
	case CONFIG_WORD:
		while (!option_words_at(o, draw(8), word, sizeof(word)))
			;
		return json_string(word);
	case CONFIG_UNICAST:
		if (draw(4) == 0) {
			snprintf(text, sizeof(text), "10.7.%u.0/24", draw(3));
			break;
		}
		/* fall through */
	case CONFIG_ADDRESS:
		snprintf(text, sizeof(text), draw(30) == 0 ? "2001:db8:%u::%u" : "10.%u.0.%u",
		         draw(3), 1 + draw(90));
		break;
	case CONFIG_INTERFACE:
		snprintf(text, sizeof(text), draw(5) == 0 ? "2001:db8:%u::%u/64" : "10.%u.0.%u/24",
		         item, 100 + draw(90));
		break;
	case CONFIG_PREFIX:
	case CONFIG_PREFIX4:
		snprintf(text, sizeof(text), "10.%u.%u.0/24", draw(3), draw(20));
		break;
	case CONFIG_RANGE4:
		snprintf(text, sizeof(text), draw(2) ? "10.7.%u.%u" : "10.7.%u.%u/30", draw(4),
		         4 * draw(60));
		break;
	case CONFIG_PATH:
		snprintf(text, sizeof(text), "/p/%u", draw(5));
		break;
	case CONFIG_HOST:
		snprintf(text, sizeof(text), draw(2) ? "127.0.0.%u" : "::%u", draw(99));
		break;
	case CONFIG_PORTS:
		snprintf(text, sizeof(text), "%u-%u", 1 + draw(3000), 2000 + draw(60000));
		break;
	case CONFIG_TEXT:
		snprintf(text, sizeof(text), "/%u", draw(9));
		break;
	case CONFIG_HEX:
		snprintf(text, sizeof(text), "%0*x", 2 * (int)o->min, draw(9));
		break;
	case CONFIG_STATUS:
		snprintf(text, sizeof(text), "%u", 200 + draw(9));
		break;
	default:
		snprintf(text, sizeof(text), "02:00:00:00:00:%02x", draw(256));
	}
	return json_string(text);
}

static json_t *
draw_number(const struct config_option *o)
{
	uint64_t span = (uint64_t)(o->max - o->min) + 1;
	if (o->type == CONFIG_BOOL)
		return json_boolean(draw(2));
	if (o->type == CONFIG_POWER2)
		return json_integer((json_int_t)1 << (o->max == 512 ? draw(10) : 6 + draw(8)));
	return json_integer(o->min + (int64_t)(draw(2) ? draw(4) % span
	                                       : test_random(&seed) % span));
}

static json_t *
draw_junk(void)
{
	static const char *const junk[] = {"null", "[]", "{}", "-1", "1.5", "\"\"", "\"\\u20ac\"",
	                                   "true",
	                                   "99999999999", "\"::\"", "\"0.0.0.0/0\"", "[[[]]]"};
	return json_loads(junk[draw(sizeof(junk) / sizeof(junk[0]))], JSON_DECODE_ANY, NULL);
}

/* is_of_pass: what makes no sense in most rules. */
static bool
is_of_pass(const struct config_option *c)
{
	static const char *const keys[] = {"action", "destination", "protocol", "inbound"};
	for (unsigned i = 0; i < 4; i++)
		if (strncmp(c->path, "nat.rules[]", 11) == 0 && strcmp(option_key(c), keys[i]) == 0)
			return true;
	return false;
}

/* is_wanted: does an option occur? What policies are made of more often than the rest. */
static bool
is_wanted(const struct config_option *c)
{
	bool policy = strncmp(c->path, "nat", 3) == 0 || strncmp(c->path, "lb", 2) == 0;
	if (c->flags & CONFIG_REQUIRED)
		return true;
	if (strcmp(c->path, "lb.services[].port") == 0)
		return draw(40) != 0;
	if (strncmp(option_key(c), "tunnel_", 7) == 0 || strcmp(option_key(c), "dscp") == 0)
		return draw(80) == 0; /* of use in one mode only */
	if (strcmp(option_key(c), "mode") == 0)
		return draw(30) == 0; /* most of them ask for more */
	static const char *const seldom[] = {"client_address", "quic", "server_id", "syn_proxy",
	                                     "toa_option", "shifts",
	                                     "drain", "ports", "local_addresses", "persistence",
	                                     "hash", "schedule", "check", "checks", "nic",
	                                     "static", "deterministic", "realms", "number",
	                                     "exclude", "exclude_ports", "fallback", "reserve",
	                                     "used_low", "mappings_low", "mappings_high",
	                                     "flow_burst", "pcp", "leases", "min_lifetime",
	                                     "max_lifetime", "allow", "deny",
	                                     "limits", "lists", "file", "allocation"};
	bool rare = strncmp(c->path, "lb.checks[]", 11) == 0;
	for (size_t i = 0; i < sizeof(seldom) / sizeof(seldom[0]); i++)
		rare |= strcmp(option_key(c), seldom[i]) == 0;
	if (strcmp(option_key(c), "realm") == 0 || is_of_pass(c))
		return draw(60) == 0;
	if (rare)
		return draw(20) == 0;
	if (strcmp(c->path, "nat.rules[].pool") == 0)
		return draw(12) != 0;
	if (policy && (c->type == CONFIG_ARRAY || c->type == CONFIG_OBJECT))
		return draw(4) != 0;
	return draw(c->type == CONFIG_ARRAY || c->type == CONFIG_OBJECT ? 6 : 4) == 0;
}

static json_t *
draw_value(const struct config_option *o, unsigned junk)
{
	if (junk != 0 && draw(junk) == 0)
		return draw_junk();
	if (o->type == CONFIG_OBJECT) {
		json_t *out = json_object();
		for (const struct config_option *c = NULL; (c = option_child_next(o, c)) != NULL;)
			if (is_wanted(c))
				json_object_set_new(out, option_key(c), draw_value(c, junk));
		return out;
	}
	if (o->type == CONFIG_ARRAY) {
		json_t *out = json_array();
		unsigned outer = item, n = (unsigned)o->min + draw(3);
		for (item = 0; item < n; item++)
			json_array_append_new(out, draw_value(option_item(o), junk));
		item = outer;
		return out;
	}
	return o->type <= CONFIG_BOOL ? draw_number(o) : draw_text(o);
}

static bool
image_is_good(const struct image_header *h, size_t size)
{
	char err[256] = "";
	bool good = image_check(h, size, err, sizeof(err)) == 0 &&
	            nat_image_check(h, err, sizeof(err)) == 0 &&
	            lb_image_check(h, err, sizeof(err)) == 0;
	if (!good)
		printf("\n%s\n", err);
	return good;
}

static struct image_header *
compile_good(const json_t *doc, const struct image_header *previous, size_t *size)
{
	struct config_errors errs = {0};
	struct image_header *h = config_compile(doc, previous, 1, size, &errs);
	CU_ASSERT((h != NULL) == (errs.n == 0));
	for (unsigned i = 0; i < errs.n; i++)
		CU_ASSERT(errs.e[i].message[0] != '\0');
	if (h != NULL)
		CU_ASSERT(image_is_good(h, *size));
	return h;
}

static void
compile_again(const json_t *doc, const struct image_header *h, size_t size)
{
	struct config_errors errs = {0};
	size_t again_size = 0;
	struct image_header *again = compile_good(doc, NULL, &again_size);
	CU_ASSERT_FATAL(again != NULL && again_size == size);
	CU_ASSERT_EQUAL(memcmp(again, h, size), 0);
	free(again);
	again = config_rows(doc, h, 1, &again_size, &errs);
	struct image_header *rows = config_rows(doc, NULL, 1, &size, &errs);
	CU_ASSERT_FATAL(again != NULL && rows != NULL && again_size == size);
	CU_ASSERT_EQUAL(memcmp(again, rows, size), 0);
	CU_ASSERT_EQUAL(config_restart_needed(h, again, &errs), 0);
	again = config_tables(again, h, NULL, &again_size, &errs);
	CU_ASSERT_FATAL(again != NULL && again_size == size); /* nothing is to be made */
	free(rows);
	free(again);
}

/* Filling in defaults is complete after one time, and changes nothing but the text. */
static void
fill_changes_nothing(const json_t *doc, const struct image_header *h)
{
	static const uint32_t kinds[] = {IMG_PLANE, IMG_NICS, IMG_ROUTES, IMG_TIMERS, IMG_NAT_POOLS,
	                                 IMG_NAT_RULES, IMG_LB_SERVICES, IMG_LB_SLOTS};
	json_t *full = walk_fill(doc), *fuller = walk_fill(full);
	size_t size;
	CU_ASSERT(json_equal(full, fuller));
	struct image_header *again = compile_good(full, NULL, &size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(again);
	for (uint32_t i = 0; i < h->sections; i++) {
		const struct image_section *s = &h->section[i];
		uint32_t n = 0;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			if (s->kind != kinds[k])
				continue;
			const void *rows = image_rows(again, s->kind, &n);
			CU_ASSERT_EQUAL_FATAL(n, s->rows);
			CU_ASSERT_EQUAL(memcmp(rows, (const uint8_t *)h + s->offset,
			                       s->rows * s->row_size), 0);
		}
	}
	free(again);
	json_decref(full);
	json_decref(fuller);
}

static void
test_documents(void)
{
	unsigned good = 0, nat = 0, lb = 0;
	uint32_t n;
	seed = test_seed();
	for (unsigned i = 0; i < DOCUMENTS; i++) {
		static const unsigned junk[] = {0, 0, 200, 20};
		json_t *doc = draw_value(option_root(), junk[i % 4]);
		size_t size = 0;
		struct image_header *h = compile_good(doc, NULL, &size);
		struct config_errors errs = {0};
		bool valid = config_check(doc, &errs);
		CU_ASSERT_EQUAL(h != NULL, valid);
		if (h != NULL) {
			compile_again(doc, h, size);
			fill_changes_nothing(doc, h);
			good++;
			nat += image_rows(h, IMG_NAT_RULES, &n) != NULL;
			lb += image_rows(h, IMG_LB_BACKENDS, &n) != NULL;
		}
		free(h);
		json_decref(doc);
	}
	printf("%u of %u are good, %u have rules, %u backends ", good, DOCUMENTS, nat, lb);
	CU_ASSERT(good > DOCUMENTS / 100 && nat > DOCUMENTS / 60 && lb > DOCUMENTS / 60);
}

/* has_less_room: for pool addresses. Then numbers beyond it cannot stay. */
static bool
has_less_room(const struct image_header *a, const struct image_header *b)
{
	uint32_t n;
	const struct img_plane *x = image_rows(a, IMG_PLANE, &n);
	const struct img_plane *y = image_rows(b, IMG_PLANE, &n);
	return y->pool_addresses < x->pool_addresses;
}

/* needs_restart: is an option said to? */
static bool
needs_restart(const struct image_header *a, const struct image_header *b, const char *path)
{
	struct config_errors errs = {0};
	bool is_said = false;
	config_restart_needed(a, b, &errs);
	for (unsigned i = 0; i < errs.n; i++)
		is_said |= strcmp(errs.e[i].path, path) == 0;
	return is_said;
}

static void
addresses_stay(const struct image_header *a, const struct image_header *b)
{
	uint32_t n, k;
	const struct img_nat_address *x = image_rows(a, IMG_NAT_ADDRESSES, &n);
	const struct img_nat_address *y = image_rows(b, IMG_NAT_ADDRESSES, &k);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < k; j++)
			CU_ASSERT_EQUAL(x[i].address == y[j].address, x[i].id == y[j].id);
}

/* ids_stay: rows of the same address have the same id in both images, but in less room, which a
 * running data plane is never given: a restart is asked for, by name. */
static void
ids_stay(const struct image_header *a, const struct image_header *b)
{
	uint32_t n, k;
	if (!has_less_room(a, b))
		addresses_stay(a, b);
	CU_ASSERT_EQUAL(has_less_room(a, b) || has_less_room(b, a),
	                needs_restart(a, b, "nat.capacity.pool_addresses"));
	const struct img_nic *p = image_rows(a, IMG_NICS, &n), *q = image_rows(b, IMG_NICS, &k);
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t j = 1; j < k; j++)
			if (p[i].name[0] != '\0' && strcmp(p[i].name, q[j].name) == 0)
				CU_ASSERT_EQUAL(i, j);
}

static const uint16_t *
table_in(const struct image_header *h, const struct img_lb_service *s)
{
	uint32_t n;
	const uint16_t *slots = image_rows(h, IMG_LB_SLOTS, &n);
	return slots + (size_t)s->slots * MAGLEV_SIZE;
}

/* The tables that a data plane has after all these images, by the stable number of the service. */
static uint16_t *has_table[LB_MAX_SERVICE_IDS];

/* tables_are_right: what is kept from the previous images is what would have been made. */
static void
tables_are_right(const json_t *doc, const struct image_header *h)
{
	uint32_t n, k;
	size_t size, bytes = MAGLEV_SIZE * sizeof(uint16_t);
	struct image_header *fresh = compile_good(doc, NULL, &size);
	const struct img_lb_service *a = image_rows(h, IMG_LB_SERVICES, &n);
	const struct img_lb_service *b = image_rows(fresh, IMG_LB_SERVICES, &k);
	CU_ASSERT_EQUAL_FATAL(n, k);
	for (uint32_t i = 0; i < n; i++) {
		uint16_t **has = &has_table[a[i].id];
		if (a[i].slots != LB_SLOTS_KEPT) {
			*has = realloc(*has, bytes);
			memcpy(*has, table_in(h, &a[i]), bytes);
		}
		CU_ASSERT_PTR_NOT_NULL_FATAL(*has);
		CU_ASSERT_EQUAL(memcmp(*has, table_in(fresh, &b[i]), bytes), 0);
	}
	free(fresh);
}

/* The balancer's part of the document now and then stays, so that its tables may be taken over. */
static void
test_generations(void)
{
	struct image_header *h = NULL;
	json_t *lb = json_object();
	unsigned made = 0;
	for (unsigned tries = 0; made < GENERATIONS && tries < 100 * GENERATIONS; tries++) {
		json_t *doc = draw_value(option_root(), 0);
		size_t size;
		if (draw(2) == 0)
			json_object_set(doc, "lb", lb);
		struct image_header *next = compile_good(doc, h, &size);
		if (next != NULL) {
			tables_are_right(doc, next);
			if (h != NULL)
				ids_stay(h, next);
			json_decref(lb);
			lb = json_incref(json_object_get(doc, "lb"));
			lb = lb == NULL ? json_object() : lb;
			free(h);
			h = next;
			made++;
		}
		json_decref(doc);
	}
	CU_ASSERT_EQUAL(made, GENERATIONS);
	json_decref(lb);
	free(h);
	for (unsigned i = 0; i < LB_MAX_SERVICE_IDS; i++)
		free(has_table[i]);
}

static const struct test_case cases[] = {
	{"random documents", test_documents},
	{"random generations", test_generations},
};
TEST_MAIN("config_random", cases)
