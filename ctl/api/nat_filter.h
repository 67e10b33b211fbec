/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The text of a filter over what the NAT has: words "key=value", all of which must hold.
 *            The same for listings, counts, cuts and the log.
 * Layout     pool=NAME, realm=NAME, worker=N, protocol=tcp|udp|icmp|N; subscriber= and external= an
 *            address or prefix; port= (external) and inside_port= a port or first-last.
 * Limits     A key stands once. A pool or realm that the configuration does not have is an
 *            error.
 * See        nat/nat_filter.h for what is asked of what.
 */
#ifndef MR_API_NAT_FILTER_H
#define MR_API_NAT_FILTER_H

#include "internal.h"
#include "lib/record.h"

/* nat_filter_parse: text (NULL: everything) to *f. => 0, or -1 and err. */
int nat_filter_parse(struct api *api, const char *text, struct cmd_nat_filter *f,
                     struct rpc_error *err);
/* nat_filter_wants_record: the same of a log record; one that names nobody is always wanted. */
bool nat_filter_wants_record(const struct cmd_nat_filter *f, const struct record *r);

#endif
