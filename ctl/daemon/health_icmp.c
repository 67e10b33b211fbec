/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo requests for all probes from one socket a family: a ping socket where the kernel lets us
 * (net.ipv4.ping_group_range), else a raw one. Answers are told by 16 bytes that we sent.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "health_probe.h"

enum { WAITING = 1 << 14 /* probes that may wait, by their number */, RECEIVE_TURN = 64,
       RECEIVE_BUFFER = 1 << 20, ANSWER_MAX = 2048 };

struct token {
	uint64_t secret; /* of this daemon */
	uint32_t number, sequence;
};

struct echo {
	uint8_t type, code;
	uint16_t checksum, id, sequence; /* wire order */
	struct token token;
};

struct pinger {
	int fd[2];                    /* IPv4, IPv6; -1: not opened yet */
	bool raw[2];
	struct event event[2];
	struct probe *waiting[WAITING];
	uint64_t secret;
	uint32_t sequence;
};

bool
icmp_init(struct prober *pr)
{
	struct pinger *ic = pr->pinger = calloc(1, sizeof(*ic));
	if (ic == NULL)
		return false;
	ic->fd[0] = ic->fd[1] = -1;
	return getrandom(&ic->secret, sizeof(ic->secret), 0) == sizeof(ic->secret);
}

void
icmp_fini(struct prober *pr)
{
	struct pinger *ic = pr->pinger;
	for (int i = 0; ic != NULL && i < 2; i++)
		if (ic->fd[i] >= 0) {
			event_del(&ic->event[i]);
			close(ic->fd[i]);
		}
	free(ic);
	pr->pinger = NULL;
}

/* answer_read: the echo reply in a packet. => false if it is none. */
static bool
answer_read(const uint8_t *packet, size_t n, bool v6, bool raw, struct echo *e)
{
	size_t skip = !v6 && raw && n > 0 ? (packet[0] & 15u) * 4 : 0;
	if (n < skip + sizeof(*e))
		return false;
	memcpy(e, packet + skip, sizeof(*e));
	return e->type == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
}

static bool
same_address(const struct sockaddr_storage *a, const struct probe_to *to)
{
	if (a->ss_family == AF_INET)
		return to->family == FAMILY_V4 &&
		       memcmp(&((const struct sockaddr_in *)a)->sin_addr, to->address.b, 4) == 0;
	return to->family == FAMILY_V6 &&
	       memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, to->address.b, 16) == 0;
}

static void
answered(struct pinger *ic, const struct echo *e, const struct sockaddr_storage *from)
{
	const struct token *t = &e->token;
	bool ours = t->secret == ic->secret && t->number < WAITING;
	struct probe *p = ours ? ic->waiting[t->number] : NULL;
	if (p != NULL && p->sequence == t->sequence && same_address(from, &p->to))
		probe_end(p, true, "icmp: answered");
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	uint8_t packet[ANSWER_MAX];
	struct echo e;
	struct pinger *ic = arg;
	bool v6 = fd == ic->fd[1];
	for (int i = 0; i < RECEIVE_TURN; i++) {
		struct sockaddr_storage from = {0};
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from,
		                     &size);
		if (n < 0)
			return;
		if (answer_read(packet, (size_t)n, v6, ic->raw[v6], &e))
			answered(ic, &e, &from);
	}
}

/* open_family: => 0 or -errno. */
static int
open_family(struct prober *pr, bool v6)
{
	struct pinger *ic = pr->pinger;
	int domain = v6 ? AF_INET6 : AF_INET, proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int flags = SOCK_NONBLOCK | SOCK_CLOEXEC, room = RECEIVE_BUFFER;
	if (ic->fd[v6] >= 0)
		return 0;
	int fd = socket(domain, SOCK_DGRAM | flags, proto);
	ic->raw[v6] = fd < 0;
	if (fd < 0)
		fd = socket(domain, SOCK_RAW | flags, proto);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	ic->fd[v6] = fd;
	event_assign(&ic->event[v6], pr->base, fd, EV_READ | EV_PERSIST, on_readable, ic);
	event_add(&ic->event[v6], NULL);
	return 0;
}

/* checksum: RFC 1071, of an even number of bytes. */
static uint16_t
checksum(const void *data, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i += 2) {
		uint16_t word;
		memcpy(&word, (const uint8_t *)data + i, 2);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

int
icmp_start(struct probe *p)
{
	struct pinger *ic = p->prober->pinger;
	bool v6 = p->to.family == FAMILY_V6;
	struct sockaddr_storage a;
	socklen_t size = probe_sockaddr(&p->to, &a);
	int rc = p->number < WAITING ? open_family(p->prober, v6) : -ENOBUFS;
	if (rc != 0)
		return probe_fail(p, -rc);
	p->sequence = ++ic->sequence;
	struct echo e = {.type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
	                 .id = htons((uint16_t)ic->secret),
	                 .sequence = htons((uint16_t)p->sequence),
	                 .token = {ic->secret, p->number, p->sequence}};
	if (!v6)
		e.checksum = checksum(&e, sizeof(e)); /* the kernel makes that of ICMPv6 */
	if (sendto(ic->fd[v6], &e, sizeof(e), 0, (struct sockaddr *)&a, size) < 0)
		return probe_fail(p, errno);
	ic->waiting[p->number] = p;
	return 0;
}

void
icmp_stop(struct probe *p)
{
	struct pinger *ic = p->prober->pinger;
	if (p->number < WAITING && ic->waiting[p->number] == p)
		ic->waiting[p->number] = NULL;
}
