/* SPDX-License-Identifier: Apache-2.0 */
/* Local ports of fullnat: each exactly once for each backend, and again after it was put back. */
#include "lb_world.h"

#include "lb/lb_local.h"

enum { MOST = 2 * W_PORTS };

static struct lb_world *w;
static const struct lb_view *view;
static struct lb_locals locals[8];
static const union addr client = {.w = {1, 0, 0, 0}};

static void
setup(uint16_t workers, bool split)
{
	w = world_new();
	world_build(w, workers, split);
	view = w->gen->view[POLICY_LB];
	for (uint16_t i = 0; i < workers; i++)
		CU_ASSERT_EQUAL_FATAL(lb_locals_init(&locals[i], 4000, i, 99, -1), 0);
}

static void
teardown(uint16_t workers)
{
	for (uint16_t i = 0; i < workers; i++)
		lb_locals_fini(&locals[i]);
	world_free(w);
}

/* reply_of: as open() leaves it for lb_local_take. */
static struct tuple
reply_of(unsigned backend)
{
	const struct img_lb_backend *b = &w->backend[backend];
	return (struct tuple){.src = b->address, .sport = b->port, .family = b->family, .proto = 6};
}

/* number_of: a local address and port as a number of 0..MOST-1. */
static unsigned
number_of(const struct tuple *reply)
{
	unsigned port = ntohs(reply->dport) - W_PORT_FIRST;
	CU_ASSERT_FATAL(port < W_PORTS);
	for (unsigned i = 0; i < 2; i++)
		if (addr_equal(&reply->dst, &w->local[i].address))
			return i * W_PORTS + port;
	CU_FAIL_FATAL("no such local address");
	return 0;
}

static bool
take(struct lb_locals *l, const struct lb_view *v, struct tuple *reply)
{
	return lb_local_take(l, v, &w->service[W_FULLNAT], &client, reply);
}

/* take_all: until it says no; each once, each at its home. => how many. */
static unsigned
take_all(uint16_t worker, unsigned backend, uint8_t *seen)
{
	for (unsigned n = 0;; n++) {
		struct tuple reply = reply_of(backend);
		if (!take(&locals[worker], view, &reply))
			return n;
		CU_ASSERT_EQUAL_FATAL(steer_worker_port(&w->gen->steer, &reply.dst, FAMILY_V4,
		                                        ntohs(reply.dport)), worker);
		unsigned i = number_of(&reply);
		CU_ASSERT_FATAL(!seen[i]);
		seen[i] = 1;
	}
}

static struct tuple
reply_number(unsigned backend, unsigned number)
{
	struct tuple reply = reply_of(backend);
	reply.dst = w->local[number / W_PORTS].address;
	reply.dport = htons((uint16_t)(W_PORT_FIRST + number % W_PORTS));
	return reply;
}

static void
test_exhaustion(void)
{
	uint64_t seed = test_seed();
	setup(1, false);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned backend = 3; backend < 5; backend++) {
			uint8_t seen[MOST] = {0};
			CU_ASSERT_EQUAL(take_all(0, backend, seen), MOST);
			for (unsigned i = 0; i < 100; i++) {
				unsigned number = (unsigned)(test_random(&seed) % MOST);
				struct tuple reply = reply_number(backend, number);
				lb_local_put(&locals[0], &reply);
				struct tuple again = reply_of(backend);
				CU_ASSERT_TRUE_FATAL(take(&locals[0], view, &again));
				CU_ASSERT_EQUAL(number_of(&again), number);
			}
			CU_ASSERT_EQUAL(locals[0].used, (backend - 2) * MOST);
			if (backend < 4)
				continue;
			for (unsigned i = 0; i < 2 * MOST; i++) {
				struct tuple reply = reply_number(3 + i % 2, i / 2);
				lb_local_put(&locals[0], &reply);
			}
			CU_ASSERT_EQUAL(locals[0].used, 0);
		}
	teardown(1);
}

/* With several workers every (address, port) is one worker's, none is lost. */
static void
test_workers(void)
{
	for (unsigned split = 0; split < 2; split++) {
		uint8_t seen[MOST] = {0};
		unsigned sum = 0;
		setup(4, split != 0);
		for (uint16_t worker = 0; worker < 4; worker++) {
			unsigned n = take_all(worker, 3, seen);
			CU_ASSERT(!split || n == MOST / 4);
			sum += n;
		}
		CU_ASSERT_EQUAL(sum, MOST);
		teardown(4);
	}
}

/* steer: so many workers and classes; fewer classes than workers divide the ports. */
static void
steer(uint16_t workers, uint8_t class_bits)
{
	world_build(w, workers, false);
	lb_policy.view_destroy(w->gen, POLICY_LB);
	steer_init(&w->gen->steer, workers, class_bits, 1u << class_bits < workers, 3);
	CU_ASSERT_EQUAL_FATAL(lb_policy.view_create(w->gen, POLICY_LB), 0);
	view = w->gen->view[POLICY_LB];
}

/* address_of: number of the local address that a client gets from its home; put back at once. */
static unsigned
address_of(const union addr *a)
{
	uint16_t home = steer_worker(&w->gen->steer, a, FAMILY_V4);
	struct tuple reply = reply_of(3);
	CU_ASSERT_TRUE_FATAL(lb_local_take(&locals[home], view, &w->service[W_FULLNAT], a, &reply));
	CU_ASSERT_EQUAL(steer_worker_port(&w->gen->steer, &reply.dst, FAMILY_V4,
	                                  ntohs(reply.dport)), home);
	unsigned address = number_of(&reply) / W_PORTS;
	if (w->gen->steer.class_bits == 1)
		CU_ASSERT_EQUAL(steer_class(&w->gen->steer, a, FAMILY_V4),
		                steer_class(&w->gen->steer, &reply.dst, FAMILY_V4));
	lb_local_put(&locals[home], &reply);
	return address;
}

/* The address is the client's, whatever the workers, the random numbers and what was before. */
static void
test_address(void)
{
	enum { CLIENTS = 500 };
	static const uint16_t workers[] = {1, 2, 3, 5, 8};
	for (uint8_t bits = 0; bits < 2; bits++) {
		unsigned address[CLIENTS], second = 0;
		setup(8, true);
		for (unsigned n = 0; n < 5; n++) {
			steer(workers[n], bits);
			for (unsigned i = 0; i < CLIENTS; i++) {
				union addr a = addr_from_v4(htonl(0xc6336400u + i * 7));
				unsigned got = address_of(&a);
				address[i] = n == 0 ? got : address[i];
				second += n == 0 && got == 1;
				CU_ASSERT_EQUAL_FATAL(got, address[i]);
			}
		}
		CU_ASSERT(second > CLIENTS / 3 && second < CLIENTS * 2 / 3);
		teardown(8);
	}
}

/* A client whose own address has no port left gets one of another that is its home's. */
static void
test_other_address(void)
{
	for (uint8_t bits = 0; bits < 2; bits++) {
		uint8_t seen[MOST] = {0};
		setup(1, false);
		steer(1, bits);
		unsigned own = address_of(&client);
		for (unsigned i = 0; i < MOST; i++) {
			struct tuple reply = reply_of(3);
			CU_ASSERT_TRUE_FATAL(take(&locals[0], view, &reply));
			CU_ASSERT_EQUAL(number_of(&reply) / W_PORTS == own, i < W_PORTS);
			CU_ASSERT_FALSE(seen[number_of(&reply)]++);
		}
		struct tuple reply = reply_of(3);
		CU_ASSERT_FALSE(take(&locals[0], view, &reply));
		teardown(1);
	}
}

/* The range of a local address may start and end anywhere in a block, and be the whole of it. */
static void
test_ranges(void)
{
	static const uint16_t ranges[][2] = {{1, 1}, {1, 3}, {7, 9}, {8, 15}, {65535, 65535},
	                                     {65520, 65535}, {65533, 65535}};
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		setup(3, true);
		const struct img_lb_service *s = &w->service[W_FULLNAT6];
		struct img_lb_local rows[W_LOCALS];
		memcpy(rows, w->local, sizeof(rows));
		rows[2].port_first = ranges[i][0];
		rows[2].port_last = ranges[i][1];
		struct lb_view v = *view;
		v.locals = rows;
		unsigned sum = 0;
		struct tuple reply;
		for (uint16_t worker = 0; worker < 3; worker++) {
			do {
				reply = reply_of(9);
				sum++;
			} while (lb_local_take(&locals[worker], &v, s, &client, &reply));
			sum--;
		}
		CU_ASSERT_EQUAL(sum, (unsigned)ranges[i][1] - ranges[i][0] + 1);
		teardown(3);
	}
}

static void
test_capacity(void)
{
	struct lb_locals *l = &locals[3];
	unsigned taken = 0;
	setup(1, false);
	CU_ASSERT_EQUAL_FATAL(lb_locals_init(l, 8, 0, 1, -1), 0);
	for (unsigned i = 0; i < MOST; i++) {
		struct tuple reply = reply_of(3);
		taken += take(l, view, &reply);
	}
	CU_ASSERT_EQUAL(taken, 8);
	lb_locals_fini(l);
	teardown(1);
}

/* Random takes and puts against an array of flags. */
static void
test_model(void)
{
	static uint8_t used[2][MOST];
	uint64_t seed = test_seed();
	unsigned count = 0;
	setup(1, false);
	memset(used, 0, sizeof(used));
	for (unsigned i = 0; i < 200000; i++) {
		unsigned backend = test_random(&seed) & 1;
		unsigned number = (unsigned)(test_random(&seed) % MOST);
		if (used[backend][number]) {
			struct tuple reply = reply_number(3 + backend, number);
			lb_local_put(&locals[0], &reply);
			used[backend][number] = 0;
			count--;
		} else if (i / 20000 % 2 == 0) {
			struct tuple reply = reply_of(3 + backend);
			CU_ASSERT_TRUE_FATAL(take(&locals[0], view, &reply));
			CU_ASSERT_FALSE_FATAL(used[backend][number_of(&reply)]);
			used[backend][number_of(&reply)] = 1;
			count++;
		}
		CU_ASSERT_EQUAL_FATAL(locals[0].used, count);
	}
	teardown(1);
}

/* A wider range after a reload is found, although the pair was known to be full. */
static void
test_reload(void)
{
	uint8_t seen[MOST] = {0};
	setup(1, false);
	CU_ASSERT_EQUAL(take_all(0, 3, seen), MOST);
	w->local[0].port_last++;
	world_build(w, 1, false);
	view = w->gen->view[POLICY_LB];
	lb_locals_reload(&locals[0]);
	struct tuple reply = reply_of(3);
	CU_ASSERT_TRUE(take(&locals[0], view, &reply));
	CU_ASSERT_EQUAL(ntohs(reply.dport), W_PORT_FIRST + W_PORTS);
	CU_ASSERT_FALSE(take(&locals[0], view, &reply));
	teardown(1);
}

static const struct test_case cases[] = {
	{"each exactly once, and again", test_exhaustion},
	{"divided among workers, none lost", test_workers},
	{"the client chooses the address", test_address},
	{"then another address", test_other_address},
	{"odd port ranges", test_ranges},
	{"capacity", test_capacity},
	{"against a model", test_model},
	{"reload", test_reload},
};

TEST_MAIN("lb_local", cases)
