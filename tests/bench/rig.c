/* SPDX-License-Identifier: Apache-2.0 */
/* The production plane over memory devices that cost nothing; see rig.h. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "ctl/config/config.h"
#include "lib/mem.h"

enum { COUNTED_STEP_NS = 10000 };

static uint16_t
rig_rx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	struct rig_queue *q = (struct rig_queue *)d->ctx + queue;
	unsigned left = q->count - q->head;
	unsigned k = n < left ? n : left;
	memcpy(bufs, q->buf + q->head, k * sizeof(*bufs));
	q->head += k;
	return (uint16_t)k;
}

static uint16_t
rig_tx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	((struct rig_queue *)d->ctx)[queue].sent += n;
	return n;
}

static struct rte_mbuf *
rig_alloc(struct dev *d)
{
	return NULL;
}

static void
rig_free(struct rte_mbuf **bufs, uint16_t n)
{
}

static const struct dev_ops rig_ops = {
	.rx = rig_rx, .tx = rig_tx, .alloc = rig_alloc, .free = rig_free,
};

static const char config_form[] =
	"{\"workers\": {\"count\": %u, \"idle_us\": 0, \"cores\": [%s],"
	" \"flows\": {\"ipv4\": %llu, \"ipv6\": 1024}},"
	"\"nics\": [{\"name\": \"inside\", \"device\": \"bench0\","
	" \"addresses\": [\"100.64.0.1/24\"]},"
	"{\"name\": \"outside\", \"device\": \"bench1\","
	" \"addresses\": [\"198.51.100.2/24\"]}],"
	"\"routes\": [{\"prefix\": \"10.0.0.0/8\", \"via\": \"100.64.0.2\"},"
	"{\"prefix\": \"0.0.0.0/0\", \"via\": \"198.51.100.1\"}],"
	"\"neighbours\": ["
	"{\"address\": \"100.64.0.2\", \"nic\": \"inside\", \"mac\": \"02:00:00:00:01:02\"},"
	"{\"address\": \"100.64.0.11\", \"nic\": \"inside\", \"mac\": \"02:00:00:00:01:0b\"},"
	"{\"address\": \"100.64.0.12\", \"nic\": \"inside\", \"mac\": \"02:00:00:00:01:0c\"},"
	"{\"address\": \"100.64.0.13\", \"nic\": \"inside\", \"mac\": \"02:00:00:00:01:0d\"},"
	"{\"address\": \"198.51.100.1\", \"nic\": \"outside\", \"mac\": \"02:00:00:00:02:01\"}],"
	"\"nat\": {\"pools\": [{\"name\": \"p\", \"addresses\": [\"203.0.0.0/%u\"],"
	" \"block_size\": 128, \"max_blocks\": 16}],"
	"\"rules\": [{\"name\": \"r\", \"nic\": \"inside\", \"source\": \"10.0.0.0/8\","
	" \"pool\": \"p\"}], \"log\": \"none\", \"quarantine\": 0,"
	"\"timeouts\": {\"tcp_opening\": %u, \"tcp_established\": %u, \"tcp_closing\": %u},"
	"\"capacity\": {\"mappings\": %llu, \"subscribers\": %u, \"pool_addresses\": %u}},"
	"\"lb\": {\"services\": [{\"name\": \"web\", \"address\": \"192.0.2.10\", \"port\": 80,"
	" \"protocol\": \"tcp\", \"mode\": \"%s\", \"backends\": [%s]%s}]}}";
static const char three_backends[] = "{\"address\": \"100.64.0.11\"},"
	"{\"address\": \"100.64.0.12\"},{\"address\": \"100.64.0.13\"}";

/* The same addresses behind 2001:db8::/96, without a NAT. */
static const char config6_form[] =
	"{\"workers\": {\"count\": %u, \"idle_us\": 0, \"cores\": [%s],"
	" \"flows\": {\"ipv4\": 1024, \"ipv6\": %llu}},"
	"\"nics\": [{\"name\": \"inside\", \"device\": \"bench0\","
	" \"addresses\": [\"2001:db8::100.64.0.1/120\"]},"
	"{\"name\": \"outside\", \"device\": \"bench1\","
	" \"addresses\": [\"2001:db8::198.51.100.2/120\"]}],"
	"\"routes\": [{\"prefix\": \"::/0\", \"via\": \"2001:db8::198.51.100.1\"}],"
	"\"neighbours\": ["
	"{\"address\": \"2001:db8::100.64.0.11\", \"nic\": \"inside\","
	" \"mac\": \"02:00:00:00:01:0b\"},"
	"{\"address\": \"2001:db8::198.51.100.1\", \"nic\": \"outside\","
	" \"mac\": \"02:00:00:00:02:01\"}],"
	"\"lb\": {\"services\": [{\"name\": \"web\", \"address\": \"2001:db8::192.0.2.10\","
	" \"port\": 80, \"protocol\": \"tcp\","
	" \"backends\": [{\"address\": \"2001:db8::100.64.0.11\"}]}]}}";

/* rig_backends: so many, behind the inside's router. => to be freed. */
static char *
rig_backends(unsigned n)
{
	enum { ROW = 32 };
	if (n == 0)
		return strdup(three_backends);
	char *text = calloc(n + 1, ROW);
	for (unsigned i = 0, at = 0; text != NULL && i < n; i++)
		at += (unsigned)snprintf(text + at, ROW, "%s{\"address\": \"10.255.%u.%u\"}",
		                         i > 0 ? "," : "", i / 250, 1 + i % 250);
	return text;
}

static const char guard_form[] =
	", \"deny\": \"foes\", \"limits\": {\"half_open\": %u, \"overflow\": \"stateless\"}}],"
	"\"lists\": [{\"name\": \"foes\", \"prefixes\": [\"11.128.0.0/9\"]";

static void *
rig_image(const struct rig_options *o, uint64_t generation, size_t *size)
{
	char cores[256] = "", guard[256] = "", *backends = rig_backends(o->backends), *text;
	size_t at = 0;
	for (unsigned i = 0; i < o->workers; i++)
		at += (size_t)snprintf(cores + at, sizeof(cores) - at, "%s%u", i > 0 ? "," : "",
		                       i + 1);
	if (o->guard)
		snprintf(guard, sizeof(guard), guard_form, RIG_HALF_OPEN);
	unsigned long long room = o->grown != 0 ? o->grown : o->flows;
	int n = o->v6 ? asprintf(&text, config6_form, o->workers, cores, room) :
	        asprintf(&text, config_form, o->workers, cores, room, o->pool_prefix,
	                 o->idle_s, o->idle_s, o->idle_s, (unsigned long long)o->flows,
	                 o->subscribers, 1u << (32 - o->pool_prefix),
	                 o->mode != NULL ? o->mode : "nat", backends != NULL ? backends : "",
	                 guard);
	free(backends);
	if (n < 0)
		return NULL;
	struct config_errors errs = {0};
	json_t *doc = config_parse(text, (size_t)n, &errs);
	void *image = doc != NULL ? config_compile(doc, NULL, generation, size, &errs) : NULL;
	for (unsigned i = 0; i < errs.n; i++)
		fprintf(stderr, "millrace-bench: %s: %s\n", errs.e[i].path, errs.e[i].message);
	json_decref(doc);
	free(text);
	return image;
}

static void
rig_devices(struct rig *r, unsigned workers)
{
	for (uint16_t i = 0; i < RIG_DEVS; i++) {
		struct dev *d = &r->plane.devs[i];
		*d = (struct dev){.ops = &rig_ops, .ctx = r->queue[i], .id = i, .link_up = 1,
		                  .rx_queues = (uint16_t)workers, .tx_queues = (uint16_t)workers,
		                  .mtu_max = 1500, .mac = {2, 0, 0, 0, 0, (uint8_t)(i + 1)}};
		snprintf(d->name, sizeof(d->name), "bench%u", i);
	}
	r->plane.n_devs = RIG_DEVS;
}

bool
rig_need(const struct rig_options *o, struct memory_need *out)
{
	size_t size;
	void *image = rig_image(o, 1, &size);
	if (image == NULL)
		return false;
	*out = memory_need(image, 0);
	free(image);
	return true;
}

static int
rig_open(struct rig *r, const struct rig_options *o)
{
	size_t size;
	char err[256];
	void *image = rig_image(o, 1, &size);
	if (image == NULL)
		return -1;
	rig_devices(r, o->workers);
	int rc = plane_open(&r->plane, image, 42, false, rig_now(r), err, sizeof(err));
	free(image);
	if (rc < 0)
		fprintf(stderr, "millrace-bench: %s\n", err);
	return rc;
}

struct rig *
rig_create(const struct rig_options *o, const struct machine *m)
{
	struct rig *r = mem_alloc(sizeof(*r), -1);
	if (r == NULL)
		return NULL;
	r->machine = *m;
	r->step_ns = m->tick_ns == 0 ? COUNTED_STEP_NS : 0;
	r->tsc_base = r->tsc_end = rte_rdtsc();
	r->plane.derive_mac = 1;
	r->buffers = mem_alloc((size_t)RIG_PACKETS * RIG_STRIDE, -1);
	if (r->buffers != NULL && rig_open(r, o) == 0) {
		r->start_ticks = rte_rdtsc() - r->tsc_base;
		return r;
	}
	mem_free(r->buffers, (size_t)RIG_PACKETS * RIG_STRIDE);
	mem_free(r, sizeof(*r));
	return NULL;
}

bool
rig_apply(struct rig *r, const struct rig_options *o)
{
	size_t size;
	char err[256];
	void *image = rig_image(o, r->plane.gen->number + 1, &size);
	int rc = image != NULL ? plane_apply(&r->plane, image, size, rig_now(r), err, sizeof(err)) :
	                         -1;
	if (image != NULL && rc < 0)
		fprintf(stderr, "millrace-bench: %s\n", err);
	free(image);
	return rc == 0;
}

void
rig_destroy(struct rig *r)
{
	plane_close(&r->plane);
	mem_free(r->buffers, (size_t)RIG_PACKETS * RIG_STRIDE);
	mem_free(r, sizeof(*r));
}

uint64_t
rig_now(const struct rig *r)
{
	uint64_t t = rte_rdtsc() - r->tsc_base;
	return 1000000000 + (uint64_t)((double)t * r->machine.tick_ns) + r->skipped_ns;
}

struct rte_mbuf *
rig_buffer_at(struct rig *r, unsigned i)
{
	return (struct rte_mbuf *)(void *)(r->buffers + (size_t)i * RIG_STRIDE);
}

struct rte_mbuf *
rig_buffer(struct rig *r, unsigned i)
{
	struct rte_mbuf *m = rig_buffer_at(r, i);
	m->buf_addr = (uint8_t *)m + sizeof(*m);
	m->data_off = BUF_HEADROOM;
	m->buf_len = RIG_STRIDE - sizeof(*m);
	m->refcnt = 1;
	m->nb_segs = 1;
	m->next = NULL;
	m->ol_flags = 0;
	return m;
}

void
rig_put(struct rig *r, unsigned dev, unsigned w, struct rte_mbuf *m)
{
	struct rig_queue *q = &r->queue[dev][w];
	m->port = (uint16_t)dev;
	buf_data(m)[5] = (uint8_t)(dev + 1); /* to the device's own MAC, see above */
	q->buf[q->count++] = m;
}

/* What a NIC writes is in no core's own cache: flush descriptor and header. */
static void
queue_cool(const struct rig_queue *q)
{
	for (unsigned i = 0; i < q->count; i++) {
		const uint8_t *data = buf_data(q->buf[i]);
		__builtin_ia32_clflush(data);
		__builtin_ia32_clflush(data + 63);
	}
	__builtin_ia32_mfence();
}

static bool
queues_empty(const struct rig *r, unsigned w)
{
	for (unsigned d = 0; d < RIG_DEVS; d++)
		if (r->queue[d][w].head < r->queue[d][w].count)
			return false;
	return true;
}

__attribute__((noipa)) uint32_t
rig_counted_turn(rig_turn_fn turn, struct worker *w, uint64_t now_ns)
{
	return turn(w, now_ns);
}

static void
turn_run(struct rig *r, unsigned w, rig_turn_fn turn)
{
	r->skipped_ns += r->step_ns;
	if (r->counted)
		rig_counted_turn(turn, r->plane.worker[w], rig_now(r));
	else
		turn(r->plane.worker[w], rig_now(r));
}

/* The clock goes on. => the tick at which it does. */
static uint64_t
clock_begin(struct rig *r)
{
	uint64_t begin = rte_rdtsc();
	if (r->plane.n_workers == 1)
		r->tsc_base += begin - r->tsc_end;
	return begin;
}

static uint64_t
clock_end(struct rig *r, uint64_t begin)
{
	uint64_t end = rte_rdtsc();
	r->tsc_end = end;
	return end - begin;
}

uint64_t
rig_run_with(struct rig *r, unsigned w, rig_turn_fn turn)
{
	for (unsigned d = 0; r->cold && d < RIG_DEVS; d++)
		queue_cool(&r->queue[d][w]);
	uint64_t begin = clock_begin(r);
	while (!queues_empty(r, w))
		turn_run(r, w, turn);
	uint64_t ticks = clock_end(r, begin);
	for (unsigned d = 0; d < RIG_DEVS; d++)
		r->queue[d][w].head = r->queue[d][w].count = 0;
	return ticks;
}

uint64_t
rig_run(struct rig *r, unsigned w)
{
	return rig_run_with(r, w, worker_poll);
}

uint64_t
rig_turn(struct rig *r, unsigned w)
{
	uint64_t begin = clock_begin(r);
	turn_run(r, w, worker_poll);
	return clock_end(r, begin);
}

uint64_t
rig_sent(const struct rig *r)
{
	uint64_t n = 0;
	for (unsigned d = 0; d < RIG_DEVS; d++)
		for (unsigned w = 0; w < r->plane.n_workers; w++)
			n += r->queue[d][w].sent;
	return n;
}

uint64_t
rig_drops(const struct rig *r)
{
	uint64_t n = 0;
	for (unsigned c = 0; c < r->plane.shared.stats->contexts; c++) {
		const struct stats *s = stats_context(r->plane.shared.stats, c);
		for (unsigned i = 0; i < DROP_MAX; i++)
			n += s->dropped[i];
		n += s->handoff[HANDOFF_PUNT] + s->held;
	}
	return n;
}
