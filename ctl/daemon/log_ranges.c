/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of deterministic ranges, an address after the other. */
#include "log_ranges.h"

#include <arpa/inet.h>

#include "nat/deterministic.h"

#define DAY_NS (RANGES_DAY_S * 1000000000ull)

typedef void say_fn(void *arg, const struct record *rec);

/* Ranges of one pool address: neighbours inside are one run. */
static void
address_say(const struct img_nat_pool *pool, const struct img_nat_inside *insides, uint32_t row,
            struct record rec, say_fn *fn, void *arg)
{
	for (uint32_t i = 0; i < pool->range_hosts; i++) {
		uint16_t first = (uint16_t)(pool->port_first + i * pool->range_ports);
		uint16_t last = (uint16_t)(first + pool->range_ports - 1);
		be32 inside;
		if (!det_reverse(pool, insides, row, first, &inside))
			break;
		bool goes_on = rec.port_last != 0 && ntohl(inside) == ntohl(rec.far) + 1;
		if (rec.port_last != 0 && !goes_on)
			fn(arg, &rec);
		if (!goes_on) {
			rec.subscriber = inside;
			rec.port_first = first;
		}
		rec.far = inside;
		rec.port_last = last;
	}
	if (rec.port_last != 0)
		fn(arg, &rec);
}

static bool
is_due(struct log_ranges *r, uint64_t changes, uint64_t now_ns)
{
	if (r->is_going)
		return true;
	if (r->said_ns != 0 && r->changes == changes && now_ns - r->said_ns < DAY_NS)
		return false;
	*r = (struct log_ranges){.changes = changes, .said_ns = now_ns, .is_going = true};
	return true;
}

void
log_ranges_walk(struct log_ranges *r, const struct image_header *h, uint64_t changes,
                uint64_t now_ns, void (*fn)(void *arg, const struct record *rec), void *arg)
{
	uint32_t n, n_pools, n_insides;
	const struct img_nat_address *a = image_rows(h, IMG_NAT_ADDRESSES, &n);
	const struct img_nat_pool *pools = image_rows(h, IMG_NAT_POOLS, &n_pools);
	const struct img_nat_inside *insides = image_rows(h, IMG_NAT_INSIDE, &n_insides);
	if (!is_due(r, changes, now_ns))
		return;
	for (unsigned i = 0; i < RANGES_TURN && r->row < n; i++, r->row++) {
		const struct img_nat_pool *pool = &pools[a[r->row].pool];
		struct record rec = {
			.event = RECORD_RANGES, .time_ns = now_ns, .worker = RECORD_DAEMON,
			.external = a[r->row].address, .realm = pool->inside_realm,
			.pool = a[r->row].pool, .limit = pool->range_ports,
		};
		if (det_is(pool))
			address_say(pool, insides, r->row, rec, fn, arg);
	}
	r->is_going = r->row < n;
}
