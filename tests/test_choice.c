/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing: each scheduler against what it promises, limits and persistence against slow models. */
#include <arpa/inet.h>

#include "lb/choice.h"
#include "lb/lb_table.h"
#include "lb/maglev.h"
#include "test.h"

enum { MANY = 1000, FLOWS = 20000, PERSISTENCE = 600 };

struct world {
	struct img_plane plane;
	struct img_lb_service service;
	struct img_lb_backend backend[MANY];
	uint16_t slots[MAGLEV_SIZE];
	struct image_header *image;
	struct steer steer;
	struct lb_view *view;
	struct stats stats;
	struct choice choice; /* the worker's */
};
static struct world w;

/* view_make: of the rows as they are. */
static void
view_make(uint16_t workers)
{
	struct image_builder b;
	char err[256] = "";
	size_t size;
	w.plane.workers = workers;
	CU_ASSERT_EQUAL_FATAL(lb_table_make(&w.service, w.backend, w.slots), 0);
	image_build_begin(&b, 1);
	image_build_rows(&b, IMG_PLANE, &w.plane, sizeof(w.plane), 1);
	image_build_rows(&b, IMG_TIMERS, &(struct timer_set){0}, sizeof(struct timer_set), 1);
	image_build_rows(&b, IMG_LB_SERVICES, &w.service, sizeof(w.service), 1);
	image_build_rows(&b, IMG_LB_BACKENDS, w.backend, sizeof(w.backend[0]), w.service.backends);
	image_build_rows(&b, IMG_LB_SLOTS, w.slots, sizeof(w.slots[0]), MAGLEV_SIZE);
	lb_view_destroy(w.view);
	free(w.image);
	w.image = image_build_end(&b, &size);
	CU_ASSERT_EQUAL_FATAL(lb_image_check(w.image, err, sizeof(err)), 0);
	steer_init(&w.steer, workers, STEER_RETA_BITS, false, 3);
	w.view = lb_view_create(w.image, &w.steer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w.view);
	CU_ASSERT_EQUAL_FATAL(lb_tables_take(&w.view->tables, w.image, NULL, NULL), 0);
	choice_reload(&w.choice);
}

static void
worker_make(uint16_t worker, uint64_t seed)
{
	struct policy_env env = {.worker = worker, .n_workers = w.plane.workers,
		.plane = &w.plane, .stats = &w.stats, .seed = seed, .node = -1};
	choice_fini(&w.choice);
	memset(&w.choice, 0, sizeof(w.choice));
	memset(&w.stats, 0, sizeof(w.stats));
	CU_ASSERT_EQUAL_FATAL(choice_init(&w.choice, &env), 0);
}

/* setup: n backends of weight 1 + i % weights (0: all 1), one worker. */
static void
setup(uint8_t scheduler, uint32_t n, uint32_t weights)
{
	w.plane = (struct img_plane){.workers = 1, .persistence = PERSISTENCE};
	w.service = (struct img_lb_service){.name = "s", .family = FAMILY_V4, .proto = 6,
		.address = addr_from_v4(htonl(0xc0000201)), .plen = 32, .port = htons(80),
		.port_last = htons(80), .id = 9,
		.backends = n};
	w.service.choice.scheduler = scheduler;
	w.service.choice.hash = scheduler == LB_SOURCE_HASH ? LB_HASH_SOURCE : LB_HASH_TUPLE;
	for (uint32_t i = 0; i < n; i++)
		w.backend[i] = (struct img_lb_backend){.family = FAMILY_V4, .id = 70 + i * 3,
			.address = addr_from_v4(htonl(0x0a000001 + i)), .port = htons(8080),
			.weight = weights == 0 ? 1 : 1 + i % weights};
	view_make(1);
	worker_make(0, 1);
}

static struct tuple
client(uint32_t n)
{
	return (struct tuple){.src = addr_from_v4(htonl(0xcb007100 + n * 77)), .dport = htons(80),
		.sport = htons((uint16_t)(1024 + n % 60000)), .dst = w.service.address,
		.family = FAMILY_V4, .proto = 6};
}

static uint8_t reason;

/* take: the row that client n gets, -1 for none. */
static int
take_of(const struct tuple *t, uint32_t now_ms)
{
	const struct img_lb_backend *b = choice_take(&w.choice, w.view, w.view->services, t,
	                                             now_ms, &reason);
	return b == NULL ? -1 : (int)(b - w.view->backends);
}

static int
take(uint32_t n)
{
	struct tuple t = client(n);
	return take_of(&t, 0);
}

static void
put(int row, uint32_t n, uint32_t now_ms)
{
	struct tuple t = client(n);
	choice_put(&w.choice, w.view, w.backend[row].id, &t, now_ms);
}

static uint32_t
live(int row)
{
	return w.choice.live[w.backend[row].id];
}

/* Shares by weight within 2 % of all flows; counted ones within two flows. Nothing ends. */
static void
test_weights(void)
{
	static const uint32_t sizes[] = {2, 3, 10, 100};
	for (uint8_t scheduler = 0; scheduler < LB_SCHEDULERS; scheduler++) {
		double worst = 0;
		for (unsigned k = 0; k < 4; k++) {
			uint64_t sum = 0;
			setup(scheduler, sizes[k], 7);
			for (uint32_t i = 0; i < sizes[k]; i++)
				sum += w.backend[i].weight;
			for (uint32_t n = 0; n < FLOWS; n++)
				CU_ASSERT_FATAL(take(n) >= 0);
			for (uint32_t i = 0; i < sizes[k]; i++) {
				double share = (double)FLOWS * w.backend[i].weight / (double)sum;
				double off = share - live((int)i);
				worst = off > worst ? off : -off > worst ? -off : worst;
			}
		}
		bool counted = lb_table_is_order(scheduler);
		printf("\n  scheduler %u: off by %.0f of %u flows", scheduler, worst, FLOWS);
		CU_ASSERT(worst <= (counted ? 2 : FLOWS * 0.02));
	}
}

/* Schedulers that hash: every worker, every number of workers, every seed the same. */
static void
test_agreement(void)
{
	static int first[FLOWS / 10];
	for (uint8_t scheduler = LB_MAGLEV; scheduler <= LB_SOURCE_HASH; scheduler++) {
		setup(scheduler, 50, 5);
		for (uint16_t workers = 1; workers <= 16; workers++) {
			view_make(workers);
			worker_make((uint16_t)(workers * 7 % workers), workers * 99 + 1);
			for (uint32_t n = 0; n < FLOWS / 10; n++) {
				int row = take(n);
				if (workers == 1)
					first[n] = row;
				CU_ASSERT_EQUAL_FATAL(row, first[n]);
			}
		}
	}
}

/* What is hashed: what differs elsewhere does not matter, what differs there does. */
static void
test_hash(void)
{
	for (uint8_t hash = 0; hash < LB_HASHES; hash++) {
		setup(LB_MAGLEV, MANY, 0);
		w.service.choice.hash = hash;
		view_make(1);
		unsigned same_sport = 0, same_dport = 0, same_src = 0, same_dst = 0;
		for (uint32_t n = 0; n < 500; n++) {
			struct tuple t = client(n), u = t;
			int row = take_of(&t, 0);
			u.sport ^= htons(0x1234);
			same_sport += take_of(&u, 0) == row;
			u = t;
			u.dport = htons(81);
			same_dport += take_of(&u, 0) == row;
			u = t;
			u.src.b[3] ^= 1;
			same_src += take_of(&u, 0) == row;
			u = t;
			u.dst.b[3] ^= 1;
			same_dst += take_of(&u, 0) == row;
		}
		CU_ASSERT(same_src < 10);
		CU_ASSERT(hash == LB_HASH_TUPLE ? same_sport < 10 : same_sport == 500);
		CU_ASSERT(hash == LB_HASH_SOURCE ? same_dport == 500 : same_dport < 10);
		CU_ASSERT(hash == LB_HASH_TUPLE ? same_dst < 10 : same_dst == 500);
	}
}

/* Round robin is the order of the table, slot by slot, whatever flows end. */
static void
test_round_robin(void)
{
	setup(LB_ROUND_ROBIN, 12, 4);
	for (uint32_t n = 0; n < 2 * MAGLEV_SIZE; n++) {
		int row = take(n);
		CU_ASSERT_EQUAL_FATAL(row, w.slots[n % MAGLEV_SIZE]);
		if (n % 3 == 0)
			put(row, n, 0);
	}
	for (uint16_t worker = 0; worker < 4; worker++) {
		view_make(4);
		worker_make(worker, 1);
		CU_ASSERT_EQUAL(take(1), w.slots[MAGLEV_SIZE * worker / 4]);
	}
}

static bool
is_least(int row)
{
	for (uint32_t i = 0; i < w.service.backends; i++)
		if ((uint64_t)(live((int)i) + 1) * w.backend[row].weight <
		    (uint64_t)live(row) * w.backend[i].weight)
			return false;
	return true;
}

/* Up to CHOICE_CANDIDATES equal backends: always one of those with the fewest flows. */
static void
test_least(void)
{
	static int row[FLOWS];
	for (uint32_t n = 1; n <= CHOICE_CANDIDATES; n++) {
		uint64_t seed = test_seed() + n;
		setup(LB_LEAST_CONNECTIONS, n, 0);
		for (uint32_t i = 0; i < 2000; i++) {
			row[i] = take(i);
			CU_ASSERT_FATAL(is_least(row[i]));
			uint32_t gone = (uint32_t)(test_random(&seed) % (i + 1));
			if (test_random(&seed) % 2 && row[gone] >= 0) {
				put(row[gone], gone, 0);
				row[gone] = -1;
			}
		}
	}
}

/* busiest: flows of a backend by weight at most, over the mean, after flows came and went. */
static double
busiest(uint8_t scheduler, uint32_t n)
{
	static int row[FLOWS];
	uint64_t seed = test_seed(), weights = 0, flows = 0;
	double most = 0;
	setup(scheduler, n, 5);
	for (uint32_t i = 0; i < FLOWS; i++) {
		row[i] = take(i);
		uint32_t gone = (uint32_t)(test_random(&seed) % (i + 1));
		if (test_random(&seed) % 3 == 0 && row[gone] >= 0) {
			put(row[gone], gone, 0);
			row[gone] = -1;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		double load = (double)live((int)i) / w.backend[i].weight;
		most = load > most ? load : most;
		weights += w.backend[i].weight;
		flows += live((int)i);
	}
	return most * (double)weights / (double)flows;
}

/*
 * Who looks at load spreads it better than who does not, also over many backends. A backend has
 * about 5 flows a weight, so that one flow more on a weight of 1 is 0.2. In 8000 seeds maglev had
 * 1.95 at least, two-choices 1.21 and least-connections 1.19 at most: none is within a flow of its
 * bound, and for each flow more all candidates have to be as full at once, which squares what is
 * seldom already. Without looking, two-choices has 2.2, and least-connections, which is round robin
 * then, 1.39.
 */
static void
test_load(void)
{
	double hashed = busiest(LB_MAGLEV, MANY), two = busiest(LB_TWO_CHOICES, MANY);
	double least = busiest(LB_LEAST_CONNECTIONS, MANY);
	printf("  busiest/mean: maglev %.2f, two-choices %.2f, least-connections %.2f", hashed,
	       two, least);
	CU_ASSERT(hashed > 1.5 && two < 1.5);
	CU_ASSERT(least < 1.3);
}

/* Limits: a flow is refused exactly when nobody has room, and nobody has more than his share. */
static void
test_limits(void)
{
	enum { BACKENDS = 40, WORKERS = 3 };
	static struct { int row; } flow[4096];
	for (uint8_t scheduler = 0; scheduler < LB_SCHEDULERS; scheduler++) {
		uint64_t seed = test_seed();
		uint32_t n = 0, refused = 0;
		setup(scheduler, BACKENDS, 5);
		for (uint32_t i = 0; i < BACKENDS; i++)
			w.backend[i].max_flows = 1 + (uint32_t)(test_random(&seed) % 9);
		w.backend[3].weight = 0;
		w.backend[4].state = LB_DRAIN;
		view_make(WORKERS);
		worker_make(1, 1);
		for (uint32_t step = 0; step < 20000; step++) {
			bool room = false;
			for (uint32_t i = 0; i < BACKENDS; i++)
				room |= i != 3 && i != 4 && live((int)i) * WORKERS <
					w.backend[i].max_flows;
			if (n > 0 && test_random(&seed) % 1000 < (step / 500 % 2 ? 600 : 300)) {
				uint32_t gone = (uint32_t)(test_random(&seed) % n);
				put(flow[gone].row, gone, 0);
				flow[gone] = flow[--n];
				continue;
			}
			int row = take((uint32_t)test_random(&seed));
			CU_ASSERT_EQUAL_FATAL(row >= 0, room);
			refused += row < 0;
			if (row < 0)
				CU_ASSERT_EQUAL_FATAL(reason, DROP_LB_BACKENDS_FULL);
			if (row < 0)
				continue;
			CU_ASSERT_FATAL(row != 3 && row != 4);
			CU_ASSERT_FATAL((live(row) - 1) * WORKERS < w.backend[row].max_flows);
			flow[n++].row = row;
		}
		CU_ASSERT(refused > 100 && w.stats.backends_passed > 100);
	}
}

/* A flow that did not come to be gives its place back; nobody able is another reason than full. */
static void
test_reasons(void)
{
	setup(LB_MAGLEV, 1, 0);
	w.backend[0].max_flows = 1;
	view_make(1);
	CU_ASSERT_EQUAL(take(1), 0);
	CU_ASSERT_EQUAL(take(2), -1);
	CU_ASSERT_EQUAL(reason, DROP_LB_BACKENDS_FULL);
	choice_undo(&w.choice, w.view, w.backend[0].id);
	CU_ASSERT_EQUAL(take(2), 0);
	w.backend[0].weight = 0;
	view_make(1);
	CU_ASSERT_EQUAL(take(3), -1);
	CU_ASSERT_EQUAL(reason, DROP_LB_NO_BACKEND);
	w.backend[0].weight = 1;
	w.backend[0].max_flows = 0;
	view_make(1);
	CU_ASSERT_EQUAL(take(3), 0);
	CU_ASSERT_EQUAL(take(4), 0);
	w.service.backends = 0;
	view_make(1);
	CU_ASSERT_EQUAL(take(4), -1);
	CU_ASSERT_EQUAL(reason, DROP_LB_NO_BACKEND);
	choice_put(&w.choice, w.view, w.backend[0].id, &(struct tuple){0}, 0); /* is gone */
	CU_ASSERT_EQUAL(live(0), 2);
}

/* The table is of another time: who is not ready is passed over, and found out of the rows. */
static void
test_old_table(void)
{
	setup(LB_MAGLEV, 3, 0);
	struct img_lb_backend rows[3];
	struct lb_view v = *w.view;
	v.backends = rows;
	struct lb_view *real = w.view;
	for (unsigned down = 1; down < 8; down++) {
		memcpy(rows, w.backend, sizeof(rows));
		for (unsigned i = 0; i < 3; i++)
			rows[i].state = down >> i & 1 ? LB_DOWN : LB_READY;
		w.view = &v;
		choice_reload(&w.choice);
		for (uint32_t n = 0; n < 500; n++) {
			int row = take(n);
			CU_ASSERT_EQUAL_FATAL(row < 0, down == 7);
			CU_ASSERT_FATAL(row < 0 || rows[row].state == LB_READY);
		}
		w.view = real;
	}
}

static void
persistent(uint8_t scheduler, uint8_t mask)
{
	setup(scheduler, 20, 3);
	w.service.choice.persistence_s = 60;
	w.service.choice.mask = mask;
	view_make(1);
}

/* Clients keep their backend over any change of the set but its own end, as long as they come. */
static void
test_persistence(void)
{
	enum { CLIENTS = 200, CHANGES = 80 };
	static int had[CLIENTS];
	for (uint8_t scheduler = 0; scheduler < LB_SCHEDULERS; scheduler++) {
		uint64_t seed = test_seed();
		unsigned zero = 0, moved = 0;
		persistent(scheduler, 32);
		for (uint32_t n = 0; n < CLIENTS; n++)
			had[n] = take(n);
		for (uint32_t change = 1; change <= CHANGES; change++) {
			struct img_lb_backend *b = &w.backend[test_random(&seed) % 20];
			b->weight = (uint32_t)(test_random(&seed) % 4);
			uint64_t tenth = test_random(&seed) % 10;
			b->state = tenth > 1 ? LB_READY : tenth == 0 ? LB_DRAIN : LB_MAINT;
			view_make(1);
			for (uint32_t i = 0; i < 20; i++) {
				uint32_t n = (uint32_t)(test_random(&seed) % CLIENTS);
				struct tuple t = client(n);
				t.sport = (be16)test_random(&seed);
				int row = take_of(&t, change * 100);
				const struct img_lb_backend *rows = w.backend;
				CU_ASSERT_FATAL(row >= 0 && (rows[row].state == LB_READY ||
				                             row == had[n]));
				CU_ASSERT_FATAL(rows[row].state != LB_MAINT);
				if (rows[had[n]].state != LB_MAINT)
					CU_ASSERT_EQUAL_FATAL(row, had[n]);
				zero += w.backend[row].weight == 0;
				moved += row != had[n];
				had[n] = row;
			}
		}
		CU_ASSERT_EQUAL(w.stats.persistence, CLIENTS);
		CU_ASSERT(zero > 10 && moved > 10);
	}
}

/* From the last opening or end on the timeout counts; then it is as if the client were new. */
static void
test_timeout(void)
{
	persistent(LB_ROUND_ROBIN, 32);
	struct tuple t = client(1);
	int row = take_of(&t, 0);
	CU_ASSERT_EQUAL(take_of(&t, 59999), row);
	CU_ASSERT_EQUAL(take_of(&t, 119000), row);
	put(row, 1, 150000);
	CU_ASSERT_EQUAL(take_of(&t, 209999), row);
	CU_ASSERT_NOT_EQUAL(take_of(&t, 270000), row);
	put(row, 1, 280000); /* of a backend that is its no more */
	CU_ASSERT_PTR_NOT_NULL(sticky_find(&w.choice.sticky,
		&(struct sticky_key){t.src, 9, FAMILY_V4}, 329999));
	CU_ASSERT_PTR_NULL(sticky_find(&w.choice.sticky,
		&(struct sticky_key){t.src, 9, FAMILY_V4}, 330000));
}

/* All sources under a mask go to one backend, whichever worker they come to. */
static void
test_mask(void)
{
	static int of_net[64];
	for (uint8_t scheduler = LB_MAGLEV; scheduler <= LB_SOURCE_HASH; scheduler++) {
		persistent(scheduler, 24);
		for (uint16_t worker = 0; worker < 5; worker++) {
			view_make(5);
			worker_make(worker, worker);
			for (uint32_t n = 0; n < 64 * 16; n++) {
				struct tuple t = client(n);
				t.src = addr_from_v4(htonl(0x0b000000 + n % 64 * 256 + n / 64));
				int row = take_of(&t, n);
				if (worker == 0 && n < 64)
					of_net[n] = row;
				CU_ASSERT_EQUAL_FATAL(row, of_net[n % 64]);
			}
			CU_ASSERT_EQUAL(w.choice.sticky.used, 64);
		}
	}
}

/* Full: the client goes elsewhere, and back when there is room. No room to remember: counted. */
static void
test_persistence_full(void)
{
	persistent(LB_MAGLEV, 32);
	int row = take(1);
	w.backend[row].max_flows = 1;
	view_make(1);
	int other = take(1);
	CU_ASSERT(other >= 0 && other != row);
	put(row, 1, 0);
	CU_ASSERT_EQUAL(take(1), row);
	persistent(LB_LEAST_CONNECTIONS, 32);
	for (uint32_t n = 0; n < 2 * PERSISTENCE; n++)
		CU_ASSERT_FATAL(take(n) >= 0);
	CU_ASSERT_EQUAL(w.stats.persistence, PERSISTENCE + 2);
	CU_ASSERT_EQUAL(w.stats.persistence_full, PERSISTENCE - 2);
}

/* What is forwarded without a flow goes where its flow would, with persistence too, and leaves
 * nothing behind. */
static void
test_peek(void)
{
	static const uint8_t schedulers[] = {LB_MAGLEV, LB_SOURCE_HASH};
	for (unsigned k = 0; k < 4; k++) {
		if (k < 2)
			setup(schedulers[k], 12, 3);
		else
			persistent(schedulers[k - 2], 32);
		for (uint32_t n = 0; n < 300; n++) {
			struct tuple t = client(n % 200);
			uint32_t used = w.choice.sticky.used;
			const struct img_lb_backend *b = choice_peek(&w.choice, w.view,
				w.view->services, &t, n, &reason);
			CU_ASSERT_PTR_NOT_NULL_FATAL(b);
			CU_ASSERT_EQUAL(w.choice.sticky.used, used);
			uint32_t live = w.choice.live[b->id];
			CU_ASSERT_EQUAL_FATAL(take_of(&t, n), b - w.view->backends);
			CU_ASSERT_EQUAL(w.choice.live[b->id], live + 1);
			w.choice.live[b->id]--;
		}
		for (uint32_t i = 0; i < w.service.backends; i++)
			w.backend[i].state = LB_DOWN;
		view_make(1);
		struct tuple t = client(1);
		CU_ASSERT_PTR_NULL(choice_peek(&w.choice, w.view, w.view->services, &t, 1,
		                               &reason));
		CU_ASSERT_EQUAL(reason, DROP_LB_NO_BACKEND);
	}
}

static const struct test_case cases[] = {
	{"shares by weight", test_weights},
	{"workers agree where they hash", test_agreement},
	{"what is hashed", test_hash},
	{"round robin", test_round_robin},
	{"least connections", test_least},
	{"load is spread", test_load},
	{"limits of backends", test_limits},
	{"reasons of refusals", test_reasons},
	{"a table that is too old", test_old_table},
	{"clients keep their backend", test_persistence},
	{"without a flow", test_peek},
	{"timeout of persistence", test_timeout},
	{"a mask over several workers", test_mask},
	{"persistence and full backends, full table", test_persistence_full},
};

TEST_MAIN("choice", cases)
