/* SPDX-License-Identifier: Apache-2.0 */
/* What strings of each option type look like. */
#include "forms.h"

#include <stdio.h>
#include <string.h>

#include "addrtext.h"

#define OCTET "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define V4 OCTET "(\\." OCTET "){3}"
#define V6 "[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*"
#define PLEN4 "/(3[0-2]|[12]?[0-9])"
#define RANGE4 V4 "(" PLEN4 "| *- *" V4 ")?"
#define PLEN6 "/(12[0-8]|1[01][0-9]|[1-9]?[0-9])"

static const char *const patterns[] = {
	[CONFIG_NAME] = "^[A-Za-z0-9_.:-]+$",
	[CONFIG_DEVICE] = "^[!-~]+$",
	[CONFIG_ADDRESS] = "^(" V4 "|" V6 ")$",
	[CONFIG_INTERFACE] = "^(" V4 PLEN4 "|" V6 PLEN6 ")$",
	[CONFIG_PREFIX] = "^(" V4 "(" PLEN4 ")?|" V6 "(" PLEN6 ")?)$",
	[CONFIG_UNICAST] = "^(" V4 "(" PLEN4 ")?|" V6 "(" PLEN6 ")?)$",
	[CONFIG_PREFIX4] = "^" V4 "(" PLEN4 ")?$",
	[CONFIG_RANGE4] = "^" RANGE4 "$",
	[CONFIG_RANGE] = "^(" RANGE4 "|" V6 ")$",
	[CONFIG_PORTS] = "^[1-9][0-9]{0,4} *- *[1-9][0-9]{0,4}$",
	[CONFIG_PATH] = "^/[!-~]*$",
	[CONFIG_HOST] = "^(" V4 "|" V6 ")$",
	[CONFIG_MAC] = "^[0-9A-Fa-f]{2}((:[0-9A-Fa-f]{2}){5}|(-[0-9A-Fa-f]{2}){5})$",
	[CONFIG_TEXT] = "^[ -~]*$",
	[CONFIG_HEX] = "^([0-9A-Fa-f]{2})+$",
	[CONFIG_STATUS] = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$",
};

const char *
form_pattern(enum config_type type)
{
	return (size_t)type < sizeof(patterns) / sizeof(patterns[0]) ? patterns[type] : NULL;
}

static bool
form_word(const struct config_option *o, const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                              "0123456789_.:-";
	size_t n = strlen(s);
	if (o->type == CONFIG_WORD)
		return option_word(o, s) >= 0;
	if (n < (size_t)o->min || n > (size_t)o->max)
		return false;
	if (o->type == CONFIG_NAME)
		return strspn(s, letters) == n;
	if (o->type == CONFIG_PATH && *s != '/')
		return false;
	for (; *s != '\0'; s++)
		if (*s < (o->type == CONFIG_TEXT ? ' ' : '!') || *s > '~')
			return false;
	return true;
}

/* status_number: => where it ends, or NULL. */
static const char *
status_number(const char *s, int *number)
{
	if (s[0] < '1' || s[0] > '5' || strspn(s + 1, "0123456789") < 2)
		return NULL;
	*number = (s[0] - '0') * 100 + (s[1] - '0') * 10 + s[2] - '0';
	return s + 3;
}

bool
status_read(const char *s, int *first, int *last)
{
	s = status_number(s, first);
	*last = *first;
	if (s != NULL && *s == '-')
		s = status_number(s + 1, last);
	return s != NULL && *s == '\0';
}

static bool
form_hex(const struct config_option *o, const char *s)
{
	size_t n = strlen(s);
	return n % 2 == 0 && n / 2 >= (size_t)o->min && n / 2 <= (size_t)o->max &&
	       strspn(s, "0123456789abcdefABCDEF") == n;
}

static bool
form_status(const char *s, char *why, size_t size)
{
	int first, last;
	if (!status_read(s, &first, &last))
		return false;
	if (first > last)
		snprintf(why, size, "%s is reversed; expected %d-%d", s, last, first);
	return true;
}

static bool
form_address(const char *s, char *why, size_t size)
{
	union addr a;
	uint8_t family;
	if (!addr_parse(s, &a, &family))
		return false;
	if (!addr_is_unicast(&a, family))
		snprintf(why, size, "%.48s is no address that a host can have; expected unicast",
		         s);
	return true;
}

/* form_host: an interface's address may not be its network's or its broadcast address. */
static bool
form_host(const char *s, char *why, size_t size)
{
	struct prefix p;
	if (!prefix_parse(s, &p))
		return false;
	struct prefix net = prefix_network(&p);
	union addr last = prefix_last(&p);
	if (!addr_is_unicast(&p.address, p.family))
		snprintf(why, size, "%.50s is no address that a host can have; expected unicast",
		         s);
	else if (p.plen == 0)
		snprintf(why, size, "%.50s has length 0; expected the length of the network", s);
	else if (p.plen + 1u >= addr_bits(p.family))
		return true;
	else if (addr_equal(&net.address, &p.address))
		snprintf(why, size, "%.50s is the network itself; expected an address in it", s);
	else if (p.family == FAMILY_V4 && addr_equal(&last, &p.address))
		snprintf(why, size, "%.50s is the broadcast address; expected a host's", s);
	return true;
}

static bool
form_prefix(const struct config_option *o, const char *s, char *why, size_t size)
{
	struct prefix p;
	char text[ADDR_TEXT];
	bool any_family = o->type == CONFIG_PREFIX || o->type == CONFIG_UNICAST;
	if (!network_parse(s, &p) || (!any_family && p.family != FAMILY_V4))
		return false;
	struct prefix net = prefix_network(&p);
	if (!prefix_equal(&p, &net))
		snprintf(why, size, "%.50s has bits set beyond its length; expected %s", s,
		         prefix_put(text, &net));
	return true;
}

static bool
form_unicast(const struct config_option *o, const char *s, char *why, size_t size)
{
	struct prefix p;
	if (!form_prefix(o, s, why, size) || why[0] != '\0')
		return why[0] != '\0';
	network_parse(s, &p);
	union addr last = prefix_last(&p);
	if (!addr_is_unicast(&p.address, p.family) || !addr_is_unicast(&last, p.family))
		snprintf(why, size, "%.48s is no address that a host can have; expected unicast",
		         s);
	return true;
}

static bool
form_range(const struct config_option *o, const char *s, char *why, size_t size)
{
	uint32_t first, last;
	if (o->type == CONFIG_RANGE && strchr(s, ':') != NULL)
		return form_address(s, why, size);
	if (!range4_read(s, &first, &last))
		return false;
	if (strchr(s, '/') != NULL && (!form_prefix(o, s, why, size) || why[0] != '\0'))
		return true;
	union addr a = v4_from_host(first), b = v4_from_host(last);
	char low[ADDR_TEXT], high[ADDR_TEXT];
	if (first > last) {
		snprintf(why, size, "%.50s is reversed; expected %s-%s", s,
		         addr_put(low, &b, FAMILY_V4), addr_put(high, &a, FAMILY_V4));
		return true;
	}
	if (!addr_is_unicast(&a, FAMILY_V4) || !addr_is_unicast(&b, FAMILY_V4) ||
	    (first >> 24 < 127 && last >> 24 >= 127))
		snprintf(why, size, "%.50s holds addresses that no host can have; expected unicast",
		         s);
	return true;
}

static bool
form_ports(const char *s, char *why, size_t size)
{
	uint16_t first, last;
	if (!ports_read(s, &first, &last))
		return false;
	if (first > last)
		snprintf(why, size, "%.50s is reversed; expected %u-%u", s, last, first);
	return true;
}

static bool
form_mac(const char *s, char *why, size_t size)
{
	static const uint8_t zero[6];
	uint8_t mac[6];
	if (!mac_parse(s, mac))
		return false;
	if ((mac[0] & 1) != 0 || memcmp(mac, zero, 6) == 0)
		snprintf(why, size, "%s is no station's address; expected a unicast MAC address",
		         s);
	return true;
}

bool
form_check(const struct config_option *o, const char *s, char *why, size_t size)
{
	union addr any;
	uint8_t family;
	why[0] = '\0';
	switch (o->type) {
	case CONFIG_ADDRESS:
		return form_address(s, why, size);
	case CONFIG_INTERFACE:
		return form_host(s, why, size);
	case CONFIG_PREFIX:
	case CONFIG_PREFIX4:
		return form_prefix(o, s, why, size);
	case CONFIG_UNICAST:
		return form_unicast(o, s, why, size);
	case CONFIG_RANGE4:
	case CONFIG_RANGE:
		return form_range(o, s, why, size);
	case CONFIG_PORTS:
		return form_ports(s, why, size);
	case CONFIG_MAC:
		return form_mac(s, why, size);
	case CONFIG_HOST:
		return addr_parse(s, &any, &family);
	case CONFIG_HEX:
		return form_hex(o, s);
	case CONFIG_STATUS:
		return form_status(s, why, size);
	default:
		return form_word(o, s);
	}
}
