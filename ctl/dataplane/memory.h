/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       What an image takes of the machine's memory, what the machine has, and the sentence
 *            when that is not enough. Also the growth of the flow tables, which asks the same.
 * Invariant  A refusal names the setting that takes most, what it takes and what is free.
 * Limits     Free is what the kernel says is available (or what our control group leaves, if that
 *            is less), and free huge pages: an estimate, others may take it meanwhile.
 * Owner      The main lcore.
 * See        lib/flow_grow.h
 */
#ifndef MR_MEMORY_H
#define MR_MEMORY_H

#include "plane.h"

enum memory_part { MEMORY_FLOWS_V4, MEMORY_FLOWS_V6, MEMORY_NAT, MEMORY_LB, MEMORY_BUFFERS,
	           MEMORY_OTHER, MEMORY_PARTS };

/* What grows with flows takes so much for each IPv4 flow that there is room for, at the most. */
enum { MEMORY_FLOW_MAX = 128 };

struct memory_need {
	uint64_t part[MEMORY_PARTS]; /* bytes, all workers together */
	uint64_t sum;
};

/* memory_huge_free, memory_ordinary_free: bytes of free huge pages of the machine, and of ordinary
 * ones that this process may have. memory_free: both, if huge. */
uint64_t memory_huge_free(void);
uint64_t memory_ordinary_free(void);
uint64_t memory_free(bool huge);

/* memory_need: of a checked image; what packet buffers take is known to who makes them. */
struct memory_need memory_need(const struct image_header *image, uint64_t buffers);

/* memory_check: => 0, or -ENOMEM and a sentence. memory_say: the parts in one line. */
int memory_check(const struct memory_need *need, const struct img_plane *plane, uint64_t available,
                 char *err, size_t err_size);
void memory_say(const struct memory_need *need, uint64_t available, char *line, size_t size);

/*
 * plane_grow_prepare: memory for the flow capacities of `next` (not smaller than those in force)
 * for every worker, or for none. => how many workers grow (0: nothing to do), or -EAGAIN, -ENOMEM
 * and a sentence. Then plane_grow_offer or plane_grow_cancel.
 */
int plane_grow_prepare(struct plane *p, const struct img_plane *next, char *err, size_t err_size);
void plane_grow_offer(struct plane *p);
void plane_grow_cancel(struct plane *p);
/* plane_grow_settle: free what workers are done with. => how many still grow. */
uint32_t plane_grow_settle(struct plane *p);

#endif
