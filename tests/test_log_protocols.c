/* SPDX-License-Identifier: Apache-2.0 */
/* One external port that is of another subscriber by each protocol, in a pool without blocks. */
#include "ctl/api/api.h"
#include "ctl/log/whohad.h"
#include "log_world.h"

static const struct { uint8_t proto; uint32_t who; } owners[] = {{6, 2}, {17, 3}, {1, 4}};
enum { OWNERS = 3, PORT = 40000 };

static void
add(struct log_index *ix, struct record r)
{
	CU_ASSERT_EQUAL(log_index_add(ix, &r, NULL, 100), 0);
}

/* history: each has a mapping from its tenth second on; then a gap, if wanted; all go at 300 s. */
static void
history(struct log_index *ix, bool has_gap)
{
	log_index_init(ix);
	add(ix, (struct record){.event = RECORD_START, .time_ns = BEGIN_NS,
	                        .worker = RECORD_DAEMON});
	for (unsigned i = 0; i < 2 * OWNERS; i++) {
		bool ends = i >= OWNERS;
		uint64_t ns = BEGIN_NS + (ends ? 300 : (i + 1) * 10) * SECOND;
		uint8_t event = ends ? RECORD_MAPPING_DELETE : RECORD_MAPPING_CREATE;
		struct record r = block_record(event, ns, i + 1 + (ends && has_gap),
		                               owners[i % OWNERS].who, PORT);
		r.port_last = PORT;
		r.inside_port = 5000;
		r.proto = owners[i % OWNERS].proto;
		if (i == OWNERS && has_gap)
			add(ix, (struct record){.event = RECORD_GAP, .time_ns = ns,
			                        .since_ns = BEGIN_NS + 30 * SECOND, .lost = 1});
		add(ix, r);
	}
}

static void
ask(const struct log_index *ix, unsigned second, uint8_t proto, struct whohad *w)
{
	struct whohad_live live = {.index = ix, .stem = "x"};
	struct whohad_query q = {.external = htonl(0xcb007100), .port = PORT, .proto = proto,
		.at_ms = BEGIN_NS / 1000000 + second * 1000,
		.known_ms = BEGIN_NS / 1000000 + 1000000};
	CU_ASSERT_EQUAL(whohad_search(&q, -1, &live, w), 0);
	json_t *r = api_whohad_json(&q, w, 0);
	char *notes = json_dumps(json_object_get(r, "notes"), 0);
	CU_ASSERT((strstr(notes, "by protocol") != NULL) == (w->answers > 1));
	free(notes);
	json_decref(r);
}

static void
each(void)
{
	struct log_index ix;
	struct whohad w;
	history(&ix, false);
	for (unsigned i = 0; i < OWNERS; i++) {
		ask(&ix, 100, owners[i].proto, &w);
		CU_ASSERT(w.answers == 1 && w.answer[0].is_certain && w.is_complete);
		CU_ASSERT_EQUAL(w.answer[0].subscriber, htonl(0x64400000 + owners[i].who));
	}
	ask(&ix, 100, 47, &w);
	CU_ASSERT(w.answers == 0 && w.is_complete);
	ask(&ix, 100, 0, &w);
	CU_ASSERT(w.answers == OWNERS && w.is_complete && !w.is_ambiguous);
	for (unsigned i = 0; i < w.answers; i++)
		CU_ASSERT(w.answer[i].is_certain && w.answer[i].proto != 0);
	ask(&ix, 15, 0, &w);
	CU_ASSERT(w.answers == 1 && w.answer[0].is_certain && w.is_complete);
	log_index_fini(&ix);
}

/* What was taken back later was had for certain; of another protocol somebody may be missing. */
static void
with_gap(void)
{
	struct log_index ix;
	struct whohad w;
	history(&ix, true);
	ask(&ix, 15, 0, &w); /* before the gap */
	CU_ASSERT(w.answers == 1 && w.answer[0].is_certain && w.is_complete);
	ask(&ix, 100, 0, &w);
	CU_ASSERT(w.answers == OWNERS && !w.is_complete);
	log_index_fini(&ix);
}

static const struct test_case cases[] = {
	{"of each", each},
	{"with a gap", with_gap},
};
TEST_MAIN("log_protocols", cases)
