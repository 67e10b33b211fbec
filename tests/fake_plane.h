/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A data plane for tests of the control side: it keeps the image it is given, has zero
 *            counters, and answers listings from arrays of the test.
 */
#ifndef MR_FAKE_PLANE_H
#define MR_FAKE_PLANE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/api/api.h"
#include "lb/lb_image.h"

enum { FAKE_KINDS = CMD_MAX, FAKE_WORKERS = 2 };

struct fake_plane {
	struct image_header *image;
	struct stats_segment *stats;
	const char *refuse;      /* apply says this, if set */
	bool gone;               /* nobody answers */
	unsigned applied, queried;
	struct { const void *rows; uint32_t n, row_size; } answer[FAKE_KINDS];
	uint16_t *table[LB_MAX_SERVICE_IDS];
	unsigned tables;         /* how many came in all */
};

/* fake_tables: those that the image brings; what it keeps has to be there. */
static inline bool
fake_tables(struct fake_plane *p, const struct image_header *h)
{
	struct lb_by_id running;
	uint32_t n, n_slots;
	size_t size = MAGLEV_SIZE * sizeof(uint16_t);
	const struct img_lb_service *s = image_rows(h, IMG_LB_SERVICES, &n);
	const uint16_t *slots = image_rows(h, IMG_LB_SLOTS, &n_slots);
	lb_services_by_id(p->image, &running);
	for (uint32_t i = 0; i < n; i++)
		if (s[i].slots == LB_SLOTS_KEPT && lb_table_known(&running, &s[i]) == NULL)
			return false;
	for (uint32_t i = 0; i < n; i++) {
		if (s[i].slots == LB_SLOTS_KEPT)
			continue;
		p->table[s[i].id] = realloc(p->table[s[i].id], size);
		memcpy(p->table[s[i].id], slots + (size_t)s[i].slots * MAGLEV_SIZE, size);
		p->tables++;
	}
	return true;
}

static inline int
fake_apply(void *ctx, const void *image, size_t size, uint64_t *generation, char *err,
           size_t err_size)
{
	struct fake_plane *p = ctx;
	if (p->gone)
		return -ENOTCONN;
	if (p->refuse != NULL)
		return snprintf(err, err_size, "%s", p->refuse) < 0 ? -EINVAL : -EBUSY;
	if (image_check(image, size, err, err_size) != 0)
		return -EINVAL;
	if (!fake_tables(p, image))
		return -ESTALE;
	free(p->image);
	p->image = malloc(size);
	memcpy(p->image, image, size);
	*generation = p->image->generation;
	p->applied++;
	return 0;
}

/* fake_query: pages by row number; the filter is the real data plane's business. */
static inline int
fake_query(void *ctx, const struct command *cmd, struct reply *reply, void *out, size_t room)
{
	struct fake_plane *p = ctx;
	if (p->gone)
		return -ENOTCONN;
	if (command_check(cmd, sizeof(*cmd)) != 0)
		return -ENOTCONN;
	p->queried++;
	memset(reply, 0, sizeof(*reply));
	uint64_t first = cmd->cursor, n = p->answer[cmd->kind].n;
	uint32_t size = p->answer[cmd->kind].row_size;
	reply->magic = COMMAND_MAGIC;
	reply->version = COMMAND_VERSION;
	reply->kind = cmd->kind;
	reply->generation = p->image != NULL ? p->image->generation : 0;
	reply->record_size = size;
	if (first >= n)
		return 0;
	uint64_t count = n - first < cmd->limit ? n - first : cmd->limit;
	if (count * size > room)
		count = room / size;
	memcpy(out, (const char *)p->answer[cmd->kind].rows + first * size, count * size);
	reply->count = (uint32_t)count;
	reply->cursor = first + count < n ? first + count : 0;
	return 0;
}

static inline const struct image_header *
fake_image(void *ctx)
{
	struct fake_plane *p = ctx;
	return p->gone ? NULL : p->image;
}

static inline const struct stats_segment *
fake_statistics(void *ctx)
{
	struct fake_plane *p = ctx;
	return p->gone ? NULL : p->stats;
}

static inline struct plane_link
fake_link(struct fake_plane *p)
{
	return (struct plane_link){p, fake_apply, fake_query, fake_image, fake_statistics};
}

static inline void
fake_open(struct fake_plane *p)
{
	uint64_t size = (stats_segment_size(1 + FAKE_WORKERS) + 4095) / 4096 * 4096;
	memset(p, 0, sizeof(*p));
	p->stats = aligned_alloc(4096, size);
	memset(p->stats, 0, size);
	stats_segment_init(p->stats, 1 + FAKE_WORKERS);
}

/* fake_drop: image and tables. fake_close: all of it. */
static inline void
fake_drop(struct fake_plane *p)
{
	free(p->image);
	for (unsigned i = 0; i < LB_MAX_SERVICE_IDS; i++)
		free(p->table[i]);
}

static inline void
fake_close(struct fake_plane *p)
{
	free(p->stats);
	fake_drop(p);
}

/* A document that the compiler takes: two interfaces, a pool and a service. */
static const char fake_document[] =
	"{\"workers\":{\"count\":2},"
	"\"nics\":[{\"name\":\"inside\",\"device\":\"net_tap0\",\"addresses\":[\"100.64.0.1/10\"]},"
	"{\"name\":\"outside\",\"device\":\"net_tap1\",\"addresses\":[\"192.0.2.1/24\"]}],"
	"\"routes\":[{\"prefix\":\"0.0.0.0/0\",\"via\":\"192.0.2.254\"}],"
	"\"nat\":{\"pools\":[{\"name\":\"main\",\"addresses\":[\"203.0.113.0/30\"]}],"
	"\"rules\":[{\"name\":\"all\",\"source\":\"100.64.0.0/10\",\"pool\":\"main\"}]},"
	"\"lb\":{\"services\":[{\"name\":\"web\",\"address\":\"198.51.100.80\",\"port\":80,"
	"\"backends\":[{\"address\":\"10.0.0.7\"},{\"address\":\"10.0.0.8\",\"weight\":3},"
	"{\"address\":\"10.0.0.8\",\"port\":8080}]}]}}";

#endif
