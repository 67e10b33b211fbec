/* SPDX-License-Identifier: Apache-2.0 */
/* Images: the checksum, and what is built can be read. */
#include <stdlib.h>
#include <string.h>

#include "tests/image_fixture.h"
#include "tests/test.h"

static char err[256];

static void
checksum_known_answers(void)
{
	uint8_t zeros[32] = {0};
	CU_ASSERT_EQUAL(crc32c(0, "123456789", 9), 0xe3069283);
	CU_ASSERT_EQUAL(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa); /* RFC 3720, B.4 */
	CU_ASSERT_EQUAL(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void
built_is_accepted(void)
{
	size_t size;
	uint32_t n;
	struct image_header *h = fixture_image(&size);
	CU_ASSERT_EQUAL(image_check(h, size, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(h->generation, FIXTURE_GENERATION);
	const struct img_nic *nics = image_rows(h, IMG_NICS, &n);
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT_STRING_EQUAL(nics[2].name, "outside");
	CU_ASSERT_PTR_NULL(image_rows(h, IMG_NAT_RULES, &n));
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_TRUE(image_section_is(h, IMG_NICS, sizeof(struct img_nic)));
	CU_ASSERT_FALSE(image_section_is(h, IMG_NICS, 1));
	CU_ASSERT_TRUE(image_section_is(h, IMG_NAT_RULES, 1));
	free(h);
}

static void
builder_fails_whole(void)
{
	struct image_builder b;
	size_t size = 1;
	image_build_begin(&b, 1);
	for (uint32_t i = 0; i <= IMAGE_MAX_SECTIONS; i++)
		image_build_rows(&b, 100 + i, "x", 1, 1);
	CU_ASSERT_EQUAL(b.failed, 1);
	CU_ASSERT_PTR_NULL(image_build_end(&b, &size));
	image_build_begin(&b, 1);
	image_build_rows(&b, 100, "x", SIZE_MAX / 2, 3);
	CU_ASSERT_PTR_NULL(image_build_end(&b, &size));
	image_build_begin(&b, 1);
	image_build_rows(&b, 100, "x", IMAGE_MAX, 1);
	CU_ASSERT_PTR_NULL(image_build_end(&b, &size));
}

static const struct test_case cases[] = {
	{"checksum, known answers", checksum_known_answers},
	{"what is built is accepted", built_is_accepted},
	{"a builder fails whole", builder_fails_whole},
};
TEST_MAIN("image", cases)
