/* SPDX-License-Identifier: Apache-2.0 */
/* A data plane with devices in memory and a clock moved by hand. */
#include "ctl/replay/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/mem.h"

enum { ETHER_SIZE = 14, VLAN_SIZE = 4, SIM_RECORDS = 256 };

static int
link_apply(void *ctx, const void *image, size_t size, uint64_t *generation, char *err,
           size_t err_size)
{
	struct sim *s = ctx;
	int status = plane_apply(&s->plane, image, size, s->now_ns, err, err_size);
	if (status != 0)
		return status;
	*generation = s->plane.gen->number;
	return outputs_add(s->outputs, s->plane.gen->image, s->err, sizeof(s->err));
}

static int
link_query(void *ctx, const struct command *cmd, struct reply *reply, void *out, size_t room)
{
	struct sim *s = ctx;
	plane_command(&s->plane, cmd, s->now_ns, reply, out, room);
	return reply->status;
}

static const struct image_header *
link_image(void *ctx)
{
	struct sim *s = ctx;
	return s->plane.gen != NULL ? s->plane.gen->image : NULL;
}

static const struct stats_segment *
link_statistics(void *ctx)
{
	struct sim *s = ctx;
	return s->plane.shared.stats;
}

/* devices_make: one in memory for each device string of the image. */
static int
devices_make(struct sim *s, const struct image_header *image)
{
	uint32_t n, planes;
	const struct img_dev *dev = image_rows(image, IMG_DEVS, &n);
	const struct img_plane *plane = image_rows(image, IMG_PLANE, &planes);
	s->buffers = SIM_BUFFERS + SIM_BUFFERS_WORKER * plane->workers;
	if (s->buffers > SIM_BUFFERS_MAX)
		s->buffers = SIM_BUFFERS_MAX;
	s->mem = nic_mem_create(s->buffers, SIM_ROOM);
	if (s->mem == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct dev *d = &s->plane.devs[i];
		nic_mem_dev(s->mem, d, (uint16_t)i, plane->workers);
		d->mtu_max = SIM_MTU;
		d->mac_filter = 0;
		memcpy(d->name, dev[i].device, sizeof(d->name));
	}
	s->plane.n_devs = (uint16_t)n;
	return 0;
}

static uint64_t
link_clock(void *ctx)
{
	return ((struct sim *)ctx)->now_ns;
}

/* What the daemon does when its time has come: drains and slow starts go on. => 0 or -errno. */
static int
turn_take(struct sim *s, char *err, size_t err_size)
{
	api_turn(s->api);
	int changed = api_health_apply(s->api, err, err_size);
	return changed < 0 ? changed : 0;
}

static int
plane_make(struct sim *s, const struct image_header *image, uint64_t seed, char *err,
           size_t err_size)
{
	s->plane.derive_mac = 1;
	int status = plane_open(&s->plane, image, seed, false, s->now_ns, err, err_size);
	if (status != 0)
		return status;
	struct plane_link link = {s, link_apply, link_query, link_image, link_statistics};
	s->api = api_create(&link);
	if (s->api == NULL)
		return -ENOMEM;
	api_set_clock(s->api, link_clock, s);
	status = api_link_changed(s->api, err, err_size);
	return status != 0 ? status : turn_take(s, err, err_size);
}

int
sim_open(struct sim *s, const struct image_header *image, uint64_t seed, struct outputs *out,
         uint64_t now_ns, char *err, size_t err_size)
{
	memset(s, 0, sizeof(*s));
	mem_use_huge(0);
	s->now_ns = s->active_ns = now_ns;
	s->plane.stats_fd = s->plane.records_fd = -1; /* so that it can be closed from now on */
	s->log = json_array();
	s->outputs = out;
	int status = outputs_add(out, image, err, err_size);
	if (status != 0)
		return status;
	snprintf(err, err_size, "out of memory");
	status = devices_make(s, image);
	if (status == 0)
		status = plane_make(s, image, seed, err, err_size);
	if (status == 0)
		sim_settle(s);
	return status;
}

void
sim_close(struct sim *s)
{
	if (s->api != NULL)
		api_destroy(s->api);
	plane_close(&s->plane);
	if (s->mem != NULL)
		nic_mem_destroy(s->mem);
	json_decref(s->log);
}

/*
 * spread: the queue a simple NIC would choose: the same for both directions of an address pair, so
 * that packets of one flow stay in order. Where it is not the home worker's, that is what the
 * hand-off is for.
 */
static uint16_t
spread(const uint8_t *frame, uint32_t size, uint16_t queues)
{
	uint32_t at = ETHER_SIZE, hash = 0;
	if (size >= ETHER_SIZE + VLAN_SIZE && frame[12] == 0x81 && frame[13] == 0x00)
		at += VLAN_SIZE;
	if (size < at + 40 || queues < 2)
		return 0;
	unsigned version = frame[at] >> 4;
	unsigned first = version == 6 ? 8 : 12, bytes = version == 6 ? 32 : 8;
	for (unsigned i = 0; i < bytes; i += 4) {
		uint32_t word;
		memcpy(&word, frame + at + first + i, sizeof(word));
		hash ^= word;
	}
	return (uint16_t)(crc32c(0, &hash, sizeof(hash)) % queues);
}

bool
sim_put(struct sim *s, uint16_t dev, const void *frame, uint32_t size)
{
	struct dev *d = &s->plane.devs[dev];
	if (size > SIM_ROOM)
		return false;
	s->active_ns = s->now_ns;
	s->fed++;
	if (!nic_mem_put(d, spread(frame, size, d->rx_queues), frame, size))
		s->starved = true;
	return true;
}

/* frame_write: into the capture of the interface that (device, VLAN tag) is. */
static void
frame_write(struct sim *s, const struct dev *d, const struct rte_mbuf *m)
{
	const struct generation *g = s->plane.gen;
	const uint8_t *data = buf_data(m);
	unsigned vlan = 0;
	if (m->data_len >= ETHER_SIZE + VLAN_SIZE && data[12] == 0x81 && data[13] == 0x00)
		vlan = (data[14] << 8 | data[15]) & 0xfff;
	uint8_t nic = g->vlan_nic[d->id][vlan];
	s->written++;
	if (nic == NIC_NONE || !outputs_write(s->outputs, g->nics[nic].name, s->now_ns, data,
	                                      m->data_len))
		s->lost++;
}

static void
frames_collect(struct sim *s)
{
	for (unsigned i = 0; i < s->plane.n_devs; i++) {
		struct dev *d = &s->plane.devs[i];
		struct rte_mbuf *m;
		while ((m = nic_mem_take(d)) != NULL) {
			frame_write(s, d, m);
			d->ops->free(&m, 1);
		}
	}
}

static void
records_collect(struct sim *s)
{
	struct record rec[SIM_RECORDS];
	struct record_segment *seg = s->plane.shared.records;
	for (uint32_t i = 0; i < seg->rings; i++) {
		uint32_t n;
		while ((n = record_take(&seg->ring[i], rec, SIM_RECORDS)) != 0) {
			for (uint32_t k = 0; k < n; k++)
				json_array_append_new(s->log, api_record_json(s->api, &rec[k]));
			api_records(s->api, rec, n);
		}
	}
}

void
sim_settle(struct sim *s)
{
	uint32_t work = 1, turns = 0;
	/* Two turns at least: a generation that was just published is seen in the first. */
	while ((work != 0 || turns < 2) && turns < SIM_MAX_TURNS) {
		work = 0;
		for (unsigned i = 0; i < s->plane.n_workers; i++) {
			/* Idle flows end in sim_advance only: all workers' at one moment. */
			s->plane.worker[i]->swept_ns = s->now_ns;
			work += worker_poll(s->plane.worker[i], s->now_ns);
			worker_purge(s->plane.worker[i]);
		}
		work += plane_poll(&s->plane, s->now_ns);
		turns++;
	}
	s->endless |= work != 0;
	frames_collect(s);
	records_collect(s);
}

/* is_empty: is there nothing left that could end with time? */
static bool
is_empty(const struct sim *s)
{
	const struct stats_segment *seg = s->plane.shared.stats;
	uint64_t left = 0;
	for (uint32_t i = 0; i < seg->contexts; i++) {
		const struct stats *c = stats_context(seg, i);
		left += c->flows_v4 + c->flows_v6 + c->held;
		left += c->mappings + c->subscribers + c->blocks;
	}
	return left == 0;
}

/* next_sweep: the next whole second (minute, day) at which idle flows are looked for. */
static uint64_t
next_sweep(const struct sim *s)
{
	uint64_t idle_s = (s->now_ns - s->active_ns) / CAPTURE_NS_PER_S;
	uint64_t step = idle_s < SIM_IDLE_1 ? SIM_STEP_1 :
	                idle_s < SIM_IDLE_2 ? SIM_STEP_2 : SIM_STEP_3;
	if (idle_s >= SIM_IDLE_1 && is_empty(s))
		return UINT64_MAX;
	step *= CAPTURE_NS_PER_S;
	return (s->now_ns / step + 1) * step;
}

void
sim_advance(struct sim *s, uint64_t now_ns)
{
	while (s->now_ns < now_ns) {
		uint64_t sweep = next_sweep(s), timer = plane_next_timer(&s->plane);
		uint64_t turn = api_next_turn(s->api);
		if (sweep == UINT64_MAX && turn < now_ns)
			turn = now_ns; /* nobody is there who could notice */
		timer = turn < timer ? turn : timer;
		if (timer <= s->now_ns) /* what is due now was done in sim_settle: a moment later */
			timer = s->now_ns + CAPTURE_NS_PER_S / 1000;
		uint64_t next = sweep < timer ? sweep : timer;
		if (next > now_ns)
			next = now_ns;
		s->now_ns = next;
		if (next >= turn && turn_take(s, s->err, sizeof(s->err)) != 0)
			s->refused = true;
		if (next == sweep)
			for (unsigned i = 0; i < s->plane.n_workers; i++)
				worker_sweep(s->plane.worker[i], next);
		if (next == sweep || next == timer)
			sim_settle(s);
	}
}

static const char *
context_broken(const struct stats *c, uint32_t number, char *text, size_t size)
{
	uint64_t in = c->received + c->taken_over;
	uint64_t out = c->forwarded + c->consumed + c->handed_off + c->held;
	for (unsigned i = 0; i < DROP_MAX; i++)
		out += c->dropped[i];
	if (in == out)
		return NULL;
	snprintf(text, size, "context %" PRIu32 ": received %" PRIu64 " + taken over %" PRIu64
	         " != %" PRIu64 " forwarded, consumed, handed off, held or dropped", number,
	         c->received, c->taken_over, out);
	return text;
}

const char *
sim_broken(const struct sim *s, char *text, size_t size)
{
	const struct stats_segment *seg = s->plane.shared.stats;
	uint64_t received = 0, sent = 0, handed = 0, taken = 0, held = 0;
	for (uint32_t i = 0; i < seg->contexts; i++) {
		const struct stats *c = stats_context(seg, i);
		if (context_broken(c, i, text, size) != NULL)
			return text;
		received += i != 0 ? c->received : 0; /* 0: errors of its own (slow.h) */
		handed += c->handed_off;
		taken += c->taken_over;
		held += c->held;
		sent += c->forwarded + c->generated;
	}
	uint32_t idle = nic_mem_free_count(s->mem);
	if (s->endless)
		snprintf(text, size, "work did not end at one moment");
	else if (s->refused)
		snprintf(text, size, "a generation was refused: %s", s->err);
	else if (s->starved)
		snprintf(text, size, "no buffer was left for a frame");
	else if (received != s->fed)
		snprintf(text, size, "received %" PRIu64 " of %" PRIu64 " frames", received,
		         s->fed);
	else if (handed != taken)
		snprintf(text, size, "handed off %" PRIu64 ", taken over %" PRIu64, handed, taken);
	else if (sent != s->written)
		snprintf(text, size, "forwarded + generated = %" PRIu64 ", sent %" PRIu64, sent,
		         s->written);
	else if (s->lost != 0)
		snprintf(text, size, "%" PRIu64 " frames left by no interface", s->lost);
	else if (idle + held != s->buffers)
		snprintf(text, size, "%" PRIu32 " buffers are free, %" PRIu64 " held, of %" PRIu32,
		         idle, held, s->buffers);
	else
		return NULL;
	return text;
}
