/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any frames through a whole data plane: two workers, slow path, NAT and balancer, devices in
 * memory. Whatever comes, every packet is accounted for, every buffer returns, every IPv4 packet
 * sent has a good header, and when all has timed out the tables are empty.
 */
#include "ctl/config/config.h"
#include "ctl/dataplane/plane.h"
#include "frames.h"
#include "fuzz.h"
#include "lb/lb_image.h"
#include "lib/mem.h"
#include "lib/nic_mem.h"
#include "lib/wire.h"

enum { BUFFERS = 512, ROOM = 2048, DEVS = 3, MAX_FRAMES = 64, MAX_TURNS = 64, ERR = 256 };
enum { HELD_MAX_S = 120 /* no packet is held for longer */, IMAGES = 2 };
static const uint64_t SECOND_NS = 1000000000, MS_NS = 1000000, DAY_S = 86400;

static struct image_header *image[IMAGES];

/* image_shrink: all services share one slot table, so that an image is checked in no time. */
static struct image_header *
image_shrink(struct image_header *h)
{
	struct image_builder b;
	uint32_t n;
	size_t size;
	struct img_lb_service *s = (void *)(uintptr_t)image_rows(h, IMG_LB_SERVICES, &n);
	for (uint32_t i = 0; i < n; i++) {
		MUST(s[i].backends == s[0].backends);
		s[i].slots = 0;
	}
	image_build_begin(&b, h->generation);
	for (uint32_t i = 0; i < h->sections; i++) {
		const struct image_section *from = &h->section[i];
		size_t rows = from->kind == IMG_LB_SLOTS ? MAGLEV_SIZE : from->rows;
		image_build_rows(&b, from->kind, (uint8_t *)h + from->offset, from->row_size, rows);
	}
	free(h);
	h = image_build_end(&b, &size);
	MUST(h != NULL);
	return h;
}

/* images_make: the configuration, and the same with a backend drained and a rule less. */
static void
images_make(void)
{
	struct config_errors errs = {.n = 0};
	json_t *doc = config_load(FUZZ_PLANE, &errs);
	size_t size;
	mem_use_huge(0);
	image[0] = doc != NULL ? config_compile(doc, NULL, 1, &size, &errs) : NULL;
	if (image[0] == NULL)
		fprintf(stderr, "%s: %s: %s\n", FUZZ_PLANE, errs.e[0].path, errs.e[0].message);
	MUST(image[0] != NULL);
	json_t *services = json_object_get(json_object_get(doc, "lb"), "services");
	json_t *service = json_array_get(services, 0);
	json_t *backend = json_array_get(json_object_get(service, "backends"), 0);
	json_object_set_new(backend, "state", json_string("drain"));
	json_array_clear(json_object_get(json_object_get(doc, "nat"), "rules"));
	image[1] = config_compile(doc, image[0], 2, &size, &errs);
	MUST(image[1] != NULL);
	image[0] = image_shrink(image[0]);
	image[1] = image_shrink(image[1]);
	json_decref(doc);
}

struct world {
	struct plane plane;
	struct nic_mem *mem;
	uint64_t now_ns;
	unsigned running; /* which image */
	unsigned reloads; /* one is enough */
	struct {
		size_t size;
		uint8_t frame[FRAME_MAX];
	} sent[DEVS][2]; /* last frame out of each device: others, ARP or ND */
};

static struct world *
world_open(void)
{
	char err[ERR];
	struct world *w = calloc(1, sizeof(*w));
	MUST(w != NULL);
	w->now_ns = SECOND_NS;
	w->mem = nic_mem_create(BUFFERS, ROOM);
	MUST(w->mem != NULL);
	w->plane.n_devs = DEVS;
	for (uint16_t i = 0; i < DEVS; i++) {
		nic_mem_dev(w->mem, &w->plane.devs[i], i, 2);
		w->plane.devs[i].mac_filter = 1;
	}
	MUST(plane_open(&w->plane, image[0], 42, false, w->now_ns, err, sizeof(err)) == 0);
	return w;
}

static void
frame_check(const uint8_t *f, uint32_t size)
{
	uint32_t at = ETHER_LEN, sum = 0;
	MUST(size >= ETHER_LEN && size <= FRAME_MAX);
	if (f[12] == 0x81 && f[13] == 0)
		at += VLAN_LEN;
	if (f[at - 2] != 0x08 || f[at - 1] != 0)
		return;
	uint32_t head = (f[at] & 15) * 4u, total = (uint32_t)f[at + 2] << 8 | f[at + 3];
	MUST(head >= IP4_LEN && total >= head && at + total <= size);
	for (uint32_t i = 0; i < head; i += 2)
		sum += (uint32_t)f[at + i] << 8 | f[at + i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	MUST((sum & 0xffff) + (sum >> 16) == 0xffff);
}

static void
sent_keep(struct world *w, unsigned dev, const uint8_t *frame, size_t size)
{
	bool link = frames_are_link(frame, size);
	memcpy(w->sent[dev][link].frame, frame, size);
	w->sent[dev][link].size = size;
}

static void
frames_collect(struct world *w)
{
	for (unsigned i = 0; i < DEVS; i++) {
		struct dev *d = &w->plane.devs[i];
		struct rte_mbuf *m;
		while ((m = nic_mem_take(d)) != NULL) {
			frame_check(buf_data(m), m->data_len);
			sent_keep(w, i, buf_data(m), m->data_len);
			d->ops->free(&m, 1);
		}
	}
}

/* identity_check: each packet that a context got has ended there once. */
static void
identity_check(const struct world *w)
{
	for (uint32_t i = 0; i <= w->plane.n_workers; i++) {
		const struct stats *s = stats_context(w->plane.shared.stats, i);
		uint64_t ends = s->forwarded + s->consumed + s->handed_off + s->held;
		for (unsigned k = 0; k < DROP_MAX; k++)
			ends += s->dropped[k];
		MUST(s->received + s->taken_over == ends);
	}
}

/* machine_check: with nothing on its way between contexts, what was sent was forwarded or made. */
static void
machine_check(const struct world *w)
{
	uint64_t sent = 0, made = 0, taken = 0, given = 0;
	for (uint32_t i = 0; i <= w->plane.n_workers; i++) {
		const struct stats *s = stats_context(w->plane.shared.stats, i);
		made += s->forwarded + s->generated;
		taken += s->taken_over;
		given += s->handed_off;
		for (unsigned k = 0; k < STATS_NICS; k++)
			sent += s->nic[k].tx_packets;
	}
	if (sent != made || taken != given)
		fprintf(stderr, "sent %lu, forwarded and made %lu; taken %lu, given %lu\n", sent,
		        made, taken, given);
	MUST(sent == made && taken == given);
}

/* world_turn: until everyone has twice had nothing to do: timers of the slow path send too. */
static void
world_turn(struct world *w)
{
	unsigned idle = 0;
	for (unsigned i = 0; i < MAX_TURNS && idle < 2; i++) {
		uint32_t work = 0;
		for (unsigned k = 0; k < w->plane.n_workers; k++)
			work += worker_poll(w->plane.worker[k], w->now_ns);
		work += plane_poll(&w->plane, w->now_ns);
		identity_check(w);
		idle = work == 0 ? idle + 1 : 0;
	}
	MUST(idle == 2);
	machine_check(w);
	frames_collect(w);
}

static void
world_reload(struct world *w)
{
	char err[ERR];
	w->running = 1 - w->running;
	image[w->running]->generation = w->plane.gen->number + 1;
	image_seal(image[w->running], image[w->running]->size);
	MUST(plane_apply(&w->plane, image[w->running], image[w->running]->size, w->now_ns, err,
	                 sizeof(err)) == 0);
}

/* is_waiting: does a context hold a packet, of others or its own? */
static bool
is_waiting(const struct world *w)
{
	uint64_t held = 0;
	for (uint32_t i = 0; i <= w->plane.n_workers; i++)
		held += stats_context(w->plane.shared.stats, i)->held;
	return held != 0 || nic_mem_free_count(w->mem) != BUFFERS;
}

/* world_rest: time passes until nothing is held and no flow is left; nothing has leaked. */
static void
world_rest(struct world *w)
{
	world_turn(w);
	for (unsigned i = 0; i < HELD_MAX_S && is_waiting(w); i++) {
		w->now_ns += SECOND_NS;
		world_turn(w);
	}
	w->now_ns += DAY_S * SECOND_NS;
	for (unsigned k = 0; k < w->plane.n_workers; k++)
		worker_sweep(w->plane.worker[k], w->now_ns);
	world_turn(w);
	for (uint32_t i = 0; i <= w->plane.n_workers; i++) {
		const struct stats *s = stats_context(w->plane.shared.stats, i);
		MUST(s->held == 0 && s->flows_v4 == 0 && s->flows_v6 == 0 && s->mappings == 0);
		MUST(s->flows_opened == s->flows_ended);
	}
	MUST(nic_mem_free_count(w->mem) == BUFFERS);
}

/* answer_make: the answer to what was last sent to a device, some bytes flipped. => its size. */
static uint16_t
answer_make(const struct world *w, unsigned dev, uint8_t *frame, uint16_t size)
{
	uint8_t flip[FRAME_MAX];
	memcpy(flip, frame, size);
	bool link = size > 0 && (flip[0] & ANSWER_LINK) != 0;
	size_t n = w->sent[dev][link].size;
	memcpy(frame, w->sent[dev][link].frame, n);
	if (n + 64 < FRAME_MAX)
		n = frames_answer(frame, n, size > 0 && (flip[0] & ANSWER_ERROR) != 0);
	for (size_t i = ANSWER_HEAD; i < size && flip[1] + i - ANSWER_HEAD < n; i++)
		frame[flip[1] + i - ANSWER_HEAD] ^= flip[i];
	return (uint16_t)n;
}

static void
frame_arrives(struct world *w, struct input *in)
{
	uint8_t frame[FRAME_MAX], control = input_u8(in), wait = input_u8(in);
	uint16_t size = input_u16(in) % FRAME_MAX;
	struct dev *d = &w->plane.devs[control & FRAME_DEV];
	if ((control & FRAME_DEV) == DEVS) {
		world_rest(w);
		return;
	}
	w->now_ns += wait * (control & FRAME_SECONDS ? SECOND_NS : MS_NS);
	input_bytes(in, frame, size);
	if ((control & FRAME_RELOAD) != 0 && w->reloads++ == 0)
		world_reload(w);
	if (control & FRAME_ANSWER)
		size = answer_make(w, d->id, frame, size);
	if (control & FRAME_REPAIR)
		frames_repair(frame, size, d->mac);
	(void)nic_mem_put(d, control & FRAME_QUEUE ? 1 : 0, frame, size);
	if ((control & FRAME_LATER) == 0)
		world_turn(w);
}

static void
world_close(struct world *w)
{
	plane_close(&w->plane);
	nic_mem_destroy(w->mem);
	free(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	if (image[0] == NULL)
		images_make();
	struct world *w = world_open();
	for (unsigned i = 0; i < MAX_FRAMES && in.left != 0; i++)
		frame_arrives(w, &in);
	world_rest(w);
	world_close(w);
	return 0;
}
