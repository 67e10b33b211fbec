/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of deterministic pools: every port, in order, at changes and once a day. */
#include "ctl/daemon/log_ranges.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "ctl/config/config.h"
#include "nat/deterministic.h"
#include "test.h"

#define SECOND 1000000000ull
#define NOW (1795536000ull * SECOND)

static const char document[] =
	"{\"nics\":[{\"name\":\"in\",\"device\":\"0000:01:00.0\",\"addresses\":[\"10.0.0.1/24\"]}],"
	"\"nat\":{\"capacity\":{\"mappings\":4096,\"subscribers\":256,\"pool_addresses\":256},"
	"\"pools\":[{\"name\":\"d\",\"addresses\":[\"203.0.113.0/25\"],\"deterministic\":"
	"{\"inside\":[\"100.64.0.0-100.64.3.199\",\"100.65.0.7\",\"100.66.0.0/24\"]}},"
	"{\"name\":\"p\",\"addresses\":[\"198.51.100.0/28\"]}],"
	"\"rules\":[{\"name\":\"homes\",\"source\":\"100.64.0.0/10\",\"pool\":\"d\"},"
	"{\"name\":\"others\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\"}]}}";

static struct image_header *image;
static struct record said[4096];
static unsigned n_said;

static void
say(void *arg, const struct record *rec)
{
	CU_ASSERT_FATAL(n_said < 4096);
	said[n_said++] = *rec;
}

static void
compile(void)
{
	struct config_errors errs = {0};
	size_t size;
	json_t *doc = config_parse(document, sizeof(document) - 1, &errs);
	image = config_compile(doc, NULL, 1, &size, &errs);
	if (image == NULL)
		printf("  %s: %s\n", errs.e[0].path, errs.e[0].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	json_decref(doc);
	n_said = 0;
}

/* calls: until it has nothing more to say. */
static unsigned
calls(struct log_ranges *r, uint64_t changes, uint64_t now_ns)
{
	unsigned n = 0;
	do {
		log_ranges_walk(r, image, changes, now_ns, say, NULL);
		n++;
	} while (r->is_going);
	return n;
}

/* whose: by the records alone. */
static be32
whose(be32 external, uint16_t port)
{
	for (unsigned i = 0; i < n_said; i++) {
		const struct record *r = &said[i];
		if (r->external == external && r->port_first <= port && port <= r->port_last)
			return htonl(ntohl(r->subscriber) +
			             (uint32_t)(port - r->port_first) / (uint32_t)r->limit);
	}
	return 0;
}

/* Each port of each address has the subscriber that the data plane gives it to. */
static void
every_port(void)
{
	struct log_ranges r = {0};
	uint32_t n, n_pools, n_inside, subscribers = 0;
	compile();
	const struct img_nat_address *a = image_rows(image, IMG_NAT_ADDRESSES, &n);
	const struct img_nat_pool *pools = image_rows(image, IMG_NAT_POOLS, &n_pools);
	const struct img_nat_inside *inside = image_rows(image, IMG_NAT_INSIDE, &n_inside);
	CU_ASSERT(calls(&r, 1, NOW) == n / RANGES_TURN + 1);
	for (uint32_t i = 0; i < n; i++) {
		const struct img_nat_pool *pool = &pools[a[i].pool];
		for (unsigned port = 1000; port < 65536; port += 97) {
			be32 wanted = 0;
			if (det_is(pool))
				det_reverse(pool, inside, i, (uint16_t)port, &wanted);
			CU_ASSERT_EQUAL_FATAL(whose(a[i].address, (uint16_t)port), wanted);
		}
	}
	for (unsigned i = 0; i < n_said; i++) {
		CU_ASSERT(said[i].event == RECORD_RANGES && said[i].time_ns == NOW);
		CU_ASSERT(said[i].worker == RECORD_DAEMON && said[i].sequence == 0);
		subscribers += ntohl(said[i].far) - ntohl(said[i].subscriber) + 1;
	}
	CU_ASSERT_EQUAL(subscribers, 4 * 256 - 56 + 1 + 256);
	free(image);
}

static void
when(void)
{
	struct log_ranges r = {0};
	compile();
	calls(&r, 1, NOW);
	unsigned all = n_said;
	CU_ASSERT(all >= 100);
	calls(&r, 1, NOW + 86399 * SECOND);
	CU_ASSERT_EQUAL(n_said, all);
	calls(&r, 2, NOW + 86399 * SECOND); /* another document */
	CU_ASSERT_EQUAL(n_said, 2 * all);
	calls(&r, 2, NOW + 2 * 86399 * SECOND);
	CU_ASSERT_EQUAL(n_said, 2 * all);
	calls(&r, 2, NOW + (2 * 86399 + 1) * SECOND); /* a day later */
	CU_ASSERT_EQUAL(n_said, 3 * all);
	free(image);
}

static const struct test_case cases[] = {
	{"every port", every_port},
	{"at changes and daily", when},
};
TEST_MAIN("log_ranges", cases)
