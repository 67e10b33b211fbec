/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the day as frames. */
#include "frames.h"

#include <arpa/inet.h>
#include <string.h>

#include "tests/packets.h"

size_t
day_make(uint8_t out[DAY_FRAME], const struct day_packet *p, unsigned dev)
{
	uint32_t mark = htonl(p->session);
	struct frame f = {
		.dmac = {2, 0, 0, 0, 0, (uint8_t)(dev + 1)}, .smac = {2, 1}, .family = FAMILY_V4,
		.proto = p->proto, .src = addr_from_v4(htonl(p->src)),
		.dst = addr_from_v4(htonl(p->dst)), .sport = p->sport, .dport = p->dport,
		.tcp_flags = p->flags, .seq = p->session, .payload = &mark,
		.payload_size = p->proto == DAY_UDP ? sizeof(mark) : 0,
	};
	return frame_make(out, &f);
}

bool
day_read(struct day_packet *p, const uint8_t *frame, size_t size)
{
	struct frame_view v;
	uint32_t mark;
	if (!frame_view(&v, frame, size) || v.f.family != FAMILY_V4 ||
	    (v.f.proto != DAY_TCP && v.f.proto != DAY_UDP) || !v.ip_csum_right || !v.l4_csum_right)
		return false;
	*p = (struct day_packet){
		.src = ntohl(v.f.src.w[0]), .dst = ntohl(v.f.dst.w[0]), .sport = v.f.sport,
		.dport = v.f.dport, .proto = v.f.proto, .flags = v.f.tcp_flags,
		.session = v.f.seq,
	};
	if (p->proto == DAY_UDP) {
		if (v.f.payload_size < sizeof(mark))
			return false;
		memcpy(&mark, v.f.payload, sizeof(mark));
		p->session = ntohl(mark);
	}
	return true;
}
