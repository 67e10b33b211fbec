/* SPDX-License-Identifier: Apache-2.0 */
/* The IPFIX sink by UDP, TCP and TLS: what tshark decodes is held against the records, field by
 * field; a collector that comes late, goes and comes back. */
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
	poll(NULL, 0, 300); /* the capture is made, then it listens */
}

static void
ipfix_begin(const char *transport)
{
	char log[1024], ca[128] = "";
	port = free_port();
	if (strcmp(transport, "tls") == 0)
		snprintf(ca, sizeof(ca), ",\"ca\":\"%s/cert.pem\"", keys);
	snprintf(log, sizeof(log), "{\"ipfix\":[{\"name\":\"a\",\"address\":\"127.0.0.1\","
	         "\"port\":%u,\"transport\":\"%s\"%s}]}", port, transport, ca);
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
	p = add(p, " srcaddr=100.64.0.2");
	if (r->event != RECORD_QUOTA_EXCEEDED && r->external != 0)
		p = add(p, " post_natsource_ipv4_address=203.0.113.1");
	if (r->far != 0)
		p = add(p, " dstaddr=198.51.100.%u", ntohl(r->far) & 255);
	p = add(p, " ingress_vrfid=%u nat_pool_id=1", r->realm);
	if (r->event == RECORD_QUOTA_EXCEEDED)
		p = add(p, " nat_quota_exceeded_event=3 max_entries_per_user=%llu",
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

/* shown: what a capture has: records from number `from` to `to`, none left out, none else. */
static void
shown(const char *capture, uint64_t from, uint64_t to)
{
	char line[1024], want[2048];
	unsigned domain, sequence, last = UINT32_MAX, names = 0;
	uint64_t i = from;
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
		struct record r = record_number(i);
		decoded(&r, want);
		CU_ASSERT(domain == 1 && (sequence == last || sequence == i));
		CU_ASSERT_STRING_EQUAL_FATAL(line + at, want);
		last = sequence;
		i++;
	}
	fclose(f);
	CU_ASSERT(i == to && names >= 1);
}

static void
all_arrive(const char *transport)
{
	ipfix_begin(transport);
	collector_start(transport, "one.pcap");
	make_records(2000);
	CU_ASSERT(sink_reaches("sent", 2001) && sink_value("lost") == 0);
	poll(NULL, 0, 500);
	run_end(collector, SIGTERM);
	shown("one.pcap", 0, 2000);
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
	ipfix_begin("tcp");
	make_records(300);
	poll(NULL, 0, 300);
	CU_ASSERT(sink_value("up") == 0 && sink_value("pending") == 301);
	collector_start("tcp", "one.pcap");
	CU_ASSERT(sink_reaches("pending", 0));
	poll(NULL, 0, 300);
	run_end(collector, SIGKILL);
	CU_ASSERT(sink_reaches("up", 0));
	make_records(700);
	collector_start("tcp", "two.pcap");
	CU_ASSERT(sink_reaches("pending", 0));
	poll(NULL, 0, 300);
	run_end(collector, SIGTERM);
	shown("one.pcap", 0, 300);
	shown("two.pcap", 300, 1000); /* templates and names were told again */
	collectors_end();
}

static const struct test_case cases[] = {
	{"UDP", udp}, {"TCP", tcp}, {"TLS", tls}, {"away and back", away},
};

int
main(void)
{
	if (!is_installed("tshark") || !is_installed("openssl")) {
		printf("skipped: needs tshark and openssl\n");
		return SKIPPED;
	}
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
