/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a TCP segment between ends that count differently, and as a datagram of QUIC:
 * nothing outside them is touched, what is changed keeps the checksum as right or wrong as it was,
 * and a server ID is found or is not.
 */
#include "fuzz.h"
#include "lb/quic.h"
#include "lib/shift.h"
#include "lib/tcp.h"

/* The whole sum over a header: what an edit must leave as it is. */
static uint16_t
sum_of(const uint8_t *h, uint32_t size)
{
	return csum_fold(csum_add(0, h, size));
}

static void
segment(struct input *in, const struct shift *s)
{
	uint32_t size = (uint32_t)in->left;
	if (size < TCP_LEN)
		return;
	uint8_t *h = malloc(size);
	memcpy(h, in->p, size);
	struct tcp t = {.h = h, .header = (h[TCP_OFFSET] >> 4) * 4u};
	if (t.header >= TCP_LEN && t.header <= size) {
		uint16_t before = sum_of(h, size) % 0xffff;
		shift_edit(s, 0, &t);
		MUST(sum_of(h, size) % 0xffff == before);
		shift_edit(s, 1, &t);
		MUST(sum_of(h, size) % 0xffff == before);
	}
	free(h);
	h = malloc(size); /* a quoted one may be cut anywhere */
	memcpy(h, in->p, size);
	shift_quote(s, 0, h, size);
	shift_quote(s, 1, h, size);
	free(h);
}

static void
datagram(struct input *in, const struct img_lb_quic *c)
{
	uint8_t plain[QUIC_MAX_PLAIN], *copy = malloc(in->left != 0 ? in->left : 1);
	struct quic_cid cid;
	struct aes key;
	memcpy(copy, in->p, in->left);
	aes_init(&key, c->key);
	if (quic_cid_find(copy, (uint32_t)in->left, &cid)) {
		MUST(cid.at > copy && cid.size != 0 && cid.at + cid.size <= copy + in->left);
		if (quic_config_of(c, 1, cid) == 0 && quic_server_id(c, &key, cid, plain))
			MUST(cid.size >= 1u + c->server_id + c->nonce);
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct shift s = {.is_told = false};
	struct img_lb_quic c = {.id = 0};
	uint8_t kind = input_u8(&in);
	input_bytes(&in, &s.seq[1], sizeof(s.seq[1]));
	input_bytes(&in, &s.first, sizeof(s.first));
	input_bytes(&in, &s.time, sizeof(s.time));
	s.head = input_u8(&in) % 108;
	s.seq[0] = s.head;
	s.is_told = (kind & 2) != 0;
	s.scale[0] = (int8_t)(kind >> 4);
	s.scale[1] = (int8_t)(-(kind >> 4));
	c.server_id = (uint8_t)(1 + s.first % QUIC_MAX_SERVER_ID);
	c.nonce = (uint8_t)(QUIC_MIN_NONCE +
	                    s.time % (QUIC_MAX_PLAIN - QUIC_MIN_NONCE - c.server_id + 1));
	c.has_key = (kind & 4) != 0;
	if ((kind & 1) != 0)
		segment(&in, &s);
	else
		datagram(&in, &c);
	return 0;
}
