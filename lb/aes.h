/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       AES-128, one block at a time: connection IDs of QUIC are decoded with it, on a miss.
 * Layout     Eleven round keys of 16 octets; a state is 16 octets, column by column.
 * Invariant  aes_decrypt undoes aes_encrypt.
 * Limits     Octet by octet, with a table of 256: about a microsecond a block, and who shares the
 *            core's cache may measure it. The key hides which server a connection is at, no more.
 * See        FIPS 197; lb/quic.h.
 */
#ifndef MR_AES_H
#define MR_AES_H

#include <stdint.h>

enum { AES_BLOCK = 16, AES_ROUNDS = 10 };

struct aes {
	uint8_t round[AES_ROUNDS + 1][AES_BLOCK];
};

void aes_init(struct aes *a, const uint8_t key[AES_BLOCK]);
void aes_encrypt(const struct aes *a, uint8_t block[AES_BLOCK]);
void aes_decrypt(const struct aes *a, uint8_t block[AES_BLOCK]);

#endif
