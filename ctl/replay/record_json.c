/* SPDX-License-Identifier: Apache-2.0 */
/* Log records as JSON. */
#include "ctl/replay/record_json.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/tuple.h"
#include "nat/nat_image.h"

static json_t *
address_json(be32 a)
{
	char text[INET_ADDRSTRLEN] = "";
	inet_ntop(AF_INET, &a, text, sizeof(text));
	return json_string(text);
}

static json_t *
protocol_json(unsigned proto)
{
	if (proto == IPPROTO_L4_TCP)
		return json_string("tcp");
	if (proto == IPPROTO_L4_UDP)
		return json_string("udp");
	if (proto == IPPROTO_L4_ICMP)
		return json_string("icmp");
	return json_integer(proto);
}

static json_t *
pool_json(unsigned pool, const struct image_header *image)
{
	uint32_t n;
	const struct img_nat_pool *pools = image_rows(image, IMG_NAT_POOLS, &n);
	return pool < n ? json_string(pools[pool].name) : json_null();
}

/* time_json: seconds with nine decimals as text: a JSON number cannot hold them. */
static json_t *
time_json(uint64_t ns)
{
	char text[40];
	snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)(ns / 1000000000),
	         (unsigned long long)(ns % 1000000000));
	return json_string(text);
}

json_t *
record_json(const struct record *r, const struct image_header *image)
{
	json_t *j = json_pack("{s:o, s:s, s:i, s:I, s:o, s:o, s:o}", "time", time_json(r->time_ns),
	                      "event", record_event_name(r->event), "worker", (int)r->worker,
	                      "sequence", (json_int_t)r->sequence, "pool",
	                      pool_json(r->pool, image), "subscriber", address_json(r->subscriber),
	                      "external", address_json(r->external));
	if (j == NULL)
		return json_null();
	json_object_set_new(j, "realm", json_integer(r->realm));
	if (r->proto != 0)
		json_object_set_new(j, "protocol", protocol_json(r->proto));
	if (r->inside_port != 0)
		json_object_set_new(j, "inside_port", json_integer(r->inside_port));
	json_object_set_new(j, "port_first", json_integer(r->port_first));
	json_object_set_new(j, "port_last", json_integer(r->port_last));
	return j;
}
