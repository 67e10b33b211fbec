/* SPDX-License-Identifier: Apache-2.0 */
/* The IPFIX sink by UDP, TCP and TLS: what tshark decodes is held against the records, field by
 * field; a collector that comes late, goes and comes back, is slow or reads nothing. */
#include <time.h>

#include "collector_world.h"

static unsigned port;
static pid_t collector;
static char keys[64];

static void
collector_start(const char *transport, const char *capture)
{
	char command[512];
	snprintf(command, sizeof(command),
	         "python3 %s/tests/ipfix_tool.py collect %s %u %s %s/cert.pem %s/key.pem",
	         MR_SOURCE_ROOT, transport, port, in_dir(capture), keys, keys);
	collector = run(command);
	for (int i = 0; access(in_dir(capture), F_OK) != 0 && i < WAIT_MS / STEP_MS; i++)
		poll(NULL, 0, STEP_MS);
}

/* ipfix_begin: more: members of the document behind `log`, or of `log`. */
static void
ipfix_begin(const char *transport, const char *in_log, const char *more)
{
	char log[1024], ca[128] = "";
	port = free_port();
	if (strcmp(transport, "tls") == 0)
		snprintf(ca, sizeof(ca), ",\"ca\":\"%s/cert.pem\"", keys);
	snprintf(log, sizeof(log), "{\"ipfix\":[{\"name\":\"a\",\"address\":\"127.0.0.1\","
	         "\"port\":%u,\"transport\":\"%s\"%s}]%s}%s", port, transport, ca, in_log, more);
	collectors_begin(log);
}

static char *add(char *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static char *
add(char *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	p += vsnprintf(p, 512, fmt, ap);
	va_end(ap);
	return p;
}

/* threshold_decoded: what is between time and event. */
static char *
threshold_decoded(const struct record *r, char *p)
{
	static const struct { uint8_t number; const char *text; } kinds[] = {
		{THRESHOLD_POOL_HIGH, "1 addresspool_highthreshold"},
		{THRESHOLD_POOL_LOW, "2 addresspool_lowthreshold"},
		{THRESHOLD_MAPPINGS_HIGH, "3 addressport_mapping_highthreshold"},
		{THRESHOLD_MAPPINGS_LOW, "3 addressport_mapping_lowthreshold"},
		{THRESHOLD_USER_HIGH, "4 addressport_mapping_per_user_highthreshold"},
		{THRESHOLD_SUBSCRIBERS_HIGH, "5 global_addressmapping_highthreshold"},
	};
	if (r->subscriber != 0)
		p = add(p, " srcaddr=100.64.0.2 ingress_vrfid=7");
	if (r->pool == 0)
		p = add(p, " nat_pool_id=1");
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].number == r->threshold)
			p = add(p, " nat_threshold_event=%s=%llu", kinds[i].text,
			        (unsigned long long)r->limit);
	return p;
}

/* decoded: a record as the tool shows it, without domain and sequence. */
static void
decoded(const struct record *r, char *p)
{
	time_t s = (time_t)(r->time_ns / 1000000000);
	char when[32];
	strftime(when, sizeof(when), "%b %e, %Y %H:%M:%S", gmtime(&s));
	bool limit = r->event == RECORD_QUOTA_EXCEEDED || r->event == RECORD_PORTS_EXHAUSTED;
	bool block = r->event == RECORD_BLOCK_CREATE || r->event == RECORD_BLOCK_DELETE;
	bool address = r->event == RECORD_ADDRESS_CREATE || r->event == RECORD_ADDRESS_DELETE ||
	               r->event == RECORD_ADDRESSES_EXHAUSTED;
	p = add(p, "observation_time_milliseconds=%s.%09u UTC", when,
	        (unsigned)(r->time_ns % 1000000000));
	if (r->event == RECORD_SESSION_DELETE)
		p = add(p, " initiator_octets=%llu responder_octets=%llu initiator_packets=%llu "
		        "responder_packets=%llu", (unsigned long long)r->bytes_out,
		        (unsigned long long)r->bytes_in, (unsigned long long)r->packets_out,
		        (unsigned long long)r->packets_in);
	if (r->event == RECORD_THRESHOLD) {
		p = threshold_decoded(r, p);
		add(p, " nat_event=%u\n", r->event);
		return;
	}
	p = add(p, " srcaddr=100.64.0.2");
	if (r->event != RECORD_QUOTA_EXCEEDED && r->external != 0)
		p = add(p, " post_natsource_ipv4_address=203.0.113.1");
	if (r->far != 0)
		p = add(p, " dstaddr=198.51.100.%u", ntohl(r->far) & 255);
	p = add(p, " ingress_vrfid=%u nat_pool_id=1", r->realm);
	if (r->event == RECORD_QUOTA_EXCEEDED)
		p = add(p, " nat_quota_exceeded_event=%s=%llu", r->quota == QUOTA_FRAGMENTS ?
		        "5 max_fragments_pending_reassembly" : "3 max_entries_per_user",
		        (unsigned long long)r->limit);
	if (!limit && !block && !address)
		p = add(p, " srcport=%u post_naptsource_transport_port=%u", r->inside_port,
		        r->port_first);
	if (r->far != 0)
		p = add(p, " dstport=%u", r->far_port);
	if (block)
		p = add(p, " port_range_start=%u port_range_end=%u", r->port_first, r->port_last);
	if (!block && !address && r->event != RECORD_QUOTA_EXCEEDED)
		p = add(p, " protocol=%u", r->proto);
	add(p, " nat_event=%u\n", r->event);
}

/*
 * shown: what a capture has: records from number `from` to `to`, none else. => how many of them are
 * left out, which the numbers of messages say.
 */
static uint64_t
shown(const char *capture, uint64_t from, uint64_t to)
{
	char line[1024], want[2048];
	unsigned domain, sequence, last = UINT32_MAX, names = 0;
	uint64_t i = from, lost = 0;
	CU_ASSERT(must("python3 %s/tests/ipfix_tool.py show %s >%s 2>/dev/null", MR_SOURCE_ROOT,
	               in_dir(capture), in_dir("shown")));
	FILE *f = fopen(in_dir("shown"), "r");
	while (fgets(line, sizeof(line), f) != NULL) {
		int at = 0;
		CU_ASSERT_FATAL(sscanf(line, "%u %u %n", &domain, &sequence, &at) == 2);
		if (domain == 0) {
			CU_ASSERT_STRING_EQUAL(line + at, "nat_pool_id=1 nat_pool_name=main\n");
			names++;
			continue;
		}
		CU_ASSERT_FATAL(domain == 1 && (sequence == last || sequence >= i));
		lost += sequence == last ? 0 : sequence - i;
		i = sequence == last ? i : sequence;
		struct record r = record_number(i);
		decoded(&r, want);
		CU_ASSERT_STRING_EQUAL_FATAL(line + at, want);
		last = sequence;
		i++;
	}
	fclose(f);
	CU_ASSERT(i == to && names >= 1);
	return lost;
}

static void
all_arrive(const char *transport)
{
	ipfix_begin(transport, "", "");
	collector_start(transport, "one.pcap");
	make_records(2000);
	CU_ASSERT(sink_reaches("sent", 2001) && sink_value("lost") == 0);
	CU_ASSERT(sink_reaches("pending", 0));
	run_end(collector, SIGTERM);
	CU_ASSERT_EQUAL(shown("one.pcap", 0, 2000), 0);
	collectors_end();
}

static void
udp(void)
{
	all_arrive("udp");
}

static void
tcp(void)
{
	all_arrive("tcp");
}

static void
tls(void)
{
	all_arrive("tls");
}

static void
away(void)
{
	ipfix_begin("tcp", "", "");
	make_records(300);
	CU_ASSERT(sink_reaches("pending", 301) && sink_value("up") == 0);
	collector_start("tcp", "one.pcap");
	CU_ASSERT(sink_reaches("pending", 0));
	run_end(collector, SIGTERM);
	CU_ASSERT(sink_reaches("up", 0));
	make_records(700);
	collector_start("tcp", "two.pcap");
	CU_ASSERT(sink_reaches("pending", 0));
	run_end(collector, SIGTERM);
	CU_ASSERT_EQUAL(shown("one.pcap", 0, 300), 0);
	CU_ASSERT_EQUAL(shown("two.pcap", 300, 1000), 0); /* templates and names were told again */
	collectors_end();
}

/* daemon_kb: memory that the daemon has in use. */
static unsigned
daemon_kb(void)
{
	char line[128], path[64];
	unsigned kb = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon_pid);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %u", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb;
}

static bool
answers_at_once(void)
{
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned i = 0; i < 20; i++)
		sink_value("pending");
	clock_gettime(CLOCK_MONOTONIC, &b);
	return b.tv_sec - a.tv_sec < WAIT_MS / 2000;
}

/*
 * A collector that reads slowly, then nothing, then again: the daemon answers meanwhile and keeps
 * no more than its queue; what found no room is counted, and seen by the collector in the numbers
 * of messages; what comes after arrives.
 */
static void
slow(void)
{
	enum { QUEUE = 1024, FLOOD = 20000, MORE_KB = TEST_IS_SANITIZED ? 262144 : 1024 };
	char text[4096], count[32];
	ipfix_begin("tcp", ",\"queue\":1024", "");
	collector_start("slow", "one.pcap");
	make_records(300);
	CU_ASSERT(sink_reaches("pending", 0) && sink_value("lost") == 0);
	kill(collector, SIGSTOP);
	json_int_t sent = -1;
	for (unsigned i = 0; i < 20 && sink_value("sent") != sent; i++) {
		sent = sink_value("sent");
		make_records(FLOOD); /* the kernel's buffers fill up, and then the queue */
		CU_ASSERT(rings_drained());
		poll(NULL, 0, 300);
	}
	CU_ASSERT(sink_value("pending") >= QUEUE - 1 && answers_at_once());
	unsigned kb = daemon_kb();
	json_int_t before = sink_value("lost");
	make_records(FLOOD);
	CU_ASSERT(rings_drained() && sink_value("lost") >= before + FLOOD);
	CU_ASSERT(sink_value("sent") == sent && sink_value("up") == 1);
	CU_ASSERT(daemon_kb() < kb + MORE_KB);
	kill(collector, SIGCONT);
	CU_ASSERT(sink_reaches("pending", 0));
	make_records(500);
	CU_ASSERT(sink_reaches("pending", 0) && sink_value("up") == 1);
	uint64_t lost = (uint64_t)sink_value("lost");
	snprintf(count, sizeof(count), "%llu", (unsigned long long)lost);
	CU_ASSERT(millctl("log sinks", text, sizeof(text)) == 0 && strstr(text, count) != NULL);
	run_end(collector, SIGTERM);
	CU_ASSERT_EQUAL(shown("one.pcap", 0, made), lost);
	collectors_end();
}

/* Two subscribers with one address: records say in which realm each is, and its name. */
static void
realms(void)
{
	static const char *const want[] = {
		"0 0 nat_pool_id=1 nat_pool_name=main\n",
		"0 0 ingress_vrfid=7 vrfname=red\n", "0 2 ingress_vrfid=8 vrfname=blue\n",
		"ingress_vrfid=7 nat_pool_id=1 port_range_start=1024 port_range_end=1535",
		"ingress_vrfid=8 nat_pool_id=1 port_range_start=1536 port_range_end=2047",
	};
	char text[8192] = "";
	ipfix_begin("tcp", "", ",\"realms\":[{\"name\":\"red\",\"number\":7},"
	            "{\"name\":\"blue\",\"number\":8}]");
	collector_start("tcp", "one.pcap");
	for (unsigned i = 0; i < 2; i++) {
		struct record r = record_number(0);
		r.sequence += i;
		r.realm = (uint8_t)(7 + i);
		r.port_first = (uint16_t)(1024 + i * 512);
		r.port_last = (uint16_t)(r.port_first + 511);
		CU_ASSERT(record_put(&far.records->ring[0], &r));
	}
	CU_ASSERT(sink_reaches("sent", 3)); /* and the beginning */
	CU_ASSERT(sink_reaches("pending", 0));
	run_end(collector, SIGTERM);
	CU_ASSERT(must("python3 %s/tests/ipfix_tool.py show %s >%s 2>/dev/null", MR_SOURCE_ROOT,
	               in_dir("one.pcap"), in_dir("shown")));
	FILE *f = fopen(in_dir("shown"), "r");
	CU_ASSERT_FATAL(f != NULL && fread(text, 1, sizeof(text) - 1, f) != 0);
	fclose(f);
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		CU_ASSERT(strstr(text, want[i]) != NULL);
	collectors_end();
}

static const struct test_case cases[] = {
	{"UDP", udp}, {"TCP", tcp}, {"TLS", tls}, {"away and back", away},
	{"slow collector", slow}, {"realms", realms},
};

int
main(void)
{
	if (!is_installed("tshark") || !is_installed("openssl")) {
		printf("skipped: needs tshark and openssl\n");
		return SKIPPED;
	}
	network_own();
	snprintf(keys, sizeof(keys), "/tmp/mr-tls-XXXXXX");
	if (mkdtemp(keys) == NULL || !must(
		"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -addext "
		"subjectAltName=IP:127.0.0.1 -keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
		keys, keys))
		return 2;
	int rc = test_main("collect_ipfix", cases, sizeof(cases) / sizeof(cases[0]));
	must("rm -r %s", keys);
	return rc;
}
