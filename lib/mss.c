/* SPDX-License-Identifier: Apache-2.0 */
/* The MSS option of SYNs, lowered in place. */
#include "mss.h"

#include "csum.h"
#include "rewrite.h"

enum {
	OPT_END = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_MSS_LEN = 4,
	TCP_OFFSET = 12, /* of the octet that has the header's length */
};

/* A 16-bit value at any offset: at an odd one its octets stand in two words of the sum. */
static void
value_write(uint8_t *tcp, uint32_t at, be16 value)
{
	be16 old = load16(tcp + at), new = value;
	store16(tcp + at, value);
	if (at % 2 != 0) {
		old = __builtin_bswap16(old);
		new = __builtin_bswap16(new);
	}
	store16(tcp + TCP_CSUM, csum_apply(load16(tcp + TCP_CSUM), csum_diff16(old, new)));
}

bool
mss_clamp(uint8_t *tcp, uint32_t size, uint16_t most)
{
	bool was_lowered = false;
	if (size < TCP_LEN)
		return false;
	uint32_t header = (tcp[TCP_OFFSET] >> 4) * 4u;
	if (header > size)
		header = size;
	for (uint32_t i = TCP_LEN; i < header && tcp[i] != OPT_END;) {
		uint32_t n = tcp[i] == OPT_NOP ? 1 : i + 1 < header ? tcp[i + 1] : 0;
		if (n == 0 || n > header - i || (n == 1 && tcp[i] != OPT_NOP))
			break;
		if (tcp[i] == OPT_MSS && n == OPT_MSS_LEN && be16toh(load16(tcp + i + 2)) > most) {
			value_write(tcp, i + 2, htobe16(most));
			was_lowered = true;
		}
		i += n;
	}
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
