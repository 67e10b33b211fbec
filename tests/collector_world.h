/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A daemon whose log goes to collectors from Debian's packages, on loopback, for the
 *            tests of the exporters: records into the rings, processes, what log.sinks says.
 */
#ifndef MR_COLLECTOR_WORLD_H
#define MR_COLLECTOR_WORLD_H

#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>

#include "daemon_world.h"

enum { SKIPPED = 77, SUBSCRIBER = 0x02004064, EXTERNAL = 0x017100cb };
#define FAR_START_NS (1795536000ull * 1000000000)

static uint64_t made; /* records, ever */

static inline bool
is_installed(const char *program)
{
	char command[128];
	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return system(command) == 0;
}

/* network_own: so that nobody takes this test's ports; but for root it is that of all. */
static inline void
network_own(void)
{
	if (unshare(CLONE_NEWNET) == 0 && system("ip link set lo up") != 0)
		exit(2);
}

/* free_port: nobody listens there now, neither UDP nor TCP. */
static inline unsigned
free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(a);
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_FATAL(bind(tcp, (struct sockaddr *)&a, size) == 0);
	getsockname(tcp, (struct sockaddr *)&a, &size);
	close(tcp);
	return ntohs(a.sin_port);
}

/* run: a program with its words, its output into a file. */
static inline pid_t
run(const char *command)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int out = open(in_dir("program.out"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(out, 1);
	dup2(out, 2);
	char line[600];
	snprintf(line, sizeof(line), "exec %s", command);
	execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	_exit(127);
}

static inline void
run_end(pid_t pid, int signo)
{
	kill(pid, signo);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
}

static inline bool
must(const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

/* threshold_number: of every kind that RFC 8158 has, in turn; tables have no pool. */
static inline void
threshold_number(struct record *r, uint64_t i)
{
	static const uint8_t kinds[] = {THRESHOLD_POOL_HIGH, THRESHOLD_POOL_LOW,
	                                THRESHOLD_USER_HIGH, THRESHOLD_MAPPINGS_HIGH,
	                                THRESHOLD_MAPPINGS_LOW, THRESHOLD_SUBSCRIBERS_HIGH};
	r->threshold = kinds[i % sizeof(kinds)];
	r->used = i + 2;
	r->limit = i + 1;
	if (r->threshold >= THRESHOLD_MAPPINGS_HIGH && r->threshold != THRESHOLD_USER_HIGH)
		r->pool = UINT16_MAX;
	if (r->threshold != THRESHOLD_USER_HIGH)
		r->subscriber = r->external = r->realm = 0;
}

/* record_number: records of every kind in turn, each with other numbers. */
static inline struct record
record_number(uint64_t i)
{
	static const uint8_t events[] = {RECORD_BLOCK_CREATE, RECORD_MAPPING_CREATE,
	                                 RECORD_SESSION_CREATE, RECORD_SESSION_DELETE,
	                                 RECORD_MAPPING_DELETE, RECORD_BLOCK_DELETE,
	                                 RECORD_QUOTA_EXCEEDED, RECORD_PORTS_EXHAUSTED,
	                                 RECORD_ADDRESS_CREATE, RECORD_ADDRESS_DELETE,
	                                 RECORD_ADDRESSES_EXHAUSTED, RECORD_THRESHOLD};
	struct record r = {
		.realm = 7,
		.event = events[i % sizeof(events)], .sequence = i + 1,
		.time_ns = FAR_START_NS + i * 1000000, .subscriber = SUBSCRIBER,
		.external = EXTERNAL,
	};
	bool block = r.event == RECORD_BLOCK_CREATE || r.event == RECORD_BLOCK_DELETE;
	bool limit = r.event == RECORD_QUOTA_EXCEEDED || r.event == RECORD_PORTS_EXHAUSTED;
	if (r.event == RECORD_QUOTA_EXCEEDED) {
		r.limit = i + 1;
		r.quota = i % 2 ? QUOTA_FRAGMENTS : QUOTA_PORTS;
	}
	if (r.event == RECORD_ADDRESS_CREATE || r.event == RECORD_ADDRESS_DELETE)
		return r;
	if (r.event == RECORD_THRESHOLD) {
		threshold_number(&r, i / sizeof(events));
		return r;
	}
	if (r.event == RECORD_ADDRESSES_EXHAUSTED) {
		r.external = 0;
		return r;
	}
	if (!limit) {
		r.port_first = (uint16_t)(1024 + i % 60000);
		r.port_last = (uint16_t)(r.port_first + (block ? 511 : 0));
	}
	if (!block) {
		r.proto = i % 2 ? 6 : 17;
		r.inside_port = limit ? 0 : (uint16_t)(i % 50000 + 1);
	}
	if (r.event == RECORD_SESSION_CREATE || r.event == RECORD_SESSION_DELETE) {
		r.far = htonl(0xc6336400 + (uint32_t)(i % 200));
		r.far_port = 443;
	}
	if (r.event == RECORD_SESSION_DELETE) {
		r.packets_out = i;
		r.packets_in = i + 1;
		r.bytes_out = i * 100;
		r.bytes_in = i << 33;
	}
	return r;
}

static inline void
make_records(unsigned n)
{
	for (unsigned i = 0; i < n;) {
		struct record r = record_number(made);
		if (record_room(&far.records->ring[0]) == 0) {
			poll(NULL, 0, STEP_MS);
			continue;
		}
		CU_ASSERT(record_put(&far.records->ring[0], &r));
		made++;
		i++;
	}
}

/* sink_value: what log.sinks shows of the first sink. */
static inline json_int_t
sink_value(const char *key)
{
	json_t *r = ask("log.sinks", "{}");
	const json_t *v = json_object_get(json_array_get(json_object_get(r, "sinks"), 0), key);
	json_int_t n = json_is_boolean(v) ? json_is_true(v) : json_integer_value(v);
	json_decref(r);
	return n;
}

static inline bool
sink_reaches(const char *key, json_int_t value)
{
	for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
		if (sink_value(key) == value)
			return true;
		poll(NULL, 0, STEP_MS);
	}
	return false;
}

/* rings_drained: the sink has lost, sent or waiting all that was made, and the beginning. */
static inline bool
rings_drained(void)
{
	for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
		json_int_t n = sink_value("sent") + sink_value("lost") + sink_value("pending");
		if ((uint64_t)n > made)
			return true;
		poll(NULL, 0, STEP_MS);
	}
	return false;
}

/* lines_of: how many lines a file has. */
static inline unsigned
lines_of(const char *name)
{
	FILE *f = fopen(in_dir(name), "r");
	unsigned n = 0;
	for (int c; f != NULL && (c = fgetc(f)) != EOF;)
		n += c == '\n';
	if (f != NULL)
		fclose(f);
	return n;
}

static inline bool
lines_reach(const char *name, unsigned n)
{
	for (int i = 0; lines_of(name) < n && i < WAIT_MS / STEP_MS; i++)
		poll(NULL, 0, STEP_MS);
	return lines_of(name) == n;
}

/* collectors_begin: a daemon with this `log` section. */
static inline void
collectors_begin(const char *log)
{
	static char document[8192];
	begin(NULL);
	far.plane.stats->start_time_ns = FAR_START_NS;
	snprintf(document, sizeof(document), "{\"log\":%s,%s", log, fake_document + 1);
	close(client());
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	write_file("config.json", document);
	daemon_start(in_dir("config.json"));
	CU_ASSERT(wait_generation(1));
	made = 0;
}

static inline void
collectors_end(void)
{
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	far_stop();
	CU_ASSERT(must("rm -r %s", dir));
}

#endif
