/* SPDX-License-Identifier: Apache-2.0 */
/* Guards and lists from the document: what rows they make, what is refused, files of prefixes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/config/config.h"
#include "ctl/config/errors.h"
#include "lb/guard_image.h"
#include "test.h"

#define NICS "\"nics\":[{\"name\":\"in\",\"device\":\"d\",\"addresses\":[\"10.1.0.1/24\"]}]"
#define BACKEND "\"backends\":[{\"address\":\"10.1.0.9\"}]"
#define SERVICE(name, address, more)                                                           \
	"{\"name\":\"" name "\",\"address\":\"" address "\",\"port\":80" more "}"

static struct config_errors errs;
static char document[4096];

/* => the image of a document with this balancer, or NULL and errs. */
static struct image_header *
compile(const char *lb)
{
	size_t size;
	snprintf(document, sizeof(document), "{" NICS ",\"lb\":{%s}}", lb);
	errs = (struct config_errors){0};
	json_t *doc = config_parse(document, strlen(document), &errs);
	struct image_header *h = doc == NULL ? NULL : config_compile(doc, NULL, 1, &size, &errs);
	json_decref(doc);
	return h;
}

static void
refused(const char *lb, const char *path, const char *words)
{
	struct image_header *h = compile(lb);
	CU_ASSERT_PTR_NULL(h);
	CU_ASSERT_EQUAL_FATAL(errs.n, 1);
	if (strcmp(errs.e[0].path, path) != 0 || strstr(errs.e[0].message, words) == NULL)
		printf("\n%s: %s", errs.e[0].path, errs.e[0].message);
	CU_ASSERT_STRING_EQUAL(errs.e[0].path, path);
	CU_ASSERT_PTR_NOT_NULL(strstr(errs.e[0].message, words));
	free(h);
}

static const void *
rows(const struct image_header *h, uint32_t kind, uint32_t want)
{
	uint32_t n = 0;
	const void *r = h == NULL ? NULL : image_rows(h, kind, &n);
	CU_ASSERT_EQUAL_FATAL(n, want);
	return r;
}

static void
test_guard(void)
{
	struct image_header *h = compile(
		"\"lists\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"services\":["
		SERVICE("s", "192.0.2.1", "," BACKEND ",\"deny\":\"b\",\"limits\":{"
		        "\"half_open\":7,\"flows\":9,\"rate\":100,\"source_rate\":5,"
		        "\"source_burst\":20,\"source_prefix\":28}") ","
		SERVICE("t", "192.0.2.2", "") ","
		SERVICE("u", "2001:db8::1", ",\"limits\":{\"source_rate\":5}") "]");
	const struct img_lb_guard *g = rows(h, IMG_LB_GUARDS, 2);
	CU_ASSERT(g->service == 0 && g->half_open == 7 && g->flows == 9 && g->rate == 100);
	CU_ASSERT(g->burst == 100 && g->source_rate == 5 && g->source_burst == 20);
	CU_ASSERT(g->allow == LB_NO_LIST && g->deny == 1 && g->source_plen == 28);
	CU_ASSERT_EQUAL(g->overflow, LB_OVERFLOW_STATELESS);
	CU_ASSERT(g[1].service == 2 && g[1].source_plen == 56 && g[1].source_burst == 5);
	free(h);
}

/* What cannot go without flows drops, and says why if it is told to. */
static void
test_overflow(void)
{
#define BOUND ",\"limits\":{\"half_open\":7}"
#define STATELESS ",\"limits\":{\"half_open\":7,\"overflow\":\"stateless\"}"
#define FULL ",\"mode\":\"fullnat\",\"local_addresses\":[\"10.1.0.50\"]," BACKEND
#define NET "{\"name\":\"n\",\"address\":\"192.0.2.0/24\",\"port\":80," BACKEND
#define RANGE "{\"name\":\"r\",\"address\":\"192.0.2.9\",\"ports\":\"80-90\",\"backends\":["     \
	"{\"address\":\"10.1.0.9\",\"port\":8080}]"
#define ROBIN ",\"scheduler\":\"round-robin\"," BACKEND
#define OTHER SERVICE("o", "192.0.2.2", "," BACKEND)
	static const struct { const char *lb[2]; const char *why; } bad[] = {
		{{"\"services\":[" SERVICE("s", "192.0.2.1", FULL BOUND) "]",
		  "\"services\":[" SERVICE("s", "192.0.2.1", FULL STATELESS) "]"}, "mode fullnat"},
		{{"\"services\":[" NET BOUND "}]", "\"services\":[" NET STATELESS "}]"},
		 "is a prefix"},
		{{"\"services\":[" RANGE BOUND "}]", "\"services\":[" RANGE STATELESS "}]"},
		 "behind several ports"},
		{{"\"services\":[" SERVICE("s", "192.0.2.1", "," BACKEND BOUND) "," OTHER "]",
		  "\"services\":[" SERVICE("s", "192.0.2.1", "," BACKEND STATELESS) "," OTHER "]"},
		 "service \"o\" has the same backend"},
		{{"\"services\":[" SERVICE("s", "192.0.2.1", ROBIN BOUND) "]",
		  "\"services\":[" SERVICE("s", "192.0.2.1", ROBIN STATELESS) "]"},
		 "the scheduler does not choose by the client alone"},
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct image_header *h = compile(bad[i].lb[0]);
		const struct img_lb_guard *g = rows(h, IMG_LB_GUARDS, 1);
		CU_ASSERT_EQUAL(g->overflow, LB_OVERFLOW_DROP);
		free(h);
		refused(bad[i].lb[1], "lb.services[0].limits.overflow", bad[i].why);
	}
}

/* Without limits too: what can go without flows does so where the flow table is full. */
static void
test_stateless(void)
{
	static const struct { const char *more; uint8_t stateless; } c[] = {
		{"," BACKEND, 1},
		{"," BACKEND ",\"limits\":{\"overflow\":\"drop\"}", 0},
		{"," BACKEND ",\"syn_proxy\":{\"mode\":\"auto\"}", 0},
		{FULL, 0},
		{ROBIN, 0},
		{",\"mode\":\"dsr\"" ROBIN BOUND, 0},
		{",\"mode\":\"dsr\"," BACKEND, 1},
	};
	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		char lb[512];
		snprintf(lb, sizeof(lb), "\"services\":[" SERVICE("s", "192.0.2.1", "%s") "]",
		         c[i].more);
		struct image_header *h = compile(lb);
		const struct img_lb_service *s = rows(h, IMG_LB_SERVICES, 1);
		CU_ASSERT_EQUAL(s->stateless, c[i].stateless);
		free(h);
	}
}

/* Ranges of ports that meet in the middle share, those side by side do not; nor TCP and UDP. */
static void
test_shared(void)
{
#define ON(name, address, ports, proto)                                                        \
	"{\"name\":\"" name "\",\"address\":\"" address "\",\"ports\":\"" ports "\","            \
	"\"protocol\":\"" proto "\"," BACKEND "}"
	struct image_header *h = compile("\"services\":["
		ON("a", "192.0.2.1", "100-200", "tcp") ","
		ON("b", "192.0.2.2", "120-130", "tcp") ","
		ON("c", "192.0.2.3", "200-300", "tcp") ","
		ON("d", "192.0.2.4", "301-400", "tcp") ","
		ON("e", "192.0.2.5", "100-400", "udp") ","
		ON("f", "192.0.2.6", "400-400", "any") ","
		ON("g", "192.0.2.7", "401-500", "tcp") "]");
	const struct img_lb_service *s = rows(h, IMG_LB_SERVICES, 7);
	for (unsigned i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(s[i].stateless, s[i].name[0] == 'g');
	free(h);
}

static void
test_refused(void)
{
	refused("\"services\":[" SERVICE("s", "192.0.2.1", ",\"deny\":\"x\"") "]",
	        "lb.services[0].deny", "there is no list \"x\"");
	refused("\"services\":[" SERVICE("s", "192.0.2.1", ",\"allow\":\"x\"") "]",
	        "lb.services[0].allow", "there is no list \"x\"");
	refused("\"services\":[" SERVICE("s", "192.0.2.1", ",\"limits\":{\"source_rate\":1,"
	        "\"source_prefix\":33}") "]", "lb.services[0].limits.source_prefix",
	        "33; expected 32 at most");
	refused("\"capacity\":{\"sources\":0},\"services\":["
	        SERVICE("s", "192.0.2.1", ",\"limits\":{\"source_rate\":1}") "]",
	        "lb.services[0].limits.source_rate", "lb.capacity.sources is 0");
	refused("\"services\":[" SERVICE("s", "192.0.2.1", ",\"protocol\":\"udp\","
	        "\"schedule\":\"packet\",\"limits\":{\"flows\":1}") "]",
	        "lb.services[0].limits", "schedules each datagram for itself");
	refused("\"lists\":[{\"name\":\"a\",\"prefixes\":[\"192.0.2.1/24\"]}]",
	        "lb.lists[0].prefixes[0]", "expected 192.0.2.0/24");
	refused("\"lists\":[{\"name\":\"a\",\"file\":\"/no/such/file\"}]", "lb.lists[0].file",
	        "No such file");
}

static void
test_merge(void)
{
	struct image_header *h = compile(
		"\"lists\":[{\"name\":\"e\"},{\"name\":\"a\",\"prefixes\":[\"192.0.2.128/25\","
		"\"10.0.0.0/8\",\"192.0.2.0/25\",\"10.1.0.0/16\",\"192.0.3.1\","
		"\"2001:db8:1::/48\",\"2001:db8::/48\",\"2001:db8:9::/48\",\"255.255.255.255\","
		"\"::/1\"]}]");
	const struct img_lb_list *l = rows(h, IMG_LB_LISTS, 2);
	CU_ASSERT(l[0].n4 == 0 && l[0].n6 == 0 && l[1].n4 == 4 && l[1].n6 == 1);
	const struct img_lb_range4 *r = rows(h, IMG_LB_RANGES4, 4);
	CU_ASSERT(r[0].first == 0x0a000000 && r[0].last == 0x0affffff);
	CU_ASSERT(r[1].first == 0xc0000200 && r[1].last == 0xc00002ff);
	CU_ASSERT(r[2].first == 0xc0000301 && r[2].last == 0xc0000301);
	CU_ASSERT(r[3].first == UINT32_MAX && r[3].last == UINT32_MAX);
	free(h);
	h = compile("\"lists\":[{\"name\":\"a\",\"prefixes\":[\"2001:db8:1::/48\","
	            "\"2001:db8::/48\",\"2001:db8:9::/48\"]}]");
	const struct img_lb_range6 *r6 = rows(h, IMG_LB_RANGES6, 2);
	CU_ASSERT(r6[0].first.b[5] == 0 && r6[0].last.b[5] == 1 && r6[0].last.b[15] == 0xff);
	CU_ASSERT(r6[1].first.b[5] == 9);
	free(h);
}

/* A file of this run alone, and the section that names it. */
static char folder[] = "/tmp/mr-guards-XXXXXX", file[64], list[128];

static void
file_name(void)
{
	if (mkdtemp(folder) == NULL)
		exit(2);
	snprintf(file, sizeof(file), "%s/list", folder);
	snprintf(list, sizeof(list), "\"lists\":[{\"name\":\"a\",\"prefixes\":"
	         "[\"10.0.0.0/8\"],\"file\":\"%s\"}]", file);
}

static void
file_write(const char *text)
{
	FILE *f = fopen(file, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void
test_file(void)
{
	file_write("# addresses\r\n192.0.2.0/24\r\n\n  2001:db8::/32 # and a comment\n192.0.2.77\n"
	           "198.51.100.9/24");
	struct image_header *h = compile(list);
	const struct img_lb_list *l = rows(h, IMG_LB_LISTS, 1);
	CU_ASSERT(l->n4 == 3 && l->n6 == 1);
	const struct img_lb_range4 *r = rows(h, IMG_LB_RANGES4, 3);
	CU_ASSERT(r[2].first == 0xc6336400 && r[2].last == 0xc63364ff);
	free(h);
	file_write("192.0.2.0/24\n\n192.0.2.0/33\n");
	refused(list, "lb.lists[0].file", "line 3 is no prefix");
	unlink(file);
}

/* A line is a line, however long; what a list has by it makes the image another one. */
static void
test_lines(void)
{
	char text[1000];
	struct image_header *h[2];
	snprintf(text, sizeof(text), "192.0.2.1 # %0500d 11.0.0.1\n192.0.2.3\n", 7);
	file_write(text);
	h[0] = compile(list);
	CU_ASSERT_EQUAL(((const struct img_lb_list *)rows(h[0], IMG_LB_LISTS, 1))->n4, 3);
	file_write("192.0.2.1\n192.0.2.4\n");
	h[1] = compile(list);
	CU_ASSERT_NOT_EQUAL(memcmp(h[0]->digest, h[1]->digest, sizeof(h[0]->digest)), 0);
	free(h[1]);
	file_write("192.0.2.3\n192.0.2.1\n");
	h[1] = compile(list);
	CU_ASSERT_EQUAL(memcmp(h[0]->digest, h[1]->digest, sizeof(h[0]->digest)), 0);
	free(h[0]);
	free(h[1]);
	snprintf(text, sizeof(text), "%400s\n", "192.0.2.0/2x");
	file_write(text);
	refused(list, "lb.lists[0].file", "line 1 is no prefix");
	unlink(file);
}

/* What is no file is not waited for, and what may hold secrets is not quoted. */
static void
test_no_file(void)
{
	CU_ASSERT_EQUAL_FATAL(mkfifo(file, 0600), 0);
	refused(list, "lb.lists[0].file", "expected a file of prefixes");
	unlink(file);
	FILE *f = fopen(file, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite("192.0.2.1\0secret\n", 1, 17, f);
	fclose(f);
	refused(list, "lb.lists[0].file", "line 1 is no prefix");
	unlink(file);
	refused("\"lists\":[{\"name\":\"a\",\"file\":\"/tmp\"}]", "lb.lists[0].file",
	        "expected a file of prefixes");
}

/* compile_lines: a list of so many. => the seconds of the processor, and the size of the image. */
static double
compile_lines(uint32_t lines, size_t *size)
{
	struct timespec a, b;
	FILE *f = fopen(file, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (uint32_t i = 0; i < lines; i++) {
		uint32_t at = i * 2654435761u & 0xffffff00u;
		fprintf(f, "%u.%u.%u.%u/28\n", at >> 24, at >> 16 & 255, at >> 8 & 255, i & 240);
	}
	fclose(f);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	struct image_header *h = compile(list);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	*size = (size_t)h->size;
	free(h);
	unlink(file);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* A million lines: in an image of 8 MB, and in some twelve times what a tenth of them takes. */
static void
test_million(void)
{
	enum { MILLION = 1000000 };
	size_t size;
	double tenth = compile_lines(MILLION / 10, &size), took = compile_lines(MILLION, &size);
	printf("  %.0f ms, %.1f times a tenth, image of %zu kB ", took * 1e3, took / tenth,
	       size / 1024);
	CU_ASSERT(took < 25 * tenth && size < 9u << 20 && size > 7u << 20);
}

static const struct test_case cases[] = {
	{"guards", test_guard},
	{"what cannot go without flows", test_overflow},
	{"where the flow table is full", test_stateless},
	{"shared backends", test_shared},
	{"errors", test_refused},
	{"prefixes are merged", test_merge},
	{"a file", test_file},
	{"lines of a file", test_lines},
	{"what is no file", test_no_file},
	{"a million prefixes", test_million},
};

int
main(void)
{
	file_name();
	int status = test_main("config_guards", cases, sizeof(cases) / sizeof(cases[0]));
	rmdir(folder);
	return status;
}
