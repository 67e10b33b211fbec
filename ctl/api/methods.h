/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The methods of the socket: one row each (function, name, parameters, help), from which
 *            dispatch, rpc.methods, docs/api.md, millctl and its help come.
 * Layout     Parameters: "name" or "name?" (optional), "a.b" a member of object a, "a{}" an object.
 * Invariant  A method's name is noun.verb, or one word.
 * See        docs/adding.md, "A request of the socket".
 */
#ifndef MR_API_METHODS_H
#define MR_API_METHODS_H

#define FLOW_FILTER                                                                            \
	"filter.address?, filter.port?, filter.source?, filter.source_port?, "                 \
	"filter.destination?, filter.destination_port?, filter.protocol?, filter.state?, "     \
	"filter.family?, filter.worker?, filter.policy?, filter.service?, filter.backend?"
#define MAPPING_FILTER                                                                         \
	"filter.address?, filter.port?, filter.external?, filter.external_port?, "             \
	"filter.protocol?, filter.worker?, filter.pool?"

#define API_METHODS(X)                                                                         \
	X(config_check_m, "config.check", "config{}", "is this document valid? Nothing changes") \
	X(config_apply_m, "config.apply", "config{}, dry_run?, digest?",                       \
	  "make this document the configuration, whole or not at all")                         \
	X(config_get_m, "config.get", "", "the document in force")                             \
	X(config_schema_m, "config.schema", "", "the JSON Schema of the document")             \
	X(flow_list_m, "flow.list", FLOW_FILTER ", realm?, limit?, cursor?",                   \
	  "flows, page by page")                                                               \
	X(flow_count_m, "flow.count", "", "how many flows there are")                          \
	X(mapping_list_m, "mapping.list", MAPPING_FILTER ", realm?, limit?, cursor?",          \
	  "NAT mappings, page by page")                                                        \
	X(subscriber_list_m, "subscriber.list", "address?, pool?, realm?, limit?, cursor?",    \
	  "subscribers with their pool address and blocks, page by page")                      \
	X(subscriber_show_m, "subscriber.show", "address, realm?",                             \
	  "one subscriber: pool address, blocks, mappings")                                    \
	X(pool_list_m, "pool.list", "", "NAT pools and their use")                             \
	X(pool_show_m, "pool.show", "name", "one pool with its addresses and their use")       \
	X(pool_add_range_m, "pool.add_range", "pool, range", "add addresses to a pool")        \
	X(pool_remove_range_m, "pool.remove_range", "pool, range",                             \
	  "take addresses out of a pool")                                                      \
	X(pool_drain_range_m, "pool.drain_range", "pool, range",                               \
	  "give out nothing new from these addresses of a pool")                               \
	X(pool_ready_range_m, "pool.ready_range", "pool, range",                               \
	  "give out from these addresses again")                                               \
	X(service_list_m, "service.list", "limit?, cursor?",                                   \
	  "services and their use, page by page")                                              \
	X(service_show_m, "service.show", "name, limit?, cursor?",                             \
	  "one service with its backends, page by page")                                       \
	X(service_add_m, "service.add", "service{}", "add a service, as in the document")      \
	X(service_remove_m, "service.remove", "name", "remove a service")                      \
	X(backend_list_m, "backend.list", "service?, limit?, cursor?",                         \
	  "backends and their use, page by page; bytes are those of flows that have ended")    \
	X(backend_show_m, "backend.show", "service, address, port?",                           \
	  "one backend with its drain and its slow start")                                     \
	X(backend_add_m, "backend.add",                                                        \
	  "service, backend.address, backend.port?, backend.weight?",                          \
	  "add a backend to a service")                                                        \
	X(backend_remove_m, "backend.remove", "service, address, port?",                       \
	  "remove a backend from a service")                                                   \
	X(backend_weight_m, "backend.weight", "service, address, weight, port?",               \
	  "change a backend's weight")                                                         \
	X(backend_drain_m, "backend.drain", "service, address, port?, deadline?",              \
	  "no new flows for a backend; its flows go on, until the deadline if there is one")   \
	X(backend_maint_m, "backend.maint", "service, address, port?",                         \
	  "no new flows for a backend; its flows fare as if it were dead")                     \
	X(backend_ready_m, "backend.ready", "service, address, port?",                         \
	  "a backend takes new flows again")                                                   \
	X(backend_up_m, "backend.up", "service, address, port?",                               \
	  "a backend is up whatever its checks say")                                           \
	X(backend_down_m, "backend.down", "service, address, port?",                           \
	  "a backend is down whatever its checks say: no new flows, its flows do not stay")    \
	X(backend_auto_m, "backend.auto", "service, address, port?",                           \
	  "a backend is what its checks say")                                                  \
	X(lb_list_m, "lb.list", "service?, limit?, cursor?",                                   \
	  "services and backends with connections, packets and bytes, live flows included, "   \
	  "page by page")                                                                      \
	X(lb_table_m, "lb.table", "service, limit?, cursor?",                                  \
	  "who has how many slots of a service's table, page by page")                         \
	X(lb_where_m, "lb.where",                                                              \
	  "service, client.address, client.port, destination?, destination_port?",             \
	  "which backend a new connection of a client would get; persistence is not asked")    \
	X(lb_spread_m, "lb.spread", "service?, limit?, cursor?",                               \
	  "how connections spread over workers, page by page; of one service also by backend") \
	X(lb_handshakes_m, "lb.handshakes", "service?, limit?, cursor?",                       \
	  "TCP handshakes by backend, page by page: answered, refused, unanswered, "           \
	  "unfinished, and the times")                                                         \
	X(lb_mtus_m, "lb.mtus", "limit?, cursor?",                                             \
	  "what was learnt of the MTU on the way to backends, page by page")                   \
	X(health_list_m, "health.list", "service?, limit?, cursor?",                           \
	  "health of the backends with the last check of each, page by page")                  \
	X(health_events_m, "health.events", "limit?, since?", "the latest changes of health")  \
	X(stats_m, "stats", "all?", "counters: totals, by worker, interface, drop reason")     \
	X(nic_list_m, "nic.list", "", "interfaces with link, addresses and counters")          \
	X(neighbour_list_m, "neighbour.list", "", "next hops and their MAC addresses")         \
	X(route_list_m, "route.list", "", "routes in force")                                   \
	X(steering_show_m, "steering.show", "", "how packets find their worker")               \
	X(log_list_m, "log.list", "limit?, since?, address?, filter?",                       \
	  "the latest NAT log records")    \
	X(log_sinks_m, "log.sinks", "", "where records go: what was sent, waits, is lost")     \
	X(nat_forward_m, "nat.forward", "address, realm?",                                    \
	  "where the configuration alone puts an inside address: static, deterministic")       \
	X(nat_reverse_m, "nat.reverse", "external.address, external.port",                     \
	  "whose the configuration alone says an external port is")                            \
	X(nat_whohad_m, "nat.whohad", "external.address, external.port, at?, protocol?",       \
	  "who had an external address and port at a moment")                                  \
	X(nat_show_m, "nat.show", "what, filter?, limit?, cursor?",                            \
	  "pools, addresses, blocks, subscribers or mappings, page by page")                   \
	X(nat_count_m, "nat.count", "what, filter?, cursor?",                                  \
	  "how many of them; with a cursor: so many up to there, go on")                       \
	X(nat_clear_m, "nat.clear", "filter", "end the flows of mappings, and so the mappings") \
	X(nat_cleared_m, "nat.cleared", "", "how far the latest nat.clear is")                 \
	X(generation_show_m, "generation.show", "", "which configuration runs, and where")     \
	X(rpc_methods_m, "rpc.methods", "", "this list")                                       \
	X(version_m, "version", "", "version of the daemon")

#define X(fn, name, params, help) method_fn fn;
API_METHODS(X)
#undef X

#endif
