/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the fuzzers begin: seeds DIR CONFIG.json… writes DIR/image, DIR/config, DIR/jsonrpc and
 * DIR/json.dict from the configurations, DIR/log, DIR/transport, and DIR/parse from frames of its
 * own (frames.c).
 */
#include <ctype.h>
#include <errno.h>
#include <sys/stat.h>

#include "ctl/api/api.h"
#include "ctl/config/config.h"
#include "ctl/log/index.h"
#include "frames.h"
#include "fuzz.h"

static const struct log_names main_pool = {.pool = "main"};

enum { PATH_SIZE = 4096, COMPACT_SIZE = 1 << 16, RAW_SIZE = 1 << 15 };

static const char *dir;
static unsigned count;

static void
die(const char *what)
{
	fprintf(stderr, "seeds: %s: %s\n", what, strerror(errno));
	exit(1);
}

static FILE *
seed_open(const char *kind, const char *name)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/%s", dir, kind);
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		die(path);
	snprintf(path, sizeof(path), "%s/%s/%s%u", dir, kind, name, count++);
	FILE *f = fopen(path, "wb");
	if (f == NULL)
		die(path);
	return f;
}

static void
seed_write(const char *kind, const char *name, char first, const void *data, size_t size)
{
	FILE *f = seed_open(kind, name);
	if (first != 0)
		fputc(first, f);
	if (fwrite(data, 1, size, f) != size || fclose(f) != 0)
		die(name);
}

static void
request_write(const char *method, json_t *params, FILE *f)
{
	json_t *r = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", method,
	                      "params", params);
	if (r == NULL)
		die(method);
	json_dumpf(r, f, JSON_COMPACT);
	fputc('\n', f);
	json_decref(r);
}

/* some_params: an object with a value for each word of a method's line of parameters. */
static json_t *
some_params(const char *line)
{
	json_t *params = json_object();
	while (*line != 0) {
		char word[32];
		size_t n = 0;
		for (; isalnum((unsigned char)*line) || *line == '_'; line++)
			if (n + 1 < sizeof(word))
				word[n++] = *line;
		word[n] = 0;
		bool number = strstr("port weight limit", word) != NULL;
		if (n > 0)
			json_object_set_new(params, word, number ? json_integer(80) :
			                    json_string("10.0.0.1"));
		while (*line != 0 && !isalnum((unsigned char)*line))
			line++;
	}
	return params;
}

/* requests_write: the document applied, then every method of the table in groups of four. */
static void
requests_write(const json_t *doc)
{
	size_t n;
	const struct api_method *methods = api_methods(&n);
	for (size_t i = 0; i < n; i += 4) {
		FILE *f = seed_open("jsonrpc", "call");
		request_write("config.apply", json_pack("{s:O}", "config", doc), f);
		for (size_t k = i; k < i + 4 && k < n; k++) {
			request_write(methods[k].name, json_object(), f);
			request_write(methods[k].name, some_params(methods[k].params), f);
		}
		fclose(f);
	}
}

static void
config_write(const char *file)
{
	struct config_errors errs = {.n = 0};
	size_t size;
	json_t *doc = config_load(file, &errs);
	struct image_header *h = doc != NULL ? config_compile(doc, NULL, 1, &size, &errs) : NULL;
	if (h == NULL) {
		fprintf(stderr, "seeds: %s: %s: %s\n", file, errs.e[0].path, errs.e[0].message);
		exit(1);
	}
	char *text = json_dumps(doc, JSON_COMPACT);
	seed_write("config", "config", 0, text, strlen(text));
	free(text);
	uint8_t *compact = malloc(COMPACT_SIZE);
	size_t n = compact_pack(h, compact, COMPACT_SIZE);
	if (n != 0)
		seed_write("image", "compact", 'c', compact, n);
	free(compact);
	if (size < RAW_SIZE)
		seed_write("image", "raw", 'r', h, size);
	requests_write(doc);
	free(h);
	json_decref(doc);
}

/* words_write: every key of the schema and every short string in it, for the dictionary. */
static void
words_write(const json_t *j, FILE *f)
{
	const char *key;
	json_t *value;
	size_t i;
	if (json_is_string(j) && strlen(json_string_value(j)) < 20 &&
	    strpbrk(json_string_value(j), "\\\" ") == NULL)
		fprintf(f, "\"\\\"%s\\\"\"\n", json_string_value(j));
	json_array_foreach(j, i, value)
		words_write(value, f);
	if (!json_is_object(j))
		return;
	json_object_foreach((json_t *)(uintptr_t)j, key, value) {
		if (strpbrk(key, "\\\"") == NULL)
			fprintf(f, "\"\\\"%s\\\":\"\n", key);
		words_write(value, f);
	}
}

static void
dictionary_write(void)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/json.dict", dir);
	FILE *f = fopen(path, "w");
	json_t *schema = config_schema();
	size_t n;
	const struct api_method *methods = api_methods(&n);
	if (f == NULL || schema == NULL)
		die(path);
	words_write(schema, f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "\"\\\"%s\\\"\"\n", methods[i].name);
	json_decref(schema);
	if (fclose(f) != 0)
		die(path);
}

static void
frame_write(void *arg, const char *name, const void *frames, size_t size)
{
	seed_write("parse", name, 0, frames, size);
}

/* logs_write: lines of every event; alone, and behind an index of them. */
static void
logs_write(void)
{
	static const uint8_t events[] = {RECORD_BLOCK_CREATE, RECORD_MAPPING_CREATE,
		RECORD_SESSION_DELETE, RECORD_BLOCK_INTERIM, RECORD_GAP, RECORD_START,
		RECORD_BLOCK_DELETE};
	static struct { uint8_t head[8]; char text[sizeof(events) * LOG_LINE]; } plain;
	static struct { uint8_t head[8]; struct log_index_head index;
	                struct log_entry entry[2 * sizeof(events)]; } indexed;
	struct log_index ix;
	size_t n = 0;
	log_index_init(&ix);
	for (size_t i = 0; i < sizeof(events); i++) {
		struct record r = {.time_ns = (1795536000 + i) * 1000000000, .event = events[i],
		                   .external = 1, .subscriber = 2, .port_last = 1000, .proto = 6,
		                   .sequence = i};
		size_t size = log_line_put(plain.text + n, &r, &main_pool);
		if (log_index_add(&ix, &r, NULL, size) != 0)
			die("index");
		n += size;
	}
	log_index_sort(&ix);
	seed_write("log", "plain", 0, &plain, sizeof(plain.head) + n);
	size_t entries = (size_t)ix.head.entries * sizeof(*ix.entry);
	if (entries > sizeof(indexed.entry))
		die("entries");
	indexed.head[0] = (uint8_t)(sizeof(ix.head) + entries);
	indexed.head[1] = (uint8_t)((sizeof(ix.head) + entries) >> 8);
	indexed.index = ix.head;
	memcpy(indexed.entry, ix.entry, entries);
	seed_write("log", "indexed", 0, &indexed, sizeof(indexed.head) + sizeof(ix.head) + entries);
	log_index_fini(&ix);
}

/* transports_write: a segment with options, and datagrams of QUIC, behind what fuzz_transport reads
 * first: its kind, how the ends' numbers differ (13 octets). */
static void
transports_write(void)
{
	static const uint8_t numbers[13] = {0, 0, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 7, 12};
	static const struct {
		uint8_t kind, size;
		const char *name, *octets;
	} seeds[] = {
		{0x31, 44, "segment", "\x01\xbb\x80\x00\0\0\0\1\0\0\0\1\xb0\x10\xff\xff\0\0\0\0"
		                      "\1\1\x08\x0a\0\0\0\1\0\0\0\2\1\1\5\x0a\0\0\0\1\0\0\0\2"},
		{0x13, 28, "syn", "\x80\x00\x01\xbb\0\0\0\1\0\0\0\0\x70\x02\xff\xff\0\0\0\0"
		                  "\2\4\5\xb4\1\3\3\7"},
		{0, 24, "long", "\xc0\0\0\0\1\x08\0\1\2\3\4\5\6\7\x04\1\2\3\4\0\0\0\0\0"},
		{4, 20, "short", "\x40\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\0\0\0"},
	};
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		uint8_t octets[1 + sizeof(numbers) + UINT8_MAX] = {seeds[i].kind};
		memcpy(octets + 1, numbers, sizeof(numbers));
		memcpy(octets + 1 + sizeof(numbers), seeds[i].octets, seeds[i].size);
		seed_write("transport", seeds[i].name, 0, octets,
		           1 + sizeof(numbers) + seeds[i].size);
	}
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: %s DIR CONFIG.json...\n", argv[0]);
		return 2;
	}
	dir = argv[1];
	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		die(dir);
	for (int i = 2; i < argc; i++)
		config_write(argv[i]);
	dictionary_write();
	logs_write();
	transports_write();
	frames_make(frame_write, NULL);
	return 0;
}
