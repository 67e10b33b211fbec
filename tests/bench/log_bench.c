/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What writing and searching the log costs: log_bench DIRECTORY RECORDS. Blocks of 512 ports of
 * 256 addresses change hands, an hour of log a million records; then a thousand questions, none of
 * which may take long.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/log/whohad.h"
#include "ctl/log/writer.h"

enum { ADDRESSES = 256, BLOCKS = 126, PORTS = 512, QUESTIONS = 1000 };
#define SECOND 1000000000ull
/* Of the processor time that it takes in the same run to read a segment, which a search with an
 * index never does: for one search, and the mean of all. A busy machine makes both slow. */
static const double BOUND = 0.5, BOUND_MEAN = 0.05;
#define BEGIN_NS (1795536000ull * SECOND)

static struct log_writer writer;
static uint32_t holder[ADDRESSES][BLOCKS]; /* 0: nobody */
static uint64_t state = 1;

static uint64_t
draw(uint64_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % n;
}

static double
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
processor_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
write_one(uint64_t number, uint64_t ns)
{
	static const struct log_names names = {.pool = "main"};
	unsigned a = (unsigned)draw(ADDRESSES), b = (unsigned)draw(BLOCKS);
	bool create = holder[a][b] == 0;
	uint32_t who = create ? 1 + (uint32_t)draw(1000000) : holder[a][b];
	uint16_t first = (uint16_t)(1024 + b * PORTS);
	struct record r = {
		.time_ns = ns, .sequence = number + 1, .subscriber = htonl(0x64400000 + who),
		.external = htonl(0xcb007100 + a), .port_first = first,
		.port_last = (uint16_t)(first + PORTS - 1),
		.event = create ? RECORD_BLOCK_CREATE : RECORD_BLOCK_DELETE,
	};
	holder[a][b] = create ? who : 0;
	while (log_writer_put(&writer, &r, &names, ns) != 0)
		;
}

/* reading: what it takes to read the first segment, which is a full one where there are several. */
static double
reading(int folder)
{
	struct log_list l;
	struct log_index ix;
	char name[LOG_NAME];
	double used = processor_seconds();
	if (log_list_make(&l, folder) != 0 || l.n == 0)
		exit(1);
	log_name(name, l.file[0].stem, "jsonl.gz");
	if (log_segment_read(&ix, folder, name) != 0)
		exit(1);
	log_index_fini(&ix);
	log_list_free(&l);
	return processor_seconds() - used;
}

/* => are the longest one and the mean within their bounds? */
static bool
search(int folder, uint64_t end_ns, double read_s, const char *what)
{
	double worst = 0, began = seconds(), used = processor_seconds();
	unsigned answered = 0, opened = 0;
	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct whohad_query q = {
			.external = htonl(0xcb007100 + (uint32_t)draw(ADDRESSES)),
			.port = (uint16_t)(1024 + draw(BLOCKS * PORTS)),
			.at_ms = BEGIN_NS / 1000000 + draw((end_ns - BEGIN_NS) / 1000000),
		};
		static struct whohad w;
		double one = processor_seconds();
		if (whohad_search(&q, folder, NULL, &w) != 0)
			exit(1);
		one = processor_seconds() - one;
		worst = one > worst ? one : worst;
		answered += w.answers;
		opened += w.opened;
	}
	double mean = (processor_seconds() - used) / QUESTIONS;
	printf("%s: %.2f ms a question, %.2f of the processor, worst %.1f; %u of %u answered, "
	       "%.1f segments opened\n", what, (seconds() - began) / QUESTIONS * 1e3, mean * 1e3,
	       worst * 1e3, answered, QUESTIONS, (double)opened / QUESTIONS);
	return worst < BOUND * read_s && mean < BOUND_MEAN * read_s;
}

int
main(int argc, char **argv)
{
	struct log_writer_conf c = {.rotate_bytes = 64 << 20, .rotate_seconds = 86400,
	                            .sync_seconds = 1, .gzip = true};
	uint64_t n = argc == 3 ? strtoull(argv[2], NULL, 10) : 0, ns = BEGIN_NS;
	if (n == 0) {
		fprintf(stderr, "usage: %s DIRECTORY RECORDS\n", argv[0]);
		return 2;
	}
	snprintf(c.directory, sizeof(c.directory), "%s", argv[1]);
	if (log_writer_open(&writer, &c, ns) != 0)
		return 1;
	struct record start = {.event = RECORD_START, .time_ns = ns, .worker = RECORD_DAEMON};
	log_writer_put(&writer, &start, NULL, ns);
	double began = seconds();
	for (uint64_t i = 0; i < n; i++)
		write_one(i, ns += 3600 * SECOND / 1000000);
	log_writer_tick(&writer, ns);
	printf("written: %llu records, %.2f µs each for the daemon\n", (unsigned long long)n,
	       (seconds() - began) / (double)n * 1e6);
	log_writer_close(&writer, ns);
	printf("finished (sorted, compressed) after %.1f s\n", seconds() - began);
	int folder = open(argv[1], O_RDONLY | O_DIRECTORY);
	double before = reading(folder), read_s = before;
	bool first = search(folder, ns, read_s, "first");
	double after = reading(folder);
	read_s = after > before ? after : before;
	bool again = search(folder, ns, read_s, "again");
	close(folder);
	if (first && again)
		return 0;
	fprintf(stderr, "a search took more than %.2f of the %.2f s that reading a segment "
	        "takes, or %.2f in the mean\n", BOUND, read_s, BOUND_MEAN);
	return 1;
}
