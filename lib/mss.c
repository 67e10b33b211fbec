/* SPDX-License-Identifier: Apache-2.0 */
/* The MSS option of SYNs, lowered in place. */
#include "mss.h"

#include "tcp.h"

enum { MSS_SIZE = 4, MSS_VALUE = 2 };

bool
mss_clamp(uint8_t *tcp, uint32_t size, uint16_t most)
{
	uint64_t diff = 0;
	bool was_lowered = false;
	if (size < TCP_LEN)
		return false;
	uint32_t header = (tcp[TCP_OFFSET] >> 4) * 4u, n;
	if (header > size)
		header = size;
	for (uint32_t i = TCP_LEN; (n = tcp_option_size(tcp, header, i)) != 0; i += n) {
		if (tcp[i] != OPTION_MSS || n != MSS_SIZE ||
		    be16toh(load16(tcp + i + MSS_VALUE)) <= most)
			continue;
		tcp_put16(tcp, i + MSS_VALUE, most, &diff);
		was_lowered = true;
	}
	if (was_lowered)
		store16(tcp + TCP_SUM, csum_apply(load16(tcp + TCP_SUM), diff));
	return was_lowered;
}

static uint16_t
limit_of(const struct worker *w, uint8_t nic, uint8_t family)
{
	uint16_t limit = nic != NIC_NONE && nic < w->gen->n_nics ?
		w->gen->nics[nic].mss[family == FAMILY_V6] : 0;
	return limit != 0 ? limit : UINT16_MAX;
}

void
mss_clamp_pkt(const struct worker *w, const struct pkt *p, struct hop hop)
{
	uint16_t in = limit_of(w, p->nic, p->family);
	uint16_t out = hop.kind == HOP_NIC ? limit_of(w, hop.nic, p->family) : UINT16_MAX;
	uint16_t most = in < out ? in : out;
	if (most != UINT16_MAX)
		mss_clamp(p->l3 + p->l4, (uint32_t)p->l3_len - p->l4, most);
}
