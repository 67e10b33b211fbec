/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       A NIC that steers, under the production code: an ethdev of rings (net_ring), whose
 *            frames come from a classifier that does what the NIC was told by the RSS and rte_flow
 *            calls of the production code, which the linker leads here (--wrap).
 * Layout     Key, types, table and rules as the calls gave them. A frame is matched with the rules
 *            (priority, then number of bits that a rule looks at), else hashed by its type with
 *            DPDK's own Toeplitz (rte_softrss), else goes to the queue of entry 0.
 * Invariant  1. Nothing of lib/steer is used here: only what DPDK's documentation defines.
 *            2. Two rules of one priority that match one frame and disagree, however many bits they
 *               look at, are counted as ambiguous: the documentation leaves their order open.
 * Limits     SIM_NICS devices at a time, SIM_QUEUES queues (net_ring's own limit is 16).
 * See        DPDK: rte_ethdev.h (rte_eth_rss_conf, RTE_ETH_RSS_*), rte_flow.h, guides/prog_guide.
 */
#ifndef MR_SIM_NIC_H
#define MR_SIM_NIC_H

#include <stdbool.h>

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_ring.h>

enum { SIM_NICS = 4, SIM_QUEUES = 16, SIM_RING = 4096, SIM_RETA = 2048, SIM_KEY = 64 };

/* What a model of NIC can do. */
struct sim_model {
	const char *name;
	uint64_t rss_types;    /* 0: no RSS */
	uint16_t key_size, reta_size, max_queues;
	uint8_t rule_queue, rule_port, rule_sparse, rule_icmp, rule_rss;
	uint8_t no_hash_update; /* the key is taken at configuration only */
	uint8_t lies;          /* hashes with a key of its own, whatever it is told */
	uint8_t lies_v6;       /* the same for IPv6 only */
	uint8_t lies_table;    /* looks up its own table, whatever it is given */
	uint8_t symmetric;     /* hashes both directions alike: the smaller one first */
	uint8_t no_extensions; /* IPv6 with extension headers is not hashed */
	uint8_t no_reset;      /* a reset fails */
	uint8_t keeps_rules;   /* rules go by a flush only */
	uint32_t max_rules;    /* 0: any number */
};

struct sim_nic {
	char name[32];         /* of the device, for the configuration */
	const struct sim_model *model;
	int port;
	uint16_t queues;       /* as configured */
	struct rte_ring *rx[SIM_QUEUES], *tx[SIM_QUEUES];
	uint8_t key[SIM_KEY];  /* big endian, as rte_softrss takes it */
	uint64_t types;
	uint16_t reta[SIM_RETA];
	bool is_down;          /* wants a reset, or is gone: takes no frames */
	bool is_gone;
	unsigned resets;
	rte_eth_dev_cb_fn on_reset, on_removal; /* who listens */
	void *on_event_arg;
	struct rte_flow *rules;
	uint32_t n_rules, validated, destroyed, ambiguous, hash_updates;
	uint32_t asked;        /* calls that create */
	uint32_t least_rules;  /* that there were after one was destroyed; the test begins it */
	uint64_t by_rule, by_hash, by_default; /* frames */
};

/* sim_nic_create: a device that EAL has; name it in a configuration. => NULL: none left. */
struct sim_nic *sim_nic_create(const struct sim_model *model);
/* sim_nic_destroy: => the device was closed by who opened it. */
void sim_nic_destroy(struct sim_nic *s);

/* sim_nic_queue: where this frame goes; mbuf, if not NULL, gets the hash as of a driver. */
uint16_t sim_nic_queue(struct sim_nic *s, const uint8_t *frame, uint32_t size, struct rte_mbuf *m);
/* sim_nic_put: a frame arrives in a buffer of the device's. => false: the queue is full. */
int sim_nic_put(struct sim_nic *s, struct rte_mbuf *m);
/* sim_nic_fail: its host was reset: key, table and rules are gone, frames are lost, and the driver
 * says that it wants a reset. */
void sim_nic_fail(struct sim_nic *s);
/* sim_nic_pull: somebody takes it out: the driver says that it is gone. */
void sim_nic_pull(struct sim_nic *s);
/* sim_nic_take: frames that were sent. => how many. */
unsigned sim_nic_take(struct sim_nic *s, struct rte_mbuf **m, unsigned n);

#endif
