/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Devices of DPDK behind the seam of nic.h: finding or plugging the device that a device
 *            string names, queues, buffers, link.
 * Layout     A device has a buffer pool of its own. Queue i is for worker i; a device with fewer
 *            queues than workers serves the first ones, and hand-off does the rest.
 * Invariant  1. Received packets are one segment (frames above the MTU are not received).
 *            2. dev.mac_filter is 1: devices may be promiscuous, for several reasons.
 * Owner      The main lcore opens, closes and asks for the link; EAL has been started.
 * Limits     NIC_ETHDEV_RING descriptors a queue, or what the driver says; buffers must fill them.
 * See        lib/nic.h. With the .c the only user of ethdev and EAL in lib.
 */
#ifndef MR_NIC_ETHDEV_H
#define MR_NIC_ETHDEV_H

#include "nic.h"

enum { NIC_ETHDEV_RING = 1024 };

/* Receive-side scaling that a device is configured with; key NULL: the driver's own. */
struct nic_rss {
	const uint8_t *key;
	uint16_t key_size;
	uint64_t types; /* as DPDK numbers them; 0: none */
	bool key_taken; /* said by nic_ethdev_start */
};

/*
 * nic_ethdev_open: fill in d. device is a PCI address or a virtual device with its arguments
 * ("net_af_packet0,iface=veth0"), plugged if EAL does not have it yet. => 0, or -errno and one
 * sentence in err, and it is not open.
 * nic_ethdev_start: its queues and buffers; mtu is of IP packets. => the same, but it is open
 * still.
 */
int nic_ethdev_open(struct dev *d, uint16_t id, const char *device, uint16_t queues_wanted,
                    char *err, size_t err_size);
int nic_ethdev_start(struct dev *d, uint16_t mtu, uint32_t buffers, struct nic_rss *rss,
                     char *err, size_t err_size);
/*
 * nic_ethdev_revive: after NIC_RESET, as nic_ethdev_start with what it was started with. => No
 * worker polls it meanwhile; its key, its table and its rules are gone; on an error it is open
 * still, stopped, and this can be tried again.
 */
int nic_ethdev_revive(struct dev *d, struct nic_rss *rss, char *err, size_t err_size);
/*
 * nic_ethdev_frame: bytes of the largest frame that a device may deliver: of the MTU, or what its
 * string says of its frames. (The kernel puts fragments together for net_af_packet and cuts what
 * exceeds framesz, so with a large one datagrams come whole, and are fragmented anew on their way.)
 */
uint32_t nic_ethdev_frame(const char *device, uint16_t mtu);
/* nic_ethdev_close: stop and forget it. => No worker polls it any more, all buffers are back. */
void nic_ethdev_close(struct dev *d);

/* nic_ethdev_mac_add: receive for one more station address. => 0 or -errno. */
int nic_ethdev_mac_add(struct dev *d, const uint8_t mac[6]);

/* nic_ethdev_link: ask for the link, set d->link_up. => Its speed in Mbit/s, 0 when not known. */
uint32_t nic_ethdev_link(struct dev *d);

#endif
