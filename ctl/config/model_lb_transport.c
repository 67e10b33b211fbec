/* SPDX-License-Identifier: Apache-2.0 */
/* What a service does with TCP and QUIC beyond translation: telling of clients, SYN proxy, IDs. */
#include <stdio.h>

#include "model.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17, SHIFTS_USUAL = 65536, MSS6_LESS = 20 };

static unsigned
word_number(const char *const *words, const char *word)
{
	unsigned i = 0;
	while (strcmp(words[i], word) != 0)
		i++;
	return i;
}

static void
tell_read(struct model *m, struct img_lb_service *s, const json_t *json, size_t at)
{
	static const char *const words[] = {
		[TELL_NONE] = "none", [TELL_TOA] = "toa", [TELL_PROXY1] = "proxy-v1",
		[TELL_PROXY2] = "proxy-v2",
	};
	const char *word = get_text(json, "client_address");
	struct config_path path;
	s->tell = (uint8_t)word_number(words, word);
	s->toa_kind = (uint8_t)get_int(json, "toa_option");
	path_make(&path, "lb.services[%zu].client_address", at);
	if (s->tell == TELL_NONE)
		return;
	if (s->mode != LB_MODE_FULLNAT)
		config_error_add(m->errs, path.text, "\"%s\" is for mode fullnat; expected that, "
		                 "or \"none\"", word);
	if (s->proto != PROTO_TCP && s->tell != TELL_PROXY2)
		config_error_add(m->errs, path.text, "\"%s\" is for protocol tcp alone, it has no "
		                 "form for datagrams; expected \"proxy-v2\", or \"none\"", word);
}

static void
syn_proxy_read(struct model *m, struct img_lb_service *s, const json_t *json, size_t at)
{
	static const char *const words[] = {[LB_SYN_OFF] = "off", [LB_SYN_AUTO] = "auto",
	                                    [LB_SYN_ALWAYS] = "always"};
	const json_t *o = json_object_get(json, "syn_proxy");
	struct config_path path;
	int64_t scale = get_int(o, "window_scale");
	s->syn_mode = (uint8_t)word_number(words, get_text(o, "mode"));
	s->syn_rate = (uint32_t)get_int(o, "rate");
	s->syn_mss = (uint16_t)(get_int(o, "mss") - (s->family == FAMILY_V6 ? MSS6_LESS : 0));
	s->syn_scale = scale < 0 ? LB_SYN_NO_SCALE : (uint8_t)scale;
	if (json_is_true(json_object_get(o, "sack")))
		s->syn_flags |= LB_SYN_SACK;
	if (json_is_true(json_object_get(o, "timestamps")))
		s->syn_flags |= LB_SYN_TIME;
	path_make(&path, "lb.services[%zu].syn_proxy.mode", at);
	if (s->syn_mode != LB_SYN_OFF && s->proto != PROTO_TCP)
		config_error_add(m->errs, path.text, "\"%s\" is for protocol tcp; expected \"off\"",
		                 words[s->syn_mode]);
	/* Who answers clients without us cannot be given our numbers. */
	if (s->syn_mode != LB_SYN_OFF && s->mode != LB_MODE_NAT && s->mode != LB_MODE_FULLNAT)
		config_error_add(m->errs, path.text, "\"%s\" is for modes nat and fullnat; "
		                 "expected one of these, or \"off\"", words[s->syn_mode]);
}

/* hex_read: digits in pairs. => octets. */
static uint8_t
hex_read(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;
	unsigned v;
	for (; n < size && sscanf(hex + 2 * n, "%2x", &v) == 1; n++)
		out[n] = (uint8_t)v;
	return (uint8_t)n;
}

static void
quic_config_read(struct model *m, struct img_lb_quic *q, const json_t *o,
                 const struct config_path *path)
{
	const char *key = get_text(o, "key");
	q->id = (uint8_t)get_int(o, "id");
	q->server_id = (uint8_t)get_int(o, "server_id_length");
	q->nonce = (uint8_t)get_int(o, "nonce_length");
	q->has_key = key != NULL;
	if (key != NULL)
		hex_read(key, q->key, sizeof(q->key));
	if (q->server_id + q->nonce > QUIC_MAX_PLAIN)
		config_error_add(m->errs, path->text, "server ID and nonce have %d octets "
		                 "together; expected %d at most", q->server_id + q->nonce,
		                 QUIC_MAX_PLAIN);
}

static void
quic_read(struct model *m, struct img_lb_service *s, const json_t *json, size_t at)
{
	const json_t *configs = json_object_get(json_object_get(json, "quic"), "configs");
	size_t n = json_array_size(configs);
	unsigned seen = 0;
	struct config_path path;
	path_make(&path, "lb.services[%zu].quic", at);
	if (n != 0 && s->proto != PROTO_UDP)
		config_error_add(m->errs, path.text, "is for protocol udp; expected none of it");
	s->first_quic = (uint16_t)m->quics.n;
	s->quics = (uint8_t)n;
	if (m->quics.n + n > LB_MAX_QUIC) {
		config_error_add(m->errs, path.text, "makes more than %d configurations together; "
		                 "expected fewer", LB_MAX_QUIC);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct img_lb_quic *q = rows_add(m, &m->quics);
		if (q == NULL)
			return;
		path_make(&path, "lb.services[%zu].quic.configs[%zu]", at, i);
		quic_config_read(m, q, json_array_get(configs, i), &path);
		if ((seen >> q->id & 1) != 0)
			config_error_add(m->errs, path.text, "id %u is there already; expected "
			                 "each once", q->id);
		seen |= 1u << q->id;
	}
}

void
model_transport(struct model *m, struct img_lb_service *s, const json_t *json, size_t at)
{
	tell_read(m, s, json, at);
	syn_proxy_read(m, s, json, at);
	quic_read(m, s, json, at);
}

static bool
has_length(const struct model *m, const struct img_lb_service *s, unsigned size)
{
	for (unsigned i = 0; i < s->quics; i++)
		if (((struct img_lb_quic *)rows_at(&m->quics, s->first_quic + i))->server_id ==
		    size)
			return true;
	return false;
}

void
model_server_id(struct model *m, const struct img_lb_service *s, struct img_lb_backend *b,
                const json_t *json, const char *path)
{
	const char *hex = get_text(json, "server_id");
	if (hex == NULL)
		return;
	b->server_id_size = hex_read(hex, b->server_id, sizeof(b->server_id));
	if (!has_length(m, s, b->server_id_size))
		config_error_add(m->errs, path, "has %u octets, and no quic configuration of the "
		                 "service has a server_id_length of that; expected one that has",
		                 b->server_id_size);
	for (const struct img_lb_backend *o = rows_at(&m->backends, s->first_backend); o < b; o++)
		if (o->server_id_size == b->server_id_size &&
		    memcmp(o->server_id, b->server_id, b->server_id_size) == 0)
			config_error_add(m->errs, path, "%s is that of another backend of the "
			                 "service; expected each once", hex);
}

void
model_shifts(struct model *m)
{
	uint32_t n;
	bool wanted = false;
	struct img_plane *p = &m->plane;
	const struct img_plane *old = m->previous == NULL ? NULL
		: image_rows(m->previous, IMG_PLANE, &n);
	const json_t *capacity = model_get(m, "lb", "capacity");
	uint32_t flows = p->flows_v4 + p->flows_v6;
	for (size_t i = 0; i < m->services.n; i++) {
		const struct img_lb_service *s = rows_at(&m->services, i);
		wanted |= (s->tell != TELL_NONE && s->proto != PROTO_UDP) ||
		          s->syn_mode != LB_SYN_OFF;
	}
	if (json_object_get(capacity, "shifts") != NULL)
		p->shifts = (uint32_t)get_int(capacity, "shifts");
	else if (old != NULL && old->shifts != 0)
		p->shifts = old->shifts;
	else if (wanted)
		p->shifts = flows < SHIFTS_USUAL ? flows : SHIFTS_USUAL;
	if (wanted && p->shifts == 0)
		config_error_add(m->errs, "lb.capacity.shifts", "is 0, but a service tells "
		                 "backends of clients, or has a SYN proxy; expected 1 at least");
}
