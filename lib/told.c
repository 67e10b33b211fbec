/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers in front of datagrams, and out of what is quoted of them. */
#include "told.h"

#include "flow_index.h"
#include "hop.h"
#include "ident.h"
#include "made.h"
#include "rewrite.h"
#include "tell.h"
#include "tx.h"

enum { UDP_SIZE = 4, OFFSET6 = 0xfff8, FRAG_NEEDED = 4, ICMP6_TOO_BIG = 2, MTU_FIELD = 4,
       MTU4_MIN = 68, MTU6_MIN = 1280 };

/* The header of a datagram of the flow; is_padded: of a fragmented one. => its octets. */
static unsigned
header_of(const struct worker *w, flow_ref ref, bool is_padded, uint8_t head[TELL_MAX])
{
	struct tuple t = flow_tuple(&w->flows, ref, 0);
	unsigned n = tell_header(head, TELL_PROXY2, &t);
	return is_padded ? tell_pad(head, n) : n;
}

/* What a header of n octets adds to the sum of a datagram whose length goes from the one to the
 * other: that stands in the UDP header and in the pseudo-header. */
static uint64_t
header_sum(const uint8_t *head, unsigned n, be16 from, be16 to)
{
	return csum_add(2 * csum_diff16(from, to), head, n);
}

/* In front of the payload: what stands before it moves into the headroom. => false: no room. */
static bool
put_header(struct pkt *p, const uint8_t *head, unsigned n)
{
	struct rte_mbuf *m = p->m;
	uint8_t *data = buf_data(m);
	if (m->data_off < n + MADE_ROOM)
		return false;
	memmove(data - n, data, (size_t)(p->l3 - data) + p->l4 + UDP_LEN);
	m->data_off = (uint16_t)(m->data_off - n);
	p->l3 -= n;
	uint8_t *l4 = p->l3 + p->l4;
	memcpy(l4 + UDP_LEN, head, n);
	be16 from = load16(l4 + UDP_SIZE), to = htobe16((uint16_t)(be16toh(from) + n));
	uint64_t diff = header_sum(head, n, from, to);
	store16(l4 + UDP_SIZE, to);
	store16(l4 + UDP_CSUM, csum_apply_udp(load16(l4 + UDP_CSUM), diff));
	rewrite_size(p, p->l3_len + n);
	return true;
}

/* The reassembled datagram has to be one: its length is the first fragment's to say. */
static bool
is_too_long(const struct pkt *p, unsigned n)
{
	uint32_t size = be16toh(load16(p->l3 + p->l4 + UDP_SIZE));
	return p->l4 + size + n > UINT16_MAX;
}

void
told_forward(struct worker *w, struct pkt *p)
{
	uint8_t head[TELL_MAX];
	struct flow *f = flow_head(&w->flows, p->ref);
	unsigned n = header_of(w, p->ref, (p->flags & PKT_FIRST) != 0, head);
	union addr to = flow_source(&w->flows, p->ref ^ 1);
	hop_renew(w, f);
	struct hop hop = hop_find(w, f->realm[1], &to, p->family);
	if (!hop_admit_more(w, p, hop, n))
		return;
	if (is_too_long(p, n)) {
		pkt_drop(w, p, DROP_TOO_BIG);
		return;
	}
	if (!put_header(p, head, n)) {
		pkt_drop(w, p, DROP_NO_BUFFER);
		return;
	}
	ident_renew(w, p, f, 0);
	rewrite_flow(p, f, 0);
	hop_send(w, p, hop);
}

bool
told_later(const struct pkt *p)
{
	unsigned n = tell_padded(p->family);
	bool is_v4 = p->family == FAMILY_V4;
	uint8_t *field = is_v4 ? (uint8_t *)&pkt_ip4(p)->frag : p->l3 + p->frag + 2;
	be16 before = load16(field);
	unsigned word = be16toh(before);
	unsigned at = is_v4 ? (word & IP4_OFFSET) * 8 : word & OFFSET6;
	if (at + p->l3_len + n > UINT16_MAX)
		return false;
	be16 after = htobe16((uint16_t)(word + (is_v4 ? n / 8 : n)));
	store16(field, after);
	if (is_v4)
		pkt_ip4(p)->csum = csum_apply(pkt_ip4(p)->csum, csum_diff16(before, after));
	return true;
}

/* Is the quoted packet one of several fragments? */
static bool
is_fragment(const struct pkt *p, const uint8_t *l3, const uint8_t *l4)
{
	if (p->family == FAMILY_V4)
		return (((const struct ip4 *)l3)->frag & htobe16(IP4_MF)) != 0;
	return l4 - l3 > IP6_LEN && ((const struct ip6 *)l3)->next == EXT_FRAGMENT;
}

/* The length that the quoted header says, less by n. */
static void
quoted_shorten(uint8_t family, uint8_t *l3, unsigned n)
{
	be16 before = load16(l3 + (family == FAMILY_V4 ? 2 : 4));
	rewrite_length(l3, family, be16toh(before) - n);
}

/* The MTU for a sender that knows nothing of n octets more. 0 is what old routers say. */
static void
mtu_lower(const struct pkt *p, unsigned n)
{
	uint8_t *icmp = p->l3 + p->l4, *field = icmp + MTU_FIELD;
	bool is_v4 = p->family == FAMILY_V4;
	bool is_too_big = is_v4 ? icmp[0] == ICMP4_UNREACHABLE && icmp[1] == FRAG_NEEDED :
	                          icmp[0] == ICMP6_TOO_BIG;
	uint32_t word = be32toh(load32(field)), mtu = is_v4 ? word & UINT16_MAX : word;
	uint32_t least = is_v4 ? MTU4_MIN : MTU6_MIN;
	if (!is_too_big || mtu == 0)
		return;
	uint32_t less = mtu > least + n ? mtu - n : least;
	store32(field, htobe32(word - mtu + less));
}

/* Octets go out of what is quoted; what an extension stands behind keeps its size (RFC 4884). */
static void
quoted_cut(struct pkt *p, uint8_t *at, uint32_t n, uint32_t rest)
{
	bool is_last = at + n + rest == p->l3 + p->l3_len;
	memmove(at, at + n, rest);
	if (is_last)
		rewrite_size(p, p->l3_len - n);
	else
		memset(at + rest, 0, n);
}

void
told_quote(const struct worker *w, struct pkt *p, flow_ref ref, uint8_t *l4, uint32_t size)
{
	enum { TOLD_SIZE = 16 }; /* octets of a header that say how long it is */
	uint8_t head[TELL_MAX], *l3 = p->l3 + p->l4 + ICMP_LEN, *payload = l4 + UDP_LEN;
	uint32_t quoted = size - UDP_LEN;
	bool is_padded = quoted >= TOLD_SIZE ? tell_is_padded(payload, p->family) :
	                                       is_fragment(p, l3, l4);
	unsigned n = header_of(w, ref, is_padded, head);
	uint32_t there = quoted < n ? quoted : n;
	be16 from = load16(l4 + UDP_SIZE), to = htobe16((uint16_t)(be16toh(from) - n));
	if (be16toh(from) < UDP_LEN + n || memcmp(payload, head, there) != 0)
		return; /* nothing that we have sent */
	uint16_t back = (uint16_t)~csum_fold(header_sum(head, n, to, from));
	store16(l4 + UDP_SIZE, to);
	store16(l4 + UDP_CSUM, csum_apply_udp(load16(l4 + UDP_CSUM), back));
	quoted_shorten(p->family, l3, n);
	mtu_lower(p, n);
	quoted_cut(p, payload, there, quoted - there);
}
