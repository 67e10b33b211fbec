/* SPDX-License-Identifier: Apache-2.0 */
/* Connection IDs of QUIC-LB. */
#include "quic.h"

#include <string.h>

enum { LONG = 0x80, LONG_LENGTH = 5, PASSES = 4, HALF_MAX = (QUIC_MAX_PLAIN + 1) / 2 };

bool
quic_cid_find(const uint8_t *payload, uint32_t size, struct quic_cid *cid)
{
	if (size < 2)
		return false;
	if ((payload[0] & LONG) == 0) {
		*cid = (struct quic_cid){payload + 1, size - 1};
		return true;
	}
	if (size <= LONG_LENGTH || payload[LONG_LENGTH] == 0 ||
	    size - LONG_LENGTH - 1 < payload[LONG_LENGTH])
		return false;
	*cid = (struct quic_cid){payload + LONG_LENGTH + 1, payload[LONG_LENGTH]};
	return true;
}

int
quic_config_of(const struct img_lb_quic *c, unsigned n, struct quic_cid cid)
{
	for (unsigned i = 0; i < n; i++)
		if (c[i].id == cid.at[0] >> 5)
			return (int)i;
	return -1;
}

struct halves {
	uint8_t left[HALF_MAX], right[HALF_MAX];
	unsigned n;      /* octets of a half */
	unsigned plain;  /* of both together */
};

static void
clear_shared(struct halves *h)
{
	if (h->plain % 2 == 0)
		return;
	h->left[h->n - 1] &= 0xf0;
	h->right[0] &= 0x0f;
}

/* One pass: to ^= the first octets of AES(from, zeros, length, pass). */
static void
pass(struct halves *h, const struct aes *key, uint8_t *to, const uint8_t *from, uint8_t number)
{
	uint8_t block[AES_BLOCK] = {0};
	memcpy(block, from, h->n);
	block[AES_BLOCK - 2] = (uint8_t)h->plain;
	block[AES_BLOCK - 1] = number;
	aes_encrypt(key, block);
	for (unsigned i = 0; i < h->n; i++)
		to[i] ^= block[i];
	clear_shared(h);
}

static void
unfold(const struct aes *key, uint8_t *plain, unsigned size)
{
	struct halves h = {.n = (size + 1) / 2, .plain = size};
	memcpy(h.left, plain, h.n);
	memcpy(h.right, plain + size - h.n, h.n);
	clear_shared(&h);
	for (uint8_t number = PASSES; number > 0; number--) {
		if (number % 2 == 0)
			pass(&h, key, h.left, h.right, number);
		else
			pass(&h, key, h.right, h.left, number);
	}
	uint8_t shared = h.left[h.n - 1];
	memcpy(plain, h.left, h.n);
	memcpy(plain + size - h.n, h.right, h.n);
	if (size % 2 != 0)
		plain[h.n - 1] |= shared;
}

bool
quic_server_id(const struct img_lb_quic *c, const struct aes *key, struct quic_cid cid,
               uint8_t out[QUIC_MAX_PLAIN])
{
	unsigned size = c->server_id + (unsigned)c->nonce;
	if (size > QUIC_MAX_PLAIN || cid.size < 1 + size)
		return false;
	memcpy(out, cid.at + 1, size);
	if (!c->has_key)
		return true;
	if (size == AES_BLOCK)
		aes_decrypt(key, out);
	else
		unfold(key, out, size);
	return true;
}
