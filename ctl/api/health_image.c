/* SPDX-License-Identifier: Apache-2.0 */
/* What the data plane is told of health: states of backend rows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "health.h"
#include "lb/state.h"

/* Down is who only its checks hold back; who is also held back by request is in maintenance. */
static uint8_t
state_wanted(const struct health_target *t, const struct health_conf *c,
             const struct course *course, uint64_t now_ns)
{
	if (health_is_out(t, c))
		return c->configured == LB_READY && t->forced == HEALTH_AUTO ? LB_DOWN : LB_MAINT;
	return course_is_over(course, c, now_ns) ? LB_OVER : c->configured;
}

/* row_want: what its target says of a backend, before the service's groups are asked. */
static void
row_want(struct img_lb_backend *b, const struct health_target *t, bool planned, uint64_t now_ns)
{
	const struct health_conf *c = planned ? &t->next : &t->conf;
	const struct course *course = planned ? &t->next_course : &t->course;
	if (c->id != b->id)
		return;
	b->state = state_wanted(t, c, course, now_ns);
	b->withheld = course_withheld(course, c, now_ns);
}

/*
 * row_name: of who has been settled. In drain, and dead by its checks: it counted as taken out by
 * request, so that use-all does not take it; nobody asked for maintenance, though, so it is down.
 */
static void
row_name(struct img_lb_backend *b, const struct health_target *t, bool planned)
{
	const struct health_conf *c = planned ? &t->next : &t->conf;
	if (c->id == b->id && b->state == LB_MAINT && c->configured == LB_DRAIN &&
	    t->forced == HEALTH_AUTO)
		b->state = LB_DOWN;
}

/* service_patch: => rows that changed, or -errno. */
static int
service_patch(const struct img_lb_service *s, struct img_lb_backend *rows,
              struct health_target *const *target, bool planned, uint64_t now_ns)
{
	struct img_lb_backend *wanted = calloc(s->backends + 1, sizeof(*wanted));
	int changed = 0;
	if (wanted == NULL)
		return -ENOMEM;
	memcpy(wanted, rows, s->backends * sizeof(*wanted));
	for (uint32_t i = 0; i < s->backends; i++)
		row_want(&wanted[i], target[i], planned, now_ns);
	lb_state_settle(s, wanted);
	for (uint32_t i = 0; i < s->backends; i++) {
		row_name(&wanted[i], target[i], planned);
		changed += rows[i].state != wanted[i].state ||
		           rows[i].withheld != wanted[i].withheld;
		rows[i] = wanted[i];
	}
	free(wanted);
	return changed;
}

int
health_patch(const struct health *h, bool planned, uint64_t now_ns, struct image_header *image)
{
	uint32_t n_services = 0, n_backends = 0;
	const struct img_lb_service *s = image_rows(image, IMG_LB_SERVICES, &n_services);
	struct img_lb_backend *rows = image_rows_own(image, IMG_LB_BACKENDS, &n_backends);
	size_t n = planned ? h->n_next : h->n;
	int changed = 0;
	if (n != n_backends)
		return 0;
	for (uint32_t i = 0; i < n_services; i++) {
		struct health_target *const *target = planned ? h->next : h->target;
		if ((uint64_t)s[i].first_backend + s[i].backends > n)
			return 0;
		int rc = service_patch(&s[i], rows + s[i].first_backend,
		                       target + s[i].first_backend, planned, now_ns);
		if (rc < 0)
			return rc;
		changed += rc;
	}
	return changed;
}
