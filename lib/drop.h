/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The reasons for which a packet is not forwarded: one list, from which counters, JSON,
 *            help texts and documents come.
 * Invariant  1. Every packet that ends undelivered adds to exactly one of these.
 *            2. A reason keeps its name for ever; new ones go to the end of their group.
 * See        docs/adding.md, "A drop reason".
 */
#ifndef MR_DROP_H
#define MR_DROP_H

#define DROP_REASONS(X)                                                                        \
	X(ETHER_TRUNCATED, "ether_truncated", "frame shorter than its Ethernet header")        \
	X(ETHER_TYPE, "ether_type", "not IPv4, IPv6 or ARP")                                    \
	X(NOT_OUR_MAC, "not_our_mac", "unicast frame for another station")                      \
	X(L2_MULTICAST, "l2_multicast", "link broadcast or multicast that nobody here wants")   \
	X(VLAN_UNKNOWN, "vlan_unknown", "VLAN tag that no interface has, or a second tag")      \
	X(IP_TRUNCATED, "ip_truncated", "frame shorter than the IP header says")                \
	X(IP_HEADER, "ip_header", "IP version, header length or total length is wrong")         \
	X(IP_CHECKSUM, "ip_checksum", "IPv4 header checksum is wrong")                          \
	X(IP_SOURCE, "ip_source", "martian source, or one of ours (RFC 1812, 5.3.7)")          \
	X(IP_DESTINATION, "ip_destination", "destination is multicast, broadcast or reserved")  \
	X(IP_PROTOCOL, "ip_protocol", "transport protocol that is not handled")                 \
	X(IP_EXTENSION, "ip_extension", "IPv6 extension header chain is broken or too long")    \
	X(L4_TRUNCATED, "l4_truncated", "transport header cut off or its length wrong")         \
	X(L4_PORT_ZERO, "l4_port_zero", "TCP or UDP port 0")                                    \
	X(ICMP_CHECKSUM, "icmp_checksum", "ICMP checksum is wrong (RFC 5508, REQ-3)")           \
	X(ICMP_TYPE, "icmp_type", "ICMP message that is neither echo nor a known error")        \
	X(ICMP_INNER, "icmp_inner", "packet inside an ICMP error is broken or itself an error") \
	X(ICMP_NO_FLOW, "icmp_no_flow", "ICMP error about no flow of ours")                     \
	X(FRAG_INVALID, "frag_invalid", "fragment with impossible offset or length")            \
	X(FRAG_NO_FIRST, "frag_no_first", "first fragment never came")                          \
	X(FRAG_FULL, "frag_full", "no room to remember or hold a fragment")                     \
	X(TTL_EXCEEDED, "ttl_exceeded", "TTL or hop limit ran out here")                        \
	X(TOO_BIG, "too_big", "larger than the next hop's MTU and not to be fragmented")        \
	X(NO_ROUTE, "no_route", "no route to the destination")                                  \
	X(NO_NEIGHBOUR, "no_neighbour", "next hop does not answer ARP or neighbour discovery")  \
	X(NEIGHBOUR_QUEUE, "neighbour_queue", "too many packets wait for one next hop")         \
	X(NO_POLICY, "no_policy", "no service, NAT rule or pool wants this packet")             \
	X(TCP_NOT_SYN, "tcp_not_syn", "TCP packet without a flow that may not open one")        \
	X(FLOW_TABLE_FULL, "flow_table_full", "no free flow entry")                             \
	X(FLOW_COLLISION, "flow_collision", "both tuples of a new flow exist already")          \
	X(NAT_NO_MAPPING, "nat_no_mapping", "inbound packet for a port nobody maps")            \
	X(NAT_FILTERED, "nat_filtered", "inbound packet refused by the rule's filtering")       \
	X(NAT_NO_PORT, "nat_no_port", "no free port, address or block in the pool")             \
	X(NAT_LIMIT, "nat_limit", "subscriber has reached a limit")                             \
	X(NAT_TABLE_FULL, "nat_table_full", "no free mapping or subscriber entry")              \
	X(NAT_PAIR_TAKEN, "nat_pair_taken",                                                     \
	  "another inside host speaks this protocol with this remote host")                    \
	X(NAT_FLOW_LIMIT, "nat_flow_limit", "subscriber has as many flows as it may")           \
	X(NAT_FLOW_RATE, "nat_flow_rate", "subscriber opens flows faster than it may")          \
	X(NAT_START, "nat_start",                                                               \
	  "after a start no port is given for as long as the quarantine lasts")                 \
	X(NAT_LOG_FULL, "nat_log_full", "no new block, the log has no room (log.overload)")     \
	X(LB_NO_BACKEND, "lb_no_backend", "service has no backend that takes new flows")        \
	X(LB_NO_SERVICE, "lb_no_service", "service address, but no service on that port")       \
	X(LB_NO_LOCAL_PORT, "lb_no_local_port", "no free local address and port (fullnat)")     \
	X(LB_BACKENDS_FULL, "lb_backends_full", "every backend has its max_connections")        \
	X(LB_RESET, "lb_reset", "of a connection that is being reset: backend gone, drain over") \
	X(LB_NO_SHIFT, "lb_no_shift", "lb.capacity.shifts is used up by other connections")     \
	X(LB_EARLY_DATA, "lb_early_data", "octets of a client where the PROXY header belongs")  \
	X(LB_COOKIE, "lb_cookie", "SYN proxy: no answer to a SYN-ACK of ours, or no plain SYN") \
	X(LB_WAITING, "lb_waiting", "SYN proxy: the backend has not answered yet")              \
	X(LB_DENIED, "lb_denied", "source that may not use the service (allow, deny)")          \
	X(LB_RATE_SERVICE, "lb_rate_service", "too many new connections a second, service")     \
	X(LB_RATE_SOURCE, "lb_rate_source", "too many new connections a second, source prefix") \
	X(LB_OVERFLOW, "lb_overflow", "service has all the flows, or half-open ones, it may")   \
	X(LB_PORT_TAKEN, "lb_port_taken",                                                       \
	  "the client's port is in use to the only backend, by another service or port")       \
	X(LOCAL_UNWANTED, "local_unwanted", "for an address of ours, but nothing listens")      \
	X(ARP_INVALID, "arp_invalid", "ARP packet that is malformed or not for us")             \
	X(ND_INVALID, "nd_invalid", "neighbour discovery packet that is malformed")             \
	X(HANDOFF_FULL, "handoff_full", "the ring to the flow's home worker is full")           \
	X(PUNT_FULL, "punt_full", "the ring to the slow path is full")                          \
	X(TX_FULL, "tx_full", "the interface took no more packets")                             \
	X(NO_BUFFER, "no_buffer", "no packet buffer left")                                      \
	X(NIC_UNKNOWN, "nic_unknown", "interface is gone from the configuration")               \
	X(LOOP, "loop", "packet came back to us too often")

enum drop_reason {
#define X(id, name, help) DROP_##id,
	DROP_REASONS(X)
#undef X
	DROP_MAX
};

/* drop_name, drop_help: the reason's name (as in JSON) and one sentence. => "?" out of range. */
const char *drop_name(unsigned reason);
const char *drop_help(unsigned reason);

#endif
