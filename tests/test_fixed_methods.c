/* SPDX-License-Identifier: Apache-2.0 */
/* nat.forward and nat.reverse, with and without a daemon; nat.whohad without a log. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/client/commands.h"
#include "ctl/config/config.h"
#include "ctl/config/addrtext.h"
#include "ctl/api/internal.h"
#include "ctl/log/archive.h"
#include "api_world.h"

static const char fixed_document[] =
	"{\"nics\":[{\"name\":\"in\",\"device\":\"0000:01:00.0\",\"addresses\":[\"10.0.0.1/24\"]}],"
	"\"nat\":{\"capacity\":{\"mappings\":4096,\"subscribers\":256,\"pool_addresses\":16},"
	"\"pools\":[{\"name\":\"p\",\"addresses\":[\"203.0.113.1\"],"
	"\"deterministic\":{\"inside\":[\"198.51.100.1-198.51.100.14\"],\"overflow\":2}}],"
	"\"rules\":[{\"name\":\"homes\",\"source\":\"198.51.100.0/24\",\"pool\":\"p\"}],"
	"\"static\":[{\"inside\":\"198.51.100.3\",\"outside\":\"203.0.113.50\"},"
	"{\"inside\":\"198.51.100.4\",\"outside\":\"203.0.113.1\",\"protocol\":\"tcp\","
	"\"inside_ports\":\"80-81\",\"outside_ports\":\"443-444\"}]}}";

static struct image_header *image;

/* One inside address in two realms: static in one, deterministic in the other. */
static const char realm_document[] =
	"{\"realms\":[{\"name\":\"red\"},{\"name\":\"blue\",\"number\":7}],\"nics\":["
	"{\"name\":\"r\",\"device\":\"d\",\"vlan\":1,\"realm\":\"red\"},"
	"{\"name\":\"b\",\"device\":\"d\",\"vlan\":2,\"realm\":\"blue\"}],"
	"\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[\"203.0.113.1\"],"
	"\"deterministic\":{\"inside\":[\"100.64.0.0/28\"],\"realm\":\"blue\"}},"
	"{\"name\":\"q\",\"addresses\":[\"203.0.113.2\"]},{\"name\":\"f\","
	"\"addresses\":[\"203.0.113.3\"]}],"
	"\"rules\":[{\"name\":\"far\",\"realm\":\"red\",\"source\":\"100.64.0.0/10\","
	"\"destination\":\"192.0.2.0/24\",\"pool\":\"f\"},{\"name\":\"not\",\"realm\":\"red\","
	"\"source\":\"100.64.0.0/10\",\"action\":\"pass\",\"destination\":\"198.18.0.0/15\"},"
	"{\"name\":\"blues\",\"realm\":\"blue\",\"source\":\"100.64.0.0/10\","
	"\"pool\":\"p\"},"
	"{\"name\":\"all\",\"source\":\"100.64.0.0/10\",\"pool\":\"q\"}],"
	"\"static\":[{\"inside\":\"100.64.0.3\",\"outside\":\"203.0.113.50\","
	"\"realm\":\"red\"}]}}";

/* Subscribers behind two interfaces, their rules one behind the other. */
static const char nics_document[] =
	"{\"nics\":[{\"name\":\"a\",\"device\":\"d\",\"vlan\":1},"
	"{\"name\":\"b\",\"device\":\"d\",\"vlan\":2}],"
	"\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[\"203.0.113.1\"]},"
	"{\"name\":\"q\",\"addresses\":[\"203.0.113.2\"]}],\"rules\":["
	"{\"name\":\"far\",\"nic\":\"a\",\"source\":\"100.64.0.0/15\","
	"\"destination\":\"192.0.2.0/24\",\"pool\":\"q\"},"
	"{\"name\":\"near\",\"nic\":\"a\",\"source\":\"100.64.0.0/16\",\"pool\":\"p\"},"
	"{\"name\":\"ends\",\"nic\":\"a\",\"source\":\"100.65.0.0/16\",\"action\":\"pass\"},"
	"{\"name\":\"other\",\"nic\":\"b\",\"source\":\"100.65.0.0/16\",\"pool\":\"p\"},"
	"{\"name\":\"wide\",\"nic\":\"a\",\"source\":\"100.64.0.0/10\",\"pool\":\"p\"},"
	"{\"name\":\"rest\",\"source\":\"100.64.0.0/10\",\"pool\":\"q\"}]}}";

static void
compile_text(const char *document)
{
	struct config_errors errs = {0};
	size_t size;
	json_t *doc = config_parse(document, strlen(document), &errs);
	CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
	image = config_compile(doc, NULL, 1, &size, &errs);
	if (image == NULL)
		printf("  %s: %s\n", errs.e[0].path, errs.e[0].message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	json_decref(doc);
}

static void
compile(void)
{
	compile_text(fixed_document);
}

static be32
v4(const char *s)
{
	union addr a;
	uint8_t family;
	CU_ASSERT_FATAL(addr_parse(s, &a, &family));
	return a.w[0];
}

/* The example of RFC 7422, asked both ways for each host and the ends of its range. */
static void
test_both_ways(void)
{
	compile();
	for (unsigned i = 1; i <= 14; i++) {
		char inside[32];
		snprintf(inside, sizeof(inside), "198.51.100.%u", i);
		json_t *r = api_nat_forward(image, -1, v4(inside));
		const json_t *list = json_object_get(r, "answers");
		const json_t *o = json_array_get(list, json_array_size(list) - 1);
		CU_ASSERT_STRING_EQUAL(text(o, "kind"), "deterministic");
		CU_ASSERT_STRING_EQUAL(text(o, "external"), "203.0.113.1");
		CU_ASSERT_EQUAL(number(o, "port_first"), 1024 + 4032 * (i - 1));
		CU_ASSERT_EQUAL(number(o, "port_last"), 1023 + 4032 * i);
		for (unsigned end = 0; end < 2; end++) {
			uint16_t port = (uint16_t)number(o, end == 0 ? "port_first" : "port_last");
			json_t *b = api_nat_reverse(image, v4("203.0.113.1"), port);
			CU_ASSERT_STRING_EQUAL(text(b, "answers.0.subscriber"), inside);
			CU_ASSERT_EQUAL(json_array_size(json_object_get(b, "answers")), 1);
			json_decref(b);
		}
		json_decref(r);
	}
	free(image);
}

static void
test_realms(void)
{
	compile_text(realm_document);
	json_t *r = api_nat_forward(image, 7, v4("100.64.0.3")), *b;
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 1);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.kind"), "deterministic");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.realm_name"), "blue");
	b = api_nat_reverse(image, v4("203.0.113.1"), (uint16_t)number(r, "answers.0.port_first"));
	CU_ASSERT_STRING_EQUAL(text(b, "answers.0.subscriber"), "100.64.0.3");
	CU_ASSERT_STRING_EQUAL(text(b, "answers.0.realm_name"), "blue");
	CU_ASSERT_EQUAL(number(b, "answers.0.realm"), 7);
	json_decref(b);
	json_decref(r);
	r = api_nat_forward(image, 1, v4("100.64.0.3"));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 3);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.kind"), "static");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.realm_name"), "red");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.1.destination"), "192.0.2.0/24");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.1.pool"), "f");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.2.kind"), "dynamic");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.2.pool"), "q");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.2.realm_name"), "red");
	json_decref(r);
	b = api_nat_reverse(image, v4("203.0.113.50"), 9);
	CU_ASSERT_STRING_EQUAL(text(b, "answers.0.realm_name"), "red");
	json_decref(b);
	r = api_nat_forward(image, -1, v4("100.64.0.3"));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 4); /* none of outside */
	json_decref(r);
	CU_ASSERT_EQUAL(name_parse_realm(image, "blue"), 7);
	CU_ASSERT_EQUAL(name_parse_realm(image, "7"), 7);
	CU_ASSERT_EQUAL(name_parse_realm(image, "2"), -1);
	CU_ASSERT_EQUAL(name_parse_realm(image, ""), -1);
	CU_ASSERT_EQUAL(name_parse_realm(image, "outside"), 0);
	CU_ASSERT_EQUAL(name_parse_realm(NULL, "0"), 0);
	free(image);
}

/* Rules by interface: one that takes all of an interface hides those behind it there only. */
static void
test_hidden(void)
{
	compile_text(nics_document);
	json_t *r = api_nat_forward(image, -1, v4("100.64.0.3"));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 3);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.rule"), "far");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.1.rule"), "near");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.2.rule"), "rest");
	json_decref(r);
	r = api_nat_forward(image, -1, v4("100.66.0.3"));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 2);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.rule"), "wide");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.1.rule"), "rest");
	json_decref(r);
	r = api_nat_forward(image, -1, v4("100.65.0.3")); /* both interfaces are taken */
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 2);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.1.rule"), "other");
	json_decref(r);
	free(image);
}

static void
test_others(void)
{
	compile();
	json_t *r = api_nat_forward(image, -1, v4("198.51.100.3"));
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.kind"), "static");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.external"), "203.0.113.50");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.protocol"), "any");
	json_decref(r);
	r = api_nat_forward(image, -1, v4("198.51.100.200"));
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.kind"), "dynamic");
	json_decref(r);
	r = api_nat_forward(image, -1, v4("192.0.2.1"));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 0);
	json_decref(r);
	r = api_nat_reverse(image, v4("203.0.113.1"), 444);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.subscriber"), "198.51.100.4");
	CU_ASSERT_EQUAL(number(r, "answers.0.inside_port"), 81);
	json_decref(r);
	r = api_nat_reverse(image, v4("203.0.113.50"), 7);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 1);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.subscriber"), "198.51.100.3");
	json_decref(r);
	r = api_nat_reverse(image, v4("203.0.113.1"), 57472);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.kind"), "dynamic");
	json_decref(r);
	r = api_nat_reverse(image, v4("203.0.113.1"), 1023);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "answers")), 0);
	json_decref(r);
	free(image);
}

/* The client's own answer from a file: no daemon is there, its socket's path leads nowhere. */
static void
client(const char *verb, const char *word, int status, const char *wanted)
{
	char file[] = "/tmp/test_fixed_methods.XXXXXX", *out = NULL;
	size_t size;
	int fd = mkstemp(file);
	CU_ASSERT_FATAL(fd >= 0 && write(fd, fixed_document, strlen(fixed_document)) > 0);
	close(fd);
	char *argv[] = {(char[8]){"nat"}, (char[16]){0}, (char[32]){0}, (char[16]){"--config"},
	                file};
	snprintf(argv[1], 16, "%s", verb);
	snprintf(argv[2], 32, "%s", word);
	FILE *f = open_memstream(&out, &size);
	struct session s = {.path = "/nowhere", .fd = -1, .out = f, .err = f};
	int used;
	const struct command_row *row = command_find(5, argv, &used, f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	CU_ASSERT_EQUAL(command_run_row(&s, row, 5 - used, argv + used), status);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, wanted));
	if (strstr(out, wanted) == NULL)
		printf("  %s", out);
	free(out);
	unlink(file);
}

static void
test_client(void)
{
	client("forward", "198.51.100.2", EXIT_DONE, "5056  9087");
	client("reverse", "203.0.113.1:9087", EXIT_DONE, "198.51.100.2");
	client("reverse", "203.0.113.9:9087", EXIT_NO, "203.0.113.9:9087");
	client("reverse", "203.0.113.9:9087", EXIT_NO, "nobody's");
	client("forward", "2001:db8::1", EXIT_NO, "wanted an IPv4 address");
	client("forward", "198.51.100.2/32", EXIT_NO, "address: wanted an IP address");
	client("forward", "somebody", EXIT_NO, "address: wanted an IP address");
	client("reverse", "203.0.113.1:74623", EXIT_NO, "wanted an integer from 1 to 65535");
}

static int
search(void *ctx, const struct whohad_query *q, struct whohad *out)
{
	*out = (struct whohad){.is_complete = true, .is_beyond = q->at_ms > q->known_ms};
	return -ENOENT;
}

/* A log in which another one has held the block around the static port 443 since before it. */
static int
search_block(void *ctx, const struct whohad_query *q, struct whohad *out)
{
	*out = (struct whohad){.is_complete = true, .answers = 1, .log_first_ms = 1, .answer = {{
		.subscriber = v4("198.51.100.9"), .port_first = 256, .port_last = 511,
		.is_certain = true, .from_ms = 1, .since_ms = 1}}};
	return 0;
}

static void
drain(void *ctx)
{
}

static uint64_t
now(void *ctx)
{
	return 1800000000u * UINT64_C(1000000000);
}

/* whohad_begin: the document applied, and a log. */
static void
whohad_begin(struct log_link log)
{
	char params[sizeof(fixed_document) + 64];
	begin_empty();
	api_set_log(api, log);
	snprintf(params, sizeof(params), "{\"config\":%s}", fixed_document);
	done("config.apply", params);
}

/* nat.whohad with a log that is empty: the configuration answers, for certain about now only. */
static void
test_whohad(void)
{
	whohad_begin((struct log_link){.drain = drain, .search = search, .now_ns = now});
	json_t *r = result_of("nat.whohad",
	                      "{\"external\":{\"address\":\"203.0.113.1\",\"port\":5056}}");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.subscriber"), "198.51.100.2");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.source"), "configuration");
	CU_ASSERT_TRUE(json_is_true(at(r, "answers.0.certain")));
	char *all = json_dumps(r, 0);
	CU_ASSERT_PTR_NULL(strstr(all, "nobody had it"));
	free(all);
	json_decref(r);
	r = result_of("nat.whohad", "{\"external\":{\"address\":\"203.0.113.1\",\"port\":443},"
	              "\"at\":\"2026-01-01T00:00:00Z\",\"protocol\":\"tcp\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.kind"), "static");
	CU_ASSERT_TRUE(json_is_false(at(r, "answers.0.certain")));
	json_decref(r);
	r = result_of("nat.whohad", "{\"external\":{\"address\":\"203.0.113.1\",\"port\":443},"
	              "\"protocol\":\"udp\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), 0);
	json_decref(r);
	/* A range is of ports that are translated: other protocols are nobody's by it. */
	r = result_of("nat.whohad", "{\"external\":{\"address\":\"203.0.113.1\",\"port\":5056},"
	              "\"protocol\":\"47\"}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), 0);
	json_decref(r);
	r = result_of("nat.whohad", "{\"external\":{\"address\":\"203.0.113.50\",\"port\":5056},"
	              "\"protocol\":\"47\"}");
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.subscriber"), "198.51.100.3");
	json_decref(r);
	r = result_of("nat.whohad", "{\"external\":{\"address\":\"0.0.0.0\",\"port\":1}}");
	CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), 0);
	json_decref(r);
	r = result_of("nat.forward", "{\"address\":\"198.51.100.14\"}");
	CU_ASSERT_EQUAL(number(r, "answers.0.port_last"), 57471);
	json_decref(r);
	CU_ASSERT_EQUAL(error_of("nat.forward", "{\"address\":\"::1\"}", "IPv4"), -32602);
	end();
}

/* asked: nat.whohad about one port of 203.0.113.1 now, of tcp. */
static json_t *
asked(unsigned port)
{
	char params[128];
	snprintf(params, sizeof(params), "{\"external\":{\"address\":\"203.0.113.1\","
	         "\"port\":%u},\"protocol\":\"tcp\"}", port);
	return result_of("nat.whohad", params);
}

/* A static mapping takes its port out of a block that somebody holds: he is not who has that one. A
 * range and a block cannot both be right. */
static void
test_whohad_taken(void)
{
	whohad_begin((struct log_link){.drain = drain, .search = search_block, .now_ns = now});
	json_t *r = asked(443);
	CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), 2);
	CU_ASSERT_STRING_EQUAL(text(r, "answers.0.subscriber"), "198.51.100.9");
	CU_ASSERT_TRUE(json_is_false(at(r, "answers.0.certain")));
	CU_ASSERT_STRING_EQUAL(text(r, "answers.1.subscriber"), "198.51.100.4");
	CU_ASSERT_TRUE(json_is_true(at(r, "answers.1.certain")));
	CU_ASSERT_TRUE(json_is_false(at(r, "ambiguous")));
	json_decref(r);
	r = asked(5056);
	CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), 2);
	CU_ASSERT_TRUE(json_is_false(at(r, "answers.0.certain")));
	CU_ASSERT_TRUE(json_is_false(at(r, "answers.1.certain")));
	CU_ASSERT_TRUE(json_is_true(at(r, "ambiguous")));
	json_decref(r);
	r = asked(445);
	CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), 1);
	CU_ASSERT_TRUE(json_is_true(at(r, "answers.0.certain")));
	json_decref(r);
	end();
}

/* A log that has only the number of a realm, which may have been another one's then. */
static int
search_realm(void *ctx, const struct whohad_query *q, struct whohad *out)
{
	*out = (struct whohad){.answers = 1, .log_first_ms = 1, .answer = {{
		.subscriber = v4("100.64.0.3"), .port_first = 1024, .port_last = 2047, .realm = 7,
		.from_ms = 1, .since_ms = 1, .end = WHOHAD_RELEASED, .to_ms = 2}}};
	return 0;
}

static void
test_whohad_nameless(void)
{
	char params[sizeof(realm_document) + 64];
	begin_empty();
	api_set_log(api, (struct log_link){.drain = drain, .search = search_realm, .now_ns = now});
	snprintf(params, sizeof(params), "{\"config\":%s}", realm_document);
	done("config.apply", params);
	json_t *r = result_of("nat.whohad", "{\"external\":{\"address\":\"203.0.113.2\","
	                      "\"port\":1500},\"at\":\"1970-01-01T00:00:00.001Z\"}");
	CU_ASSERT_EQUAL(json_integer_value(at(r, "answers.0.realm")), 7);
	CU_ASSERT_PTR_NULL(json_object_get(at(r, "answers.0"), "realm_name"));
	json_decref(r);
	end();
}

static char folder_name[40];
static int folder;

static int
its_folder(void *ctx)
{
	return folder;
}

static void
folder_begin(void)
{
	snprintf(folder_name, sizeof(folder_name), "/tmp/test_fixed_methods.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder_name));
	folder = open(folder_name, O_RDONLY | O_DIRECTORY);
}

static void
folder_end(void)
{
	char words[64];
	snprintf(words, sizeof(words), "rm -r %s", folder_name);
	CU_ASSERT_EQUAL(system(words), 0);
	close(folder);
}

/* kept: a document with these inside addresses from a moment on, with a log or not. */
static void
kept(uint64_t s, const char *inside, bool has_log)
{
	char doc[sizeof(fixed_document) + 128], *at;
	snprintf(doc, sizeof(doc), "{%s%s", has_log ? "\"log\":{\"files\":{\"directory\":"
	         "\"/var/log/mr\"}}," : "", fixed_document + 1);
	at = strstr(doc, "198.51.100.1-198.51.100.14");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	memcpy(at, inside, strlen(inside));
	CU_ASSERT_EQUAL(archive_put(folder, doc, strlen(doc), s * UINT64_C(1000000000),
	                            (struct archive_since){0, false}), 1);
}

/* then: who had 203.0.113.1:5056 at a moment, and is that certain? */
static const char *
then(const char *moment, bool *is_certain)
{
	static char who[32];
	char params[160];
	snprintf(params, sizeof(params), "{\"external\":{\"address\":\"203.0.113.1\","
	         "\"port\":5056},\"at\":\"%s\"}", moment);
	json_t *r = result_of("nat.whohad", params);
	CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), 1);
	snprintf(who, sizeof(who), "%s", text(r, "answers.0.subscriber"));
	*is_certain = json_is_true(at(r, "answers.0.certain"));
	json_decref(r);
	return who;
}

/* known: is what the archive says of a moment certain? */
static bool
known(uint64_t s, bool is_in_use, uint64_t log_last_s)
{
	struct whohad_query q = {.external = v4("203.0.113.1"), .port = 5056, .at_ms = s * 1000};
	struct whohad_archive a = {folder, is_in_use, log_last_s * 1000, false};
	json_t *r = json_pack("{s:[], s:[]}", "answers", "notes");
	CU_ASSERT_TRUE(api_whohad_then(r, &q, &a));
	bool certain = json_is_true(at(r, "answers.0.certain"));
	json_decref(r);
	return certain;
}

/* RFC 7422 section 2.4: by the configuration that was in force at the moment. */
static void
test_whohad_then(void)
{
	struct whohad_query q = {.external = v4("203.0.113.1"), .port = 5056,
	                         .at_ms = 1790000500000u};
	bool certain;
	folder_begin();
	kept(1790000000, "198.51.100.0-198.51.100.13", true); /* 2026-09-21T14:13:20Z */
	kept(1790001000, "198.51.100.1-198.51.100.14", true);
	CU_ASSERT_TRUE(known(1790001500, true, 0)); /* the newest, where a daemon writes */
	CU_ASSERT_TRUE(known(1790001500, false, 1790001500));
	CU_ASSERT_FALSE(known(1790001500, false, 1790001499)); /* after the log's end */
	CU_ASSERT_TRUE(known(1790000999, false, 0)); /* it was replaced later */
	for (unsigned i = 0; i < 2; i++) { /* the second before the change, and most of that */
		struct whohad_query change = {.external = q.external, .port = q.port,
			.at_ms = 1790000999000u, .until_ms = 1790000999000u + (i == 0 ? 999 : 500)};
		struct whohad_archive a = {folder, true, 0, false};
		json_t *r = json_pack("{s:[], s:[]}", "answers", "notes");
		CU_ASSERT_TRUE(api_whohad_then(r, &change, &a));
		CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), 2 - i);
		CU_ASSERT_EQUAL(json_is_true(at(r, "answers.0.certain")), i == 1);
		CU_ASSERT_EQUAL(json_is_true(json_object_get(r, "ambiguous")), i == 0);
		json_decref(r);
	}
	kept(1790002000, "198.51.100.2-198.51.100.15", false);
	whohad_begin((struct log_link){.drain = drain, .search = search, .now_ns = now,
	                               .folder = its_folder});
	CU_ASSERT_STRING_EQUAL(then("2026-09-21T14:13:19Z", &certain), "198.51.100.2");
	CU_ASSERT_FALSE(certain); /* by the one in force now */
	CU_ASSERT_STRING_EQUAL(then("2026-09-21T14:13:20Z", &certain), "198.51.100.1");
	CU_ASSERT_TRUE(certain);
	CU_ASSERT_STRING_EQUAL(then("2026-09-21T14:30:00Z", &certain), "198.51.100.2");
	CU_ASSERT_TRUE(certain);
	CU_ASSERT_STRING_EQUAL(then("2026-09-21T15:00:00Z", &certain), "198.51.100.3");
	CU_ASSERT_FALSE(certain); /* who had no log did not keep what came then */
	kept(1790003000, "198.51.100.2-198.51.100.15", true);
	CU_ASSERT_STRING_EQUAL(then("2027-01-15T08:00:00Z", &certain), "198.51.100.3");
	CU_ASSERT_TRUE(certain); /* this very moment */
	CU_ASSERT_STRING_EQUAL(then("2027-01-15T08:00:01Z", &certain), "198.51.100.3");
	CU_ASSERT_FALSE(certain); /* nobody knows yet */
	end();
	/* Without a daemon: certain as far as the log goes. */
	for (unsigned i = 0; i < 2; i++) {
		json_t *r = json_pack("{s:[], s:[]}", "answers", "notes");
		struct whohad_archive a = {folder, false, 0, false};
		CU_ASSERT_TRUE(api_whohad_then(r, &q, &a));
		CU_ASSERT_EQUAL(json_is_true(at(r, "answers.0.certain")), i == 0);
		CU_ASSERT_EQUAL(json_number_value(at(r, "answers.0.configuration_from")),
		                1790000000 + 2000 * i);
		json_decref(r);
		q.at_ms += 2000000;
	}
	kept(1790004000, "198.51.100.1-198.51.100.14", true);
	CU_ASSERT_TRUE(known(1790003500, true, 0));
	kept(1790003400, "198.51.100.0-198.51.100.13", true); /* the clock was set back */
	CU_ASSERT_FALSE(known(1790003500, true, 0));
	CU_ASSERT_TRUE(known(1790003300, true, 0) && known(1790004001, true, 0));
	folder_end();
}

/* kept_static: a configuration with one static mapping, of a realm's that is the first in it. */
static void
kept_static(uint64_t ms, const char *realm, unsigned mtu)
{
	char doc[1024];
	snprintf(doc, sizeof(doc), "{\"log\":{\"files\":{\"directory\":\"/var/log/mr\"}},"
	         "\"realms\":[{\"name\":\"%s\"}],\"nics\":["
	         "{\"name\":\"in\",\"device\":\"a\",\"mtu\":%u,\"realm\":\"%s\"},"
	         "{\"name\":\"out\",\"device\":\"b\"}],\"nat\":{\"static\":["
	         "{\"inside\":\"100.64.0.9\",\"outside\":\"203.0.113.1\",\"realm\":\"%s\"}]}}",
	         realm, mtu, realm, realm);
	CU_ASSERT_EQUAL(archive_put(folder, doc, strlen(doc), ms * UINT64_C(1000000),
	                            (struct archive_since){0, false}), 1);
}

/* All configurations of a moment count, and a realm is its name: each counts its own from 1. */
static void
test_whohad_realms(void)
{
	static const struct { uint64_t at_ms, until_ms; unsigned answers; } asked[] = {
		{1790000000000, 1790000000999, 1}, {1790000100000, 1790000100999, 2},
		{1790000200000, 1790000200999, 3}, {1790000200500, 1790000200500, 1},
	};
	folder_begin();
	kept_static(1790000000000, "red", 1500);
	kept_static(1790000100500, "blue", 1500);
	kept_static(1790000200100, "red", 1500);
	kept_static(1790000200150, "blue", 1500);
	kept_static(1790000200200, "green", 1500);
	for (unsigned i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct whohad_query q = {.external = v4("203.0.113.1"), .port = 80,
			.at_ms = asked[i].at_ms, .until_ms = asked[i].until_ms};
		struct whohad_archive a = {folder, true, 0, false};
		json_t *r = json_pack("{s:[], s:[], s:b}", "answers", "notes", "complete", 1);
		CU_ASSERT_TRUE(api_whohad_then(r, &q, &a));
		CU_ASSERT_EQUAL(json_array_size(at(r, "answers")), asked[i].answers);
		CU_ASSERT_EQUAL(json_is_true(at(r, "answers.0.certain")),
		                asked[i].answers == 1);
		CU_ASSERT_EQUAL(json_is_true(json_object_get(r, "ambiguous")),
		                asked[i].answers != 1);
		json_decref(r);
	}
	folder_end();
}

/* So many are read for a moment and no more, whoever asks; what the rest says is not known. */
static void
test_whohad_many(void)
{
	struct whohad_query q = {.external = v4("203.0.113.1"), .port = 80,
		.at_ms = 1790000000001, .until_ms = 1790000000999};
	folder_begin();
	for (unsigned n = 1; n <= WHOHAD_CONFIGURATIONS + 1; n++) {
		struct whohad_archive a = {folder, true, 0, false};
		json_t *r = json_pack("{s:[], s:[], s:b}", "answers", "notes", "complete", 1);
		kept_static(1790000000000 + n, "red", 1400 + n);
		CU_ASSERT(api_whohad_then(r, &q, &a) && json_array_size(at(r, "answers")) == 1);
		CU_ASSERT_EQUAL(json_is_true(at(r, "complete")), n <= WHOHAD_CONFIGURATIONS);
		CU_ASSERT_EQUAL(at(r, "complete"), at(r, "answers.0.certain")); /* one true */
		json_decref(r);
	}
	folder_end();
}

static const struct test_case cases[] = {
	{"both ways", test_both_ways},
	{"static, dynamic, nobody", test_others},
	{"rules that are hidden", test_hidden},
	{"of realms", test_realms},
	{"of a file, without a daemon", test_client},
	{"who had it, without a log", test_whohad},
	{"who had it, a static port within a block", test_whohad_taken},
	{"who had it, in a realm without a name", test_whohad_nameless},
	{"who had it then", test_whohad_then},
	{"who had it then, in which realm", test_whohad_realms},
	{"who had it then, of very many", test_whohad_many},
};
TEST_MAIN("fixed_methods", cases)
