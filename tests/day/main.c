/* SPDX-License-Identifier: Apache-2.0 */
/* A day in the life of a NAT: people, the simulated data plane, and a judge. See docs/day.md. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/config/config.h"
#include "ctl/replay/sim.h"
#include "judge.h"
#include "people.h"

enum { FRAMES = 4096, INSIDE_DEV = 0, OUTSIDE_DEV = 1, QUARANTINE_S = 120 };
#define BEGIN_NS 1795564800000000000u /* 2026-11-25T00:00:00Z */
#define HOUR_NS 3600000000000u

struct out_frame {
	bool is_outside;
	uint32_t size;
	uint8_t data[DAY_FRAME];
};

static struct out_frame frames[FRAMES];
static unsigned n_frames;
static struct sim sim;
static struct outputs outputs;
static uint64_t sent, delivered, unsolicited;

/* What the simulation writes is taken here instead of into captures. */
int
outputs_add(struct outputs *o, const struct image_header *image, char *err, size_t err_size)
{
	return 0;
}

bool
outputs_write(struct outputs *o, const char *nic, uint64_t time_ns, const void *data, uint32_t size)
{
	struct out_frame *f = &frames[n_frames];
	if (n_frames == FRAMES || size > sizeof(f->data))
		return true; /* an ICMP error: nobody waits for it */
	*f = (struct out_frame){.is_outside = strcmp(nic, "outside") == 0, .size = size};
	memcpy(f->data, data, size);
	n_frames++;
	return true;
}

static const char config_form[] =
	"{\"workers\": {\"count\": %u, \"flows\": {\"ipv4\": 200000, \"ipv6\": 64}},"
	"\"nics\": [{\"name\": \"inside\", \"device\": \"d0\", \"addresses\": [\"100.64.0.1/10\"]},"
	"{\"name\": \"outside\", \"device\": \"d1\", \"addresses\": [\"198.51.100.2/24\"]}],"
	"\"routes\": [{\"prefix\": \"0.0.0.0/0\", \"via\": \"198.51.100.1\"}],"
	"\"nat\": {\"pools\": [{\"name\": \"public\", \"addresses\": [\"203.0.113.0/26\"],"
	" \"block_size\": 64, \"max_blocks\": 8}],"
	"\"rules\": [{\"name\": \"homes\", \"nic\": \"inside\", \"source\": \"100.64.0.0/10\","
	" \"pool\": \"public\"}], \"log\": \"mappings\", \"quarantine\": %u, \"answer_syn\": false,"
	"\"capacity\": {\"mappings\": 200000, \"subscribers\": 20000, \"pool_addresses\": 64}}}";

static void *
image_make(unsigned workers, size_t *size)
{
	struct config_errors errs = {0};
	char text[2048];
	int n = snprintf(text, sizeof(text), config_form, workers, (unsigned)QUARANTINE_S);
	json_t *doc = config_parse(text, (size_t)n, &errs);
	void *image = doc != NULL ? config_compile(doc, NULL, 1, size, &errs) : NULL;
	for (unsigned i = 0; i < errs.n; i++)
		fprintf(stderr, "day: %s: %s\n", errs.e[i].path, errs.e[i].message);
	json_decref(doc);
	return image;
}

static void
frame_judge(const struct out_frame *f)
{
	struct day_packet p;
	if (!day_read(&p, f->data, f->size))
		return;
	struct session *s = people_session(p.session);
	if (f->is_outside && s == NULL) {
		judge_wrong(sim.now_ns, "a packet outside that nobody sent");
	} else if (f->is_outside) {
		s->outside = p.src;
		s->outside_port = p.sport;
		judge_outside(&p, s->inside, s->port, sim.now_ns);
	} else if (s == NULL) {
		unsolicited++; /* a scan that met an open mapping */
	} else {
		day_sums.inside++;
		delivered++;
		if (p.dst != s->inside || p.dport != s->port)
			judge_wrong(sim.now_ns, "an answer to another endpoint than asked");
	}
}

/* The log first: what it says of a mapping is older than the mapping's packets. */
static void
judge_all(void)
{
	const json_t *record;
	size_t i;
	json_array_foreach(sim.log, i, record)
		judge_record(record);
	json_array_clear(sim.log);
	for (unsigned k = 0; k < n_frames; k++)
		frame_judge(&frames[k]);
	n_frames = 0;
}

static void
day_run(void)
{
	struct doing d;
	while (people_next(&d)) {
		if (d.at_ns > sim.now_ns)
			sim_advance(&sim, d.at_ns);
		judge_all();
		if (!d.is_packet)
			continue;
		uint8_t frame[DAY_FRAME];
		unsigned dev = d.from_inside ? INSIDE_DEV : OUTSIDE_DEV;
		size_t size = day_make(frame, &d.packet, dev);
		sim_put(&sim, (uint16_t)dev, frame, (uint32_t)size);
		sim.active_ns = sim.now_ns;
		sent++;
		sim_settle(&sim);
		judge_all();
	}
	sim_advance(&sim, sim.now_ns + 3 * HOUR_NS); /* until all of it is over */
	judge_all();
}

static uint64_t
dropped(unsigned reason)
{
	const struct stats_segment *seg = sim.plane.shared.stats;
	uint64_t n = 0;
	for (uint32_t i = 0; i < seg->contexts; i++)
		n += stats_context(seg, i)->dropped[reason];
	return n;
}

static void
report(uint32_t subscribers, unsigned hours, unsigned workers)
{
	uint32_t busiest;
	uint64_t most = judge_busiest(&busiest);
	printf("| | |\n|---|---|\n| subscribers, hours, workers | %u, %u, %u |\n", subscribers,
	       hours, workers);
	for (unsigned i = 0; i < APPS; i++)
		printf("| sessions begun: %s | %llu |\n", app_names[i],
		       (unsigned long long)people_begun[i]);
	const struct { const char *name; uint64_t n; } rows[] = {
		{"packets sent", sent}, {"packets outside, each held against the book",
		                         day_sums.outside},
		{"answers delivered", delivered}, {"scans that met an open mapping", unsolicited},
		{"mappings made", day_sums.mappings}, {"mappings at once, at most",
		                                       day_sums.mappings_most},
		{"mappings left at the end", day_sums.mappings_now},
		{"blocks given", day_sums.blocks},
		{"blocks at once, at most", day_sums.blocks_most},
		{"block records", day_sums.block_records},
		{"other records (limits)", day_sums.other_records},
		{"dropped: nat_limit", dropped(DROP_NAT_LIMIT)},
		{"dropped: nat_no_mapping", dropped(DROP_NAT_NO_MAPPING)},
		{"packets that `whohad` was asked about", day_sums.asked},
		{"wrong", day_sums.wrong},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("| %s | %llu |\n", rows[i].name, (unsigned long long)rows[i].n);
	printf("| block records a subscriber and day | %.1f, at most %llu |\n",
	       (double)day_sums.block_records / subscribers * 24 / hours,
	       (unsigned long long)most);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"subscribers", required_argument, NULL, 's'},
		{"hours", required_argument, NULL, 'h'}, {"workers", required_argument, NULL, 'w'},
		{"seed", required_argument, NULL, 'r'}, {0}};
	unsigned subscribers = 200, hours = 24, workers = 2;
	uint64_t seed = 1;
	for (int k; (k = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		unsigned long n = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;
		if (k == '?' || n == 0) {
			fputs("usage: day [--subscribers N] [--hours N] [--workers N] [--seed N]\n",
			      stderr);
			return 2;
		}
		switch (k) {
		case 's': subscribers = (unsigned)n; break;
		case 'h': hours = (unsigned)n; break;
		case 'w': workers = (unsigned)n; break;
		default: seed = n;
		}
	}
	char err[SIM_ERR];
	size_t size;
	void *image = image_make(workers, &size);
	if (image == NULL || !judge_open(BEGIN_NS, QUARANTINE_S * 1000000000ull) ||
	    sim_open(&sim, image, seed, &outputs, BEGIN_NS, err, sizeof(err)) != 0) {
		fprintf(stderr, "day: cannot begin: %s\n", image != NULL ? err : "no image");
		judge_close();
		return 1;
	}
	people_open(subscribers, seed, BEGIN_NS, BEGIN_NS + hours * HOUR_NS);
	day_run();
	judge_ask(sim.now_ns);
	report(subscribers, hours, workers);
	if (sim_broken(&sim, err, sizeof(err)) != NULL)
		judge_wrong(sim.now_ns, "%s", err);
	if (day_sums.asked == 0 || day_sums.mappings_now != 0)
		judge_wrong(sim.now_ns, "%llu mappings are left", (unsigned long long)
		            day_sums.mappings_now);
	sim_close(&sim);
	judge_close();
	free(image);
	return day_sums.wrong != 0;
}
