/* SPDX-License-Identifier: Apache-2.0 */
/* The table of targets: which there are, what becomes of results, events. */
#include "health.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "lb/state.h"

bool
health_init(struct health *h)
{
	h->event = calloc(HEALTH_EVENTS, sizeof(*h->event));
	return h->event != NULL;
}

void
health_fini(struct health *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->target[i]);
	free(h->target);
	free(h->sorted);
	free(h->event);
	checks_put(h->set);
	json_decref(h->saved);
	memset(h, 0, sizeof(*h));
}

static int
key_compare(const void *x, const void *y)
{
	const struct health_target *const *a = x, *const *b = y;
	return strcmp((*a)->key, (*b)->key);
}

static struct health_target *
find_key(const struct health *h, const char *key)
{
	struct health_target wanted, *p = &wanted;
	memcpy(wanted.key, key, HEALTH_KEY);
	struct health_target **found = h->n == 0 ? NULL :
		bsearch(&p, h->sorted, h->n, sizeof(p), key_compare);
	return found != NULL ? *found : NULL;
}

/* conf_read: what the image and the document say of row k. */
static void
conf_read(struct health_conf *c, const struct img_lb_service *s, const struct img_lb_backend *b,
          const struct checks *set, const json_t *service, uint32_t row)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->service, s->name, sizeof(c->service));
	c->service_address = s->address;
	c->service_port = s->port;
	c->service_last_port = s->port_last;
	c->service_family = s->family;
	c->service_plen = s->plen;
	c->proto = s->proto;
	c->address = b->address;
	c->family = b->family;
	c->port = b->port;
	c->id = b->id;
	c->row = row;
	c->place = (uint16_t)(row - s->first_backend);
	c->check = checks_of(set, service, c->place);
	c->asks_service = checks_ask_service(set, c->check, s);
}

/* conf_states: as the document says, since the image may have been patched. */
static void
conf_states(struct health_conf *c, const json_t *service, size_t i)
{
	const json_t *backend = json_array_get(json_object_get(service, "backends"), i);
	const char *state = json_string_value(json_object_get(backend, "state"));
	const json_t *deadline = json_object_get(backend, "deadline");
	if (deadline == NULL)
		deadline = json_object_get(json_object_get(service, "drain"), "deadline");
	c->configured = (uint8_t)lb_state_of(state != NULL ? state : "ready");
	c->deadline_s = (uint32_t)json_integer_value(deadline);
	c->slow_start_s = (uint32_t)json_integer_value(json_object_get(service, "slow_start"));
}

/* conf_passive: the service's rule for its backends. */
static void
conf_passive(struct health_conf *c, const json_t *service)
{
	struct passive_rule *r = &c->passive;
	const json_t *p = json_object_get(service, "passive");
	const struct { const char *key; uint32_t *to, otherwise; } members[] = {
		{"failures", &r->failures, 0}, {"share", &r->share, PASSIVE_SHARE},
		{"window", &r->window_s, PASSIVE_WINDOW_S}, {"hold", &r->hold_s, PASSIVE_HOLD_S},
	};
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const json_t *v = json_object_get(p, members[i].key);
		*members[i].to = v != NULL ? (uint32_t)json_integer_value(v) : members[i].otherwise;
	}
}

static void
key_make(char key[HEALTH_KEY], const struct health_conf *c)
{
	char service[API_NAME], backend[API_NAME], proto[API_NAME], rest[16] = "";
	if (c->service_plen != addr_bits(c->service_family) ||
	    c->service_port != c->service_last_port)
		snprintf(rest, sizeof(rest), "/%u-%u", c->service_plen,
		         ntohs(c->service_last_port));
	memset(key, 0, HEALTH_KEY);
	snprintf(key, HEALTH_KEY, "%.5s %.54s%.10s %.54s", name_protocol(c->proto, proto),
	         name_endpoint(&c->service_address, c->service_family, c->service_port, service),
	         rest,
	         name_endpoint(&c->address, c->family, c->port, backend));
}

/* plan_target: the target of this configuration, a new one if there is none. */
static struct health_target *
plan_target(struct health *h, const struct health_conf *c)
{
	char key[HEALTH_KEY];
	key_make(key, c);
	struct health_target *t = find_key(h, key);
	if (t == NULL && (t = calloc(1, sizeof(*t))) != NULL) {
		memcpy(t->key, key, HEALTH_KEY);
		health_restore(h, t);
	}
	if (t == NULL)
		return NULL;
	t->next = *c;
	t->stamp = h->stamp;
	return t;
}

/* plan_courses: of the targets of a service. One that has none yet is a new service. */
static void
plan_courses(const struct health *h, const struct img_lb_service *s, uint64_t now_ns)
{
	struct health_target **target = h->next + s->first_backend;
	bool knows = false;
	for (uint32_t i = 0; i < s->backends; i++)
		knows |= target[i]->committed;
	for (uint32_t i = 0; i < s->backends; i++) {
		struct health_target *t = target[i];
		bool serves = t->next.configured == LB_READY && !health_is_out(t, &t->next);
		t->next_course = course_after(t->course, &t->next, serves, knows, now_ns);
	}
}

static bool
plan_service(struct health *h, const struct img_lb_service *s, const struct img_lb_backend *rows,
             uint32_t n, const json_t *service)
{
	for (uint32_t i = 0; i < s->backends; i++) {
		uint32_t row = s->first_backend + i;
		struct health_conf c;
		if (row >= n || h->next[row] != NULL)
			return false;
		conf_read(&c, s, &rows[row], h->next_set, service, row);
		conf_states(&c, service, i);
		conf_passive(&c, service);
		struct health_target *t = plan_target(h, &c);
		if (t == NULL)
			return false;
		h->next[row] = t;
		h->n_next++;
	}
	return true;
}

/* services_by_name: {name: service of the document}. */
static json_t *
services_by_name(const json_t *doc)
{
	const json_t *list = json_object_get(json_object_get(doc, "lb"), "services");
	json_t *by_name = json_object();
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *s = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(s, "name"));
		if (name != NULL)
			json_object_set(by_name, name, s);
	}
	return by_name;
}

bool
health_plan(struct health *h, const json_t *doc, const struct image_header *image)
{
	uint32_t n_services = 0, n = 0;
	const struct img_lb_service *s = image_rows(image, IMG_LB_SERVICES, &n_services);
	const struct img_lb_backend *b = image_rows(image, IMG_LB_BACKENDS, &n);
	json_t *by_name = services_by_name(doc);
	h->stamp++;
	h->n_next = 0;
	h->next = calloc(n + 1, sizeof(struct health_target *));
	h->next_sorted = calloc(n + 1, sizeof(struct health_target *));
	h->next_set = checks_create(doc);
	bool good = h->next != NULL && h->next_sorted != NULL && h->next_set != NULL;
	for (uint32_t i = 0; i < n_services && good; i++)
		good = plan_service(h, &s[i], b, n, json_object_get(by_name, s[i].name));
	json_decref(by_name);
	if (!good || h->n_next != n) {
		h->n_next = n;
		health_abort(h);
		return false;
	}
	if (n != 0)
		memcpy(h->next_sorted, h->next, n * sizeof(struct health_target *));
	qsort(h->next_sorted, n, sizeof(struct health_target *), key_compare);
	return true;
}

void
health_plan_courses(struct health *h, const struct image_header *image, uint64_t now_ns)
{
	uint32_t n = 0;
	const struct img_lb_service *s = image_rows(image, IMG_LB_SERVICES, &n);
	h->planned_ns = now_ns;
	for (uint32_t i = 0; i < n; i++)
		plan_courses(h, &s[i], now_ns);
}

void
health_abort(struct health *h)
{
	for (size_t i = 0; h->next != NULL && i < h->n_next; i++)
		if (h->next[i] != NULL && !h->next[i]->committed)
			free(h->next[i]);
	free(h->next);
	free(h->next_sorted);
	checks_put(h->next_set);
	h->next = h->next_sorted = NULL;
	h->next_set = NULL;
}

static void
target_free(struct health *h, struct health_target *t)
{
	if (h->hooks.removed != NULL)
		h->hooks.removed(h->hooks.ctx, t);
	free(t);
	h->changes++;
}

/* target_take: the plan's configuration; who was down by a rule that is gone is not any more. */
static void
target_take(struct health *h, struct health_target *t)
{
	const char *was = health_word(t);
	t->conf = t->next;
	if (t->passive.down_ns != 0 && t->conf.passive.failures == 0) {
		t->passive = (struct passive_state){0};
		pace_forget(h, t);
		if (t->committed)
			health_event(h, t, was, "passive: no longer asked for", h->planned_ns);
	}
	h->has_passive |= t->conf.passive.failures != 0;
}

void
health_commit(struct health *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->target[i]->stamp != h->stamp)
			target_free(h, h->target[i]);
	free(h->target);
	free(h->sorted);
	struct checks *old = h->set;
	h->target = h->next;
	h->sorted = h->next_sorted;
	h->set = h->next_set;
	h->n = h->n_next;
	h->next = h->next_sorted = NULL;
	h->next_set = NULL;
	h->has_passive = false;
	for (size_t i = 0; i < h->n; i++) {
		struct health_target *t = h->target[i];
		target_take(h, t);
		h->changes += t->course.drain_ns != t->next_course.drain_ns;
		t->course = t->next_course;
		t->due_ns = 0;
		t->committed = true;
		if (h->hooks.changed != NULL)
			h->hooks.changed(h->hooks.ctx, t);
	}
	json_decref(h->saved);
	h->saved = NULL;
	checks_put(old);
	h->dirty = true;
	h->turn_ns = 0;
}

void
health_advance(struct health *h, uint64_t now_ns)
{
	for (size_t i = 0; i < h->n; i++) {
		struct health_target *t = h->target[i];
		bool serves = t->conf.configured == LB_READY && !health_is_out(t, &t->conf);
		struct course was = t->course;
		t->course = course_after(was, &t->conf, serves, true, now_ns);
		bool is_other = was.start_ns != t->course.start_ns ||
		                was.drain_ns != t->course.drain_ns;
		h->changes += is_other;
		if (is_other || was.serves != serves)
			h->turn_ns = 0;
	}
}

const char *
health_word(const struct health_target *t)
{
	if (t->forced != HEALTH_AUTO)
		return t->forced == HEALTH_FORCED_UP ? "forced-up" : "forced-down";
	if (passive_is_down(&t->passive, &t->conf.passive))
		return "down";
	if (t->conf.check == NULL)
		return "none";
	if (t->state.verdict == HEALTH_UNCHECKED)
		return "unchecked";
	if (t->state.verdict == HEALTH_UP)
		return "up";
	return t->state.held ? "held" : "down";
}

bool
health_is_out(const struct health_target *t, const struct health_conf *conf)
{
	if (t->forced != HEALTH_AUTO)
		return t->forced == HEALTH_FORCED_DOWN;
	return passive_is_down(&t->passive, &conf->passive) ||
	       (conf->check != NULL && health_is_down(&t->state, &conf->check->rule));
}

void
health_event(struct health *h, const struct health_target *t, const char *was, const char *reason,
             uint64_t now_ns)
{
	struct health_event *e = &h->event[h->events % HEALTH_EVENTS];
	*e = (struct health_event){.number = h->events++, .time_ns = now_ns,
		.address = t->conf.address, .family = t->conf.family, .port = t->conf.port,
		.health = health_word(t), .was = was};
	memcpy(e->service, t->conf.service, sizeof(e->service));
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	h->changes++;
	h->dirty = true;
}

void
health_result(struct health *h, struct health_target *t, bool good, const char *reason,
              uint64_t latency_ns, uint64_t now_ns)
{
	const char *was = health_word(t);
	const struct check_rule *rule = &t->conf.check->rule;
	char text[HEALTH_REASON];
	struct health_step step = health_step(t->state, rule, good, now_ns);
	t->state = step.state;
	t->checked_ns = now_ns;
	t->latency_ns = latency_ns;
	snprintf(t->reason, sizeof(t->reason), "%s", reason);
	if (step.change == HEALTH_SAME)
		return;
	snprintf(text, sizeof(text), "%s", reason);
	if (step.change == HEALTH_FELL_HELD)
		snprintf(text, sizeof(text), "%.70s; down %u times in %u s, held down", reason,
		         t->state.falls, rule->period_s);
	health_event(h, t, was, text, now_ns);
}

void
health_force(struct health *h, struct health_target *t, enum health_forced forced, uint64_t now_ns)
{
	const char *was = health_word(t);
	if (t->forced == forced)
		return;
	t->forced = (uint8_t)forced;
	health_event(h, t, was, "by request", now_ns);
}

struct health_target *
health_by_row(const struct health *h, uint32_t row, uint32_t id)
{
	return row < h->n && h->target[row]->conf.id == id ? h->target[row] : NULL;
}
