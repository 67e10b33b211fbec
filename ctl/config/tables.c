/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of services, made for those whose backends are others than in the image that runs. */
#include <stdlib.h>

#include "config.h"
#include "errors.h"
#include "lb/lb_table.h"

/* tables_plan: which tables are kept, and where the others go. => how many are to be made. */
static uint32_t
tables_plan(struct image_header *image, const struct lb_by_id *running)
{
	uint32_t n, n_backends, made = 0;
	struct img_lb_service *s = image_rows_own(image, IMG_LB_SERVICES, &n);
	const struct img_lb_backend *b = image_rows(image, IMG_LB_BACKENDS, &n_backends);
	for (uint32_t i = 0; i < n; i++) {
		s[i].table = lb_table_digest(&s[i], b + s[i].first_backend);
		s[i].slots = lb_table_known(running, &s[i]) != NULL ? LB_SLOTS_KEPT : made++;
	}
	return made;
}

/* tables_fill: => false and an error. */
static bool
tables_fill(struct image_header *image, const atomic_bool *stop, struct config_errors *errs)
{
	uint32_t n, n_backends, n_slots;
	const struct img_lb_service *s = image_rows(image, IMG_LB_SERVICES, &n);
	const struct img_lb_backend *b = image_rows(image, IMG_LB_BACKENDS, &n_backends);
	uint16_t *slots = image_rows_own(image, IMG_LB_SLOTS, &n_slots);
	for (uint32_t i = 0; i < n; i++) {
		if (s[i].slots == LB_SLOTS_KEPT)
			continue;
		if (stop != NULL && atomic_load_explicit(stop, memory_order_relaxed)) {
			config_error_add(errs, "", "the daemon ends");
			return false;
		}
		int rc = lb_table_make(&s[i], b + s[i].first_backend,
		                       slots + (size_t)s[i].slots * MAGLEV_SIZE);
		if (rc == 0)
			continue;
		config_error_add(errs, "lb.services", "service \"%s\": its table cannot be "
		                 "made: %s", s[i].name, strerror(-rc));
		return false;
	}
	return true;
}

void *
config_tables(struct image_header *image, const struct image_header *running,
              const atomic_bool *stop, size_t *size, struct config_errors *errs)
{
	struct image_builder b;
	struct lb_by_id by_id;
	lb_services_by_id(running, &by_id);
	uint32_t made = tables_plan(image, &by_id);
	image_build_more(&b, image);
	if (made != 0)
		image_build_rows(&b, IMG_LB_SLOTS, NULL, sizeof(uint16_t),
		                 (size_t)made * MAGLEV_SIZE);
	if (!b.failed && !tables_fill((struct image_header *)(void *)b.data, stop, errs)) {
		free(b.data);
		return NULL;
	}
	void *done = image_build_end(&b, size);
	if (done == NULL)
		config_error_add(errs, "", "memory ran out, or the image would exceed %zu bytes",
		                 IMAGE_MAX);
	return done;
}
