/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of the document, made from the option table. */
#include <string.h>

#include "config.h"
#include "forms.h"
#include "option.h"

static json_t *schema_value(const struct config_option *o);

static json_t *
schema_object(const struct config_option *o)
{
	json_t *properties = json_object(), *required = json_array();
	for (const struct config_option *c = NULL; (c = option_child_next(o, c)) != NULL;) {
		json_object_set_new(properties, option_key(c), schema_value(c));
		if (c->flags & CONFIG_REQUIRED)
			json_array_append_new(required, json_string(option_key(c)));
	}
	json_object_set_new(properties, "comment",
	                    json_pack("{s:s}", "description", "ignored"));
	if (option_ignored(o, "$schema"))
		json_object_set_new(properties, "$schema",
		                    json_pack("{s:s}", "description", "of editors; ignored"));
	json_t *s = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
	                      "additionalProperties", 0);
	if (json_array_size(required) != 0)
		json_object_set(s, "required", required);
	json_decref(required);
	return s;
}

static json_t *
schema_words(const struct config_option *o)
{
	json_t *words = json_array();
	char word[64];
	for (unsigned i = 0; option_words_at(o, i, word, sizeof(word)); i++)
		json_array_append_new(words, json_string(word));
	return json_pack("{s:o}", "enum", words);
}

static json_t *
schema_powers(const struct config_option *o)
{
	json_t *powers = json_array();
	for (int64_t v = 1; v <= o->max; v *= 2)
		if (v >= o->min)
			json_array_append_new(powers, json_integer(v));
	return json_pack("{s:o}", "enum", powers);
}

static json_t *
schema_text(const struct config_option *o)
{
	json_t *s = json_pack("{s:s, s:s}", "type", "string", "pattern", form_pattern(o->type));
	if (o->type == CONFIG_HEX) {
		json_object_set_new(s, "minLength", json_integer(2 * o->min));
		json_object_set_new(s, "maxLength", json_integer(2 * o->max));
	}
	if (o->type != CONFIG_NAME && o->type != CONFIG_DEVICE && o->type != CONFIG_TEXT &&
	    o->type != CONFIG_PATH)
		return s;
	json_object_set_new(s, "minLength", json_integer(o->min));
	json_object_set_new(s, "maxLength", json_integer(o->max));
	return s;
}

static json_t *
schema_form(const struct config_option *o)
{
	switch (o->type) {
	case CONFIG_OBJECT:
		return schema_object(o);
	case CONFIG_ARRAY:
		return json_pack("{s:s, s:I, s:I, s:o}", "type", "array",
		                 "minItems", (json_int_t)o->min, "maxItems", (json_int_t)o->max,
		                 "items", schema_value(option_item(o)));
	case CONFIG_INT:
		return json_pack("{s:s, s:I, s:I}", "type", "integer",
		                 "minimum", (json_int_t)o->min, "maximum", (json_int_t)o->max);
	case CONFIG_POWER2:
		return schema_powers(o);
	case CONFIG_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case CONFIG_WORD:
		return schema_words(o);
	default:
		return schema_text(o);
	}
}

static json_t *
schema_value(const struct config_option *o)
{
	json_t *s = schema_form(o), *fallback = option_default(o);
	json_object_set_new(s, "description", json_string(o->help));
	if (fallback != NULL)
		json_object_set_new(s, "default", fallback);
	return s;
}

json_t *
config_schema(void)
{
	json_t *s = json_pack("{s:s, s:s}", "$schema",
	                      "https://json-schema.org/draft/2020-12/schema",
	                      "title", "Configuration of Millrace");
	json_t *body = schema_value(option_root());
	json_object_update(s, body);
	json_decref(body);
	return s;
}
