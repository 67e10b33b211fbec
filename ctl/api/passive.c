/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes of clients as a verdict. */
#include "passive.h"

#include <stdio.h>

#include "internal.h"

static const uint64_t SECOND = 1000000000;

bool
passive_is_down(const struct passive_state *s, const struct passive_rule *rule)
{
	return s->down_ns != 0 && rule->failures != 0;
}

void
passive_reason(const struct passive_state *s, char *out, size_t size)
{
	snprintf(out, size, "passive: %llu of %llu handshakes failed",
	         (unsigned long long)s->failed, (unsigned long long)s->of);
}

static bool
is_too_many(const struct passive_rule *rule, uint64_t failed, uint64_t of)
{
	return rule->failures != 0 && failed >= rule->failures && failed * 100 >= of * rule->share;
}

/* Its time is over; a clock that was set back makes it no longer than it was to be. */
static bool
is_held_long(const struct passive_state *s, const struct passive_rule *rule, uint64_t now_ns)
{
	return now_ns < s->down_ns || now_ns - s->down_ns >= rule->hold_s * SECOND;
}

enum passive_change
passive_step(struct passive_state *s, const struct passive_rule *rule, uint64_t failed,
             uint64_t of, bool spare, uint64_t now_ns)
{
	if (s->down_ns != 0) {
		if (rule->failures != 0 && spare && !is_held_long(s, rule, now_ns))
			return PASSIVE_SAME;
		*s = (struct passive_state){0};
		return PASSIVE_ROSE;
	}
	if (!spare || !is_too_many(rule, failed, of))
		return PASSIVE_SAME;
	*s = (struct passive_state){now_ns != 0 ? now_ns : 1, failed, of};
	return PASSIVE_FELL;
}

/* is_healthy: would it take new connections, groups aside? */
static bool
is_healthy(const struct health_target *t, const struct img_lb_backend *b)
{
	return t->conf.configured == LB_READY && b->weight != 0 && !health_is_out(t, &t->conf);
}

static void
target_turn(struct health *h, struct health_target *t, bool spare, bool sampled, uint64_t now_ns)
{
	struct pace_sample d = {0};
	struct passive_state was = t->passive;
	const char *word = health_word(t);
	char text[HEALTH_REASON] = "passive: held long enough";
	if (sampled && t->conf.passive.failures != 0)
		pace_since(h, t, t->conf.passive.window_s, &d);
	uint64_t failed = (uint64_t)d.refused + d.unanswered;
	switch (passive_step(&t->passive, &t->conf.passive, failed, failed + d.answered, spare,
	                     now_ns)) {
	case PASSIVE_SAME:
		return;
	case PASSIVE_FELL:
		passive_reason(&t->passive, text, sizeof(text));
		break;
	case PASSIVE_ROSE:
		pace_forget(h, t);
		if (!is_held_long(&was, &t->conf.passive, now_ns))
			snprintf(text, sizeof(text), "passive: no other backend is healthy");
		break;
	}
	health_event(h, t, word, text, now_ns);
}

/* service_turn: its backends in order, so that the last healthy one is seen to be that. */
static void
service_turn(struct health *h, const struct img_lb_service *s, const struct img_lb_backend *rows,
             bool sampled, uint64_t now_ns)
{
	struct health_target **target = h->target + s->first_backend;
	uint32_t healthy = 0;
	bool wanted = false;
	for (uint32_t i = 0; i < s->backends; i++) {
		healthy += is_healthy(target[i], &rows[i]);
		wanted |= target[i]->conf.passive.failures != 0;
	}
	for (uint32_t i = 0; i < s->backends && wanted; i++) {
		bool was = is_healthy(target[i], &rows[i]);
		target_turn(h, target[i], healthy > was, sampled, now_ns);
		healthy += is_healthy(target[i], &rows[i]);
		healthy -= was;
	}
}

void
passive_turn(struct api *api, bool sampled, uint64_t now_ns)
{
	struct health *h = &api->health;
	const struct image_header *image = api->link.image(api->link.ctx);
	uint32_t n_services, n;
	if (!h->has_passive || image == NULL || (!sampled && !h->dirty))
		return;
	const struct img_lb_service *s = image_rows(image, IMG_LB_SERVICES, &n_services);
	const struct img_lb_backend *rows = image_rows(image, IMG_LB_BACKENDS, &n);
	if (n != h->n)
		return;
	for (uint32_t i = 0; i < n_services; i++)
		if ((uint64_t)s[i].first_backend + s[i].backends <= n)
			service_turn(h, &s[i], rows + s[i].first_backend, sampled, now_ns);
}

uint64_t
passive_next(const struct health *h)
{
	return h->has_passive ? pace_due(h) : UINT64_MAX;
}
