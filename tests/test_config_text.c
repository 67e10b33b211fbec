/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, ranges, ports and MAC addresses as text. */
#include <stdlib.h>
#include <string.h>

#include "ctl/config/addrtext.h"
#include "ctl/config/config.h"
#include "ctl/config/forms.h"
#include "lb/lb_image.h"
#include "nat/nat_image.h"
#include "test.h"

static void
test_addresses(void)
{
	static const char *const good[] = {"0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "fe80::1",
	                                   "1:2:3:4:5:6:7:8"};
	static const char *const bad[] = {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
	                                  " 1.2.3.4",
	                                  "1.2.3.4 ", "::g", "1::2::3", ":", "fe80::1%eth0",
	                                  "1.2.3.4/8"};
	union addr a;
	uint8_t family;
	char text[ADDR_TEXT];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CU_ASSERT(addr_parse(good[i], &a, &family));
		CU_ASSERT_STRING_EQUAL(addr_put(text, &a, family), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(!addr_parse(bad[i], &a, &family));
	CU_ASSERT(addr_parse("192.0.2.1", &a, &family));
	CU_ASSERT(a.b[0] == 192 && a.b[3] == 1 && a.w[1] == 0 && a.q[1] == 0 &&
	          family == FAMILY_V4);
}

/* Every length of both families: network and last address against a loop over single bits. */
static void
test_prefix_bits(void)
{
	for (unsigned v = 0; v < 2; v++) {
		struct prefix p = {.family = v == 0 ? FAMILY_V4 : FAMILY_V6};
		unsigned bits = addr_bits(p.family);
		uint64_t seed = 7;
		for (unsigned b = 0; b < bits / 8; b++)
			p.address.b[b] = (uint8_t)test_random(&seed);
		for (p.plen = 0; p.plen <= bits; p.plen++) {
			union addr low = p.address, high = p.address;
			for (unsigned bit = p.plen; bit < bits; bit++) {
				low.b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
				high.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
			}
			struct prefix net = prefix_network(&p);
			union addr last = prefix_last(&p);
			CU_ASSERT(addr_equal(&net.address, &low));
			CU_ASSERT(addr_equal(&last, &high));
		}
	}
}

static void
test_prefixes(void)
{
	static const char *const bad[] = {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08",
	                                  "/8",
	                                  "10.0.0.0/ 8", "10.0.0.0/8 ", "::/129", "10.0.0/8",
	                                  "10.0.0.0/-1", "10.0.0.0/+1", "10.0.0.0/8/8"};
	struct prefix p;
	char text[ADDR_TEXT];
	CU_ASSERT(prefix_parse("10.1.2.3/8", &p) && p.plen == 8 && p.family == FAMILY_V4);
	CU_ASSERT_STRING_EQUAL(prefix_put(text, &p), "10.1.2.3/8");
	CU_ASSERT(prefix_parse("::/0", &p) && p.plen == 0 && p.family == FAMILY_V6);
	CU_ASSERT(prefix_parse("2001:db8::/128", &p) && p.plen == 128);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(!prefix_parse(bad[i], &p));
}

static void
test_ranges(void)
{
	static const char *const bad[] = {"", "-", "1.2.3.4-", "-1.2.3.4", "1.2.3.4-1.2.3.3", "::1",
	                                  "1.2.3.4-::5", "1.2.3.0/24-1.2.4.0/24",
	                                  " 1.2.3.4-1.2.3.5", "1.2.3.4-1.2.3.5 ", "1.2.3.4 -"};
	uint32_t first, last;
	uint16_t p, q;
	CU_ASSERT(range4_parse("1.2.3.4", &first, &last) && first == 0x01020304 && last == first);
	CU_ASSERT(range4_parse("1.2.3.0/24", &first, &last) && last - first == 255);
	CU_ASSERT(range4_parse("1.2.3.4-1.2.4.3", &first, &last) && last - first == 255);
	CU_ASSERT(range4_parse("1.2.3.4 -  1.2.4.3", &first, &last) && last - first == 255);
	CU_ASSERT(range4_read("1.2.3.4-1.2.3.3", &first, &last) && last == first - 1);
	CU_ASSERT(range4_parse("0.0.0.0/0", &first, &last) && first == 0 && last == UINT32_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(!range4_parse(bad[i], &first, &last));
	CU_ASSERT(ports_parse("1024-65535", &p, &q) && p == 1024 && q == 65535);
	CU_ASSERT(ports_parse("7-7", &p, &q) && p == 7 && q == 7);
	CU_ASSERT(ports_parse("1024 - 65535", &p, &q) && p == 1024 && q == 65535);
	CU_ASSERT(ports_read("8-7", &p, &q) && p == 8 && q == 7 && !ports_read("8-0", &p, &q));
	CU_ASSERT(!ports_parse("0-7", &p, &q) && !ports_parse("8-7", &p, &q));
	CU_ASSERT(!ports_parse("7", &p, &q) && !ports_parse("1-65536", &p, &q));
	CU_ASSERT(!ports_parse("1-2-3", &p, &q) && !ports_parse(" 1-2", &p, &q));
}

static void
test_macs(void)
{
	uint8_t mac[6];
	CU_ASSERT(mac_parse("02:0a:FF:00:10:09", mac));
	CU_ASSERT(memcmp(mac, "\x02\x0a\xff\x00\x10\x09", 6) == 0);
	CU_ASSERT(!mac_parse("02:0a:ff:00:10:9", mac));
	CU_ASSERT(mac_parse("02-0b-fF-00-10-09", mac));
	CU_ASSERT(memcmp(mac, "\x02\x0b\xff\x00\x10\x09", 6) == 0);
	CU_ASSERT(!mac_parse("02-0a:ff-00-10-09", mac) && !mac_parse("02 0a ff 00 10 09", mac));
	CU_ASSERT(!mac_parse("02:0a:ff:00:10:0g", mac));
	CU_ASSERT(!mac_parse("02:0a:ff:00:10:09:01", mac));
}

static void
test_unicast(void)
{
	static const char *const no[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1",
	                                 "239.255.255.255",
	                                 "240.0.0.1", "255.255.255.255", "::", "::1", "ff02::1",
	                                 "::ffff:192.0.2.1"};
	static const char *const yes[] = {"1.0.0.0", "126.255.255.255", "128.0.0.0",
	                                  "223.255.255.255",
	                                  "100.64.0.1", "169.254.1.1", "::2", "2001:db8::",
	                                  "fe80::1",
	                                  "64:ff9b::192.0.2.1"};
	union addr a;
	uint8_t family;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		CU_ASSERT(addr_parse(no[i], &a, &family) && !addr_is_unicast(&a, family));
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		CU_ASSERT(addr_parse(yes[i], &a, &family) && addr_is_unicast(&a, family));
	CU_ASSERT(addr_parse("169.254.1.1", &a, &family) && addr_is_link_local(&a, family));
	CU_ASSERT(addr_parse("febf::1", &a, &family) && addr_is_link_local(&a, family));
	CU_ASSERT(addr_parse("fec0::1", &a, &family) && !addr_is_link_local(&a, family));
}

/* The option table: tree order, unique keys, defaults that pass their own check. */
static void
test_option_table(void)
{
	unsigned reached = 1, rows = 1;
	for (const struct config_option *o = option_root(); o != NULL; o = option_next(o)) {
		char why[160];
		rows += o != option_root();
		if (o->type == CONFIG_ARRAY) {
			CU_ASSERT_EQUAL(strncmp(option_item(o)->path, o->path, strlen(o->path)), 0);
			CU_ASSERT_STRING_EQUAL(option_item(o)->path + strlen(o->path), "[]");
			reached++;
		}
		for (const struct config_option *c = NULL;
		     o->type == CONFIG_OBJECT && (c = option_child_next(o, c)) != NULL;) {
			CU_ASSERT_PTR_EQUAL(option_child(o, option_key(c)), c);
			reached++;
		}
		CU_ASSERT(o->help != NULL && strpbrk(o->help, "|\n") == NULL);
		if (o->fallback == NULL)
			continue;
		json_t *v = option_default(o);
		if (json_is_integer(v))
			CU_ASSERT(json_integer_value(v) >= o->min &&
			          json_integer_value(v) <= o->max);
		if (json_is_string(v))
			CU_ASSERT(form_check(o, json_string_value(v), why, sizeof(why)) &&
			          why[0] == '\0');
		json_decref(v);
	}
	CU_ASSERT_EQUAL(reached, rows);
}

/* Ways to write the same: the documents give the same image but for the text itself. */
static void
test_same_meaning(void)
{
#define DOCUMENT(schema, mac, prefix, source, range, ports, locals)                            \
	"{" schema "\"nics\":[{\"name\":\"in\",\"device\":\"d\",\"mac\":\"" mac "\","          \
	"\"addresses\":[\"10.0.0.1/24\"]}],"                                                   \
	"\"routes\":[{\"prefix\":\"" prefix "\",\"via\":\"10.0.0.9\"}],"                       \
	"\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[\"" range "\"],"                   \
	"\"ports\":\"" ports "\"}],"                                                           \
	"\"rules\":[{\"name\":\"r\",\"source\":\"" source "\",\"pool\":\"p\"}]},"              \
	"\"lb\":{\"services\":[{\"name\":\"s\",\"address\":\"192.0.2.1\",\"port\":80,"         \
	"\"mode\":\"fullnat\",\"local_addresses\":[" locals "]}]}}"
	static const char *const documents[] = {
		DOCUMENT("", "02:00:00:00:00:0a", "10.9.0.1/32", "10.8.0.1/32",
		         "203.0.113.7-203.0.113.9", "1024-2047",
		         "\"10.0.0.248\",\"10.0.0.249\",\"10.0.0.250\",\"10.0.0.251\""),
		DOCUMENT("\"$schema\":\"config.schema.json\",", "02-00-00-00-00-0A", "10.9.0.1",
		         "10.8.0.1", "203.0.113.7 - 203.0.113.9", "1024 - 2047",
		         "\"10.0.0.248/31\",\"10.0.0.250 - 10.0.0.251\""),
	};
	static const struct {
		uint32_t kind, size;
	} rows[] = {
		{IMG_NICS, sizeof(struct img_nic)}, {IMG_ROUTES, sizeof(struct img_route)},
		{IMG_NAT_POOLS, sizeof(struct img_nat_pool)},
		{IMG_NAT_ADDRESSES, sizeof(struct img_nat_address)},
		{IMG_NAT_RULES, sizeof(struct img_nat_rule)},
		{IMG_LB_SERVICES, sizeof(struct img_lb_service)},
		{IMG_LB_LOCALS, sizeof(struct img_lb_local)},
	};
	void *image[2];
	for (int i = 0; i < 2; i++) {
		struct config_errors errs = {0};
		size_t size;
		json_t *doc = config_parse(documents[i], strlen(documents[i]), &errs);
		image[i] = config_compile(doc, NULL, 1, &size, &errs);
		if (errs.n != 0)
			printf("\n%s: %s", errs.e[0].path, errs.e[0].message);
		CU_ASSERT_FATAL(image[i] != NULL);
		json_decref(doc);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t n, m;
		const void *a = image_rows(image[0], rows[i].kind, &n);
		const void *b = image_rows(image[1], rows[i].kind, &m);
		CU_ASSERT_FATAL(n == m && n != 0);
		CU_ASSERT(memcmp(a, b, (size_t)n * rows[i].size) == 0);
	}
	free(image[0]);
	free(image[1]);
}

static const struct test_case cases[] = {
	{"addresses there and back", test_addresses},
	{"network and last address, bit by bit", test_prefix_bits},
	{"prefixes", test_prefixes},
	{"ranges and ports", test_ranges},
	{"MAC addresses", test_macs},
	{"what a host can have", test_unicast},
	{"the same, written otherwise", test_same_meaning},
	{"the option table is well made", test_option_table},
};
TEST_MAIN("config_text", cases)
