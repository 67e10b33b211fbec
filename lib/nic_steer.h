/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       Steering by the device: what a port of DPDK offers, and putting a setup (key, types,
 *            redirection table, flow rules) into it. What setup is wanted is decided elsewhere.
 * Invariant  1. A rule is validated before it is made; what the device refuses is counted and is
 *               the software's.
 *            2. nic_steer_rules leaves those rules alone that stay as they are, and makes new ones
 *               before it takes old ones out (where the device has room for both).
 *            3. No rule outlives nic_steer_rules_end, or of an earlier process
 *               nic_steer_rules_begin.
 * Owner      The main lcore; workers read dev.steered and dev.reta_bits only.
 * Limits     STEER_RULES rules a device, tables of up to STEER_RETA_MAX entries.
 * See        docs/design.md, "Steering"; docs/nics.md; DPDK rte_flow.h, rte_ethdev.h.
 */
#ifndef MR_NIC_STEER_H
#define MR_NIC_STEER_H

#include "nic.h"
#include "steer.h"

enum { STEER_RULES = 4096, STEER_RETA_MAX = 4096, STEER_KEY_MAX = 64, STEER_SPREAD = STEER_RETA };
enum { STEER_GIVE_UP = 16 /* rules refused one after another: the rest is not asked for */ };

/* Kinds of rules that a device may take. */
enum steer_ability {
	STEER_CAN_QUEUE,  /* an address, to a queue */
	STEER_CAN_PORT,   /* and a block of ports */
	STEER_CAN_SPARSE, /* and any bits of the port */
	STEER_CAN_ICMP,   /* and an echo's identifier */
	STEER_CAN_RSS,    /* to RSS with a key of the rule's own */
	STEER_ABILITIES
};

/* What a device offers. */
struct steer_offer {
	char driver[32];
	uint64_t rss_types;   /* as DPDK numbers them: those of ours that it has */
	uint8_t hashes4, hashes6; /* addresses of TCP and UDP packets of the family are hashed */
	uint16_t key_size, reta_size, max_queues;
	uint16_t rx_queues;   /* as opened */
	uint8_t only_key;     /* enum steer_key that it does not part with; NONE: any will do */
	uint8_t can[STEER_ABILITIES];
};

/* One rule; all bytes count when rules are compared. */
struct steer_rule {
	union addr address; /* prefix; plen 0: all of the family */
	uint8_t family, plen;
	uint8_t is_source;  /* the address is the packet's source, else its destination */
	uint8_t proto;      /* 0: any; else with port and mask, in host order */
	uint16_t port, port_mask; /* destination port, or identifier of an echo */
	uint16_t vlan;      /* 0: untagged */
	uint16_t queue;     /* when key is STEER_KEY_NONE */
	uint8_t key;        /* enum steer_key: RSS under this key */
	uint8_t traffic;    /* enum steer_traffic that it serves */
	uint8_t zero[2];
};
static_assert(sizeof(struct steer_rule) == 32, "no padding: compared as bytes");

/* What a device is to do. */
struct steer_setup {
	uint8_t key;          /* enum steer_key */
	uint8_t reta_bits;
	uint16_t key_size, reta_size;
	uint64_t rss_types;   /* as DPDK numbers them */
	uint8_t key_bytes[STEER_KEY_MAX];
	uint16_t reta[STEER_RETA_MAX]; /* queue of each entry */
	uint8_t spread_bits;
	uint16_t spread[STEER_SPREAD]; /* queues of a rule to RSS, 2^spread_bits: its own table */
	uint32_t n_rules;
	struct steer_rule rule[STEER_RULES]; /* sorted (memcmp) */
};

/* What a device does: the rules that it has taken. */
struct nic_steer {
	uint32_t n, refused;
	uint32_t stuck;           /* that it did not give back: gone with all others at the end */
	uint16_t refused_traffic; /* bits of enum steer_traffic */
	char refusal[96];         /* the driver's words about the last one it refused */
	struct steer_rule rule[STEER_RULES];
	void *handle[STEER_RULES];
};

/* nic_steer_offer: without rules. d is opened. */
void nic_steer_offer(const struct dev *d, struct steer_offer *o);
/* nic_steer_probe: which kinds of rules it takes; nothing is made. d is started. */
void nic_steer_probe(const struct dev *d, struct steer_offer *o);

/* nic_steer_hash: key and types, nic_steer_reta: the table, of a started device. => 0 or -errno. */
int nic_steer_hash(const struct dev *d, const struct steer_setup *s);
int nic_steer_reta(const struct dev *d, const struct steer_setup *s);

/* nic_steer_rules_begin: it has none, not even some that a process left behind which was killed. */
void nic_steer_rules_begin(const struct dev *d, struct nic_steer *st);
/* nic_steer_rules: the device has these rules, as far as it takes them, and no others. */
void nic_steer_rules(const struct dev *d, struct nic_steer *st, const struct steer_setup *s);
/* nic_steer_rules_end: takes all of them out. */
void nic_steer_rules_end(const struct dev *d, struct nic_steer *st);

#endif
