/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram, and what comes back: an answer, or an ICMP error told to a connected socket. */
#include <errno.h>
#include <string.h>

#include "health_probe.h"

enum { ANSWER_MAX = 65536 };

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t answer[ANSWER_MAX];
	struct probe *p = arg;
	const struct check_bytes *e = &p->check->expect;
	ssize_t n = recv(fd, answer, sizeof(answer), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		probe_watch(p, EV_READ, on_readable);
	else if (n < 0)
		probe_end(p, false, "udp: %s", error_word(errno));
	else if (e->n != 0 && memmem(answer, (size_t)n, e->b, e->n) == NULL)
		probe_end(p, false, "udp: the answer is not as expected");
	else
		probe_end(p, true, "udp: answered");
}

int
udp_start(struct probe *p)
{
	p->fd = probe_socket(p, SOCK_DGRAM);
	if (p->fd < 0)
		return -1;
	if (send(p->fd, p->check->send.b, p->check->send.n, 0) < 0)
		return probe_fail(p, errno);
	probe_watch(p, EV_READ, on_readable);
	return 0;
}
