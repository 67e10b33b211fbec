/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Numbers that stay the same over generations for what keeps its key (text): a pool
 *            address, a service, a backend, a timer set. They travel in the image as JSON.
 * Layout     {"next": {kind: n}, kind: {key: number}}.
 * Invariant  1. A key of the previous image keeps its number.
 *            2. A new key gets a number that no key has, in this image or in the previous one; they
 *               are given out in a circle, so that a number rests for as long as possible.
 * Owner      One compilation.
 */
#ifndef MR_CONFIG_IDS_H
#define MR_CONFIG_IDS_H

#include <jansson.h>

#include "lib/image.h"

struct ids {
	json_t *old;  /* of the previous image; {} if none */
	json_t *made; /* of this one */
};

/* ids_init: => false when memory runs out. previous may be NULL. */
bool ids_init(struct ids *ids, const struct image_header *previous);
void ids_fini(struct ids *ids);

struct id_space {
	struct ids *ids;
	const char *kind;
	json_t *old, *made;
	uint8_t *taken; /* a byte a number: IDS_OLD, IDS_NEW */
	uint32_t limit, next;
};

/* id_space_init: numbers 0..limit-1 of one kind. => false when memory runs out. */
bool id_space_init(struct id_space *s, struct ids *ids, const char *kind, uint32_t limit);
/* id_space_take: the number of a key. => false when none is free. */
bool id_space_take(struct id_space *s, const char *key, uint32_t *id);
/* id_space_take_stale: the same, but where none is free one of the previous image's will do. */
bool id_space_take_stale(struct id_space *s, const char *key, uint32_t *id);
void id_space_fini(struct id_space *s);

#endif
