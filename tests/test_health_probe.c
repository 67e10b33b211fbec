/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of probe against a real socket or program: what it says, and that it lets go of all. */
#include <dirent.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <unistd.h>

#include "ctl/daemon/health_probe.h"
#include "health_world.h"

/* A check that is to end has time, however busy the machine is; SHORT_MS: it is to have none. */
enum { PATIENT_MS = 20000, SHORT_MS = 300 };

static struct event_base *base;
static struct prober prober;
static volatile int done;
static struct sockaddr_storage peer; /* of the last connection */
static bool good;
static char reason[HEALTH_REASON];
static SSL_CTX *server_tls;
static char ca_file[] = "/tmp/millrace-test-ca.XXXXXX";

static void
on_done(struct probe *p, bool is_good)
{
	done = 1;
	good = is_good;
	snprintf(reason, sizeof(reason), "%s", p->reason);
}

static struct health_conf
conf_of(const char *address, uint16_t port)
{
	struct health_conf c = {.port = htons(port), .service = "web", .proto = 6};
	c.family = strchr(address, ':') != NULL ? FAMILY_V6 : FAMILY_V4;
	inet_pton(c.family == FAMILY_V6 ? AF_INET6 : AF_INET, address, c.address.b);
	return c;
}

/* ask_conf: one probe to its end, from one of the askers if it is for the service. => passed? */
static bool
ask_conf(struct health_conf conf, struct check c, const struct img_lb_asker *askers, unsigned n)
{
	struct checks *set = calloc(1, sizeof(*set));
	for (unsigned i = 0; i < n; i++)
		set->asker[set->n_askers++] = askers[i];
	set->references = 2; /* ours, and one so that it is never freed under us */
	c.name = "c";
	c.timeout_ms = c.timeout_ms != 0 ? c.timeout_ms : PATIENT_MS;
	c.method = "GET";
	c.path = c.path != NULL ? c.path : "/";
	struct probe p = {.prober = &prober, .set = set, .check = &c, .conf = &conf,
	                  .done = on_done, .number = 7};
	done = 0;
	good = false;
	if (probe_start(&p) != 0) {
		snprintf(reason, sizeof(reason), "%s", p.reason);
	} else {
		world_run(base, &done, c.timeout_ms / 1e3);
		if (!done) {
			good = probe_timeout(&p);
			snprintf(reason, sizeof(reason), "%s", p.reason);
		}
	}
	CU_ASSERT_EQUAL(set->references, 2);
	free(set);
	return good;
}

static bool
ask(const char *address, uint16_t port, struct check c)
{
	return ask_conf(conf_of(address, port), c, NULL, 0);
}

#define SAYS(text)                                                                             \
	do {                                                                                   \
		CU_ASSERT(strstr(reason, text) != NULL);                                       \
		if (strstr(reason, text) == NULL)                                              \
			printf("\nwanted \"%s\", got \"%s\"\n", text, reason);                 \
	} while (0)

/* The server: the port says what it does with a connection. */
enum { PORT_SILENT = 7000, PORT_BANNER, PORT_HTTP, PORT_CLOSES, PORT_TLS, PORT_UDP, PORT_NONE };

static void
server_read(struct bufferevent *bev, void *arg)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready";
	static const char bad[] = "HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n";
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	if (end.pos < 0)
		return;
	bool is_ok = evbuffer_search(in, "GET / ", 6, NULL).pos == 0;
	evbuffer_drain(in, evbuffer_get_length(in));
	bufferevent_write(bev, is_ok ? ok : bad, strlen(is_ok ? ok : bad));
}

static void
server_event(struct bufferevent *bev, short what, void *arg)
{
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
		bufferevent_free(bev);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int size, void *arg)
{
	long port = (long)arg;
	struct bufferevent *bev;
	memcpy(&peer, a, (size_t)size);
	if (port == PORT_CLOSES) {
		close(fd);
		return;
	}
	if (port == PORT_TLS)
		bev = bufferevent_openssl_socket_new(base, fd, SSL_new(server_tls),
		                                     BUFFEREVENT_SSL_ACCEPTING,
		                                     BEV_OPT_CLOSE_ON_FREE);
	else
		bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bool http = port == PORT_HTTP || port == PORT_TLS;
	bufferevent_setcb(bev, http ? server_read : NULL, NULL, server_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	if (port == PORT_BANNER)
		bufferevent_write(bev, "220 ready\r\n", 11);
}

static void
test_tcp(void)
{
	struct check c = {.type = CHECK_TCP};
	CU_ASSERT(ask("10.0.0.1", PORT_SILENT, c));
	SAYS("connected");
	CU_ASSERT(ask("2001:db8::1", PORT_SILENT, c));
	CU_ASSERT(!ask("10.0.0.1", PORT_NONE, c));
	SAYS("connect: refused");
	CU_ASSERT(!ask("192.0.2.1", PORT_NONE, c));
	SAYS("connect: network unreachable");
	c.port = PORT_SILENT; /* that of the check, not of the backend */
	CU_ASSERT(ask("10.0.0.1", PORT_NONE, c));
	c.expect = (struct check_bytes){3, "220"};
	c.timeout_ms = SHORT_MS;
	CU_ASSERT(!ask("10.0.0.1", 1, c));
	SAYS("tcp: timeout after 0.3 s");
	c.port = PORT_BANNER;
	c.timeout_ms = PATIENT_MS;
	CU_ASSERT(ask("10.0.0.1", 1, c));
	c.expect = (struct check_bytes){3, "221"};
	c.timeout_ms = SHORT_MS;
	CU_ASSERT(!ask("10.0.0.1", 1, c)); /* more might come */
	SAYS("timeout");
	c.port = PORT_CLOSES;
	c.timeout_ms = PATIENT_MS;
	CU_ASSERT(!ask("10.0.0.1", 1, c));
	SAYS("tcp: closed without an answer");
}

/* Asking for the service's address: from the source that is ours, and the backend's port. */
static void
test_service(void)
{
	struct check c = {.type = CHECK_TCP}, page = {.type = CHECK_HTTP, .n_status = 1,
		.status = {{200, 299}}};
	struct img_lb_asker askers[3] = {{.family = FAMILY_V6}, {.family = FAMILY_V4},
		{.family = FAMILY_V4}};
	struct health_conf conf = conf_of("2001:db8::1", PORT_NONE); /* nobody is there */
	struct sockaddr_in *from = (void *)&peer;
	inet_pton(AF_INET, "10.3.3.3", conf.service_address.b);
	conf.service_family = FAMILY_V4;
	conf.service_port = htons(PORT_SILENT);
	conf.place = 16383;
	conf.asks_service = true;
	inet_pton(AF_INET6, "2001:db8::9", askers[0].address.b);
	inet_pton(AF_INET, "192.0.2.1", askers[1].address.b); /* another machine's */
	inet_pton(AF_INET, "10.7.7.7", askers[2].address.b);
	for (int i = 0; i < 3; i++) { /* no TIME_WAIT keeps the port from being used again */
		CU_ASSERT(ask_conf(conf, c, askers, 3));
		SAYS("connected");
		for (int k = 0; k < 2000 && peer.ss_family == 0; k++) {
			static volatile int never;
			world_run(base, &never, 0.01);
		}
		CU_ASSERT(from->sin_port == htons(32767) &&
		          from->sin_addr.s_addr == htonl(0x0a070707));
		memset(&peer, 0, sizeof(peer));
	}
	conf.service_port = htons(PORT_HTTP);
	CU_ASSERT(ask_conf(conf, page, askers, 3));
	CU_ASSERT(!ask_conf(conf, c, askers, 2));
	SAYS("this machine has none of lb.check_sources");
	page.path = "/bad";
	CU_ASSERT(!ask_conf(conf, page, askers, 3));
	SAYS("http: 503, expected 200-299, at the service's address");
	conf.service_port = htons(PORT_SILENT);
	page.timeout_ms = SHORT_MS;
	CU_ASSERT(!ask_conf(conf, page, askers, 3));
	SAYS("http: timeout after 0.3 s, at the service's address");
	c = (struct check){.type = CHECK_UDP, .send = {1, "x"}};
	CU_ASSERT(!ask_conf(conf, c, askers, 3));
	SAYS("udp: refused, at the service's address");
	/* somebody else has the port */
	struct sockaddr_in taken = {.sin_family = AF_INET, .sin_port = htons(LB_ASKER_PORT),
		.sin_addr.s_addr = htonl(0x0a070707)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&taken, sizeof(taken)) == 0 &&
	                listen(fd, 1) == 0);
	conf.place = 0;
	c.type = CHECK_TCP;
	CU_ASSERT(!ask_conf(conf, c, askers, 3));
	SAYS("source port 16384: Address already in use");
	close(fd);
}

static void
test_http(void)
{
	struct check c = {.type = CHECK_HTTP, .n_status = 1, .status = {{200, 299}}};
	CU_ASSERT(ask("10.0.0.1", PORT_HTTP, c));
	SAYS("http: 200");
	CU_ASSERT(ask("2001:db8::1", PORT_HTTP, c));
	c.path = "/bad";
	CU_ASSERT(!ask("10.0.0.1", PORT_HTTP, c));
	SAYS("http: 503, expected 200-299");
	c.path = "/";
	c.body = (struct check_bytes){5, "ready"};
	CU_ASSERT(ask("10.0.0.1", PORT_HTTP, c));
	c.body = (struct check_bytes){5, "gone?"};
	CU_ASSERT(!ask("10.0.0.1", PORT_HTTP, c));
	SAYS("http: 200, but the body is not as expected");
	c.timeout_ms = SHORT_MS;
	CU_ASSERT(!ask("10.0.0.1", PORT_SILENT, c));
	SAYS("http: timeout after 0.3 s");
	c.timeout_ms = PATIENT_MS;
	CU_ASSERT(!ask("10.0.0.1", PORT_BANNER, c));
	SAYS("http: no HTTP/1 answer");
}

static void
test_https(void)
{
	struct check c = {.type = CHECK_HTTPS, .n_status = 1, .status = {{200, 299}},
	                  .host = "www.example.net"};
	CU_ASSERT(ask("10.0.0.1", PORT_TLS, c));
	SAYS("https: 200");
	c.verify = true;
	CU_ASSERT(!ask("10.0.0.1", PORT_TLS, c));
	SAYS("tls: certificate: self");
	c.ca_file = ca_file;
	CU_ASSERT(ask("10.0.0.1", PORT_TLS, c));
	c.host = "www.example.org";
	CU_ASSERT(!ask("10.0.0.1", PORT_TLS, c));
	SAYS("tls: certificate: hostname mismatch");
	c.host = NULL; /* the address is in the certificate */
	CU_ASSERT(ask("10.0.0.1", PORT_TLS, c));
	CU_ASSERT(!ask("10.0.0.2", PORT_TLS, c));
	SAYS("tls: certificate: IP address mismatch");
	c.verify = false;
	CU_ASSERT(!ask("10.0.0.1", PORT_BANNER, c));
	SAYS("tls: ");
	c.timeout_ms = SHORT_MS;
	CU_ASSERT(!ask("10.0.0.1", PORT_SILENT, c));
	SAYS("tls: timeout");
	c.timeout_ms = PATIENT_MS;
	CU_ASSERT(!ask("10.0.0.1", PORT_CLOSES, c));
	SAYS("tls: ");
	c.verify = true;
	c.ca_file = "/nonexistent";
	CU_ASSERT(!ask("10.0.0.1", PORT_TLS, c));
	SAYS("tls: ca_file /nonexistent cannot be used");
}

static void
on_datagram(evutil_socket_t fd, short what, void *arg)
{
	char text[64];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &size);
	if (n > 0 && text[0] != 's')
		sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&from, size);
}

static void
test_udp(void)
{
	struct check c = {.type = CHECK_UDP, .send = {4, "ping"}, .answer = true};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT_UDP)};
	inet_pton(AF_INET, "10.0.0.1", &a.sin_addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	struct event *ev = event_new(base, fd, EV_READ | EV_PERSIST, on_datagram, NULL);
	event_add(ev, NULL);
	CU_ASSERT(ask("10.0.0.1", PORT_UDP, c));
	SAYS("udp: answered");
	c.expect = (struct check_bytes){4, "pong"};
	CU_ASSERT(!ask("10.0.0.1", PORT_UDP, c));
	SAYS("udp: the answer is not as expected");
	c.send = (struct check_bytes){6, "silent"};
	c.timeout_ms = SHORT_MS;
	CU_ASSERT(!ask("10.0.0.1", PORT_UDP, c));
	SAYS("udp: timeout after 0.3 s");
	c.answer = false;
	CU_ASSERT(ask("10.0.0.1", PORT_UDP, c));
	SAYS("udp: no error");
	c.timeout_ms = PATIENT_MS;
	CU_ASSERT(!ask("10.0.0.1", PORT_NONE, c));
	SAYS("udp: refused");
	event_free(ev);
	close(fd);
}

static void
test_icmp(void)
{
	struct check c = {.type = CHECK_ICMP};
	CU_ASSERT(ask("10.0.0.1", 1, c));
	SAYS("icmp: answered");
	CU_ASSERT(ask("2001:db8::1", 1, c));
	SAYS("icmp: answered");
	CU_ASSERT(!ask("192.0.2.1", 1, c));
	SAYS("icmp: network unreachable");
	CU_ASSERT(system("sysctl -qw net.ipv4.icmp_echo_ignore_all=1") == 0);
	c.timeout_ms = SHORT_MS;
	CU_ASSERT(!ask("10.0.0.1", 1, c));
	SAYS("icmp: timeout after 0.3 s");
}

/* The same with raw sockets, where there are no others. */
static void
test_icmp_raw(void)
{
	CU_ASSERT(system("sysctl -qw net.ipv4.icmp_echo_ignore_all=0 "
	                 "net.ipv4.ping_group_range='1 0'") == 0);
	icmp_fini(&prober);
	icmp_init(&prober);
	struct check c = {.type = CHECK_ICMP};
	CU_ASSERT(ask("10.0.0.1", 1, c));
	SAYS("icmp: answered");
	CU_ASSERT(ask("2001:db8::1", 1, c));
}

static bool
run_for(struct health_conf conf, const char *script, unsigned timeout_ms)
{
	struct check c = {.type = CHECK_SCRIPT, .script = "/bin/sh", .n_arguments = 2,
	                  .argument = {"-c", script}, .timeout_ms = timeout_ms};
	return ask_conf(conf, c, NULL, 0);
}

static bool
run(const char *script, unsigned timeout_ms)
{
	return run_for(conf_of("10.0.0.1", 80), script, timeout_ms);
}

static unsigned
descriptors(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
test_script(void)
{
	unsigned before = descriptors();
	CU_ASSERT(run("exit 0", PATIENT_MS));
	SAYS("script: status 0");
	CU_ASSERT(!run("echo 'disk is full'; echo more; exit 3", PATIENT_MS));
	SAYS("script: status 3: disk is full");
	CU_ASSERT(!run("kill -9 $$", PATIENT_MS));
	SAYS("script: signal 9");
	CU_ASSERT(run("test \"$MILLRACE_SERVICE/$MILLRACE_BACKEND_ADDRESS/$MILLRACE_BACKEND_PORT/"
	              "$MILLRACE_CHECK/$MILLRACE_PROTOCOL\" = web/10.0.0.1/80/c/tcp || "
	              "{ env; exit 1; }", PATIENT_MS));
	/* Each address in its own family, also where service and backend differ in it. */
	struct health_conf mixed = conf_of("2001:db8:f::1", 80);
	mixed.service_family = FAMILY_V4;
	inet_pton(AF_INET, "192.0.2.10", mixed.service_address.b);
	CU_ASSERT(run_for(mixed, "test $MILLRACE_SERVICE_ADDRESS = 192.0.2.10 -a "
	                  "$MILLRACE_BACKEND_ADDRESS = 2001:db8:f::1 || { env; exit 1; }",
	                  PATIENT_MS));
	mixed = conf_of("10.0.0.1", 80);
	mixed.service_family = FAMILY_V6;
	inet_pton(AF_INET6, "2001:db8:2::10", mixed.service_address.b);
	CU_ASSERT(run_for(mixed, "test $MILLRACE_SERVICE_ADDRESS = 2001:db8:2::10 -a "
	                  "$MILLRACE_BACKEND_ADDRESS = 10.0.0.1 || { env; exit 1; }", PATIENT_MS));
	CU_ASSERT(run("test \"$(ls /proc/self/fd | wc -l)\" -le 5 || { ls -l /proc/self/fd; "
	              "exit 1; }", PATIENT_MS)); /* it inherits nothing */
	CU_ASSERT(run("yes | head -c 1000000", PATIENT_MS));
	double began = world_now();
	CU_ASSERT(!run("sleep 50 & sleep 50", 100)); /* and its children */
	SAYS("script: timeout after 0.1 s");
	CU_ASSERT(world_now() - began < 25);
	CU_ASSERT(!ask("10.0.0.1", 80, (struct check){.type = CHECK_SCRIPT,
	                                              .script = "/nonexistent"}));
	SAYS("script: No such file or directory");
	done = 0;
	for (int i = 0; i < 2000 && !script_room(&prober); i++)
		world_run(base, &done, 0.01);
	CU_ASSERT(script_room(&prober));
	CU_ASSERT_EQUAL(descriptors(), before);
}

/* Stopped at any moment, a probe leaves nothing behind. */
static void
test_stopped(void)
{
	static const struct check kinds[] = {
		{.type = CHECK_TCP}, {.type = CHECK_TCP, .expect = {1, "x"}},
		{.type = CHECK_HTTP, .method = "GET", .path = "/"},
		{.type = CHECK_HTTPS, .method = "GET", .path = "/", .host = "h"},
		{.type = CHECK_UDP, .send = {1, "x"}}, {.type = CHECK_ICMP},
		{.type = CHECK_SCRIPT, .script = "/bin/sleep", .n_arguments = 1,
		 .argument = {"50"}},
	};
	unsigned before = descriptors();
	struct health_conf conf = conf_of("10.0.0.1", PORT_SILENT);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct checks *set = calloc(1, sizeof(*set));
		struct check c = kinds[i];
		set->references = 1;
		c.name = "c";
		struct probe p = {.prober = &prober, .set = set, .check = &c, .conf = &conf,
		                  .done = on_done, .number = 7};
		for (int turns = 0; turns < 3; turns++) {
			done = 0;
			p.set = set;
			if (probe_start(&p) != 0)
				continue;
			for (int k = 0; k < turns && !done; k++)
				event_base_loop(base, EVLOOP_NONBLOCK);
			if (!done)
				probe_stop(&p);
		}
		CU_ASSERT_EQUAL(set->references, 1);
		free(set);
	}
	done = 0;
	for (int i = 0; i < 2000 && descriptors() > before; i++)
		world_run(base, &done, 0.01);
	CU_ASSERT(descriptors() <= before);
}

/* server_certificate: self-signed, for www.example.net and 10.0.0.1; into ca_file too. */
static void
server_certificate(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *x = X509_new();
	X509V3_CTX ctx;
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME *name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name,
	                                        "DNS:www.example.net,IP:10.0.0.1");
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(x, key, EVP_sha256());
	server_tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(server_tls, x);
	SSL_CTX_use_PrivateKey(server_tls, key);
	FILE *f = fdopen(mkstemp(ca_file), "w");
	PEM_write_X509(f, x);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
}

static const struct test_case cases[] = {
	{"tcp", test_tcp},       {"http", test_http},
	{"https", test_https},   {"udp", test_udp},
	{"icmp", test_icmp},     {"icmp over raw sockets", test_icmp_raw},
	{"script", test_script}, {"stopped at any moment", test_stopped},
	{"the service's address", test_service},
};

int
main(void)
{
	struct evconnlistener *listener[10];
	int n = 0;
	if (world_enter() != 0) {
		printf("no network namespace of our own: not root?\n");
		return WORLD_SKIP;
	}
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	prober_init(&prober, base);
	server_certificate();
	for (long port = PORT_SILENT; port <= PORT_TLS; port++) {
		void *arg = (void *)port;
		listener[n++] = world_listen(base, AF_INET, (uint16_t)port, on_accept, arg);
		listener[n++] = world_listen(base, AF_INET6, (uint16_t)port, on_accept, arg);
	}
	int status = test_main("health_probe", cases, sizeof(cases) / sizeof(cases[0]));
	while (n > 0)
		if (listener[--n] != NULL)
			evconnlistener_free(listener[n]);
	SSL_CTX_free(server_tls);
	unlink(ca_file);
	prober_fini(&prober);
	event_base_free(base);
	libevent_global_shutdown();
	return status;
}
