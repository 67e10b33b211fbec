/* SPDX-License-Identifier: Apache-2.0 */
/* What the data plane is told of health: states of backend rows, and the tables that follow. */
#include <string.h>

#include "health.h"
#include "lb/lb_table.h"

static uint8_t
state_wanted(const struct health_target *t, const struct health_conf *c)
{
	return health_is_out(t, c) ? LB_DOWN : c->configured;
}

/* service_patch: => rows that changed, or -errno. */
static int
service_patch(const struct img_lb_service *s, struct img_lb_backend *rows, uint16_t *slots,
              struct health_target *const *target, size_t n, bool planned)
{
	int changed = 0, rc = 0;
	for (uint32_t i = 0; i < s->backends && s->first_backend + i < n; i++) {
		struct img_lb_backend *b = &rows[s->first_backend + i];
		const struct health_target *t = target[s->first_backend + i];
		const struct health_conf *c = planned ? &t->next : &t->conf;
		uint8_t wanted = state_wanted(t, c);
		if (c->id != b->id || b->state == wanted)
			continue;
		b->state = wanted;
		changed++;
	}
	if (changed != 0)
		rc = lb_table_make(s, rows + s->first_backend,
		                   slots + s->slots * (size_t)MAGLEV_SIZE);
	return rc != 0 ? rc : changed;
}

static void *
rows_of(struct image_header *h, uint32_t kind, uint32_t *n)
{
	return (void *)(uintptr_t)image_rows(h, kind, n);
}

int
health_patch(const struct health *h, bool planned, struct image_header *image)
{
	uint32_t n_services = 0, n_backends = 0, n_slots = 0;
	const struct img_lb_service *s = image_rows(image, IMG_LB_SERVICES, &n_services);
	struct img_lb_backend *rows = rows_of(image, IMG_LB_BACKENDS, &n_backends);
	uint16_t *slots = rows_of(image, IMG_LB_SLOTS, &n_slots);
	size_t n = planned ? h->n_next : h->n;
	int changed = 0;
	if (n != n_backends)
		return 0;
	for (uint32_t i = 0; i < n_services; i++) {
		int rc = service_patch(&s[i], rows, slots, planned ? h->next : h->target, n,
		                       planned);
		if (rc < 0)
			return rc;
		changed += rc;
	}
	if (changed != 0)
		image_checksum(image);
	return changed;
}
