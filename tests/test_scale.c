/* SPDX-License-Identifier: Apache-2.0 */
/* What a change costs among many services, counted in tables that are made, images and bytes. */
#include "api_time.h"
#include "ctl/api/health.h"

enum { SERVICES = 32, BACKENDS = 4 };

/* begin_many: checked services, each with backends of its own. */
static void
begin_many(void)
{
	json_t *services = json_array();
	for (int i = 0; i < SERVICES; i++) {
		json_t *backends = json_array();
		char name[16], address[32];
		for (int k = 0; k < BACKENDS; k++) {
			snprintf(address, sizeof(address), "10.0.%d.%d", i, k + 1);
			json_array_append_new(backends, json_pack("{s:s}", "address", address));
		}
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(address, sizeof(address), "192.0.2.%d", i + 1);
		json_array_append_new(services, json_pack("{s:s,s:s,s:i,s:s,s:o}", "name", name,
			"address", address, "port", 80, "check", "c", "backends", backends));
	}
	json_t *params = json_pack("{s:{s:[{s:s,s:s,s:[s]}],s:{s:[{s:s,s:i}],s:o}}}", "config",
		"nics", "name", "in", "device", "d", "addresses", "10.1.0.1/24", "lb", "checks",
		"name", "c", "fall", 1, "services", services);
	char *text = json_dumps(params, JSON_COMPACT);
	begin_empty();
	now = BEGIN;
	api_set_clock(api, test_clock, NULL);
	done("config.apply", text);
	free(text);
	json_decref(params);
}

/* made: tables since the last time. */
static unsigned
made(void)
{
	static unsigned last;
	unsigned n = plane.tables - last;
	last = plane.tables;
	return n;
}

static void
test_change(void)
{
	plane.tables = 0;
	made();
	begin_many();
	size_t whole = plane.image->size;
	CU_ASSERT_EQUAL(made(), SERVICES);
	done("backend.drain", "{\"service\":\"s7\",\"address\":\"10.0.7.2\"}");
	CU_ASSERT_EQUAL(made(), 1);
	CU_ASSERT(plane.image->size < whole / 10);
	done("backend.weight", "{\"service\":\"s8\",\"address\":\"10.0.8.1\",\"weight\":3}");
	CU_ASSERT_EQUAL(made(), 1);
	done("backend.add", "{\"service\":\"s9\",\"backend\":{\"address\":\"10.0.9.9\"}}");
	CU_ASSERT_EQUAL(made(), 1);
	done("backend.ready", "{\"service\":\"s7\",\"address\":\"10.0.7.2\"}");
	CU_ASSERT_EQUAL(made(), 1);
	done("service.remove", "{\"name\":\"s0\"}"); /* all rows behind it move */
	CU_ASSERT_EQUAL(made(), 0);
	json_decref(result_of("lb.table", "{\"service\":\"s9\"}"));
	end();
}

/* A rack fails: one image, a table for each of its services. Who changes something meanwhile pays
 * for that alone: not for services whose backends are down. */
static void
test_rack(void)
{
	begin_many();
	made();
	unsigned applied = plane.applied;
	struct health *h = api_health(api);
	for (size_t i = 0; i < h->n; i++)
		if (h->target[i]->conf.address.b[2] < SERVICES / 2 &&
		    h->target[i]->conf.address.b[3] > 1)
			health_result(h, h->target[i], false, "no answer", 1000, now);
	CU_ASSERT_EQUAL(turn(), 1);
	CU_ASSERT(plane.applied == applied + 1 && made() == SERVICES / 2);
	CU_ASSERT_EQUAL(turn(), 0);
	done("backend.drain", "{\"service\":\"s20\",\"address\":\"10.0.20.1\"}");
	CU_ASSERT(plane.applied == applied + 2 && made() == 1);
	done("backend.drain", "{\"service\":\"s5\",\"address\":\"10.0.5.2\"}"); /* it is down */
	CU_ASSERT(plane.applied == applied + 3 && made() == 0);
	end();
}

static const struct test_case cases[] = {
	{"one change", test_change},
	{"a rack", test_rack},
};
TEST_MAIN("scale", cases)
