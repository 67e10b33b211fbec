/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of each result: views as rows of data. */
#include "commands.h"

#define END {0}

const struct view view_applied[] = {
	{NULL, "", {{"generation", "generation", NUMBER}, {"changed", "changed", YES_NO}}}, END,
};

const struct view view_flows[] = {
	{NULL, "flows", {
	  {"PROTO", "protocol", TEXT}, {"STATE", "state", TEXT},
	  {"SOURCE", "original.source", ENDPOINT},
	  {"DESTINATION", "original.destination", ENDPOINT},
	  {"REPLY FROM", "reply.source", ENDPOINT}, {"REPLY TO", "reply.destination", ENDPOINT},
	  {"POLICY", "policy", TEXT}, {"SERVICE", "service", TEXT},
	  {"PACKETS", "packets.0", NUMBER}, {"REPLIES", "packets.1", NUMBER},
	  {"BYTES", "bytes.0", BYTES}, {"REPLIED", "bytes.1", BYTES}, {"IDLE", "idle", SECONDS},
	  {"EXPIRES", "expires_in", SECONDS}, {"WORKER", "worker", NUMBER},
	  {"REALM", "original.realm_name", TEXT}, {"REPLY'S", "reply.realm_name", TEXT}}}, END,
};

const struct view view_flow_count[] = {
	{NULL, "", {{"flows", "flows", NUMBER}, {"IPv4", "ipv4", NUMBER}, {"IPv6", "ipv6", NUMBER},
	            {"opened", "opened", NUMBER}, {"ended", "ended", NUMBER},
	            {"room for IPv4", "capacity_ipv4", NUMBER},
	            {"room for IPv6", "capacity_ipv6", NUMBER}}}, END,
};

#define MAPPING_COLUMNS                                                                        \
	{{"PROTO", "protocol", TEXT}, {"INSIDE", "inside", ENDPOINT},                          \
	 {"EXTERNAL", "external", ENDPOINT}, {"FLOWS", "flows", NUMBER}, {"POOL", "pool", TEXT}, \
	 {"LEASE", "lease_s", DURATION}, {"WORKER", "worker", NUMBER},                        \
	 {"REALM", "realm_name", TEXT}}

const struct view view_mappings[] = {{NULL, "mappings", MAPPING_COLUMNS}, END};

const struct view view_subscribers[] = {
	{NULL, "subscribers", {
	  {"ADDRESS", "address", TEXT}, {"EXTERNAL", "external", TEXT}, {"POOL", "pool", TEXT},
	  {"MAPPINGS", "mappings", NUMBER}, {"WORKER", "worker", NUMBER},
	  {"BLOCKS", "blocks", LIST}, {"REALM", "realm_name", TEXT}}}, END,
};

const struct view view_subscriber[] = {
	{NULL, "subscriber", {{"address", "address", TEXT}, {"external", "external", TEXT},
	                      {"pool", "pool", TEXT}, {"blocks", "blocks", LIST},
	                      {"blocks elsewhere", "blocks_elsewhere", NUMBER},
	                      {"flows", "flows", NUMBER},
	                      {"mappings", "mappings", NUMBER}, {"worker", "worker", NUMBER},
	                      {"realm", "realm_name", TEXT}}},
	{"Mappings", "mappings", MAPPING_COLUMNS}, END,
};

const struct view view_pools[] = {
	{NULL, "pools", {
	  {"POOL", "name", TEXT}, {"ADDRESSES", "addresses", NUMBER}, {"PORTS", "ports", TEXT},
	  {"BLOCK", "block_size", NUMBER}, {"BLOCKS", "blocks", NUMBER},
	  {"USED", "blocks_used", NUMBER}, {"QUARANTINE", "blocks_quarantined", NUMBER},
	  {"TCP", "ports_used.tcp", NUMBER}, {"UDP", "ports_used.udp", NUMBER},
	  {"ICMP", "ports_used.icmp", NUMBER}, {"WAITS", "ports_wait", SECONDS}}}, END,
};

const struct view view_pool[] = {
	{NULL, "pool", {{"pool", "name", TEXT}, {"addresses", "addresses", NUMBER},
	                {"ports", "ports", TEXT}, {"block size", "block_size", NUMBER},
	                {"blocks for one", "max_blocks", NUMBER}, {"blocks", "blocks", NUMBER},
	                {"used", "blocks_used", NUMBER},
	                {"quarantined", "blocks_quarantined", NUMBER},
	                {"no ports yet, for", "ports_wait", SECONDS}}},
	{"Addresses", "addresses", {
	  {"ADDRESS", "address", TEXT}, {"BLOCKS", "blocks", NUMBER},
	  {"USED", "blocks_used", NUMBER}, {"QUARANTINE", "blocks_quarantined", NUMBER},
	  {"TCP", "ports_used.tcp", NUMBER}, {"UDP", "ports_used.udp", NUMBER},
	  {"ICMP", "ports_used.icmp", NUMBER}, {"WORKER", "worker", NUMBER}}}, END,
};

const struct view view_addresses[] = {
	{NULL, "addresses", {
	  {"ADDRESS", "address", TEXT}, {"POOL", "pool", TEXT}, {"BLOCKS", "blocks", NUMBER},
	  {"USED", "blocks_used", NUMBER}, {"QUARANTINE", "blocks_quarantined", NUMBER},
	  {"TCP", "ports_used.tcp", NUMBER}, {"UDP", "ports_used.udp", NUMBER},
	  {"ICMP", "ports_used.icmp", NUMBER}, {"WORKER", "worker", NUMBER}}}, END,
};

const struct view view_cleared[] = {
	{NULL, "", {{"number", "number", NUMBER}, {"flows ended", "flows", NUMBER},
	            {"workers", "workers", NUMBER}, {"still at it", "busy", NUMBER}}}, END,
};

const struct view view_blocks[] = {
	{NULL, "blocks", {
	  {"EXTERNAL", "external", TEXT}, {"FIRST", "port_first", NUMBER},
	  {"LAST", "port_last", NUMBER}, {"SUBSCRIBER", "subscriber", TEXT},
	  {"REALM", "realm_name", TEXT}, {"MAPPINGS", "mappings", NUMBER},
	  {"OF", "ports", NUMBER},
	  {"TCP", "taken.tcp", NUMBER}, {"UDP", "taken.udp", NUMBER},
	  {"ICMP", "taken.icmp", NUMBER}, {"POOL", "pool", TEXT}, {"WORKER", "worker", NUMBER}}},
	END,
};

const struct view view_services[] = {
	{NULL, "services", {
	  {"SERVICE", "name", TEXT}, {"ADDRESS", "place", TEXT},
	  {"PROTO", "protocol", TEXT}, {"MODE", "mode", TEXT}, {"BACKENDS", "backends", NUMBER},
	  {"READY", "ready", NUMBER}, {"FLOWS", "flows", NUMBER}, {"OPENED", "opened", NUMBER}}},
	END,
};

/* Packets and bytes of a flow are counted for its backend when it ends. */
#define BACKEND_COLUMNS                                                                        \
	{{"SERVICE", "service", TEXT}, {"BACKEND", "address", ENDPOINT},                       \
	 {"STATE", "state", TEXT}, {"HEALTH", "health", TEXT}, {"WEIGHT", "weight", NUMBER},    \
	 {"SHARE", "share", PERCENT},                                                          \
	 {"FLOWS", "flows", NUMBER}, {"OPENED", "opened", NUMBER},                             \
	 {"ENDED IN", "bytes_in", BYTES}, {"ENDED OUT", "bytes_out", BYTES}}

const struct view view_backends[] = {{NULL, "backends", BACKEND_COLUMNS}, END};

const struct view view_backend[] = {
	{NULL, "backend", {
	  {"service", "service", TEXT}, {"backend", "address", ENDPOINT},
	  {"state", "state", TEXT}, {"health", "health", TEXT}, {"serves as", "serves_as", TEXT},
	  {"priority", "priority", NUMBER}, {"weight", "weight", NUMBER},
	  {"share", "share", PERCENT}, {"flows", "flows", NUMBER}, {"opened", "opened", NUMBER},
	  {"drain since (UTC)", "drain.since", TIME},
	  {"flows left", "drain.flows_left", NUMBER},
	  {"deadline (UTC)", "drain.deadline", TIME},
	  {"expected end (UTC)", "drain.expected_end", TIME},
	  {"slow start until (UTC)", "slow_start.until", TIME},
	  {"slow start at %", "slow_start.percent", NUMBER},
	  {"local ports", "local_ports.all", NUMBER},
	  {"lacked a local port", "local_ports.lacked", NUMBER}}}, END,
};

const struct view view_service[] = {
	{NULL, "service", {{"service", "name", TEXT}, {"address", "place", TEXT},
	                   {"protocol", "protocol", TEXT}, {"mode", "mode", TEXT},
	                   {"scheduler", "scheduler", TEXT},
	                   {"flows", "flows", NUMBER}, {"half-open", "half_open", NUMBER},
	                   {"opened", "opened", NUMBER},
	                   {"packets without flow", "stateless", NUMBER}}},
	{"Backends", "backends", BACKEND_COLUMNS}, END,
};

const struct view view_health[] = {
	{NULL, "backends", {
	  {"SERVICE", "service", TEXT}, {"BACKEND", "address", ENDPOINT},
	  {"HEALTH", "health", TEXT}, {"SINCE (UTC)", "since", TIME},
	  {"CHECK", "check", TEXT}, {"LAST CHECK (UTC)", "checked", TIME},
	  {"TOOK MS", "latency_ms", NUMBER}, {"RESULT", "reason", TEXT}}}, END,
};

const struct view view_health_events[] = {
	{NULL, "events", {
	  {"TIME (UTC)", "time", TIME}, {"SERVICE", "service", TEXT},
	  {"BACKEND", "address", ENDPOINT}, {"WAS", "was", TEXT}, {"IS", "health", TEXT},
	  {"REASON", "reason", TEXT}}}, END,
};

#define DROP_COLUMNS                                                                           \
	{{"REASON", "reason", TEXT}, {"PACKETS", "packets", NUMBER}, {"MEANING", "help", TEXT}}

const struct view view_drops[] = {{NULL, "drops", DROP_COLUMNS}, END};

const struct view view_stats[] = {
	{NULL, "totals", {
	  {"received", "received", NUMBER}, {"forwarded", "forwarded", NUMBER},
	  {"dropped", "dropped", NUMBER}, {"consumed", "consumed", NUMBER},
	  {"held", "held", NUMBER}, {"handed off", "handed_off", NUMBER},
	  {"generated", "generated", NUMBER}, {"sent", "sent", NUMBER},
	  {"flows", "flows", NUMBER}, {"flows opened", "flows_opened", NUMBER},
	  {"mappings", "mappings", NUMBER}, {"subscribers", "subscribers", NUMBER},
	  {"blocks", "blocks", NUMBER}, {"left quarantine early", "quarantine_early", NUMBER},
	  {"no ports yet, for", "ports_wait", SECONDS},
	  {"ports not kept", "ports_not_kept", NUMBER},
	  {"leases", "leases", NUMBER}, {"PCP requests", "pcp_requests", NUMBER},
	  {"PCP refused", "pcp_refused", NUMBER}, {"PCP updates", "pcp_updates", NUMBER},
	  {"persistent clients", "persistence", NUMBER},
	  {"not remembered", "persistence_full", NUMBER},
	  {"full backends passed over", "backends_passed", NUMBER},
	  {"MTUs learnt of ways", "way_mtus", NUMBER},
	  {"resets doubted", "resets_doubted", NUMBER},
	  {"flow counts lost", "flow_counts_lost", NUMBER},
	  {"log records", "log_records", NUMBER}, {"log lost", "log_lost", NUMBER},
	  {"refusals unsaid", "refusals_unsaid", NUMBER}}},
	{"Interfaces", "nics", {
	  {"NIC", "name", TEXT}, {"RX PACKETS", "rx_packets", NUMBER}, {"RX", "rx_bytes", BYTES},
	  {"TX PACKETS", "tx_packets", NUMBER}, {"TX", "tx_bytes", BYTES},
	  {"GENERATED", "generated", NUMBER}, {"CONSUMED", "consumed", NUMBER},
	  {"DROPPED", "dropped", NUMBER}}},
	{"Drops", "drops", DROP_COLUMNS},
	{"Contexts", "contexts", {
	  {"CONTEXT", "context", TEXT}, {"WORKER", "worker", NUMBER},
	  {"RECEIVED", "received", NUMBER}, {"TAKEN OVER", "taken_over", NUMBER},
	  {"FORWARDED", "forwarded", NUMBER}, {"HANDED OFF", "handed_off", NUMBER},
	  {"CONSUMED", "consumed", NUMBER}, {"DROPPED", "dropped", NUMBER},
	  {"FLOWS IPv4", "flows_v4", NUMBER}, {"FLOWS IPv6", "flows_v6", NUMBER}}},
	{"Accounting", "identity", {
	  {"arrived", "arrived", NUMBER}, {"ended", "ended", NUMBER},
	  {"difference", "difference", NUMBER}}},
	END,
};

const struct view view_nics[] = {
	{NULL, "nics", {
	  {"NIC", "name", TEXT}, {"LINK", "link", TEXT}, {"MAC", "mac", TEXT},
	  {"VLAN", "vlan", NUMBER}, {"MTU", "mtu", NUMBER}, {"RX", "counters.rx_packets", NUMBER},
	  {"TX", "counters.tx_packets", NUMBER}, {"DROPPED", "counters.dropped", NUMBER},
	  {"QUEUES", "rx_queues", NUMBER}, {"DEVICE", "device", TEXT},
	  {"REALM", "realm_name", TEXT}, {"ADDRESSES", "addresses", LIST}}}, END,
};

const struct view view_neighbours[] = {
	{NULL, "neighbours", {
	  {"ADDRESS", "address", TEXT}, {"NIC", "nic", TEXT}, {"MAC", "mac", TEXT},
	  {"STATE", "state", TEXT}, {"STATIC", "static", YES_NO}, {"QUEUED", "queued", NUMBER},
	  {"AGE", "age", SECONDS}, {"REALM", "realm_name", TEXT}}}, END,
};

const struct view view_routes[] = {
	{NULL, "routes", {{"PREFIX", "prefix", TEXT}, {"KIND", "kind", TEXT}, {"VIA", "via", TEXT},
	                  {"NIC", "nic", TEXT}, {"REALM", "realm_name", TEXT}}}, END,
};

const struct view view_steering[] = {
	{NULL, "", {
	  {"workers", "workers", NUMBER}, {"slow path's core", "main_core", NUMBER},
	  {"class bits", "class_bits", NUMBER}, {"blocks divided", "split_blocks", YES_NO}}},
	{"Devices", "devices", {
	  {"DEVICE", "device", TEXT}, {"STRENGTH", "strength", NUMBER}, {"KEY", "key", TEXT},
	  {"QUEUES", "rx_queues", NUMBER}, {"TABLE", "table", NUMBER},
	  {"RULES", "rules", NUMBER}, {"REFUSED", "refused", NUMBER}, {"LIES", "lies", YES_NO},
	  {"MISSTEERED", "missteered", NUMBER}, {"MISHASHED", "mishashed", NUMBER}}},
	{"Explained", "explained", {
	  {"DEVICE", "device", TEXT}, {"", "what", TEXT}, {"", "text", TEXT}}},
	{"Hand-offs", "by_worker", {
	  {"WORKER", "worker", NUMBER}, {"CORE", "core", NUMBER}, {"RECEIVED", "received", NUMBER},
	  {"TAKEN OVER", "taken_over", NUMBER}, {"HANDED OFF", "handed_off", NUMBER},
	  {"HOME", "handoffs.home", NUMBER}, {"HAIRPIN", "handoffs.hairpin", NUMBER},
	  {"FRAGMENT", "handoffs.fragment", NUMBER}, {"ICMP", "handoffs.icmp", NUMBER},
	  {"STRAY", "handoffs.stray", NUMBER},
	  {"SLOW PATH", "handoffs.punt", NUMBER}, {"TX", "handoffs.tx", NUMBER}}}, END,
};

const struct view view_log[] = {
	{NULL, "records", {
	  {"TIME (UTC)", "time", TIME}, {"EVENT", "event", TEXT},
	  {"SUBSCRIBER", "subscriber", TEXT}, {"REALM", "realm_name", TEXT},
	  {"PORT", "inside_port", NUMBER}, {"EXTERNAL", "external", TEXT},
	  {"FIRST", "port_first", NUMBER}, {"LAST", "port_last", NUMBER},
	  {"PROTO", "protocol", TEXT}, {"POOL", "pool", TEXT},
	  {"FAR", "far", TEXT}, {"PORT", "far_port", NUMBER},
	  {"THRESHOLD", "threshold", TEXT}, {"QUOTA", "quota", TEXT},
	  {"LIMIT", "limit", NUMBER}}},
	END,
};

const struct view view_sinks[] = {
	{NULL, "", {{"gaps in the rings", "gaps", NUMBER}, {"records lost there", "lost", NUMBER}}},
	{"Sinks", "sinks", {
	  {"SINK", "name", TEXT}, {"KIND", "kind", TEXT}, {"UP", "up", YES_NO},
	  {"SENT", "sent", NUMBER}, {"PENDING", "pending", NUMBER}, {"LOST", "lost", NUMBER},
	  {"TARGET", "target", TEXT}, {"LAST ERROR", "error", TEXT},
	  {"AT (UTC)", "error_time", TIME}}}, END,
};

const struct view view_whohad[] = {
	{NULL, "", {
	  {"external", "external", ENDPOINT}, {"protocol", "protocol", TEXT},
	  {"at (UTC)", "at", TIME}, {"complete", "complete", YES_NO},
	  {"ambiguous", "ambiguous", YES_NO},
	  {"log begins", "log.first", TIME}, {"log ends", "log.last", TIME}}},
	{"Answers", "answers", {
	  {"SUBSCRIBER", "subscriber", TEXT}, {"REALM", "realm_name", TEXT},
	  {"NUMBER", "realm", NUMBER}, {"KIND", "kind", TEXT},
	  {"FIRST", "port_first", NUMBER}, {"LAST", "port_last", NUMBER},
	  {"PROTO", "protocol", TEXT}, {"PORT", "inside_port", NUMBER},
	  {"FROM (UTC)", "from", TIME}, {"TO (UTC)", "to", TIME}, {"END", "end", TEXT},
	  {"CERTAIN", "certain", YES_NO},
	  {"HELD NOW", "held_now", YES_NO}, {"POOL", "pool", TEXT}, {"SOURCE", "source", TEXT},
	  {"CONFIGURATION OF (UTC)", "configuration_from", TIME}}},
	{"Records", "records", {
	  {"ANSWER", "answer", NUMBER}, {"TIME (UTC)", "time", TIME}, {"EVENT", "event", TEXT},
	  {"WORKER", "worker", NUMBER}, {"SEQUENCE", "sequence", NUMBER},
	  {"SEGMENT", "segment", TEXT}, {"LINE", "line", NUMBER}}},
	{"Gaps", "gaps", {
	  {"FROM (UTC)", "from", TIME}, {"TO (UTC)", "to", TIME}, {"LOST", "lost", NUMBER},
	  {"WORKER", "worker", NUMBER}}},
	{"Notes", "notes", {{"", "text", TEXT}}},
	{"Held now", "now", {
	  {"SUBSCRIBER", "subscriber", TEXT}, {"REALM", "realm_name", TEXT},
	  {"NUMBER", "realm", NUMBER}, {"KIND", "kind", TEXT},
	  {"FIRST", "port_first", NUMBER}, {"LAST", "port_last", NUMBER}}}, END,
};

#define FIXED_PORTS                                                                            \
	{"FIRST", "port_first", NUMBER}, {"LAST", "port_last", NUMBER}

const struct view view_forward[] = {
	{NULL, "", {{"inside", "inside", TEXT}}},
	{"Answers", "answers", {
	  {"KIND", "kind", TEXT}, {"REALM", "realm_name", TEXT}, {"EXTERNAL", "external", TEXT},
	  {"PROTO", "protocol", TEXT}, FIXED_PORTS, {"FROM PORT", "inside_port_first", NUMBER},
	  {"POOL", "pool", TEXT}, {"RULE", "rule", TEXT},
	  {"TOWARDS", "destination", TEXT}}}, END,
};

const struct view view_reverse[] = {
	{NULL, "", {{"external", "external", ENDPOINT}}},
	{"Answers", "answers", {
	  {"KIND", "kind", TEXT}, {"SUBSCRIBER", "subscriber", TEXT},
	  {"REALM", "realm_name", TEXT}, {"PROTO", "protocol", TEXT},
	  {"PORT", "inside_port", NUMBER}, FIXED_PORTS,
	  {"POOL", "pool", TEXT}}}, END,
};

const struct view view_generation[] = {
	{NULL, "", {
	  {"data plane", "connected", YES_NO}, {"generation", "running", NUMBER},
	  {"digest", "digest", TEXT}, {"workers run", "workers", LIST}, {"pid", "pid", NUMBER},
	  {"uptime", "uptime", DURATION}}}, END,
};

const struct view view_methods[] = {
	{NULL, "methods", {{"METHOD", "name", TEXT}, {"MEANING", "help", TEXT},
	                   {"PARAMETERS", "params", TEXT}}}, END,
};

const struct view view_version[] = {
	{NULL, "", {{"millraced", "version", TEXT}, {"image format", "image", NUMBER},
	            {"command format", "command", NUMBER}}}, END,
};
