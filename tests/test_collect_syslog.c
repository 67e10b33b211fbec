/* SPDX-License-Identifier: Apache-2.0 */
/* The syslog sink before rsyslog: UDP, TCP, TLS; slow, away, back again, not to be believed. */
#include "collector_world.h"
#include "ctl/log/syslog.h"

static const struct log_names main_pool = {.pool = "main"};

static unsigned port;
static pid_t collector;

static void
conf_write(FILE *f, bool tls)
{
	fprintf(f, "global(workDirectory=\"%s\"", dir);
	if (tls)
		fprintf(f, " defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"%s\""
		        " defaultNetstreamDriverCertFile=\"%s\""
		        " defaultNetstreamDriverKeyFile=\"%s\"", in_dir("cert.pem"),
		        in_dir("cert.pem"), in_dir("key.pem"));
	fprintf(f, ")\nmodule(load=\"imudp\")\nmodule(load=\"imtcp\"%s)\n", !tls ? "" :
	        " StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\""
	        " StreamDriver.AuthMode=\"anon\"");
	fprintf(f, "template(name=\"t\" type=\"list\") { property(name=\"msgid\") "
	        "constant(value=\"|\") property(name=\"structured-data\") "
	        "constant(value=\"|\") property(name=\"msg\") constant(value=\"\n\") }\n");
	fprintf(f, "input(type=\"imudp\" address=\"127.0.0.1\" port=\"%u\" "
	        "rcvbufSize=\"8m\")\n", port);
	fprintf(f, "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"%u\")\n", port);
	fprintf(f, "action(type=\"omfile\" file=\"%s\" template=\"t\")\n", in_dir("collected"));
}

static void
rsyslog_start(bool tls)
{
	char command[256];
	FILE *f = fopen(in_dir("rsyslog.conf"), "w");
	CU_ASSERT_FATAL(f != NULL);
	conf_write(f, tls);
	fclose(f);
	snprintf(command, sizeof(command), "rsyslogd -n -f %s -i %s", in_dir("rsyslog.conf"),
	         in_dir("rsyslog.pid"));
	collector = run(command);
}

static void
syslog_begin(const char *transport, unsigned queue, const char *more)
{
	char log[1024];
	port = free_port();
	snprintf(log, sizeof(log), "{\"queue\":%u,\"syslog\":[{\"name\":\"a\","
	         "\"address\":\"127.0.0.1\",\"port\":%u,\"transport\":\"%s\"%s}]}",
	         queue, port, transport, more);
	collectors_begin(log);
}

/* line_good: is a line of the collector what the record says, in every field? */
static void
line_good(const char *line)
{
	const char *at = strstr(line, " sequence=\"");
	uint64_t sequence = at != NULL ? strtoull(at + 11, NULL, 10) : 0;
	const char *id = strstr(line, "sequenceId=\"");
	char message[SYSLOG_MESSAGE + 1], want[SYSLOG_MESSAGE * 2];
	CU_ASSERT_FATAL(sequence != 0 && id != NULL);
	struct record r = record_number(sequence - 1);
	struct syslog_sender s = {.facility = 16, .enterprise = 32473, .host = "h"};
	message[syslog_put(message, &s, strtoull(id + 12, NULL, 10), &r,
	                   r.pool == 0 ? &main_pool : NULL)] = '\0';
	const char *data = strchr(message, '['), *words = strstr(message, "] ");
	snprintf(want, sizeof(want), "%s|%.*s|%s\n", record_event_name(r.event),
	         (int)(words + 1 - data), data, words + 2);
	if (strcmp(line, want) != 0)
		printf("\nwant %s have %s", want, line);
	CU_ASSERT_STRING_EQUAL(line, want);
}

/* collected: every record is there, once, or in a gap. => how many are in gaps. */
static uint64_t
collected(void)
{
	FILE *f = fopen(in_dir("collected"), "r");
	char line[2048];
	uint64_t next = 1, lost = 0;
	CU_ASSERT_FATAL(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *gap = strstr(line, " lost=\"");
		if (gap != NULL) {
			uint64_t n = strtoull(gap + 7, NULL, 10);
			lost += n;
			next += n;
		} else if (strstr(line, "event=\"start\"") == NULL) {
			const char *at = strstr(line, " sequence=\"");
			CU_ASSERT_FATAL(at != NULL);
			CU_ASSERT_EQUAL_FATAL(strtoull(at + 11, NULL, 10), next);
			next++;
			line_good(line);
		}
	}
	fclose(f);
	CU_ASSERT_EQUAL(next - 1, made);
	return lost;
}

/* is_listening: wait for the collector's TCP port; its UDP port is open by then. */
static bool
is_listening(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)},
	                        .sin_port = htons((uint16_t)port)};
	for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
		close(fd);
		if (rc == 0)
			return true;
		poll(NULL, 0, STEP_MS);
	}
	return false;
}

/* The first datagram, "start", may come before the collector is there. */
static void
some(const char *transport)
{
	syslog_begin(transport, 65536, "");
	rsyslog_start(false);
	CU_ASSERT(is_listening() && sink_reaches("up", 1));
	make_records(800);
	CU_ASSERT(sink_reaches("pending", 0));
	json_int_t lost = sink_value("lost");
	CU_ASSERT(lost <= 1 && sink_value("sent") + lost == 801);
	CU_ASSERT(lines_reach("collected", 801 - (unsigned)lost));
	CU_ASSERT_EQUAL(collected(), 0);
	run_end(collector, SIGTERM);
	collectors_end();
}

static void
udp(void)
{
	some("udp");
}

static void
tcp(void)
{
	some("tcp");
}

/* The certificate is made before the daemon's directory, since its configuration names it. */
static void
tls(void)
{
	char more[256];
	char ca[64] = "/tmp/mr-tls-XXXXXX";
	CU_ASSERT_FATAL(mkdtemp(ca) != NULL);
	CU_ASSERT(must("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x "
	               "-addext subjectAltName=DNS:collector.test,IP:127.0.0.1 "
	               "-keyout %s/key.pem -out %s/cert.pem 2>/dev/null", ca, ca));
	for (unsigned i = 0; i < 4; i++) {
		static const char *const names[] = {
			"", ",\"server_name\":\"collector.test\"",
			",\"server_name\":\"other.test\"", ",\"server_name\":\"collector.test\"",
		};
		static const char *const why[] = {NULL, NULL, "certificate: hostname mismatch",
		                                  "certificate: certificate has expired"};
		CU_ASSERT(i != 3 || must("cd %s; echo subjectAltName=DNS:collector.test >ext; "
		          "(openssl req -new -key key.pem -subj /CN=x -out r && openssl x509 -req "
		          "-in r -signkey key.pem -days -1 -extfile ext -out cert.pem) 2>/dev/null",
		          ca));
		snprintf(more, sizeof(more), ",\"ca\":\"%s/cert.pem\"%s", ca, names[i]);
		syslog_begin("tls", 65536, more);
		CU_ASSERT(must("cp %s/*.pem %s", ca, dir));
		rsyslog_start(true);
		if (why[i] != NULL) { /* not the one that it says it is; nor any more */
			char text[4096] = "";
			for (int k = 0; strstr(text, why[i]) == NULL && k < 300; k++) {
				poll(NULL, 0, 100);
				millctl("log sinks", text, sizeof(text));
			}
			CU_ASSERT(strstr(text, why[i]) != NULL);
			CU_ASSERT_EQUAL(lines_of("collected"), 0);
		} else {
			CU_ASSERT(sink_reaches("up", 1));
			make_records(800);
			CU_ASSERT(lines_reach("collected", 801));
			CU_ASSERT_EQUAL(collected(), 0);
		}
		run_end(collector, SIGTERM);
		collectors_end();
	}
	CU_ASSERT(must("rm -r %s", ca));
}

/* A collector that reads nothing: losses are counted, and add up when it reads again. */
static void
slow(void)
{
	syslog_begin("tcp", 20000, "");
	rsyslog_start(false);
	CU_ASSERT(sink_reaches("up", 1));
	make_records(100);
	CU_ASSERT(lines_reach("collected", 101));
	kill(collector, SIGSTOP);
	make_records(100000);
	CU_ASSERT(rings_drained());
	CU_ASSERT(sink_value("lost") > 1000 && sink_value("pending") > 10000);
	kill(collector, SIGCONT);
	CU_ASSERT(sink_reaches("pending", 0));
	make_records(10); /* with them comes the gap */
	CU_ASSERT(sink_reaches("pending", 0));
	uint64_t lost = (uint64_t)sink_value("lost");
	CU_ASSERT(lines_reach("collected", (unsigned)sink_value("sent")));
	CU_ASSERT_EQUAL(collected(), lost);
	run_end(collector, SIGTERM);
	collectors_end();
}

/* The collector's entry changes while it is away: what waits goes to the one that it is now. */
static void
changed(void)
{
	syslog_begin("tcp", 65536, "");
	make_records(50);
	CU_ASSERT(sink_reaches("pending", 51));
	json_t *r = ask("config.get", "{}");
	json_t *log = json_object_get(json_object_get(r, "config"), "log");
	json_object_set_new(json_array_get(json_object_get(log, "syslog"), 0), "enterprise",
	                    json_integer(4242));
	json_object_set_new(log, "queue", json_integer(1024));
	char *text = json_dumps(r, 0);
	json_decref(r);
	json_t *params = json_loads(text, 0, NULL);
	json_object_del(params, "generation");
	json_object_del(params, "digest");
	free(text);
	text = json_dumps(params, 0);
	json_decref(params);
	r = ask("config.apply", text);
	CU_ASSERT_PTR_NOT_NULL(r);
	json_decref(r);
	free(text);
	CU_ASSERT(sink_reaches("queue", 1024) && sink_value("pending") == 51);
	rsyslog_start(false);
	CU_ASSERT(lines_reach("collected", 51) && sink_value("lost") == 0);
	run_end(collector, SIGTERM);
	CU_ASSERT(must("test $(grep -c 'nat@4242' %s) = 51", in_dir("collected")));
	collectors_end();
}

/* A collector that is away: records wait, and come when it is back. */
static void
away(void)
{
	syslog_begin("tcp", 65536, "");
	make_records(50); /* it has not been there yet */
	CU_ASSERT(sink_reaches("pending", 51) && sink_value("up") == 0);
	rsyslog_start(false);
	CU_ASSERT(lines_reach("collected", 51));
	run_end(collector, SIGKILL);
	CU_ASSERT(sink_reaches("up", 0));
	make_records(500);
	CU_ASSERT(sink_reaches("pending", 500));
	unlink(in_dir("rsyslog.pid"));
	rsyslog_start(false);
	CU_ASSERT(lines_reach("collected", 551));
	CU_ASSERT_EQUAL(collected(), 0);
	run_end(collector, SIGTERM);
	collectors_end();
}

static const struct test_case cases[] = {
	{"UDP", udp}, {"TCP", tcp}, {"TLS", tls}, {"slow collector", slow}, {"away and back", away},
	{"changed while away", changed},
};

int
main(void)
{
	if (!is_installed("rsyslogd") || !is_installed("openssl")) {
		printf("skipped: needs rsyslogd (Debian: rsyslog, rsyslog-openssl) and openssl\n");
		return SKIPPED;
	}
	network_own();
	return test_main("collect_syslog", cases, sizeof(cases) / sizeof(cases[0]));
}
