/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that are wrong, and what is said about them: path and message. */
#include <string.h>

#include "ctl/config/config.h"
#include "test.h"

/* A document around one section; NICS has what most cases need. */
#define NICS "\"nics\":[{\"name\":\"in\",\"device\":\"d0\"," \
	"\"addresses\":[\"10.1.0.1/24\"]},{\"name\":\"out\",\"device\":\"d1\"," \
	"\"addresses\":[\"198.51.100.2/24\",\"2001:db8::2/64\"]}]"
#define WITH(section) "{" NICS "," section "}"
#define NIC(more) "{\"nics\":[{\"name\":\"in\",\"device\":\"d0\"" more "}]}"
#define ROUTES(list) WITH("\"routes\":[" list "]")
#define NEIGHBOURS(list) WITH("\"neighbours\":[" list "]")
#define POOL(body) "{\"name\":\"p\"," body "}"
#define POOLS(list) WITH("\"nat\":{\"pools\":[" list "]}")
#define RULES(list) WITH("\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[\"203.0.113.1\"]}]," \
	"\"rules\":[" list "]}")
#define NTH_POOL(n) "{\"name\":\"p" #n "\",\"addresses\":[\"203.0.113." #n "\"]}"
#define NTH_RULE(n) "{\"name\":\"r" #n "\",\"source\":\"10.0.0.0/8\",\"pool\":\"p" #n "\"," \
	"\"destination\":\"192.0.2." #n "\"}"
#define EIGHT(f) f(1) "," f(2) "," f(3) "," f(4) "," f(5) "," f(6) "," f(7) "," f(8)
#define STATIC(more) WITH("\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[" \
	"\"203.0.113.1\"]}],\"static\":[{\"inside\":\"10.1.0.7\"," more "}]}")
#define DETERMINISTIC(body) WITH("\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[" \
	"\"203.0.113.1\"],\"deterministic\":{" body "}}]}")
#define OUT "\"outside\":\"203.0.113.9\""
#define SERVICES(list) WITH("\"lb\":{\"services\":[" list "]}")
#define CHECKS(list) WITH("\"lb\":{\"checks\":[" list "]}")
#define CHECK(more) CHECKS("{\"name\":\"c\"" more "}")
#define SERVICE(more) "{\"name\":\"s\",\"address\":\"192.0.2.1\",\"port\":80" more "}"
#define CHOICE(more) WITH("\"lb\":{\"services\":[" SERVICE("," more) "]," \
	"\"capacity\":{\"persistence\":0}}")
#define SYSLOG(more) WITH("\"log\":{\"syslog\":[{\"name\":\"a\",\"address\":\"::1\"" more "}]}")
#define PLACE(name, address, ports)                                                            \
	"{\"name\":\"" name "\",\"address\":\"" address "\",\"ports\":\"" ports "\"}"
#define SERVICE2(more) "{\"name\":\"t\",\"address\":\"192.0.2.1\",\"port\":81" more "}"

#define QUIC(id, server, nonce) "{\"id\":" #id ",\"server_id_length\":" #server \
	",\"nonce_length\":" #nonce "}"
#define QUICK(configs) SERVICE(",\"protocol\":\"udp\",\"quic\":{\"configs\":[" configs "]}")

static const struct bad {
	const char *document, *path, *message;
} bad[] = {
	/* JSON itself */
	{"{\"nics\": [}", "", "line 1, column"},
	{"{\"nics\": [], \"nics\": []}", "", "duplicate"},
	{"{} x", "", "line 1"},
	{"", "", "the document is empty"}, {" ", "", "line 1"},
	{"[]", "", "an array; expected an object"},
	{"3", "", "3; expected an object"},
	/* static mappings */
	{STATIC("\"outside\":\"203.0.113.9/31\""), "nat.static[0].outside", "beyond its length"},
	{STATIC("\"outside\":\"203.0.113.8/31\""), "nat.static[0].outside", "different lengths"},
	{STATIC("\"outside\":\"203.0.113.1\""), "nat.static[0].outside",
	 "each address has one purpose"},
	{STATIC(OUT ",\"outside_ports\":\"1-2\""), "nat.static[0].outside_ports", "stands alone"},
	{STATIC(OUT ",\"protocol\":\"icmp\",\"inside_ports\":\"1-2\""),
	 "nat.static[0].inside_ports", "of no use for icmp"},
	{STATIC(OUT ",\"inside_ports\":\"1-2\",\"outside_ports\":\"1-3\""),
	 "nat.static[0].outside_ports", "1-3 has 3 ports, inside_ports 2; expected as many"},
	{STATIC(OUT ",\"nic\":\"none\""), "nat.static[0].nic", "there is no"},
	{STATIC(OUT "},{\"inside\":\"10.1.0.7\",\"outside\":\"203.0.113.10\","
	        "\"protocol\":\"udp\""), "nat.static[1].inside", "overlaps nat.static[0]"},
	{STATIC(OUT "},{\"inside\":\"10.1.0.8\"," OUT ",\"inside_ports\":\"7-7\""),
	 "nat.static[1].outside", "overlaps nat.static[0]"},
	{STATIC("\"outside\":\"198.51.100.2\""), "nat.static[0].outside",
	 "198.51.100.2 overlaps nics[1].addresses[0]"},
	{WITH("\"nat\":{\"static\":[{\"inside\":\"10.0.0.0/15\","
	      "\"outside\":\"11.0.0.0/15\"}]}"), "nat.static[0].outside", "more than 65536"},
	{WITH("\"nat\":{\"static\":[{\"inside\":\"10.0.0.0/16\",\"inside_ports\":\"80-80\","
	      "\"outside\":\"11.0.0.0/16\"}]}"), "nat.static[0].outside", "65536 rows"},
	{STATIC("\"outside\":\"224.0.0.5\""), "nat.static[0].outside", "expected unicast"},
	{STATIC("\"outside\":\"10.1.0.7\""), "nat.static[0].outside",
	 "10.1.0.7 is inside too, in nat.static[0]"},
	{STATIC("\"outside\":\"203.0.114.0\"},{\"inside\":\"203.0.114.0/30\","
	        "\"outside\":\"203.0.115.0/30\""), "nat.static[0].outside",
	 "203.0.114.0 is inside too, in nat.static[1]"},
	/* deterministic pools */
	{DETERMINISTIC("\"overflow\":1"), "nat.pools[0].deterministic.overflow", "stands alone"},
	{DETERMINISTIC("\"inside\":[\"10.1.0.0/24\",\"10.1.0.255\"]"),
	 "nat.pools[0].deterministic.inside[1]", "10.1.0.255 overlaps"},
	{DETERMINISTIC("\"inside\":[\"10.0.0.0/18\"]"), "nat.pools[0].deterministic.inside",
	 "16384 addresses, 16384 for each of the pool"},
	{DETERMINISTIC("\"inside\":[\"10.1.0.0/24\"],\"range_ports\":1024"),
	 "nat.pools[0].deterministic.range_ports", "which leaves 252 of its 64512 ports"},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[\"203.0.113.1\"],"
	      "\"drain\":[\"203.0.113.1\"],\"deterministic\":{\"inside\":[\"10.0.0.0/24\"]}}]}"),
	 "nat.pools[0].drain", "is of no use in a deterministic pool"},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[\"203.0.113.1\"],"
	      "\"deterministic\":{\"inside\":[\"10.0.0.0/24\"]}},"
	      "{\"name\":\"q\",\"addresses\":[\"203.0.113.2\"]}],\"rules\":[{\"name\":\"r\","
	      "\"source\":\"10.1.0.0/16\",\"pool\":\"q\",\"pcp\":true}]}"),
	 "nat.pools[0].ports", "has the ports of PCP"},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":[\"203.0.113.1\"],"
	      "\"deterministic\":{\"inside\":[\"10.0.0.0/24\"]}}],\"static\":[{\"inside\":"
	      "\"10.0.0.1\",\"outside\":\"203.0.113.1\",\"inside_ports\":\"1024-1024\"}]}"),
	 "nat.static[0].outside_ports", "takes ports of the ranges 1024-62463"},
	{WITH("\"workers\":{\"count\":2},\"nat\":{\"pools\":[{\"name\":\"p\",\"addresses\":["
	      "\"203.0.113.1\"],\"deterministic\":{\"inside\":[\"10.0.0.0/24\"]}}]}"),
	 "nat.pools[0].deterministic", "expected more addresses"},
	/* shape */
	{"{}", "nics", "missing; expected an array of 1 to 63 items"},
	{"{\"nics\":[]}", "nics", "has 0 items; expected an array of 1 to 63"},
	{"{\"nics\":{}}", "nics", "an object; expected an array"},
	{"{\"nics\":[1]}", "nics[0]", "1; expected an object"},
	{"{\"nics\":[{}]}", "nics[0].name", "missing; expected a name"},
	{"{\"nics\":[{}]}", "nics[0].device", "missing; expected a DPDK device"},
	{NIC(",\"adresses\":[]"), "nics[0].adresses", "did you mean \"addresses\"?"},
	{NIC(",\"colour\":1"), "nics[0].colour", "unknown key; expected one of name, device, vlan"},
	{WITH("\"Nat\":{}"), "Nat", "did you mean \"nat\"?"},
	{NIC(",\"vlan\":4095"), "nics[0].vlan", "4095; expected an integer from 0 to 4094"},
	{NIC(",\"vlan\":-1"), "nics[0].vlan", "-1; expected an integer"},
	{NIC(",\"vlan\":1.5"), "nics[0].vlan", "1.5; expected an integer"},
	{NIC(",\"vlan\":\"5\""), "nics[0].vlan", "\"5\"; expected an integer"},
	{NIC(",\"mtu\":null"), "nics[0].mtu", "null; expected an integer from 576 to 9216"},
	{NIC(",\"mac\":\"02:00\""), "nics[0].mac", "expected a unicast MAC address"},
	{NIC(",\"mac\":\"03:00:00:00:00:01\""), "nics[0].mac", "no station's address"},
	{NIC(",\"mac\":\"00:00:00:00:00:00\""), "nics[0].mac", "no station's address"},
	{"{\"nics\":[{\"name\":\"a b\",\"device\":\"d\"}]}", "nics[0].name", "expected a name"},
	{"{\"nics\":[{\"name\":\"a\",\"device\":\"\"}]}", "nics[0].device",
	 "expected a DPDK device"},
	{WITH("\"nat\":{\"log\":\"all\"}"), "nat.log",
	 "\"all\"; expected one of \"none\", \"blocks\", \"mappings\""},
	{WITH("\"nat\":{\"inbound_refresh\":1}"), "nat.inbound_refresh", "expected true or false"},
	{WITH("\"nat\":{\"timeouts\":{\"tcp\":9}}"), "nat.timeouts.tcp",
	 "did you mean one of tcp_opening, tcp_established, tcp_closing, tcp_half_closed, "
	 "tcp_reset?"},
	{WITH("\"nat\":{\"$schema\":\"x\"}"), "nat.$schema", "unknown key"},
	{WITH("\"nat\":{\"timeouts\":{\"udp\":0}}"), "nat.timeouts.udp", "0; expected an integer"},
	/* workers */
	{WITH("\"workers\":{\"count\":2,\"cores\":[1]}"), "workers.cores", "names 1 CPUs"},
	{WITH("\"workers\":{\"cores\":[1,1]}"), "workers.cores[1]", "workers.cores[0] too"},
	{WITH("\"workers\":{\"count\":2,\"main_core\":1022}"), "workers.main_core", "above 1023"},
	{WITH("\"workers\":{\"count\":65}"), "workers.count", "65; expected an integer "
	 "from 1 to 64"},
	/* nics */
	{"{\"nics\":[{\"name\":\"a\",\"device\":\"d\"},{\"name\":\"a\",\"device\":\"e\"}]}",
	 "nics[1].name", "is the name of nics[0] too"},
	{"{\"nics\":[{\"name\":\"a\",\"device\":\"d\"},{\"name\":\"b\",\"device\":\"d\"}]}",
	 "nics[1].vlan", "nics[0] has VLAN 0 of this device already"},
	{"{\"nics\":[{\"name\":\"a\",\"device\":\"net_tap0,x=1\"},"
	 "{\"name\":\"b\",\"device\":\"net_tap0\"}]}", "nics[1].device", "but other arguments"},
	{NIC(",\"addresses\":[\"10.0.0.0/24\"]"), "nics[0].addresses[0]", "is the network itself"},
	{NIC(",\"addresses\":[\"10.0.0.255/24\"]"), "nics[0].addresses[0]", "is the broadcast"},
	{NIC(",\"addresses\":[\"10.0.0.1\"]"), "nics[0].addresses[0]", "with its prefix length"},
	{NIC(",\"addresses\":[\"127.0.0.1/8\"]"), "nics[0].addresses[0]", "expected unicast"},
	{NIC(",\"addresses\":[\"10.0.0.1/0\"]"), "nics[0].addresses[0]", "has length 0"},
	{NIC(",\"addresses\":[\"10.0.0.1/24\",\"10.0.0.1/24\"]"), "nics[0].addresses[1]",
	 "overlaps nics[0].addresses[0] (10.0.0.1/24); an address belongs to one interface"},
	{NIC(",\"mtu\":1000,\"addresses\":[\"2001:db8::1/64\"]"), "nics[0].mtu",
	 "too small for IPv6; expected 1280"},
	{"{\"nics\":[{\"name\":\"a\",\"device\":\"d\",\"addresses\":[\"10.0.0.1/24\"]},"
	 "{\"name\":\"b\",\"device\":\"e\",\"addresses\":[\"10.0.0.2/24\"]}]}",
	 "nics[1].addresses[0]", "leads elsewhere than nics[0].addresses[0]"},
	{NIC(",\"mss_clamp\":{\"ipv4\":515}"), "nics[0].mss_clamp.ipv4",
	 "expected an integer from 516"},
	{NIC(",\"mss_clamp\":{\"auto\":1}"), "nics[0].mss_clamp.auto", "expected true or false"},
	{WITH("\"routing\":{\"unclaimed\":{\"ipv6\":\"pass\"}}"), "routing.unclaimed.ipv6",
	 "expected one of \"drop\", \"route\""},
	/* routes */
	{ROUTES("{\"prefix\":\"10.9.0.1/24\",\"nic\":\"in\"}"), "routes[0].prefix",
	 "bits set beyond its length; expected 10.9.0.0/24"},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.2.0.1\"}"), "routes[0].via",
	 "is in no connected network"},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.1.0.9\",\"nic\":\"out\"}"), "routes[0].via",
	 "in no network of interface \"out\""},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.1.0.9\",\"nic\":\"no\"}"), "routes[0].nic",
	 "there is no interface \"no\""},
	{ROUTES("{\"prefix\":\"10.9.0.0/24\",\"nic\":\"no\"}"), "routes[0].nic", "no interface"},
	{ROUTES("{\"prefix\":\"::/0\",\"via\":\"10.1.0.9\"}"), "routes[0].via",
	 "different families"},
	{ROUTES("{\"prefix\":\"::/0\",\"via\":\"fe80::1\"}"), "routes[0].via", "link-local"},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.1.0.1\"}"), "routes[0].via",
	 "is our own address (10.1.0.1/24)"},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.1.0.0\"}"), "routes[0].via",
	 "10.1.0.0 is the network or broadcast address"},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\",\"nic\":\"in\",\"via\":\"10.1.0.255\"}"),
	 "routes[0].via", "10.1.0.255 is the network or broadcast address"},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\"}"), "routes[0]", "says nothing of where to"},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.1.0.9\",\"unreachable\":true}"),
	 "routes[0]",
	 "is unreachable and has a next hop"},
	{ROUTES("{\"prefix\":\"10.1.0.0/24\",\"unreachable\":true}"), "routes[0].prefix",
	 "leads elsewhere than nics[0].addresses[0]"},
	{ROUTES("{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.1.0.9\"},"
	        "{\"prefix\":\"0.0.0.0/0\",\"via\":\"10.1.0.8\"}"), "routes[1].prefix",
	 "leads elsewhere than routes[0].prefix"},
	{ROUTES("{\"prefix\":\"10.1.0.1/32\",\"unreachable\":true}"), "routes[0].prefix",
	 "leads elsewhere than nics[0].addresses[0]"},
	/* neighbours */
	{NEIGHBOURS("{\"address\":\"10.1.0.1\",\"mac\":\"02:00:00:00:00:01\"}"),
	 "neighbours[0].address", "our own"},
	{NEIGHBOURS("{\"address\":\"10.7.0.1\",\"mac\":\"02:00:00:00:00:01\"}"),
	 "neighbours[0].address", "in no connected network"},
	{NEIGHBOURS("{\"address\":\"10.1.0.7\",\"nic\":\"x\",\"mac\":\"02:00:00:00:00:01\"}"),
	 "neighbours[0].nic", "there is no interface \"x\""},
	{NEIGHBOURS("{\"address\":\"10.1.0.7\",\"mac\":\"02:00:00:00:00:01\"},"
	            "{\"address\":\"10.1.0.7\",\"nic\":\"in\",\"mac\":\"02:00:00:00:00:02\"}"),
	 "neighbours[1].address", "is neighbours[0] too"},
	/* pools */
	{POOLS(POOL("\"addresses\":[]")), "nat.pools[0].addresses", "has 0 items"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.9-203.0.113.1\"]")), "nat.pools[0].addresses[0]",
	 "is reversed; expected 203.0.113.1-203.0.113.9"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.9-203.0.113\"]")), "nat.pools[0].addresses[0]",
	 "expected an IPv4 address, prefix or first-last range"},
	{POOLS(POOL("\"addresses\":\"203.0.113.0/28\"")), "nat.pools[0].addresses",
	 "\"203.0.113.0/28\"; expected an array of 1 to 4096 items: [\"203.0.113.0/28\"]"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1/28\"]")), "nat.pools[0].addresses[0]",
	 "expected 203.0.113.0/28"},
	{POOLS(POOL("\"addresses\":[\"126.0.0.0-128.0.0.0\"]")), "nat.pools[0].addresses[0]",
	 "holds addresses that no host can have"},
	{POOLS(POOL("\"addresses\":[\"2001:db8::/64\"]")), "nat.pools[0].addresses[0]", "IPv4"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.0/28\",\"203.0.113.15\"]")),
	 "nat.pools[0].addresses[1]",
	 "overlaps nat.pools[0].addresses[0] (203.0.113.0/28); an address belongs to one pool"},
	{POOLS(POOL("\"addresses\":[\"198.51.100.0/30\"]")), "nat.pools[0].addresses[0]",
	 "overlaps nics[1].addresses[0] (198.51.100.2/24); each address has one purpose"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"block_size\":500")),
	 "nat.pools[0].block_size", "500; expected a power of two from 64 to 32768"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"ports\":\"1024-1100\"")),
	 "nat.pools[0].ports", "holds no whole block of 512 ports"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"ports\":\"2000-1000\"")),
	 "nat.pools[0].ports", "is reversed; expected 1000-2000"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"ports\":\"2000\"")),
	 "nat.pools[0].ports", "expected ports first-last"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"max_blocks\":17")),
	 "nat.pools[0].max_blocks", "17; expected an integer from 1 to 16"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.0/30\"],\"drain\":[\"203.0.113.4\"]")),
	 "nat.pools[0].drain[0]", "is not wholly in the pool"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.0/31\"],\"exclude\":[\"203.0.113.0/24\"]")),
	 "nat.pools[0].exclude", "leaves no address of the pool"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"exclude_ports\":[\"1-30000\","
	            "\"30001-65535\"]")),
	 "nat.pools[0].exclude_ports", "leaves no port of the pool"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"used_high\":50,\"used_low\":50")),
	 "nat.pools[0].used_low", "is 50, used_high is 50; expected less"},
	{WITH("\"nat\":{\"mappings_high\":50,\"mappings_low\":60}"), "nat.mappings_low",
	 "is 60, mappings_high is 50; expected less"},
	{WITH("\"nat\":{\"subscribers_high\":5,\"subscribers_low\":5}"),
	 "nat.subscribers_low", "is 5, subscribers_high is 5; expected less"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"reserve\":3,\"max_blocks\":2")),
	 "nat.pools[0].reserve", "is 3, max_blocks is 2"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"reserve\":3,\"pairing\":\"soft\"")),
	 "nat.pools[0].reserve", "expected pairing hard"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"reserve\":3,\"ports\":\"1024-2047\"")),
	 "nat.pools[0].reserve", "is 3, but an address has 2 blocks"},
	{WITH("\"nat\":{\"pools\":[" POOL("\"addresses\":[\"203.0.0.0/16\"]") "],\"capacity\":{"
	      "\"pool_addresses\":256}}"), "nat.capacity.pool_addresses",
	 "is 256, but the pools have 65536 addresses"},
	{POOLS(POOL("\"addresses\":[\"20.0.0.0/8\"]")), "nat.pools",
	 "have 16777216 addresses; expected 65536 at most"},
	{WITH("\"lb\":{\"services\":[{\"name\":\"s\",\"address\":\"192.0.2.1\",\"port\":80,"
	      "\"mode\":\"fullnat\",\"local_addresses\":[\"10.0.0.250\"]}],"
	      "\"capacity\":{\"endpoints\":0}}"),
	 "lb.capacity.endpoints", "is 0, but a service is fullnat; expected 1 at least"},
	{CHOICE("\"persistence\":{\"timeout\":9}"), "lb.capacity.persistence",
	 "is 0, but a service is persistent; expected 1 at least"},
	{CHOICE("\"persistence\":{\"mask\":24}"), "lb.services[0].persistence.mask",
	 "is of no use without persistence.timeout"},
	{CHOICE("\"persistence\":{\"timeout\":9,\"mask\":33}"), "lb.services[0].persistence.mask",
	 "is 33, but an IPv4 address has 32 bits; expected 32 at most"},
	{CHOICE("\"persistence\":{\"timeout\":9,\"mask\":24},\"scheduler\":\"round-robin\""),
	 "lb.services[0].persistence.mask", "expected scheduler maglev or source-hash, or 32"},
	{CHOICE("\"persistence\":{\"timeout\":9},\"hash\":\"5-tuple\""),
	 "lb.services[0].hash", "but persistence chooses by the source; expected \"source\""},
	{CHOICE("\"scheduler\":\"source-hash\",\"hash\":\"5-tuple\""),
	 "lb.services[0].hash", "but source-hash chooses by the source"},
	{CHOICE("\"scheduler\":\"round-robin\",\"hash\":\"source\""), "lb.services[0].hash",
	 "is of no use with scheduler \"round-robin\", which does not hash"},
	{CHOICE("\"scheduler\":\"rr\""), "lb.services[0].scheduler", "maglev"},
	{CHOICE("\"schedule\":\"packet\""), "lb.services[0].schedule",
	 "is \"packet\", but the service is not UDP; expected \"flow\""},
	{CHOICE("\"protocol\":\"udp\",\"schedule\":\"packet\",\"backends\":["
	        "{\"address\":\"10.1.0.7\"},{\"address\":\"10.1.0.8\",\"max_connections\":9}]"),
	 "lb.services[0].schedule", "but backends[1] has max_connections"},
	{CHOICE("\"backends\":[{\"address\":\"10.1.0.7\",\"weight\":65536}]"),
	 "lb.services[0].backends[0].weight", "from 0 to 65535"},
	/* telling of clients, SYN proxy, QUIC */
	{SERVICES(SERVICE(",\"client_address\":\"toa\"")), "lb.services[0].client_address",
	 "\"toa\" is for mode fullnat"},
	{SERVICES(SERVICE(",\"client_address\":\"proxy-v2\",\"protocol\":\"udp\"")),
	 "lb.services[0].client_address", "\"proxy-v2\" is for mode fullnat"},
	{SERVICES(SERVICE(",\"client_address\":\"proxy-v1\",\"protocol\":\"udp\"")),
	 "lb.services[0].client_address", "\"proxy-v1\" is for protocol tcp alone, it has no form "
	 "for datagrams; expected \"proxy-v2\", or \"none\""},
	{SERVICES(SERVICE(",\"client_address\":\"toa\",\"protocol\":\"any\"")),
	 "lb.services[0].client_address", "\"toa\" is for protocol tcp alone"},
	{SERVICES(SERVICE(",\"toa_option\":8")), "lb.services[0].toa_option",
	 "8; expected an integer from 128 to 254"},
	{SERVICES(SERVICE(",\"syn_proxy\":{\"mode\":\"always\"},\"protocol\":\"udp\"")),
	 "lb.services[0].syn_proxy.mode", "\"always\" is for protocol tcp; expected \"off\""},
	{WITH("\"lb\":{\"services\":[" SERVICE(",\"syn_proxy\":{\"mode\":\"auto\"}") "],"
	      "\"capacity\":{\"shifts\":0}}"), "lb.capacity.shifts", "expected 1 at least"},
	{SERVICES(SERVICE(",\"quic\":{\"configs\":[" QUIC(0, 3, 4) "]}")), "lb.services[0].quic",
	 "is for protocol udp"},
	{SERVICES(QUICK(QUIC(0, 10, 10))), "lb.services[0].quic.configs[0]",
	 "have 20 octets together; expected 19 at most"},
	{SERVICES(QUICK(QUIC(1, 3, 4) "," QUIC(1, 4, 4))), "lb.services[0].quic.configs[1]",
	 "id 1 is there already"},
	{SERVICES(QUICK("{\"id\":0,\"server_id_length\":3,\"nonce_length\":4,\"key\":\"00\"}")),
	 "lb.services[0].quic.configs[0].key", "\"00\"; expected 16 to 16 octets as hexadecimal"},
	{SERVICES(QUICK(QUIC(7, 3, 4))), "lb.services[0].quic.configs[0].id", "from 0 to 6"},
	{SERVICES(QUICK(QUIC(0, 3, 4)) ",{\"name\":\"t\",\"address\":\"192.0.2.2\",\"port\":80,"
	 "\"backends\":[{\"address\":\"10.1.0.5\",\"server_id\":\"0102\"}]}"),
	 "lb.services[1].backends[0].server_id", "has 2 octets, and no quic configuration"},
	{SERVICES("{\"name\":\"s\",\"address\":\"192.0.2.1\",\"port\":80,\"protocol\":\"udp\","
	 "\"quic\":{\"configs\":[" QUIC(0, 2, 4) "]},\"backends\":[{\"address\":\"10.1.0.5\","
	 "\"server_id\":\"a1b2\"},{\"address\":\"10.1.0.6\",\"server_id\":\"A1B2\"}]}"),
	 "lb.services[0].backends[1].server_id", "A1B2 is that of another backend"},
	{SERVICES("{\"name\":\"s\",\"address\":\"192.0.2.1\",\"port\":80,\"backends\":["
	 "{\"address\":\"10.1.0.5\",\"server_id\":\"abc\"}]}"),
	 "lb.services[0].backends[0].server_id", "\"abc\"; expected 1 to 15 octets"},
	{WITH("\"nat\":{\"capacity\":{\"quarantine\":0}}"), "nat.capacity.quarantine",
	 "is 0, but nat.quarantine is not; expected 1 at least"},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"a\",\"addresses\":[\"203.0.113.1\"]}],"
	      "\"rules\":[{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"a\","
	      "\"filtering\":\"address-dependent\"}],\"capacity\":{\"permissions\":0}}"),
	 "nat.capacity.permissions", "is 0, but a rule filters by address; expected 1 at least"},
	{WITH("\"nat\":{\"pcp\":{\"min_lifetime\":300,\"max_lifetime\":200}}"),
	 "nat.pcp.min_lifetime", "is 300, max_lifetime is 200; expected no more than that"},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"a\",\"addresses\":[\"203.0.113.1\"]}],"
	      "\"rules\":[{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"a\",\"pcp\":true}],"
	      "\"capacity\":{\"leases\":0}}"),
	 "nat.capacity.leases", "is 0, but mappings can be asked for; expected 1 at least"},
	{WITH("\"nat\":{\"pcp\":{\"third_party\":[{\"nic\":\"x\",\"source\":\"192.0.2.1\"}]}}"),
	 "nat.pcp.third_party[0].nic", "there is no interface \"x\""},
	{WITH("\"nat\":{\"rules\":[{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"action\":\"pass\","
	      "\"pcp\":true}]}"), "nat.rules[0].pcp", "of no use in a rule that lets pass"},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"a\",\"addresses\":[\"203.0.113.1\"]}],"
	      "\"rules\":[{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"a\",\"pcp\":true,"
	      "\"destination\":\"192.0.2.0/24\"}]}"), "nat.rules[0].pcp",
	 "of no use in a rule with a destination"},
	{"{" NICS ",\"workers\":{\"count\":4},\"nat\":{\"pools\":["
	 "{\"name\":\"a\",\"addresses\":[\"203.0.113.1\"],\"ports\":\"1024-2047\"}]}}",
	 "nat.pools[0].ports", "1024-2047 gives 2 shares of 512 ports"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"allocation\":\"ports\",\"reserve\":1")),
	 "nat.pools[0].allocation", "without blocks there is no reserve of 1"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"allocation\":\"ports\","
	            "\"max_blocks\":11")),
	 "nat.pools[0].allocation", "expected 10 at most"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"allocation\":\"ports\","
	            "\"deterministic\":{\"inside\":[\"10.0.0.0/30\"]}")),
	 "nat.pools[0].allocation", "a deterministic pool has ranges"},
	{POOLS(POOL("\"addresses\":[\"203.0.113.1\"],\"allocation\":\"ports\","
	            "\"ports\":\"2000-2014\"")),
	 "nat.pools[0].ports", "holds no whole block of 16"},
	/* rules */
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"q\"}"), "nat.rules[0].pool",
	 "there is no pool \"q\""},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\",\"nic\":\"q\"}"),
	 "nat.rules[0].nic", "there is no interface \"q\""},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\",\"fallback\":[\"q\"]}"),
	 "nat.rules[0].fallback[0]", "there is no pool \"q\""},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"a\",\"addresses\":[\"203.0.113.1\"]},"
	      "{\"name\":\"b\",\"addresses\":[\"203.0.113.2\"],\"reserve\":1,"
	      "\"deterministic\":{\"inside\":[\"10.0.0.0/30\"]}}],"
	      "\"rules\":[{\"name\":\"r\",\"source\":\"11.0.0.0/8\",\"pool\":\"a\"}]}"),
	 "nat.pools[1].reserve", "is of no use in a deterministic pool"},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"a\",\"addresses\":[\"203.0.113.1\"]},"
	      "{\"name\":\"b\",\"addresses\":[\"203.0.113.2\"],"
	      "\"deterministic\":{\"inside\":[\"10.0.0.0/30\"]}}],\"rules\":[{\"name\":\"r\","
	      "\"source\":\"11.0.0.0/8\",\"pool\":\"a\",\"fallback\":[\"b\"]}]}"),
	 "nat.rules[0].fallback[0]", "one of them is deterministic"},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"action\":\"pass\","
	       "\"fallback\":[\"p\"]}"),
	 "nat.rules[0].fallback", "is of no use in a rule that lets pass"},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\",\"fallback\":[\"p\"]}"),
	 "nat.rules[0].fallback[0]", "is a pool of this rule already"},
	{WITH("\"nat\":{\"pools\":[{\"name\":\"a\",\"addresses\":[\"203.0.113.1\"]},"
	      "{\"name\":\"b\",\"addresses\":[\"203.0.113.2\"]}],\"rules\":["
	      "{\"name\":\"r\",\"source\":\"11.0.0.0/8\",\"pool\":\"a\","
	      "\"destination\":\"192.0.2.1\"},"
	      "{\"name\":\"s\",\"source\":\"11.0.0.0/8\",\"pool\":\"a\","
	      "\"destination\":\"192.0.2.2\",\"fallback\":[\"b\"]}]}"),
	 "nat.rules[1].fallback", "is not that of nat.rules[0], which has the same pool"},
	{WITH("\"nat\":{\"pools\":[" EIGHT(NTH_POOL) "],\"rules\":[" EIGHT(NTH_RULE) "]}"),
	 "nat.rules[7].destination", "expected 7 pools by destination at most"},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\",\"mappings_high\":9,"
	       "\"mappings_low\":9}"), "nat.rules[0].mappings_low",
	 "is 9, mappings_high is 9; expected less"},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\",\"mappings_high\":9,"
	       "\"max_mappings\":8}"), "nat.rules[0].mappings_high",
	 "is 9, but no subscriber gets more than max_mappings, 8"},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\",\"flow_rate\":1,"
	       "\"flow_burst\":100000}"), "nat.rules[0].flow_burst",
	 "100000 flows take 100000 s at a flow_rate of 1; expected 16777 s at most"},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.1/8\",\"pool\":\"p\"}"), "nat.rules[0].source",
	 "expected 10.0.0.0/8"},
	{RULES("{\"name\":\"r\",\"source\":\"2001:db8::/64\",\"pool\":\"p\"}"),
	 "nat.rules[0].source", "expected an IPv4 prefix"},
	{RULES("{\"name\":\"r\",\"source\":\"10.0.0.0/8\",\"pool\":\"p\"},"
	       "{\"name\":\"s\",\"source\":\"10.1.0.0/16\",\"nic\":\"in\",\"pool\":\"p\"}"),
	 "nat.rules[1].source", "is never reached, nat.rules[0] matches all of it"},
	/* the log */
	{WITH("\"log\":{\"files\":{\"directory\":\"log\"}}"), "log.files.directory",
	 "expected an absolute path"},
	{WITH("\"log\":{\"files\":{\"directory\":\"/a b\"}}"), "log.files.directory",
	 "expected an absolute path"},
	{WITH("\"log\":{\"syslog\":[{\"name\":\"a\",\"address\":\"collector\"}]}"),
	 "log.syslog[0].address", "expected an IPv4 or IPv6 address"},
	{SYSLOG(",\"transport\":\"tcp\",\"ca\":\"/ca.pem\""), "log.syslog[0].ca",
	 "is for transport \"tls\" only"},
	{SYSLOG(",\"transport\":\"tls\",\"key\":\"/key.pem\""), "log.syslog[0].certificate",
	 "missing; a certificate and its key go together"},
	{SYSLOG(",\"transport\":\"tls\",\"certificate\":\"/c.pem\""), "log.syslog[0].key",
	 "missing; a certificate and its key go together"},
	/* services */
	{SERVICES("{\"name\":\"s\",\"address\":\"224.0.0.1\",\"port\":80}"),
	 "lb.services[0].address", "expected unicast"},
	{SERVICES("{\"name\":\"s\",\"address\":\"192.0.2.1\"}"), "lb.services[0].port",
	 "missing; expected port or ports"},
	{SERVICES(SERVICE(",\"ports\":\"90-99\"")), "lb.services[0].port", "stands beside ports"},
	{SERVICES("{\"name\":\"s\",\"address\":\"192.0.2.1/24\",\"port\":80}"),
	 "lb.services[0].address", "expected 192.0.2.0/24"},
	{SERVICES("{\"name\":\"s\",\"address\":\"10.0.0.0/8\",\"port\":80}"),
	 "lb.services[0].address", "10.0.0.0/8 overlaps nics[0].addresses[0]"},
	{SERVICES(PLACE("a", "192.0.2.0/24", "100-300") "," PLACE("b", "192.0.2.0/24", "200-400")),
	 "lb.services[1].ports", "200-400 overlaps ports 100-300 of lb.services[0] in part"},
	{SERVICES(PLACE("a", "192.0.2.0/24", "100-300") "," PLACE("b", "192.0.2.0/24", "100-300")),
	 "lb.services[1].port", "lb.services[0] has this address, port and protocol too"},
	{SERVICES(PLACE("a", "192.0.2.0/24", "1-65535") "," PLACE("b", "192.0.2.9", "80-80") ","
	          SERVICE(",\"backends\":[{\"address\":\"192.0.2.77\"}]")),
	 "lb.services[2].backends[0].address", "is our own address (192.0.2.0/24)"},
	{WITH("\"lb\":{\"checks\":[{\"name\":\"c\"}],\"services\":[{\"name\":\"s\","
	      "\"address\":\"192.0.2.1\",\"ports\":\"1-99\",\"check\":\"c\","
	      "\"backends\":[{\"address\":\"10.1.0.9\"}]}]}"),
	 "lb.services[0].backends[0].check", "10.1.0.9 has no port of its own"},
	{SERVICES("{\"name\":\"s\",\"address\":\"192.0.2.256\",\"port\":1}"),
	 "lb.services[0].address", "expected an IPv4 or IPv6 unicast address"},
	{SERVICES(SERVICE("") "," SERVICE("")), "lb.services[1].name",
	 "is the name of lb.services[0]"},
	{SERVICES(SERVICE("") ",{\"name\":\"t\",\"address\":\"192.0.2.1\",\"port\":80}"),
	 "lb.services[1].port", "lb.services[0] has this address, port and protocol too"},
	{SERVICES(SERVICE(",\"protocol\":\"sctp\"")), "lb.services[0].protocol", "\"udp\""},
	{SERVICES(SERVICE(",\"mode\":\"fullnat\"")), "lb.services[0].local_addresses", "missing"},
	{SERVICES(SERVICE(",\"local_addresses\":[\"10.1.0.50\"]")),
	 "lb.services[0].local_addresses", "of no use in mode nat"},
	{SERVICES(SERVICE(",\"mode\":\"fullnat\",\"local_addresses\":[\"2001:db8::9\"]")),
	 "lb.services[0].local_addresses[0]", "different families; expected IPv4"},
	{SERVICES(SERVICE(",\"mode\":\"fullnat\",\"local_addresses\":[\"10.64.0.0/16\"]")),
	 "lb.services[0].local_addresses[0]", "more than 4096 local addresses"},
	{SERVICES(SERVICE(",\"mode\":\"fullnat\",\"local_addresses\":[\"10.1.0.0/28\"]")),
	 "lb.services[0].local_addresses[0]", "10.1.0.0/28 overlaps nics[0].addresses[0]"},
	{SERVICES(SERVICE(",\"mode\":\"fullnat\",\"local_addresses\":[\"10.1.0.1\"]")),
	 "lb.services[0].local_addresses[0]", "overlaps nics[0].addresses[0]"},
	{SERVICES(SERVICE(",\"mode\":\"fullnat\",\"local_addresses\":[\"10.1.0.5\"]") ","
	          SERVICE2(",\"mode\":\"fullnat\","
	                   "\"local_addresses\":[\"10.1.0.5\",\"10.1.0.6\"]")),
	 "lb.services[1].local_addresses[0]", "services share whole lists "
	 "of local addresses or none"},
	{SERVICES(SERVICE(",\"backends\":[{\"address\":\"2001:db8::9\"}]")),
	 "lb.services[0].backends[0].address", "different families"},
	{SERVICES(SERVICE(",\"backends\":[{\"address\":\"10.1.0.9\"},"
	                  "{\"address\":\"10.1.0.9\",\"port\":80}]")),
	 "lb.services[0].backends", "has 10.1.0.9 port 80 more than once"},
	{SERVICES(SERVICE(",\"backends\":[{\"address\":\"192.0.2.1\"}]")),
	 "lb.services[0].backends[0].address", "is our own address (192.0.2.1)"},
	{SERVICES(SERVICE(",\"backends\":[{\"address\":\"10.1.0.9\",\"weight\":65536}]")),
	 "lb.services[0].backends[0].weight", "65536; expected an integer from 0 to 65535"},
	{SERVICES(SERVICE(",\"backends\":[{\"address\":\"10.1.0.9\",\"state\":\"up\"}]")),
	 "lb.services[0].backends[0].state", "expected one of \"ready\", \"drain\", \"maint\", "
	 "\"down\""},
	{SERVICES("{\"name\":\"s\",\"address\":\"10.1.0.1\",\"port\":80}"),
	 "lb.services[0].address", "overlaps nics[0].addresses[0] (10.1.0.1/24)"},
	/* checks */
	{CHECKS("{\"name\":\"none\"}"), "lb.checks[0].name", "\"none\" means no check"},
	{CHECKS("{\"type\":\"tcp\"}"), "lb.checks[0].name", "missing"},
	{CHECKS("{\"name\":\"c\"},{\"name\":\"c\"}"), "lb.checks[1].name", "names are unique"},
	{CHECK(",\"type\":\"ftp\""), "lb.checks[0].type", "\"https\", \"udp\""},
	{CHECK(",\"interval_ms\":99"), "lb.checks[0].interval_ms", "from 100 to 3600000"},
	{CHECK(",\"interval\":5"), "lb.checks[0].interval", "did you mean \"interval_ms\"?"},
	{CHECK(",\"path\":\"/\""), "lb.checks[0].path", "of no use in a check of type tcp"},
	{CHECK(",\"type\":\"icmp\",\"port\":7"), "lb.checks[0].port", "of no use in a check of"},
	{CHECK(",\"arguments\":[\"x\"]"), "lb.checks[0].arguments", "of no use in a check of"},
	{CHECK(",\"type\":\"http\",\"path\":\"index\""), "lb.checks[0].path",
	 "\"index\"; expected an absolute path"},
	{CHECK(",\"type\":\"http\",\"status\":[]"), "lb.checks[0].status", "has 0 items"},
	{CHECK(",\"type\":\"http\",\"status\":[200]"), "lb.checks[0].status[0]",
	 "200; expected an HTTP status or first-last, such as 200-299"},
	{CHECK(",\"type\":\"http\",\"status\":[\"299-200\"]"), "lb.checks[0].status[0]",
	 "299-200 is reversed; expected 200-299"},
	{CHECK(",\"type\":\"http\",\"status\":[\"600\"]"), "lb.checks[0].status[0]",
	 "expected an HTTP status"},
	{CHECK(",\"type\":\"http\",\"body_regex\":\"(\""), "lb.checks[0].body_regex",
	 "is no regular expression: Unmatched ("},
	{CHECK(",\"type\":\"http\",\"body_regex\":\"a\",\"body\":\"b\""),
	 "lb.checks[0].body_regex", "stands beside body"},
	{CHECK(",\"send\":\"a\\\\q\""), "lb.checks[0].send", "\"\\q\" is no escape; expected \\n"},
	{CHECK(",\"expect\":\"\\\\x4\""), "lb.checks[0].expect", "\"\\x4\" is no escape"},
	{CHECK(",\"send\":\"\\u20ac\""), "lb.checks[0].send", "printable ASCII"},
	{CHECK(",\"type\":\"udp\""), "lb.checks[0].send", "missing; a check of type udp needs it"},
	{CHECK(",\"type\":\"script\""), "lb.checks[0].script", "missing; a check of type script"},
	{CHECK(",\"damping\":{\"changes\":11}"), "lb.checks[0].damping.changes", "from 0 to 10"},
	{SERVICES(SERVICE(",\"check\":\"x\"")), "lb.services[0].check",
	 "there is no check \"x\"; expected the name of one in lb.checks"},
	{SERVICES(SERVICE(",\"check\":\"none\"")), "lb.services[0].check",
	 "there is no check \"none\""},
	{SERVICES(SERVICE(",\"backends\":[{\"address\":\"10.1.0.9\",\"check\":\"x\"}]")),
	 "lb.services[0].backends[0].check", "there is no check \"x\""},
	{"{" NICS ",\"workers\":{\"count\":2},\"lb\":{\"services\":[" SERVICE(","
	 "\"mode\":\"fullnat\","
	 "\"local_addresses\":[\"10.1.0.5\"],\"local_ports\":\"1024-1100\"") "]}}",
	 "lb.services", "local_ports of 10.1.0.5 reach into 1 blocks"},
};

static bool
errors_hold(const struct config_errors *errs, const char *path, const char *message)
{
	for (unsigned i = 0; i < errs->n; i++)
		if (strcmp(errs->e[i].path, path) == 0 && strstr(errs->e[i].message,
		                                                 message) != NULL)
			return true;
	return false;
}

static void
test_bad_documents(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config_errors errs = {0};
		size_t size = 0;
		json_t *doc = config_parse(bad[i].document, strlen(bad[i].document), &errs);
		void *image = doc == NULL ? NULL : config_compile(doc, NULL, 1, &size, &errs);
		bool good = image == NULL && errors_hold(&errs, bad[i].path, bad[i].message);
		CU_ASSERT(good);
		if (!good) {
			printf("\ncase %zu: %s\n  wanted %s: %s\n", i, bad[i].document, bad[i].path,
			       bad[i].message);
			for (unsigned k = 0; k < errs.n; k++)
				printf("  got    %s: %s\n", errs.e[k].path, errs.e[k].message);
		}
		free(image);
		json_decref(doc);
	}
}

/* Several errors at once; beyond the limit they are counted, and the list says so. */
static void
test_several(void)
{
	struct config_errors errs = {0};
	static const char text[] =
		"{\"nics\":[{\"name\":1,\"device\":2,\"vlan\":-1,\"x\":0}],\"y\":1}";
	json_t *doc = config_parse(text, strlen(text), &errs);
	CU_ASSERT(!config_check(doc, &errs));
	CU_ASSERT_EQUAL(errs.n, 5);
	json_decref(doc);

	doc = json_object();
	for (unsigned i = 0; i < 100; i++) {
		char key[16];
		snprintf(key, sizeof(key), "k%u", i);
		json_object_set_new(doc, key, json_null());
	}
	memset(&errs, 0, sizeof(errs));
	CU_ASSERT(!config_check(doc, &errs));
	CU_ASSERT_EQUAL(errs.n, CONFIG_MAX_ERRORS);
	CU_ASSERT_EQUAL(errs.lost, 101 - CONFIG_MAX_ERRORS);
	json_t *list = config_errors_json(&errs);
	CU_ASSERT_EQUAL(json_array_size(list), CONFIG_MAX_ERRORS + 1);
	json_decref(list);
	json_decref(doc);
}

/* Keys and values of any length and script: paths and messages stay valid UTF-8. */
static void
test_long_text(void)
{
	char key[400];
	for (size_t i = 0; i + 3 <= sizeof(key) - 1; i += 3)
		memcpy(key + i, "\xe2\x82\xac", 3);
	for (size_t length = 0; length < 390; length += 3) {
		struct config_errors errs = {0};
		char part[400];
		snprintf(part, sizeof(part), "a%.*s", (int)length, key);
		json_t *doc = json_pack("{s:s}", part, part);
		CU_ASSERT(!config_check(doc, &errs));
		json_t *list = config_errors_json(&errs);
		CU_ASSERT_EQUAL(json_array_size(list), errs.n);
		for (size_t i = 0; i < json_array_size(list); i++)
			CU_ASSERT_PTR_NOT_NULL(json_array_get(list, i));
		json_decref(list);
		json_decref(doc);
	}
}

static const struct test_case cases[] = {
	{"what is wrong with bad documents", test_bad_documents},
	{"several errors at once", test_several},
	{"long text is cut at characters", test_long_text},
};
TEST_MAIN("config_errors", cases)
