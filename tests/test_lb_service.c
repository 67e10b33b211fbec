/* SPDX-License-Identifier: Apache-2.0 */
/* Services by prefix, protocol and range of ports: the lookup against a slow and obvious one. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "lb/service.h"
#include "test.h"

enum { ROWS = 300, ROUNDS = 60, ASKED = 4000 };

static struct img_lb_service row[ROWS];
static uint32_t n_rows;
static uint64_t rnd;

static uint32_t
below(uint32_t n)
{
	return (uint32_t)(test_random(&rnd) % n);
}

/* Few addresses, so that prefixes lie within each other and services share them. */
static union addr
some_address(uint8_t family)
{
	union addr a = {.q = {0, 0}};
	if (family == FAMILY_V4)
		return addr_from_v4(htonl(0xc0000200u + (below(4) << 8) + below(8)));
	a.w[0] = htonl(0x20010db8);
	a.w[1] = htonl(below(3));
	a.w[3] = htonl(1 + below(8));
	return a;
}

/* Ports of a dyadic tree over 1024: any two ranges lie within each other or apart. */
static void
some_ports(struct img_lb_service *s)
{
	uint32_t size = 1u << below(11), first = below(1024 / size) * size;
	bool all = below(8) == 0;
	s->port = htons((uint16_t)(all || first == 0 ? 1 : first));
	s->port_last = htons(all ? 65535 : (uint16_t)(first + size - (first + size == 1 ? 0 : 1)));
	if (s->port_last == 0)
		s->port_last = htons(1);
}

static int
row_compare(const void *x, const void *y)
{
	const struct img_lb_service *a = x, *b = y;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int order = memcmp(&a->address, &b->address, sizeof(a->address));
	if (order == 0 && a->plen != b->plen)
		order = a->plen < b->plen ? -1 : 1;
	if (order == 0 && a->proto != b->proto)
		order = a->proto < b->proto ? -1 : 1;
	if (order == 0)
		order = memcmp(&a->port, &b->port, sizeof(a->port));
	return order != 0 ? order : memcmp(&a->port_last, &b->port_last, sizeof(a->port_last));
}

static void
rows_make(uint32_t n)
{
	static const uint8_t protos[] = {IPPROTO_L4_TCP, IPPROTO_L4_UDP, LB_PROTO_ANY};
	static const uint8_t lengths[2][4] = {{32, 32, 29, 22}, {128, 128, 64, 32}};
	memset(row, 0, sizeof(row));
	for (uint32_t i = 0; i < n; i++) {
		struct img_lb_service *s = &row[i];
		s->family = below(3) == 0 ? FAMILY_V6 : FAMILY_V4;
		s->plen = lengths[s->family == FAMILY_V6][below(4)];
		union addr a = some_address(s->family);
		s->address = addr_masked(&a, s->plen);
		s->proto = protos[below(3)];
		some_ports(s);
		if (below(3) == 0)
			s->port_last = s->port;
	}
	qsort(row, n, sizeof(row[0]), row_compare);
	n_rows = 0;
	for (uint32_t i = 0; i < n; i++)
		if (n_rows == 0 || row_compare(&row[n_rows - 1], &row[i]) != 0)
			row[n_rows++] = row[i];
}

/* model: is a the more specific one? */
static bool
is_better(const struct img_lb_service *a, const struct img_lb_service *b)
{
	if (b == NULL)
		return true;
	unsigned wa = ntohs(a->port_last) - ntohs(a->port);
	unsigned wb = ntohs(b->port_last) - ntohs(b->port);
	if (a->plen != b->plen)
		return a->plen > b->plen;
	if (wa != wb)
		return wa < wb;
	return a->proto != LB_PROTO_ANY && b->proto == LB_PROTO_ANY;
}

static const struct img_lb_service *
model_find(const struct tuple *t)
{
	const struct img_lb_service *best = NULL;
	for (uint32_t i = 0; i < n_rows; i++) {
		const struct img_lb_service *s = &row[i];
		bool proto = s->proto == t->proto ||
			(s->proto == LB_PROTO_ANY && (t->proto == 6 || t->proto == 17));
		if (s->family == t->family && addr_in_prefix(&t->dst, &s->address, s->plen) &&
		    proto && ntohs(t->dport) >= ntohs(s->port) &&
		    ntohs(t->dport) <= ntohs(s->port_last) && is_better(s, best))
			best = s;
	}
	return best;
}

static struct tuple
some_tuple(void)
{
	static const uint8_t protos[] = {IPPROTO_L4_TCP, IPPROTO_L4_UDP, IPPROTO_L4_ICMP};
	struct tuple t = {.family = below(3) == 0 ? FAMILY_V6 : FAMILY_V4};
	t.dst = some_address(t.family);
	t.proto = protos[below(20) == 0 ? 2 : below(2)];
	t.dport = htons((uint16_t)(below(4) == 0 ? 1 + below(65535) : 1 + below(1030)));
	return t;
}

static void
test_model(void)
{
	uint32_t found = 0, by_prefix = 0;
	rnd = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct lb_services s;
		rows_make(below(round % 2 != 0 ? 12 : ROWS));
		void *mem = calloc(1, lb_services_memsize(n_rows));
		CU_ASSERT_PTR_NOT_NULL_FATAL(mem);
		lb_services_init(&s, mem, row, n_rows);
		for (unsigned i = 0; i < ASKED; i++) {
			struct tuple t = some_tuple();
			const struct img_lb_service *want = model_find(&t);
			CU_ASSERT_PTR_EQUAL_FATAL(lb_services_find(&s, &t), want);
			found += want != NULL;
			by_prefix += want != NULL && !lb_service_is_host(want);
		}
		free(mem);
	}
	printf("  %u found, %u by prefix", found, by_prefix);
	CU_ASSERT(found > ROUNDS * ASKED / 10 && by_prefix > ROUNDS * ASKED / 20);
}

static void
place(uint32_t i, const char *address, uint8_t plen, uint8_t proto, uint16_t first, uint16_t last)
{
	row[i] = (struct img_lb_service){.family = FAMILY_V4, .plen = plen, .proto = proto,
		.port = htons(first), .port_last = htons(last)};
	inet_pton(AF_INET, address, &row[i].address);
}

static long
asked(const struct lb_services *s, const char *address, uint8_t proto, uint16_t port)
{
	struct tuple t = {.family = FAMILY_V4, .proto = proto, .dport = htons(port)};
	inet_pton(AF_INET, address, &t.dst);
	const struct img_lb_service *r = lb_services_find(s, &t);
	return r == NULL ? -1 : r - row;
}

/* What the documents say, by name. */
static void
test_rules(void)
{
	struct lb_services s;
	place(0, "192.0.2.0", 24, LB_PROTO_ANY, 1, 65535);
	place(1, "192.0.2.0", 24, IPPROTO_L4_TCP, 1000, 1999);
	place(2, "192.0.2.1", 32, IPPROTO_L4_TCP, 80, 80);
	place(3, "192.0.2.1", 32, IPPROTO_L4_UDP, 1, 65535);
	place(4, "192.0.2.2", 32, LB_PROTO_ANY, 53, 53);
	place(5, "192.0.2.2", 32, IPPROTO_L4_UDP, 53, 53);
	void *mem = calloc(1, lb_services_memsize(6));
	lb_services_init(&s, mem, row, 6);
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.1", 6, 80), 2);
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.1", 6, 81), 0); /* the prefix serves what is left */
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.1", 6, 1000), 1);
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.1", 17, 1000), 3);
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.2", 6, 53), 4);
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.2", 17, 53), 5); /* named protocol over any */
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.9", 6, 999), 0);
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.9", 6, 1999), 1);
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.9", 6, 2000), 0);
	CU_ASSERT_EQUAL(asked(&s, "192.0.2.9", 1, 0), -1);
	CU_ASSERT_EQUAL(asked(&s, "192.0.3.0", 6, 80), -1);
	free(mem);
}

/* Ranges that cross, which the compiler refuses: some service, and nothing out of bounds. */
static void
test_crossed(void)
{
	struct lb_services s;
	place(0, "192.0.2.0", 24, IPPROTO_L4_TCP, 100, 300);
	place(1, "192.0.2.0", 24, IPPROTO_L4_TCP, 200, 65535);
	place(2, "192.0.2.0", 24, IPPROTO_L4_TCP, 250, 400);
	void *mem = calloc(1, lb_services_memsize(3));
	lb_services_init(&s, mem, row, 3);
	for (uint32_t port = 1; port < 65536; port++) {
		long r = asked(&s, "192.0.2.7", 6, (uint16_t)port);
		CU_ASSERT_EQUAL_FATAL(r >= 0, port >= 100);
		CU_ASSERT_FATAL(r < 0 || (port >= ntohs(row[r].port) &&
		                          port <= ntohs(row[r].port_last)));
	}
	free(mem);
}

static const struct test_case cases[] = {
	{"the most specific service is found", test_model},
	{"rules by example", test_rules},
	{"crossed ranges", test_crossed},
};

TEST_MAIN("lb_service", cases)
