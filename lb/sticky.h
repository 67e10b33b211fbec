/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Persistence: which backend the sources under a mask were given, and for how long that
 *            holds.
 * Layout     An open-addressed table of 32-byte entries by (service, masked source), half full at
 *            most: two to a line.
 * Invariant  1. A key is in the table once.
 *            2. sticky_find says an entry until its time is over, and not after, whether or not it
 *               has been swept.
 *            3. used entries are in the table; those whose time is over go when they are found, or
 *               as the hand comes by, which is STICKY_SWEEP slots with each new entry.
 * Owner      One worker: it knows the sources whose home it is, and no others.
 * Lifetime   An entry's pointer is good until the next call.
 * Limits     capacity entries, fixed at init; sticky_set says false beyond it. Times are below
 *            2^31 ms; one that neither find nor hand has met for so long counts anew.
 * See        lb/choice.h.
 */
#ifndef MR_LB_STICKY_H
#define MR_LB_STICKY_H

#include <stddef.h>

#include "lib/addr.h"

enum { STICKY_SWEEP = 8 };

struct sticky_key {
	union addr source; /* masked */
	uint32_t service;  /* stable id */
	uint32_t family;
};

struct sticky_entry {
	struct sticky_key key; /* family 0: none */
	uint32_t backend;      /* stable id */
	uint32_t end_ms;
};
static_assert(sizeof(struct sticky_entry) == 32, "two to a line");

struct sticky {
	struct sticky_entry *slot;
	uint32_t mask;
	uint32_t used, capacity;
	uint32_t hand;
	uint64_t seed;
};

/* sticky_memsize: bytes for so many entries. */
size_t sticky_memsize(uint32_t capacity);
/* sticky_init: => 0 or -ENOMEM. Without capacity nothing is taken, and nothing remembered. */
int sticky_init(struct sticky *t, uint32_t capacity, uint64_t seed, int node);
void sticky_fini(struct sticky *t);

/* sticky_key_make: of a client of a service, of which `mask` bits count. */
struct sticky_key sticky_key_make(uint32_t service, const union addr *source, uint8_t family,
                                  uint8_t mask);
/* sticky_find: the entry that holds now, or NULL. */
struct sticky_entry *sticky_find(struct sticky *t, const struct sticky_key *key, uint32_t now_ms);
/* sticky_set: from now on this backend, for so long. => false: there is no room. */
bool sticky_set(struct sticky *t, const struct sticky_key *key, uint32_t backend,
                uint32_t now_ms, uint32_t timeout_s);

#endif
