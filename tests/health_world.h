/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A network of its own for tests that check backends: everything in 10.0.0.0/8 and
 *            2001:db8::/32 is this machine, so that a listener is as many backends as one likes.
 * Limits     needs to be root; world_enter says if it cannot be had.
 */
#ifndef MR_HEALTH_WORLD_H
#define MR_HEALTH_WORLD_H

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "test.h"

enum { WORLD_SKIP = 77 };

static inline int
world_enter(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	return system("ip link set lo up && ip route add local 10.0.0.0/8 dev lo && "
	              "ip route add local 2001:db8::/32 dev lo && "
	              "sysctl -qw net.ipv4.ping_group_range='0 2147483647' "
	              "net.ipv4.icmp_ratelimit=0") == 0 ? 0 : -1;
}

static inline double
world_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* world_run: the loop until *done is not 0, or so many seconds have passed. */
static inline void
world_run(struct event_base *base, const volatile int *done, double seconds)
{
	double end = world_now() + seconds;
	struct timeval step = {.tv_usec = 5000};
	while (*done == 0 && world_now() < end) {
		event_base_loopexit(base, &step);
		event_base_dispatch(base);
	}
}

/* world_listen: TCP on a port of every address of a family. */
static inline struct evconnlistener *
world_listen(struct event_base *base, int family, uint16_t port, evconnlistener_cb cb, void *arg)
{
	struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
	if (family == AF_INET)
		((struct sockaddr_in *)&a)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&a)->sin6_port = htons(port);
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE;
	flags |= family == AF_INET6 ? LEV_OPT_BIND_IPV6ONLY : 0;
	return evconnlistener_new_bind(base, cb, arg, flags, 4096, (struct sockaddr *)&a,
	                               sizeof(a));
}

#endif
