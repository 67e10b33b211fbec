/* SPDX-License-Identifier: Apache-2.0 */
/* serve.h: requests to ourselves that a policy answers, here and at their home. */
#include "lib/serve.h"

#include "probe.h"

enum { PORT = 5351, MAX_STATES = 4 };

/* Answers of one worker. */
struct server {
	unsigned asked;
	uint32_t size; /* of what it was asked */
};
static struct server server[MAX_STATES];
static int home_of = 0;
static uint32_t answer_size = 12;

static int
serves(const struct generation *g, const struct miss *m, const uint8_t *data, uint32_t size)
{
	return m->tuple.dport == htobe16(PORT) ? home_of : HOME_NOT_MINE;
}

static uint32_t
serve(void *state, const struct miss *m, uint8_t *data, uint32_t size, uint32_t room)
{
	struct server *s = state;
	s->asked++;
	s->size = size;
	CU_ASSERT_FATAL(room >= 1400);
	memset(data, 'a', answer_size);
	return answer_size;
}

static int
home(const struct generation *g, const struct miss *m)
{
	return HOME_NOT_MINE;
}

static const struct policy_ops ops = {
	.name = "server", .home = home, .serves = serves, .serve = serve,
};

static struct world *
serving(uint16_t workers)
{
	struct world *w = probe_world((struct world_options){.workers = workers});
	memset(server, 0, sizeof(server));
	answer_size = 12;
	home_of = 0;
	for (uint16_t i = 0; i < w->n_workers; i++)
		worker_policy_add(w->worker[i], &ops, &server[i]);
	return w;
}

static struct frame
request(uint16_t dport)
{
	struct frame f = world_frame("10.0.0.10", 4000, "10.0.0.1", dport, 17);
	f.payload_size = 30;
	return f;
}

/* The answer leaves as it should, longer or shorter than its request; others are punted. */
static void
test_answer(void)
{
	struct world *w = serving(1);
	for (answer_size = 1; answer_size < 1400; answer_size += 333) {
		probe_arrive(w, WORLD_IN, request(PORT));
		CU_ASSERT_TRUE_FATAL(probe_take(w, 0));
		CU_ASSERT(probe_is_from("10.0.0.1", PORT) && probe_is_to("10.0.0.10", 4000));
		CU_ASSERT_EQUAL(probe_view.f.ttl, 64);
		CU_ASSERT_EQUAL(probe_view.f.payload_size, answer_size);
		CU_ASSERT_EQUAL(server[0].size, 30);
	}
	CU_ASSERT_EQUAL(w->opened, 0);
	CU_ASSERT_EQUAL(w->worker[0]->stats->forwarded, 5);
	probe_arrive(w, WORLD_IN, request(PORT + 1));
	probe_expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	struct frame tcp = world_frame("10.0.0.10", 4000, "10.0.0.1", PORT, 6);
	probe_arrive(w, WORLD_IN, tcp);
	probe_expect_punt(w, PUNT_LOCAL, DROP_LOCAL_UNWANTED, 0);
	world_destroy(w);
}

/* No answer is counted, and so is what was damaged on its way. */
static void
test_none(void)
{
	struct world *w = serving(1);
	answer_size = 0;
	probe_arrive(w, WORLD_IN, request(PORT));
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LOCAL_UNWANTED), 1);
	CU_ASSERT_EQUAL(server[0].asked, 1);
	answer_size = 12;
	struct frame f = request(PORT);
	uint8_t frame[FRAME_MAX];
	memcpy(f.dmac, &w->gen->nic[WORLD_IN], sizeof(f.dmac));
	size_t size = frame_make(frame, &f);
	frame[size - 1] ^= 1;
	world_put(w, 0, frame, size);
	world_poll(w);
	CU_ASSERT_EQUAL(world_dropped(w, DROP_LOCAL_UNWANTED), 2);
	CU_ASSERT_EQUAL(server[0].asked, 1);
	CU_ASSERT_FALSE(probe_take(w, 0));
	world_destroy(w);
}

/* At the worker whose it is, from wherever it came. */
static void
test_home(void)
{
	struct world *w = serving(3);
	home_of = 2;
	probe_arrive(w, WORLD_IN, request(PORT));
	CU_ASSERT(server[2].asked == 1 && server[0].asked == 0 && server[1].asked == 0);
	CU_ASSERT_TRUE(probe_take(w, 0) && probe_is_to("10.0.0.10", 4000));
	CU_ASSERT_EQUAL(WORLD_SUM(w, handed_off), 1);
	world_destroy(w);
}

/* Who has no MAC address yet is asked for it, and gets the answer then. */
static void
test_neighbour(void)
{
	struct world *w = serving(1);
	struct frame f = request(PORT);
	f.src = addr4("10.0.7.7");
	probe_arrive(w, WORLD_IN, f);
	probe_expect_punt(w, PUNT_NEIGHBOUR, DROP_NO_NEIGHBOUR, WORLD_IN);
	world_destroy(w);
}

static const struct test_case cases[] = {
	{"answers", test_answer},
	{"none", test_none},
	{"homes", test_home},
	{"next hops", test_neighbour},
};
TEST_MAIN("serve", cases)
