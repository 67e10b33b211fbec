/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of probes have in common. */
#include "health_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	int (*start)(struct probe *p);
	void (*stop)(struct probe *p); /* or NULL */
} kinds[] = {
	[CHECK_TCP] = {stream_start, stream_stop},
	[CHECK_HTTP] = {stream_start, stream_stop},
	[CHECK_HTTPS] = {stream_start, stream_stop},
	[CHECK_UDP] = {udp_start, NULL},
	[CHECK_ICMP] = {icmp_start, icmp_stop},
	[CHECK_SCRIPT] = {script_start, script_stop},
};

bool
prober_init(struct prober *pr, struct event_base *base)
{
	*pr = (struct prober){.base = base};
	return icmp_init(pr) && scripts_init(pr);
}

void
prober_fini(struct prober *pr)
{
	icmp_fini(pr);
	scripts_fini(pr);
	stream_fini(pr);
}

const char *
error_word(int error)
{
	switch (error) {
	case ECONNREFUSED: return "refused";
	case ECONNRESET:
	case EPIPE: return "reset";
	case EHOSTUNREACH: return "host unreachable";
	case ENETUNREACH: return "network unreachable";
	case ETIMEDOUT: return "no answer";
	default: return strerror(error);
	}
}

int
probe_fail(struct probe *p, int error)
{
	snprintf(p->reason, sizeof(p->reason), "%s: %s", p->stage, error_word(error));
	return -1;
}

socklen_t
probe_sockaddr(const struct probe_to *to, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (to->family == FAMILY_V4) {
		struct sockaddr_in *in = (void *)out;
		in->sin_family = AF_INET;
		in->sin_port = to->port;
		memcpy(&in->sin_addr, to->address.b, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)out;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = to->port;
	memcpy(&in6->sin6_addr, to->address.b, 16);
	return sizeof(*in6);
}

/* from_bind: the first of the sources that this machine has, and the port. => 0, -1 and reason. */
static int
from_bind(struct probe *p, int fd)
{
	int one = 1, error = EADDRNOTAVAIL;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)); /* services share such ports */
	for (unsigned i = 0; i < p->set->n_askers && error == EADDRNOTAVAIL; i++) {
		const struct img_lb_asker *asker = &p->set->asker[i];
		struct probe_to from = {.address = asker->address, .family = asker->family,
		                        .port = p->to.from};
		struct sockaddr_storage a;
		socklen_t size = probe_sockaddr(&from, &a);
		if (from.family != p->to.family)
			continue;
		if (bind(fd, (struct sockaddr *)&a, size) == 0)
			return 0;
		error = errno;
	}
	if (error == EADDRNOTAVAIL)
		snprintf(p->reason, sizeof(p->reason), "%s: this machine has none of "
		         "lb.check_sources", p->stage);
	else
		snprintf(p->reason, sizeof(p->reason), "%s: source port %u: %s", p->stage,
		         ntohs(p->to.from), strerror(error));
	return -1;
}

int
probe_socket(struct probe *p, int type)
{
	struct sockaddr_storage a;
	socklen_t size = probe_sockaddr(&p->to, &a);
	struct linger gone = {.l_onoff = 1}; /* no TIME_WAIT of each of thousands of checks */
	int fd = socket(a.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return probe_fail(p, errno);
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone));
	if (p->to.from != 0 && from_bind(p, fd) != 0) {
		close(fd);
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&a, size) != 0 && errno != EINPROGRESS) {
		probe_fail(p, errno);
		close(fd);
		return -1;
	}
	return fd;
}

void
probe_watch(struct probe *p, short what, event_callback_fn fn)
{
	event_assign(&p->event, p->prober->base, p->fd, what, fn, p);
	event_add(&p->event, NULL);
	p->has_event = true;
}

void
probe_unwatch(struct probe *p)
{
	if (p->has_event)
		event_del(&p->event);
	p->has_event = false;
}

/* probe_aim: where the question goes. */
static void
probe_aim(struct probe *p)
{
	const struct health_conf *c = p->conf;
	if (c->asks_service)
		p->to = (struct probe_to){.address = c->service_address,
			.family = c->service_family, .port = c->service_port,
			.from = htons((uint16_t)(LB_ASKER_PORT + c->place))};
	else
		p->to = (struct probe_to){.address = c->address, .family = c->family,
			.port = c->port};
	if (p->check->port != 0)
		p->to.port = htons(p->check->port);
	if (p->check->type == CHECK_ICMP)
		p->to.port = 0;
}

/* reason_where: a backend that fails at the service's address may well answer at its own. */
static void
reason_where(struct probe *p, bool good)
{
	static const char where[] = ", at the service's address";
	size_t n = strlen(p->reason);
	if (!good && p->to.from != 0 && n + sizeof(where) <= sizeof(p->reason))
		memcpy(p->reason + n, where, sizeof(where));
}

int
probe_start(struct probe *p)
{
	p->stage = check_type_name(p->check->type);
	p->fd = -1;
	p->bev = NULL;
	p->tls = NULL;
	p->script = -1;
	p->has_event = false;
	p->reason[0] = '\0';
	probe_aim(p);
	checks_get(p->set);
	if (kinds[p->check->type].start(p) == 0)
		return 0;
	reason_where(p, false);
	probe_stop(p);
	return -1;
}

void
probe_stop(struct probe *p)
{
	if (kinds[p->check->type].stop != NULL)
		kinds[p->check->type].stop(p);
	probe_unwatch(p);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	checks_put(p->set);
	p->set = NULL;
}

void
probe_end(struct probe *p, bool good, const char *format, ...)
{
	va_list ap;
	char text[HEALTH_REASON]; /* what is said may come out of the probe itself */
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	memcpy(p->reason, text, sizeof(text));
	reason_where(p, good);
	probe_stop(p);
	p->done(p, good);
}

bool
probe_timeout(struct probe *p)
{
	bool good = p->check->type == CHECK_UDP && !p->check->answer;
	if (good)
		snprintf(p->reason, sizeof(p->reason), "udp: no error");
	else
		snprintf(p->reason, sizeof(p->reason), "%s: timeout after %g s", p->stage,
		         p->check->timeout_ms / 1e3);
	reason_where(p, good);
	probe_stop(p);
	return good;
}
