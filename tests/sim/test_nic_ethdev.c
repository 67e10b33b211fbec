/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of DPDK: opened, started, used, closed; and what is said when they cannot be. */
#include "lib/nic_ethdev.h"

#include <unistd.h>

#include <rte_eal.h>

#include "sim_nic.h"
#include "tests/test.h"

static const struct sim_model model = {
	.name = "model", .rss_types = RTE_ETH_RSS_IPV4, .key_size = 40, .reta_size = 128,
	.max_queues = 3};

static void
opened_and_closed(void)
{
	struct sim_nic *s = sim_nic_create(&model);
	struct dev d;
	char err[200] = "";
	uint8_t key[40] = {1, 2, 3};
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL_FATAL(nic_ethdev_open(&d, 5, s->name, 8, err, sizeof(err)), 0);
	CU_ASSERT(d.rx_queues == 3 && d.tx_queues == 3 && d.id == 5 && d.mac_filter == 1);
	struct nic_rss rss = {.key = key, .key_size = 40, .types = RTE_ETH_RSS_IPV4};
	int r = nic_ethdev_start(&d, 1500, 5000, &rss, err, sizeof(err));
	if (r != 0)
		printf("%s\n", err);
	CU_ASSERT_EQUAL_FATAL(r, 0);
	CU_ASSERT(d.mtu_max == 1500 && d.link_up == 1 && rss.key_taken);
	CU_ASSERT_EQUAL(memcmp(s->key, key, sizeof(key)), 0);
	struct rte_mbuf *m = d.ops->alloc(&d), *got[BURST];
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	rte_ring_enqueue(s->rx[1], m);
	CU_ASSERT_EQUAL(d.ops->rx(&d, 0, got, BURST), 0);
	CU_ASSERT_EQUAL(d.ops->rx(&d, 1, got, BURST), 1);
	CU_ASSERT(got[0] == m && m->port == 5);
	CU_ASSERT_EQUAL(d.ops->tx(&d, 2, got, 1), 1);
	CU_ASSERT_EQUAL(sim_nic_take(s, got, BURST), 1);
	d.ops->free(got, 1);
	nic_ethdev_close(&d);
	sim_nic_destroy(s);
}

static void
refusals(void)
{
	struct sim_nic *s = sim_nic_create(&model);
	struct dev d;
	char err[200] = "";
	struct nic_rss none = {0};
	CU_ASSERT(nic_ethdev_open(&d, 0, "net_nothing0", 1, err, sizeof(err)) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "device net_nothing0: it is not there"));
	CU_ASSERT_EQUAL_FATAL(nic_ethdev_open(&d, 0, s->name, 2, err, sizeof(err)), 0);
	CU_ASSERT(nic_ethdev_start(&d, 20, 5000, &none, err, sizeof(err)) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "MTU 20"));
	CU_ASSERT(nic_ethdev_start(&d, 1500, 100, &none, err, sizeof(err)) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "100 buffers do not fill"));
	nic_ethdev_close(&d);
	sim_nic_destroy(s);
}

static const struct test_case cases[] = {
	{"opened and closed", opened_and_closed},
	{"refusals", refusals},
};

int
main(void)
{
	char prefix[64];
	snprintf(prefix, sizeof(prefix), "--file-prefix=mr_eth_%d", getpid());
	char *argv[] = {"test_nic_ethdev", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
	                "--no-telemetry", "--log-level=critical", "--iova-mode=va", "--lcores=0",
	                prefix, NULL};
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0)
		return 77;
	int failed = test_main("nic_ethdev", cases, sizeof(cases) / sizeof(cases[0]));
	rte_eal_cleanup();
	return failed;
}
