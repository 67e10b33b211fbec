/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of DPDK: opening, closing, and bursts. */
#include "nic_ethdev.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

static_assert((int)BUF_HEADROOM == (int)RTE_PKTMBUF_HEADROOM, "buffers of DPDK begin as ours do");

enum {
	NIC_KEY_MAX = 64, POOL_CACHE = 256, POOL_MIN_CACHED = 4096, LINK_OVERHEAD = 14 + 4 + 4,
	ROOM_ALIGN = 64, FRAME_MAX = 65280,
};

/* What a device is being opened with. */
struct opening {
	struct dev *d; /* its ctx is the pool */
	struct rte_eth_dev_info info;
	struct nic_rss *rss;
	uint16_t mtu, rx_ring, tx_ring;
	uint32_t buffers;
	char *err;
	size_t err_size;
};

/* rc is a negative errno of DPDK. => It. */
__attribute__((format(printf, 3, 4))) static int
fail(const struct opening *o, int rc, const char *format, ...)
{
	char what[160];
	va_list ap;
	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	snprintf(o->err, o->err_size, "device %s: %s: %s", o->d->name, what, rte_strerror(-rc));
	return rc;
}

static uint16_t
burst_rx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	uint16_t got = rte_eth_rx_burst(d->port_id, queue, bufs, n);
	for (uint16_t i = 0; i < got; i++)
		bufs[i]->port = d->id;
	return got;
}

static uint16_t
burst_tx(struct dev *d, uint16_t queue, struct rte_mbuf **bufs, uint16_t n)
{
	return rte_eth_tx_burst(d->port_id, queue, bufs, n);
}

static struct rte_mbuf *
buffer_alloc(struct dev *d)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(d->ctx);
	if (m != NULL)
		m->port = d->id;
	return m;
}

static void
buffers_free(struct rte_mbuf **bufs, uint16_t n)
{
	rte_pktmbuf_free_bulk(bufs, n);
}

/* The port of a device that EAL has: by name, which for both kinds is what precedes the comma. */
static bool
port_find(const char *device, uint16_t *port_id)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (rte_eth_dev_get_port_by_name(name, port_id) == 0)
		return true;
	struct rte_dev_iterator it;
	if (rte_eth_iterator_init(&it, device) != 0)
		return false;
	*port_id = rte_eth_iterator_next(&it);
	if (*port_id == RTE_MAX_ETHPORTS)
		return false;
	rte_eth_iterator_cleanup(&it);
	return true;
}

static int
find_or_plug(struct opening *o)
{
	if (port_find(o->d->name, &o->d->port_id))
		return 0;
	int rc = rte_dev_probe(o->d->name);
	if (rc != 0)
		return fail(o, rc, "it is not there, or no driver takes it");
	if (port_find(o->d->name, &o->d->port_id))
		return 0;
	return fail(o, -ENODEV, "its driver makes no Ethernet port of it");
}

/* What EAL plugged at its start is unplugged too: a closed port is only had anew by plugging. */
static void
port_close(struct dev *d)
{
	struct rte_eth_dev_info info;
	struct rte_device *device = NULL;
	if (rte_eth_dev_info_get(d->port_id, &info) == 0)
		device = info.device;
	(void)rte_eth_dev_close(d->port_id);
	if (device != NULL)
		(void)rte_dev_remove(device);
	rte_mempool_free(d->ctx);
	d->ctx = NULL;
}

/* In a thread of EAL's, or in whatever the driver is called from. */
static int
on_event(uint16_t port, enum rte_eth_event_type event, void *arg, void *unused)
{
	struct dev *d = arg;
	uint8_t trouble = event == RTE_ETH_EVENT_INTR_RESET ? NIC_RESET : NIC_GONE;
	(void)unused;
	if (port == d->port_id)
		atomic_store_explicit(&d->trouble, trouble, memory_order_release);
	return 0;
}

static void
events_listen(struct dev *d)
{
	(void)rte_eth_dev_callback_register(d->port_id, RTE_ETH_EVENT_INTR_RESET, on_event, d);
	(void)rte_eth_dev_callback_register(d->port_id, RTE_ETH_EVENT_INTR_RMV, on_event, d);
}

static void
events_ignore(struct dev *d)
{
	(void)rte_eth_dev_callback_unregister(d->port_id, RTE_ETH_EVENT_INTR_RESET, on_event, d);
	(void)rte_eth_dev_callback_unregister(d->port_id, RTE_ETH_EVENT_INTR_RMV, on_event, d);
}

static bool
is_virtual(const struct rte_eth_dev_info *info)
{
	return strcmp(rte_bus_name(rte_dev_bus(info->device)), "vdev") == 0;
}

/* Queues and ring sizes: what is wanted, within what the driver can. */
static int
choose_queues(struct opening *o, uint16_t wanted)
{
	struct dev *d = o->d;
	int rc = rte_eth_dev_info_get(d->port_id, &o->info);
	if (rc != 0)
		return fail(o, rc, "its driver does not tell what it can");
	d->rx_queues = RTE_MIN(wanted, o->info.max_rx_queues);
	d->tx_queues = RTE_MIN(wanted, o->info.max_tx_queues);
	return 0;
}

static void
choose_rings(struct opening *o)
{
	const struct rte_eth_dev_info *info = &o->info;
	o->rx_ring = info->default_rxportconf.ring_size;
	o->tx_ring = info->default_txportconf.ring_size;
	if (o->rx_ring < NIC_ETHDEV_RING)
		o->rx_ring = NIC_ETHDEV_RING;
	if (o->tx_ring < NIC_ETHDEV_RING)
		o->tx_ring = NIC_ETHDEV_RING;
}

/* => 0 or what the driver says. */
static int
configure_queues(struct opening *o, const uint8_t *key)
{
	struct rte_eth_conf conf = {.rxmode.mtu = o->mtu};
	uint8_t copy[NIC_KEY_MAX];
	if (o->d->rx_queues > 1 && o->rss->types != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = o->rss->types;
	}
	if (key != NULL && conf.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS) {
		memcpy(copy, key, o->rss->key_size);
		conf.rx_adv_conf.rss_conf.rss_key = copy;
		conf.rx_adv_conf.rss_conf.rss_key_len = (uint8_t)o->rss->key_size;
	}
	return rte_eth_dev_configure(o->d->port_id, o->d->rx_queues, o->d->tx_queues, &conf);
}

/* A driver that does not take the key now may take it later. */
static int
configure(struct opening *o)
{
	const struct rte_eth_dev_info *info = &o->info;
	struct dev *d = o->d;
	if (o->mtu < info->min_mtu || o->mtu > info->max_mtu)
		return fail(o, -ERANGE, "MTU %u, its driver can do %u to %u", o->mtu, info->min_mtu,
		            info->max_mtu);
	int rc = configure_queues(o, o->rss->key);
	o->rss->key_taken = rc == 0 && o->rss->key != NULL;
	if (rc != 0 && o->rss->key != NULL)
		rc = configure_queues(o, NULL);
	if (rc != 0)
		return fail(o, rc,
		            "%u receive and %u transmit queues with an MTU of %u are refused",
		            d->rx_queues, d->tx_queues, o->mtu);
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(d->port_id, &o->rx_ring, &o->tx_ring);
	if (rc != 0)
		return fail(o, rc, "no ring size suits its driver");
	if (o->buffers <= (uint32_t)d->rx_queues * o->rx_ring)
		return fail(o, -ENOBUFS, "%u buffers do not fill %u rings of %u", o->buffers,
		            d->rx_queues, o->rx_ring);
	return 0;
}

uint32_t
nic_ethdev_frame(const char *device, uint16_t mtu)
{
	uint32_t frame = mtu + LINK_OVERHEAD;
	bool is_packet = strncmp(device, "net_af_packet", 13) == 0;
	const char *size = is_packet ? strstr(device, "framesz=") : NULL;
	unsigned long given = size != NULL ? strtoul(size + 8, NULL, 10) : 0;
	if (given > frame)
		frame = given < FRAME_MAX ? (uint32_t)given : FRAME_MAX;
	return (frame + ROOM_ALIGN - 1) / ROOM_ALIGN * ROOM_ALIGN;
}

/* A buffer holds the largest frame whole. */
static int
pool_create(struct opening *o)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	uint32_t room = nic_ethdev_frame(o->d->name, o->mtu) + BUF_HEADROOM;
	room = RTE_MAX(room, (uint32_t)BUF_ROOM);
	snprintf(name, sizeof(name), "buffers_%u", o->d->id);
	o->d->ctx = rte_pktmbuf_pool_create(name, o->buffers,
	                                    o->buffers >= POOL_MIN_CACHED ? POOL_CACHE : 0, 0,
	                                    (uint16_t)room, rte_eth_dev_socket_id(o->d->port_id));
	if (o->d->ctx == NULL)
		return fail(o, -rte_errno, "no memory for %u buffers of %u bytes", o->buffers,
		            room);
	return 0;
}

static int
queues_setup(struct opening *o)
{
	uint16_t port = o->d->port_id;
	int socket = rte_eth_dev_socket_id(port);
	for (uint16_t q = 0; q < o->d->rx_queues; q++) {
		int rc = rte_eth_rx_queue_setup(port, q, o->rx_ring, (unsigned)socket, NULL,
		                                o->d->ctx);
		if (rc != 0)
			return fail(o, rc, "receive queue %u of %u descriptors", q, o->rx_ring);
	}
	for (uint16_t q = 0; q < o->d->tx_queues; q++) {
		int rc = rte_eth_tx_queue_setup(port, q, o->tx_ring, (unsigned)socket, NULL);
		if (rc != 0)
			return fail(o, rc, "transmit queue %u of %u descriptors", q, o->tx_ring);
	}
	return 0;
}

/*
 * Neighbour discovery needs multicast. A virtual device mostly has no filter of its own, or one
 * that knows one address only.
 */
static int
start(struct opening *o)
{
	uint16_t port = o->d->port_id;
	struct rte_ether_addr mac;
	int rc = rte_eth_dev_start(port);
	if (rc != 0)
		return fail(o, rc, "it does not start");
	if (is_virtual(&o->info))
		(void)rte_eth_promiscuous_enable(port);
	else if (rte_eth_allmulticast_enable(port) != 0)
		(void)rte_eth_promiscuous_enable(port);
	rc = rte_eth_macaddr_get(port, &mac);
	if (rc != 0) {
		(void)rte_eth_dev_stop(port);
		return fail(o, rc, "its MAC address is not known");
	}
	memcpy(o->d->mac, mac.addr_bytes, sizeof(o->d->mac));
	return 0;
}

static int
setup(struct opening *o)
{
	choose_rings(o);
	int rc = configure(o);
	if (rc == 0 && o->d->ctx == NULL)
		rc = pool_create(o);
	if (rc == 0)
		rc = queues_setup(o);
	return rc == 0 ? start(o) : rc;
}

int
nic_ethdev_open(struct dev *d, uint16_t id, const char *device, uint16_t queues_wanted, char *err,
                size_t err_size)
{
	static const struct dev_ops ops = {
		.rx = burst_rx, .tx = burst_tx, .alloc = buffer_alloc, .free = buffers_free,
	};
	struct opening o = {.d = d, .err = err, .err_size = err_size};
	*d = (struct dev){.ops = &ops, .id = id, .mac_filter = 1};
	snprintf(d->name, sizeof(d->name), "%s", device);
	int rc = find_or_plug(&o);
	if (rc != 0)
		return rc;
	rc = choose_queues(&o, queues_wanted);
	if (rc != 0)
		port_close(d);
	return rc;
}

int
nic_ethdev_start(struct dev *d, uint16_t mtu, uint32_t buffers, struct nic_rss *rss,
                 char *err, size_t err_size)
{
	struct opening o = {.d = d, .mtu = mtu, .buffers = buffers, .rss = rss, .err = err,
	                    .err_size = err_size};
	d->mtu_max = mtu;
	events_listen(d);
	int rc = choose_queues(&o, d->rx_queues);
	rc = rc == 0 ? setup(&o) : rc;
	if (rc == 0)
		nic_ethdev_link(d);
	return rc;
}

/* => it is stopped; a driver that knows no reset is configured anew just so. */
static int
reset(struct opening *o)
{
	int rc = rte_eth_dev_reset(o->d->port_id);
	if (rc == -ENOTSUP)
		rc = rte_eth_dev_stop(o->d->port_id);
	return rc != 0 ? fail(o, rc, "it does not take a reset") : 0;
}

/* Neighbours know the station address of before. */
static void
mac_keep(struct dev *d, const uint8_t mac[6])
{
	struct rte_ether_addr a;
	memcpy(a.addr_bytes, mac, sizeof(a.addr_bytes));
	if (memcmp(d->mac, mac, sizeof(d->mac)) != 0 &&
	    rte_eth_dev_default_mac_addr_set(d->port_id, &a) != 0)
		(void)rte_eth_promiscuous_enable(d->port_id);
	memcpy(d->mac, mac, sizeof(d->mac));
}

int
nic_ethdev_revive(struct dev *d, struct nic_rss *rss, char *err, size_t err_size)
{
	struct opening o = {.d = d, .mtu = d->mtu_max, .rss = rss, .err = err,
	                    .err_size = err_size, .buffers = UINT32_MAX /* they are there */};
	uint16_t rx = d->rx_queues, tx = d->tx_queues;
	uint8_t mac[6];
	memcpy(mac, d->mac, sizeof(mac));
	/* Before, so that a reset that is asked for meanwhile is not forgotten. */
	atomic_store_explicit(&d->trouble, NIC_WELL, memory_order_relaxed);
	int rc = reset(&o);
	rc = rc == 0 ? choose_queues(&o, rx) : rc;
	if (rc == 0 && (d->rx_queues != rx || d->tx_queues != tx))
		rc = fail(&o, -ENODEV, "it has fewer queues than before");
	d->rx_queues = rx;
	d->tx_queues = tx;
	rc = rc == 0 ? setup(&o) : rc;
	if (rc == 0)
		mac_keep(d, mac);
	if (rc != 0)
		atomic_store_explicit(&d->trouble, NIC_RESET, memory_order_relaxed);
	else
		nic_ethdev_link(d);
	return rc;
}

void
nic_ethdev_close(struct dev *d)
{
	events_ignore(d);
	(void)rte_eth_dev_stop(d->port_id);
	port_close(d);
}

int
nic_ethdev_mac_add(struct dev *d, const uint8_t mac[6])
{
	struct rte_ether_addr a;
	memcpy(a.addr_bytes, mac, sizeof(a.addr_bytes));
	if (rte_eth_promiscuous_get(d->port_id) == 1 ||
	    rte_eth_dev_mac_addr_add(d->port_id, &a, 0) == 0)
		return 0;
	return rte_eth_promiscuous_enable(d->port_id);
}

uint32_t
nic_ethdev_link(struct dev *d)
{
	struct rte_eth_link link;
	if (rte_eth_link_get_nowait(d->port_id, &link) != 0)
		return 0;
	d->link_up = link.link_status == RTE_ETH_LINK_UP;
	return link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
}
