/* SPDX-License-Identifier: Apache-2.0 */
/* The device of rings and its control path: where production's calls for steering end. */
#include "sim_nic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>

#include "sim_rules.h"

int __real_rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info);
int __real_rte_eth_dev_configure(uint16_t port, uint16_t rx, uint16_t tx,
                                 const struct rte_eth_conf *conf);
int __wrap_rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info);
int __wrap_rte_eth_dev_configure(uint16_t port, uint16_t rx, uint16_t tx,
                                 const struct rte_eth_conf *conf);
int __wrap_rte_eth_dev_rss_hash_update(uint16_t port, struct rte_eth_rss_conf *conf);
int __wrap_rte_eth_dev_rss_reta_update(uint16_t port, struct rte_eth_rss_reta_entry64 *reta,
                                       uint16_t size);

int __real_rte_eth_dev_reset(uint16_t port);
int __wrap_rte_eth_dev_reset(uint16_t port);
int __real_rte_eth_dev_callback_register(uint16_t port, enum rte_eth_event_type event,
                                         rte_eth_dev_cb_fn fn, void *arg);
int __wrap_rte_eth_dev_callback_register(uint16_t port, enum rte_eth_event_type event,
                                         rte_eth_dev_cb_fn fn, void *arg);

static struct sim_nic nics[SIM_NICS];

/* The key of Microsoft's verification suite: what a NIC uses that does not listen. */
static const uint8_t own_key[SIM_KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f,
	0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static struct rte_ring *
ring_make(const char *name, char dir, unsigned queue)
{
	char text[RTE_RING_NAMESIZE];
	snprintf(text, sizeof(text), "%s_%c%u", name, dir, queue);
	return rte_ring_create(text, SIM_RING, -1, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

struct sim_nic *
sim_nic_create(const struct sim_model *model)
{
	static unsigned serial;
	struct sim_nic *s = nics;
	while (s < nics + SIM_NICS && s->model != NULL)
		s++;
	if (s == nics + SIM_NICS)
		return NULL;
	char name[16];
	memset(s, 0, sizeof(*s));
	snprintf(name, sizeof(name), "sim%u", serial++);
	snprintf(s->name, sizeof(s->name), "net_ring_%s", name);
	for (unsigned q = 0; q < model->max_queues; q++) {
		s->rx[q] = ring_make(name, 'r', q);
		s->tx[q] = ring_make(name, 't', q);
		if (s->rx[q] == NULL || s->tx[q] == NULL)
			return NULL;
	}
	s->port = rte_eth_from_rings(name, s->rx, model->max_queues, s->tx, model->max_queues, 0);
	s->model = model;
	memcpy(s->key, own_key, sizeof(own_key));
	return s->port >= 0 ? s : NULL;
}

void
sim_nic_destroy(struct sim_nic *s)
{
	for (unsigned q = 0; q < s->model->max_queues; q++) {
		rte_ring_free(s->rx[q]);
		rte_ring_free(s->tx[q]);
	}
	sim_rules_flush(s);
	s->model = NULL;
}

static struct sim_nic *
nic_of(uint16_t port)
{
	for (unsigned i = 0; i < SIM_NICS; i++)
		if (nics[i].model != NULL && nics[i].port == port)
			return &nics[i];
	return NULL;
}

int
__wrap_rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info)
{
	int rc = __real_rte_eth_dev_info_get(port, info);
	const struct sim_nic *s = nic_of(port);
	if (rc != 0 || s == NULL)
		return rc;
	info->driver_name = s->model->name;
	info->flow_type_rss_offloads = s->model->rss_types;
	info->hash_key_size = (uint8_t)s->model->key_size;
	info->reta_size = s->model->reta_size;
	info->max_rx_queues = info->max_tx_queues = s->model->max_queues;
	return 0;
}

/* The key as given counts only if it is as long as the NIC says: anything else is refused. */
static int
rss_take(struct sim_nic *s, const struct rte_eth_rss_conf *conf)
{
	if ((conf->rss_hf & ~s->model->rss_types) != 0)
		return -EINVAL;
	if (conf->rss_key != NULL && conf->rss_key_len != s->model->key_size)
		return -EINVAL;
	s->types = conf->rss_hf;
	if (conf->rss_key != NULL && !s->model->lies) {
		memset(s->key, 0, sizeof(s->key));
		memcpy(s->key, conf->rss_key, conf->rss_key_len);
	}
	return 0;
}

/* net_ring itself has no RSS: it is configured without. */
int
__wrap_rte_eth_dev_configure(uint16_t port, uint16_t rx, uint16_t tx,
                             const struct rte_eth_conf *conf)
{
	struct sim_nic *s = nic_of(port);
	struct rte_eth_conf plain = *conf;
	if (s == NULL)
		return __real_rte_eth_dev_configure(port, rx, tx, conf);
	int rc = 0;
	if (conf->rxmode.mq_mode == RTE_ETH_MQ_RX_RSS)
		rc = rss_take(s, &conf->rx_adv_conf.rss_conf);
	plain.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	plain.rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){0};
	s->queues = rx;
	for (unsigned i = 0; i < s->model->reta_size; i++)
		s->reta[i] = (uint16_t)(i % rx); /* the usual beginning */
	return rc != 0 ? rc : __real_rte_eth_dev_configure(port, rx, tx, &plain);
}

int
__wrap_rte_eth_dev_rss_hash_update(uint16_t port, struct rte_eth_rss_conf *conf)
{
	struct sim_nic *s = nic_of(port);
	if (s == NULL)
		return -ENODEV;
	if (s->model->rss_types == 0 || s->model->no_hash_update)
		return -ENOTSUP;
	s->hash_updates++;
	return rss_take(s, conf);
}

int
__wrap_rte_eth_dev_rss_reta_update(uint16_t port, struct rte_eth_rss_reta_entry64 *reta,
                                   uint16_t size)
{
	struct sim_nic *s = nic_of(port);
	if (s == NULL)
		return -ENODEV;
	if (s->model->rss_types == 0)
		return -ENOTSUP;
	if (size != s->model->reta_size)
		return -EINVAL;
	for (unsigned i = 0; i < size; i++) {
		const struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];
		uint16_t queue = group->reta[i % RTE_ETH_RETA_GROUP_SIZE];
		if ((group->mask >> i % RTE_ETH_RETA_GROUP_SIZE & 1) == 0)
			continue;
		if (queue >= s->queues)
			return -EINVAL;
		if (!s->model->lies_table)
			s->reta[i] = queue;
	}
	return 0;
}

/* What hardware forgets. */
static void
forget(struct sim_nic *s)
{
	memset(s->key, 0, sizeof(s->key));
	memcpy(s->key, own_key, sizeof(own_key));
	s->types = 0;
	memset(s->reta, 0, sizeof(s->reta));
	sim_rules_flush(s);
}

int
__wrap_rte_eth_dev_callback_register(uint16_t port, enum rte_eth_event_type event,
                                     rte_eth_dev_cb_fn fn, void *arg)
{
	struct sim_nic *s = nic_of(port);
	if (s != NULL && event == RTE_ETH_EVENT_INTR_RESET)
		s->on_reset = fn;
	if (s != NULL && event == RTE_ETH_EVENT_INTR_RMV)
		s->on_removal = fn;
	if (s != NULL)
		s->on_event_arg = arg;
	return __real_rte_eth_dev_callback_register(port, event, fn, arg);
}

/* As documented: the port is stopped and initialized anew; it has to be configured again. */
int
__wrap_rte_eth_dev_reset(uint16_t port)
{
	struct sim_nic *s = nic_of(port);
	if (s == NULL)
		return __real_rte_eth_dev_reset(port);
	if (s->model->no_reset || s->is_gone)
		return -EIO;
	int rc = rte_eth_dev_stop(port);
	if (rc != 0)
		return rc;
	forget(s);
	s->is_down = false;
	s->resets++;
	return 0;
}

void
sim_nic_fail(struct sim_nic *s)
{
	forget(s);
	s->is_down = true;
	if (s->on_reset != NULL)
		(void)s->on_reset((uint16_t)s->port, RTE_ETH_EVENT_INTR_RESET, s->on_event_arg,
		                  NULL);
}

void
sim_nic_pull(struct sim_nic *s)
{
	forget(s);
	s->is_down = s->is_gone = true;
	if (s->on_removal != NULL)
		(void)s->on_removal((uint16_t)s->port, RTE_ETH_EVENT_INTR_RMV, s->on_event_arg,
		                    NULL);
}

struct sim_nic *
sim_nic_of(uint16_t port)
{
	return nic_of(port);
}

uint16_t
sim_nic_queue(struct sim_nic *s, const uint8_t *frame, uint32_t size, struct rte_mbuf *m)
{
	struct sim_fields f;
	uint32_t hash;
	uint16_t queue;
	if (s->queues == 1)
		return 0;
	if (!sim_fields_read(&f, frame, size)) {
		s->by_default++;
		return s->model->reta_size != 0 ? s->reta[0] : 0;
	}
	if (sim_rules_match(s, &f, &queue, m)) {
		s->by_rule++;
		return queue;
	}
	if (s->model->symmetric)
		sim_fields_order(&f);
	const uint8_t *key = s->model->lies_v6 && f.family == 6 ? own_key : s->key;
	if (s->model->reta_size == 0 || (s->model->no_extensions && f.has_extensions) ||
	    !sim_hash(&f, s->types, key, &hash)) {
		s->by_default++;
		return s->model->reta_size != 0 ? s->reta[0] : 0;
	}
	s->by_hash++;
	sim_hash_report(m, hash);
	return s->reta[hash & (s->model->reta_size - 1u)];
}

int
sim_nic_put(struct sim_nic *s, struct rte_mbuf *m)
{
	m->ol_flags = 0;
	if (s->is_down)
		return 0;
	uint16_t q = sim_nic_queue(s, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m);
	return rte_ring_enqueue(s->rx[q], m) == 0;
}

unsigned
sim_nic_take(struct sim_nic *s, struct rte_mbuf **m, unsigned n)
{
	unsigned k = 0;
	for (unsigned q = 0; q < s->queues; q++)
		k += rte_ring_dequeue_burst(s->tx[q], (void **)(m + k), n - k, NULL);
	return k;
}
