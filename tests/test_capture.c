/* SPDX-License-Identifier: Apache-2.0 */
/* Captures: what is written is read again; every format; hostile times; damage; link types. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/replay/capture.h"
#include "test.h"

enum { MAX_BYTES = 4096 };

static char path[] = "/tmp/mr-test-capture-XXXXXX";

struct bytes {
	uint8_t b[MAX_BYTES];
	size_t n;
};

static void
put(struct bytes *s, uint64_t value, unsigned size, bool swap)
{
	for (unsigned i = 0; i < size; i++)
		s->b[s->n++] = (uint8_t)(value >> 8 * (swap ? size - 1 - i : i));
}

static void
save(const struct bytes *s)
{
	FILE *f = fopen(path, "wb");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(s->b, 1, s->n, f), s->n);
	fclose(f);
}

static void
pcap_start(struct bytes *s, uint32_t magic, uint32_t link, bool swap)
{
	put(s, magic, 4, swap);
	put(s, 2, 2, swap);
	put(s, 4, 2, swap);
	put(s, 0, 8, swap);
	put(s, 65535, 4, swap);
	put(s, link, 4, swap);
}

static void
pcap_frame(struct bytes *s, uint32_t seconds, uint32_t part, uint32_t wire_size, bool swap)
{
	put(s, seconds, 4, swap);
	put(s, part, 4, swap);
	put(s, 16, 4, swap);
	put(s, wire_size, 4, swap);
	for (unsigned i = 0; i < 16; i++)
		put(s, i, 1, false);
}

static struct capture *
open_saved(const struct bytes *s)
{
	char err[CAPTURE_ERR] = "";
	save(s);
	struct capture *c = capture_open(path, err, sizeof(err));
	if (c == NULL)
		printf("%s\n", err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static void
test_round_trip(void)
{
	enum { FRAMES = 500 };
	static uint8_t data[FRAMES][1600];
	uint32_t size[FRAMES];
	uint64_t seed = test_seed(), time_ns[FRAMES], t = 1700000000ull * CAPTURE_NS_PER_S;
	char err[CAPTURE_ERR];
	struct capture_out *o = capture_out_create(path, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	for (unsigned i = 0; i < FRAMES; i++) {
		size[i] = (uint32_t)(test_random(&seed) % sizeof(data[i]));
		for (unsigned k = 0; k < size[i]; k++)
			data[i][k] = (uint8_t)test_random(&seed);
		t += test_random(&seed) % 3000000000u;
		time_ns[i] = t;
		capture_out_write(o, t, data[i], size[i]);
	}
	CU_ASSERT_EQUAL(capture_out_close(o), 0);
	struct capture *c = capture_open(path, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	struct frame f;
	for (unsigned i = 0; i < FRAMES; i++) {
		CU_ASSERT_EQUAL_FATAL(capture_next(c, &f), 1);
		CU_ASSERT_EQUAL(f.time_ns, time_ns[i]);
		CU_ASSERT_EQUAL_FATAL(f.size, size[i]);
		CU_ASSERT_EQUAL(memcmp(f.data, data[i], size[i]), 0);
	}
	CU_ASSERT_EQUAL(capture_next(c, &f), 0);
	CU_ASSERT_EQUAL(capture_next(c, &f), 0);
	CU_ASSERT_STRING_EQUAL(capture_error(c), "");
	CU_ASSERT_EQUAL(capture_raised(c), 0);
	capture_close(c);
}

/* Both resolutions of pcap in both byte orders; a frame that was cut says so. */
static void
test_formats(void)
{
	static const struct { uint32_t magic; bool swap; uint32_t part; uint64_t ns; } row[] = {
		{0xa1b2c3d4, false, 123456, 123456000}, {0xa1b2c3d4, true, 123456, 123456000},
		{0xa1b23c4d, false, 123456789, 123456789}, {0xa1b23c4d, true, 123456789, 123456789},
	};
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bytes s = {.n = 0};
		struct frame f;
		pcap_start(&s, row[i].magic, 1, row[i].swap);
		pcap_frame(&s, 1000, row[i].part, 99, row[i].swap);
		struct capture *c = open_saved(&s);
		CU_ASSERT_EQUAL(capture_next(c, &f), 1);
		CU_ASSERT_EQUAL(f.time_ns, 1000ull * CAPTURE_NS_PER_S + row[i].ns);
		CU_ASSERT_EQUAL(f.size, 16);
		CU_ASSERT_EQUAL(f.wire_size, 99);
		CU_ASSERT_EQUAL(f.data[15], 15);
		CU_ASSERT_EQUAL(capture_next(c, &f), 0);
		capture_close(c);
	}
}

static void
pcapng_start(struct bytes *s, uint8_t resolution)
{
	put(s, 0x0a0d0d0a, 4, false);
	put(s, 28, 4, false);
	put(s, 0x1a2b3c4d, 4, false);
	put(s, 1, 2, false);
	put(s, 0, 2, false);
	put(s, UINT64_MAX, 8, false);
	put(s, 28, 4, false);
	put(s, 1, 4, false); /* interface, with if_tsresol */
	put(s, 32, 4, false);
	put(s, 1, 2, false);
	put(s, 0, 2, false);
	put(s, 65535, 4, false);
	put(s, 9, 2, false);
	put(s, 1, 2, false);
	put(s, resolution, 4, false);
	put(s, 0, 4, false);
	put(s, 32, 4, false);
}

static void
pcapng_frame(struct bytes *s, uint64_t t)
{
	put(s, 6, 4, false);
	put(s, 48, 4, false);
	put(s, 0, 4, false);
	put(s, t >> 32, 4, false);
	put(s, t, 4, false);
	put(s, 16, 4, false);
	put(s, 16, 4, false);
	put(s, 0, 8, false);
	put(s, 0, 8, false);
	put(s, 48, 4, false);
}

static void
test_pcapng(void)
{
	static const struct { uint8_t resolution; uint64_t t, ns; } row[] = {
		{6, 5000001, 5000001000}, {9, 5000000001, 5000000001},
		{9, (1ull << 32) * CAPTURE_NS_PER_S + 7, (1ull << 32) * CAPTURE_NS_PER_S + 7},
		{0, UINT64_MAX >> 1, CAPTURE_MAX_S * CAPTURE_NS_PER_S},
	};
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bytes s = {.n = 0};
		struct frame f;
		pcapng_start(&s, row[i].resolution);
		pcapng_frame(&s, row[i].t);
		struct capture *c = open_saved(&s);
		CU_ASSERT_EQUAL(capture_next(c, &f), 1);
		CU_ASSERT_EQUAL(f.time_ns, row[i].ns);
		CU_ASSERT_EQUAL(capture_next(c, &f), 0);
		capture_close(c);
	}
}

/* Times are hostile too: back, beyond 2038, with a part that is more than a second. */
static void
test_times(void)
{
	static const struct { uint32_t s, ns; uint64_t time_ns; } row[] = {
		{100, 5, 100000000005}, {99, 0, 100000000005}, {100, 4, 100000000005},
		{100, 6, 100000000006}, {0x80000000u, 0, 0x80000000ull * CAPTURE_NS_PER_S},
		{0xffffffffu, 999999999, 0xffffffffull * CAPTURE_NS_PER_S + 999999999},
		{0xffffffffu, 0xffffffffu, 0xffffffffull * CAPTURE_NS_PER_S + 999999999},
	};
	struct bytes s = {.n = 0};
	struct frame f;
	pcap_start(&s, 0xa1b23c4d, 1, false);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		pcap_frame(&s, row[i].s, row[i].ns, 16, false);
	struct capture *c = open_saved(&s);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		CU_ASSERT_EQUAL(capture_next(c, &f), 1);
		CU_ASSERT_EQUAL(f.time_ns, row[i].time_ns);
	}
	CU_ASSERT_EQUAL(capture_raised(c), 2);
	capture_close(c);
}

static void
test_refused(void)
{
	struct bytes s = {.n = 0};
	char err[CAPTURE_ERR] = "";
	pcap_start(&s, 0xa1b2c3d4, 113, false); /* Linux cooked */
	save(&s);
	CU_ASSERT_PTR_NULL(capture_open(path, err, sizeof(err)));
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "expected Ethernet"));
	s.n = 0;
	put(&s, 0x12345678, 4, false);
	save(&s);
	CU_ASSERT_PTR_NULL(capture_open(path, err, sizeof(err)));
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "cannot be read as a capture"));
	CU_ASSERT_PTR_NULL(capture_open("/no/such/file", err, sizeof(err)));
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "/no/such/file"));
	CU_ASSERT_PTR_NULL(capture_out_create("/no/such/file", err, sizeof(err)));
}

/* A file that ends in a frame: what was whole is read, then damage is reported, for ever. */
static void
test_damage(void)
{
	struct bytes s = {.n = 0};
	struct frame f;
	pcap_start(&s, 0xa1b2c3d4, 1, false);
	pcap_frame(&s, 1, 0, 16, false);
	pcap_frame(&s, 2, 0, 16, false);
	s.n -= 3;
	struct capture *c = open_saved(&s);
	CU_ASSERT_EQUAL(capture_next(c, &f), 1);
	CU_ASSERT_EQUAL(capture_next(c, &f), -1);
	CU_ASSERT_STRING_NOT_EQUAL(capture_error(c), "");
	CU_ASSERT_EQUAL(capture_next(c, &f), -1);
	capture_close(c);
	capture_close(NULL);
	CU_ASSERT_EQUAL(capture_out_close(NULL), 0);
}

/* A full disk is not silent. */
static void
test_write_error(void)
{
	char err[CAPTURE_ERR];
	static uint8_t data[65536];
	struct capture_out *o = capture_out_create("/dev/full", err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	capture_out_write(o, 0, data, sizeof(data));
	CU_ASSERT(capture_out_close(o) < 0);
}

static void
test_cleanup(void)
{
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static const struct test_case cases[] = {
	{"round trip of the writer through the reader", test_round_trip},
	{"pcap in both resolutions and byte orders", test_formats},
	{"pcapng with its resolutions", test_pcapng},
	{"times that go back or are out of range", test_times},
	{"other link types and other files are refused", test_refused},
	{"a damaged end is reported", test_damage},
	{"a write error is reported", test_write_error},
	{"clean up", test_cleanup},
};

int
main(void)
{
	int fd = mkstemp(path);
	if (fd < 0)
		return 2;
	close(fd);
	return test_main("capture", cases, sizeof(cases) / sizeof(cases[0]));
}
