/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       One question to one backend: started, then done once, with what came of it. The kinds
 *            are tcp, http and https (health_stream.c), udp, icmp and script, a file each.
 * Invariant  1. After probe_start => 0, `done` is called once, from the event loop, unless
 *               probe_stop comes first. Neither the answer nor the end is waited for.
 *            2. After `done` or probe_stop the probe holds no descriptor, no process of its own
 *               that still runs, and no reference.
 * Owner      The event loop's thread.
 * Limits     PROBE_SCRIPTS programs at once; the caller bounds the rest, and the time.
 * See        docs/health.md.
 */
#ifndef MR_HEALTH_PROBE_H
#define MR_HEALTH_PROBE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>

#include "ctl/api/health.h"

enum { PROBE_SCRIPTS = 32 };

/*
 * Where a question goes: to the backend's own address, from wherever the kernel says; or to the
 * service's, from a port that tells the data plane which backend is meant (lb/asker.h).
 */
struct probe_to {
	union addr address;
	uint8_t family;
	be16 port; /* 0: there is none (icmp) */
	be16 from; /* port; 0: any, and any address */
};

struct bufferevent;
struct pinger;
struct scripts;

/* What all probes of a loop share. */
struct prober {
	struct event_base *base;
	struct pinger *pinger;
	struct scripts *scripts;
	void *tls; /* SSL_CTX by check */
};

struct probe {
	struct prober *prober;
	struct checks *set;               /* keeps check alive */
	const struct check *check;
	const struct health_conf *conf;   /* of the backend */
	struct probe_to to;
	void (*done)(struct probe *p, bool good);
	uint32_t number;                  /* for who sees an answer; unique among those running */
	const char *stage;                /* what is waited for: "connect" */
	char reason[HEALTH_REASON];
	int fd;                           /* -1: none */
	bool has_event;
	struct event event;               /* on fd */
	struct bufferevent *bev;
	void *tls;
	int script;                       /* its place among the scripts */
	uint32_t sequence;                /* icmp */
};

bool prober_init(struct prober *pr, struct event_base *base);
void prober_fini(struct prober *pr);

/* probe_start: prober, set, check, conf, done and number are filled in. => 0, or -1 and reason. */
int probe_start(struct probe *p);
/* probe_timeout: the time is over. => is that good? reason is set; probe_stop is called. */
bool probe_timeout(struct probe *p);
void probe_stop(struct probe *p);

/* For the kinds. */
int stream_start(struct probe *p);
void stream_stop(struct probe *p);
void stream_fini(struct prober *pr);
int udp_start(struct probe *p);
int icmp_start(struct probe *p);
void icmp_stop(struct probe *p);
bool icmp_init(struct prober *pr);
void icmp_fini(struct prober *pr);
int script_start(struct probe *p);
void script_stop(struct probe *p);
bool script_room(const struct prober *pr);
bool scripts_init(struct prober *pr);
void scripts_fini(struct prober *pr);

/* probe_end: stop, and say what came of it. */
void probe_end(struct probe *p, bool good, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* probe_fail: reason from an errno. => -1. */
int probe_fail(struct probe *p, int error);
/* probe_socket: connected (or connecting) to where the probe goes. => fd, or -1 and reason. */
int probe_socket(struct probe *p, int type);
void probe_watch(struct probe *p, short what, event_callback_fn fn);
void probe_unwatch(struct probe *p);
/* error_word: "refused". */
const char *error_word(int error);
socklen_t probe_sockaddr(const struct probe_to *to, struct sockaddr_storage *out);

#endif
