/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The classifier of the simulated NIC: the fields of a frame, hashing by RSS types, and
 *            flow rules.
 * See        sim_nic.h.
 */
#ifndef MR_SIM_RULES_H
#define MR_SIM_RULES_H

#include <stdbool.h>

#include "sim_nic.h"

struct sim_fields {
	uint16_t vlan;
	uint8_t family, proto;
	bool is_fragment, has_ports, has_extensions;
	uint8_t src[16], dst[16];
	uint16_t sport, dport, ident; /* wire order */
};

struct sim_nic *sim_nic_of(uint16_t port);

bool sim_fields_read(struct sim_fields *f, const uint8_t *frame, uint32_t size);
/* sim_fields_order: the smaller address, and the smaller port, first. */
void sim_fields_order(struct sim_fields *f);
/* sim_hash: under the most specific type that is on. => false: the packet is of none. */
bool sim_hash(const struct sim_fields *f, uint64_t types, const uint8_t *key, uint32_t *hash);
void sim_hash_report(struct rte_mbuf *m, uint32_t hash);

bool sim_rules_match(struct sim_nic *s, const struct sim_fields *f, uint16_t *queue,
                     struct rte_mbuf *m);
void sim_rules_flush(struct sim_nic *s);

#endif
