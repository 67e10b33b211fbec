/* SPDX-License-Identifier: Apache-2.0 */
/* The option table itself. To add an option, add a row; docs/adding.md says what else. */
#include "options.h"

#include "lb/lb_image.h"
#include "nat/nat_image.h"

#define REQ CONFIG_REQUIRED
#define FIXED CONFIG_RESTART

/* One row of timeouts; fallback is NULL where the value is inherited. */
#define TIMEOUT(path, fallback, help) \
	{path, CONFIG_INT, fallback, 1, CONFIG_MAX_TIMEOUT_S, NULL, 0, help}

/* How a collector of log records is reached. */
#define COLLECTOR(path, port, help)                                                            \
	{path, CONFIG_ARRAY, NULL, 0, CONFIG_MAX_COLLECTORS, NULL, 0, help},                   \
	{path "[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "a collector"},                        \
	{path "[].name", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, REQ, "for views; unique"}, \
	{path "[].address", CONFIG_HOST, NULL, 0, 0, NULL, REQ, "its address"},                \
	{path "[].port", CONFIG_INT, port, 1, 65535, NULL, 0, "its port"},                     \
	{path "[].transport", CONFIG_WORD, "udp", 0, 0, "udp tcp tls", 0, "how it is reached"}, \
	{path "[].ca", CONFIG_PATH, NULL, 1, CONFIG_MAX_PATH, NULL, 0,                         \
	 "certificates that its own must come from (`tls`); default: those of the system"},    \
	{path "[].server_name", CONFIG_NAME, NULL, 1, 127, NULL, 0,                            \
	 "the name that its certificate must have (`tls`); default: its address"},             \
	{path "[].certificate", CONFIG_PATH, NULL, 1, CONFIG_MAX_PATH, NULL, 0,                \
	 "our own certificate (`tls`)"},                                                       \
	{path "[].key", CONFIG_PATH, NULL, 1, CONFIG_MAX_PATH, NULL, 0,                        \
	 "the key of our own certificate"}

const struct config_option config_options[] = {
	{"", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "the document"},

	{"workers", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "threads, memory and limits of `millrace`"},
	{"workers.count", CONFIG_INT, NULL, 1, 64, NULL, FIXED,
	 "worker threads; default: as many as `cores` has, else 1"},
	{"workers.main_core", CONFIG_INT, "0", 0, CONFIG_MAX_CORE, NULL, FIXED,
	 "CPU of the slow path (ARP, ND, ICMP errors, commands)"},
	{"workers.cores", CONFIG_ARRAY, NULL, 1, 64, NULL, FIXED,
	 "CPU of each worker; default: the ones after `main_core`"},
	{"workers.cores[]", CONFIG_INT, NULL, 0, CONFIG_MAX_CORE, NULL, 0, "a CPU number"},
	{"workers.huge_pages", CONFIG_WORD, "auto", 0, 0, "auto never", FIXED,
	 "`auto`: use huge pages where the machine has them"},
	{"workers.idle_us", CONFIG_INT, "50", 0, 1000000, NULL, 0,
	 "longest sleep, in microseconds, of a worker that finds nothing to do; 0: never sleep"},
	{"workers.flows", CONFIG_OBJECT, NULL, 0, 0, NULL, 0,
	 "flow table sizes, all workers together"},
	{"workers.flows.ipv4", CONFIG_INT, "1000000", 64, 200000000, NULL, 0,
	 "IPv4 flows; one takes about 100 bytes. Can be raised at any time; to lower it needs a "
	 "restart"},
	{"workers.flows.ipv6", CONFIG_INT, "100000", 64, 200000000, NULL, 0,
	 "IPv6 flows; one takes about 170 bytes. Can be raised at any time; to lower it needs a "
	 "restart"},
	{"workers.buffers", CONFIG_INT, "65536", 1024, 16777216, NULL, FIXED, "packet buffers"},
	{"workers.icmp_rate", CONFIG_INT, "1000", 0, 1000000, NULL, 0,
	 "ICMP errors that may be generated per second; 0: none"},
	{"workers.icmp_burst", CONFIG_INT, "100", 1, 1000000, NULL, 0,
	 "ICMP errors that may be generated at once"},

	{"nics", CONFIG_ARRAY, NULL, 1, CONFIG_MAX_NICS, NULL, REQ, "network interfaces"},
	{"nics[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "an interface: a device and a VLAN"},
	{"nics[].name", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, REQ,
	 "what others call it by; unique"},
	{"nics[].device", CONFIG_DEVICE, NULL, 1, 127, NULL, REQ | FIXED,
	 "DPDK device: a PCI address, or a virtual device with its arguments"},
	{"nics[].vlan", CONFIG_INT, "0", 0, 4094, NULL, 0, "VLAN ID; 0: untagged"},
	{"nics[].mtu", CONFIG_INT, "1500", 576, 9216, NULL, 0,
	 "of IP packets, without Ethernet header"},
	{"nics[].mac", CONFIG_MAC, NULL, 0, 0, NULL, 0,
	 "station address; default: the device's own"},
	{"nics[].addresses", CONFIG_ARRAY, NULL, 0, 64, NULL, 0,
	 "own addresses, with prefix lengths"},
	{"nics[].addresses[]", CONFIG_INTERFACE, NULL, 0, 0, NULL, 0,
	 "an address; its network becomes a route"},

	{"routes", CONFIG_ARRAY, NULL, 0, CONFIG_MAX_ROUTES, NULL, 0, "static routes"},
	{"routes[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0,
	 "`prefix` and one of `via`, `nic`, `unreachable`"},
	{"routes[].prefix", CONFIG_PREFIX, NULL, 0, 0, NULL, REQ, "destination"},
	{"routes[].via", CONFIG_ADDRESS, NULL, 0, 0, NULL, 0, "gateway, in a connected network"},
	{"routes[].nic", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, 0,
	 "interface of the gateway; without `via`: the destinations are neighbours there"},
	{"routes[].unreachable", CONFIG_BOOL, "false", 0, 0, NULL, 0,
	 "answer Destination Unreachable"},

	{"neighbours", CONFIG_ARRAY, NULL, 0, CONFIG_MAX_NEIGHBOURS, NULL, 0,
	 "neighbours that are not to be asked for by ARP or ND"},
	{"neighbours[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "a static neighbour"},
	{"neighbours[].address", CONFIG_ADDRESS, NULL, 0, 0, NULL, REQ, "its address"},
	{"neighbours[].nic", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, 0,
	 "its interface; default: that of the connected network"},
	{"neighbours[].mac", CONFIG_MAC, NULL, 0, 0, NULL, REQ, "its station address"},

	{"nat", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "carrier-grade NAT"},
	{"nat.pools", CONFIG_ARRAY, NULL, 0, NAT_MAX_POOLS, NULL, 0, "external addresses"},
	{"nat.pools[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "a pool"},
	{"nat.pools[].name", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, REQ,
	 "what rules call it by; unique"},
	{"nat.pools[].addresses", CONFIG_ARRAY, NULL, 1, 4096, NULL, REQ, "addresses of the pool"},
	{"nat.pools[].addresses[]", CONFIG_RANGE4, NULL, 0, 0, NULL, 0,
	 "an address, a prefix (all its addresses), or first-last"},
	{"nat.pools[].drain", CONFIG_ARRAY, NULL, 0, 256, NULL, 0,
	 "addresses of the pool that give out nothing new, because they are to be removed"},
	{"nat.pools[].drain[]", CONFIG_RANGE4, NULL, 0, 0, NULL, 0, "as in `addresses`"},
	{"nat.pools[].ports", CONFIG_PORTS, "1024-65535", 1, 65535, NULL, 0,
	 "external ports (and ICMP identifiers), cut to whole blocks"},
	{"nat.pools[].block_size", CONFIG_POWER2, "512", 64, 32768, NULL, 0, "ports of a block"},
	{"nat.pools[].max_blocks", CONFIG_INT, "4", 1, NAT_MAX_BLOCKS, NULL, 0,
	 "blocks a subscriber may hold"},
	{"nat.rules", CONFIG_ARRAY, NULL, 0, NAT_MAX_RULES, NULL, 0,
	 "who is translated; the first that matches decides"},
	{"nat.rules[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "a rule"},
	{"nat.rules[].name", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, REQ, "for views; unique"},
	{"nat.rules[].nic", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, 0,
	 "interface of arrival; default: any"},
	{"nat.rules[].source", CONFIG_PREFIX4, NULL, 0, 0, NULL, REQ,
	 "addresses of the subscribers"},
	{"nat.rules[].pool", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, REQ, "name of their pool"},
	{"nat.rules[].filtering", CONFIG_WORD, "endpoint-independent", 0, 0,
	 "endpoint-independent address-dependent address-and-port-dependent", 0,
	 "who outside may send to a mapping (RFC 4787 section 5)"},
	{"nat.rules[].max_mappings", CONFIG_INT, "0", 0, 1000000, NULL, 0,
	 "mappings a subscriber may hold; 0: as many as its blocks have ports"},
	{"nat.rules[].timeouts", CONFIG_OBJECT, NULL, 0, 0, NULL, 0,
	 "what differs from `nat.timeouts`"},
	TIMEOUT("nat.rules[].timeouts.udp", NULL, "as in `nat.timeouts`"),
	TIMEOUT("nat.rules[].timeouts.tcp_opening", NULL, "as in `nat.timeouts`"),
	TIMEOUT("nat.rules[].timeouts.tcp_established", NULL, "as in `nat.timeouts`"),
	TIMEOUT("nat.rules[].timeouts.tcp_closing", NULL, "as in `nat.timeouts`"),
	TIMEOUT("nat.rules[].timeouts.icmp", NULL, "as in `nat.timeouts`"),
	{"nat.timeouts", CONFIG_OBJECT, NULL, 0, 0, NULL, 0,
	 "seconds without a packet until a connection is forgotten"},
	TIMEOUT("nat.timeouts.udp", "300", "RFC 4787: 120 at least, 300 recommended"),
	TIMEOUT("nat.timeouts.tcp_opening", "240",
	        "until the peer answers; RFC 5382: 240 at least"),
	TIMEOUT("nat.timeouts.tcp_established", "7440",
	        "also when one side has closed; RFC 5382: 7440 at least"),
	TIMEOUT("nat.timeouts.tcp_closing", "240",
	        "both sides have closed, or a reset was seen; RFC 5382, RFC 7857: 240 at least"),
	TIMEOUT("nat.timeouts.icmp", "60", "RFC 5508: 60 at least"),
	{"nat.inbound_refresh", CONFIG_BOOL, "false", 0, 0, NULL, 0,
	 "packets from outside keep a connection alive too (RFC 4787 REQ-6)"},
	{"nat.quarantine", CONFIG_INT, "120", 0, 86400, NULL, 0,
	 "seconds before a freed port or block is given out again (RFC 6888 REQ-8: 120)"},
	{"nat.log", CONFIG_WORD, "blocks", 0, 0, "none blocks mappings", 0,
	 "which assignments are logged"},
	{"nat.capacity", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "table sizes, all workers together"},
	{"nat.capacity.mappings", CONFIG_INT, "1000000", 64, 200000000, NULL, FIXED, "mappings"},
	{"nat.capacity.subscribers", CONFIG_INT, "100000", 64, 20000000, NULL, FIXED,
	 "subscribers"},
	{"nat.capacity.permissions", CONFIG_INT, NULL, 0, 200000000, NULL, FIXED,
	 "remote addresses that mappings under `address-dependent` filtering have spoken to; "
	 "default: as many as mappings if the first configuration has such a rule, else 0"},
	{"nat.capacity.quarantine", CONFIG_INT, NULL, 0, 200000000, NULL, FIXED,
	 "ports in quarantine; when it is full the oldest goes before its time. Default: a quarter "
	 "of the mappings if the first configuration has a quarantine, else 0"},
	{"nat.capacity.pool_addresses", CONFIG_INT, "256", 1, CONFIG_MAX_POOL_ADDRESSES, NULL,
	 FIXED, "addresses of all pools together, with room for those being "
	 "replaced; one takes about 26 kB"},
	{"nat.capacity.classes", CONFIG_POWER2, "512", 1, 512, NULL, 0,
	 "most classes that addresses are divided into; a pool needs as many addresses"},

	{"lb", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "load balancer"},
	{"lb.services", CONFIG_ARRAY, NULL, 0, LB_MAX_SERVICES, NULL, 0, "what clients speak to"},
	{"lb.services[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "a service"},
	{"lb.services[].name", CONFIG_NAME, NULL, 1, IMAGE_NAME - 1, NULL, REQ,
	 "for views and commands; unique"},
	{"lb.services[].address", CONFIG_ADDRESS, NULL, 0, 0, NULL, REQ,
	 "address that clients use"},
	{"lb.services[].port", CONFIG_INT, NULL, 1, 65535, NULL, REQ, "port that clients use"},
	{"lb.services[].protocol", CONFIG_WORD, "tcp", 0, 0, "tcp udp", 0, "transport protocol"},
	{"lb.services[].mode", CONFIG_WORD, "nat", 0, 0, "nat fullnat", 0,
	 "`nat`: backends see the client's address; `fullnat`: one of `local_addresses`"},
	{"lb.services[].local_addresses", CONFIG_ARRAY, NULL, 0, 256, NULL, 0,
	 "source addresses towards backends (`fullnat`)"},
	{"lb.services[].local_addresses[]", CONFIG_RANGE, NULL, 0, 0, NULL, 0,
	 "services may share a list, not parts of it"},
	{"lb.services[].local_ports", CONFIG_PORTS, "1024-65535", 1, 65535, NULL, 0,
	 "source ports towards backends (`fullnat`)"},
	{"lb.services[].backends", CONFIG_ARRAY, NULL, 0, LB_MAX_BACKENDS, NULL, 0,
	 "servers; none: connections are dropped"},
	{"lb.services[].backends[]", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "a server"},
	{"lb.services[].backends[].address", CONFIG_ADDRESS, NULL, 0, 0, NULL, REQ,
	 "of the service's family"},
	{"lb.services[].backends[].port", CONFIG_INT, NULL, 1, 65535, NULL, 0,
	 "default: the service's port"},
	{"lb.services[].backends[].weight", CONFIG_INT, "1", 0, 65535, NULL, 0,
	 "share of new connections; 0: none"},
	{"lb.services[].backends[].state", CONFIG_WORD, "ready", 0, 0, "ready drain down", 0,
	 "`drain`: no new connections; `down`: none at all"},
	{"lb.services[].timeouts", CONFIG_OBJECT, NULL, 0, 0, NULL, 0,
	 "what differs from `lb.timeouts`"},
	TIMEOUT("lb.services[].timeouts.udp", NULL, "as in `lb.timeouts`"),
	TIMEOUT("lb.services[].timeouts.tcp_opening", NULL, "as in `lb.timeouts`"),
	TIMEOUT("lb.services[].timeouts.tcp_established", NULL, "as in `lb.timeouts`"),
	TIMEOUT("lb.services[].timeouts.tcp_closing", NULL, "as in `lb.timeouts`"),
	{"lb.timeouts", CONFIG_OBJECT, NULL, 0, 0, NULL, 0,
	 "seconds without a packet until a connection is forgotten"},
	TIMEOUT("lb.timeouts.udp", "60", "UDP"),
	TIMEOUT("lb.timeouts.tcp_opening", "60", "until the backend answers"),
	TIMEOUT("lb.timeouts.tcp_established", "3600", "also when one side has closed"),
	TIMEOUT("lb.timeouts.tcp_closing", "120", "both sides have closed, or a reset was seen"),
	{"lb.capacity", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "table sizes, all workers together"},
	{"lb.capacity.endpoints", CONFIG_INT, NULL, 0, 400000000, NULL, FIXED,
	 "local endpoints of fullnat, one for each of its connections; default: as many as flows "
	 "if the first configuration has such a service, else 0"},

	{"log", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "where records of address translation go"},
	{"log.queue", CONFIG_INT, "65536", 1024, 4194304, NULL, 0,
	 "records that may wait for a sink, for each its own; one takes 96 bytes"},
	{"log.overload", CONFIG_WORD, "lose", 0, 0, "lose refuse", 0,
	 "when records come faster than they are read: lose them (counted), or give out no new "
	 "blocks"},
	{"log.interim_seconds", CONFIG_INT, "0", 0, 2592000, NULL, 0,
	 "a block that is held is logged again so often; 0: never"},
	{"log.files", CONFIG_OBJECT, NULL, 0, 0, NULL, 0, "JSON lines on the local disk"},
	{"log.files.directory", CONFIG_PATH, NULL, 1, CONFIG_MAX_PATH, NULL, 0,
	 "where segments are kept; default: nothing is written"},
	{"log.files.rotate_bytes", CONFIG_INT, "67108864", 65536, 4294967296, NULL, 0,
	 "a segment is ended when it has so many bytes"},
	{"log.files.rotate_seconds", CONFIG_INT, "3600", 10, 604800, NULL, 0,
	 "or when it is so old"},
	{"log.files.keep_days", CONFIG_INT, "365", 0, 36500, NULL, 0,
	 "older segments are deleted; 0: none"},
	{"log.files.keep_bytes", CONFIG_INT, "0", 0, 1125899906842624, NULL, 0,
	 "the oldest segments are deleted when all together have more; 0: never"},
	{"log.files.compress", CONFIG_WORD, "gzip", 0, 0, "gzip none", 0,
	 "segments that are ended"},
	{"log.files.sync_seconds", CONFIG_INT, "1", 1, 3600, NULL, 0,
	 "the segment in use is brought to the disk so often"},
	COLLECTOR("log.syslog", "514", "syslog collectors (RFC 5424)"),
	{"log.syslog[].facility", CONFIG_INT, "16", 0, 23, NULL, 0, "of the messages; 16: local0"},
	{"log.syslog[].enterprise", CONFIG_INT, "32473", 1, 4294967295, NULL, 0,
	 "private enterprise number in the name of the structured data; 32473 is that of examples"},
	COLLECTOR("log.ipfix", "4739", "IPFIX collectors (RFC 7011, RFC 8158)"),
	{"log.ipfix[].template_seconds", CONFIG_INT, "60", 5, 86400, NULL, 0,
	 "templates and names are told again so often (`udp`)"},
};

const size_t config_n_options = sizeof(config_options) / sizeof(config_options[0]);
