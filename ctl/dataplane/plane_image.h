/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What an image has to pass before it runs: the checks of the core and of every policy,
 *            and the settings that a running data plane cannot change. Also the policies' list.
 * Invariant  A refusal names the setting as the configuration does.
 * See        docs/design.md, "Generations".
 */
#ifndef MR_PLANE_IMAGE_H
#define MR_PLANE_IMAGE_H

#include "lib/policy.h"

/* A policy and how its worker state is made. Row number: enum policy_number. */
struct policy_row {
	const struct policy_ops *ops;
	void *(*create)(const struct policy_env *env);
	void (*destroy)(void *state);
};
enum { PLANE_POLICIES = 3 };
extern const struct policy_row plane_policies[PLANE_POLICIES];

/* plane_image_check: => 0, or -EINVAL and a sentence. */
int plane_image_check(const void *image, size_t size, char *err, size_t err_size);

/* plane_image_fits: may `next` follow `running` without a restart? => 0, or -EBUSY and why not. */
int plane_image_fits(const struct image_header *running, const struct image_header *next,
                     const struct dev *devs, uint16_t n_devs, char *err, size_t err_size);

/* plane_generation_create: generation_create and every policy's view. => NULL and a sentence. */
struct generation *plane_generation_create(const struct image_header *image, const struct dev *devs,
                                           uint16_t n_devs, const struct generation *previous,
                                           char *err, size_t err_size);
void plane_generation_destroy(struct generation *g);

#endif
