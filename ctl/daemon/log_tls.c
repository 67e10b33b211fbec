/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as a client: whom to believe, who we are. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "log_conn.h"

const char *
tls_error(char *out, size_t size)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e != 0 ? ERR_reason_error_string(e) : NULL;
	snprintf(out, size, "%s", reason != NULL ? reason : "no reason given");
	ERR_clear_error();
	return out;
}

static const char *
text(const json_t *conf, const char *key)
{
	return json_string_value(json_object_get(conf, key));
}

/* load: certificates and key. => NULL, or the name of the option that cannot be used. */
static const char *
load(SSL_CTX *ctx, const json_t *conf)
{
	const char *ca = text(conf, "ca"), *cert = text(conf, "certificate");
	const char *key = text(conf, "key");
	if (ca != NULL ? SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1 :
	                 SSL_CTX_set_default_verify_paths(ctx) != 1)
		return "ca";
	if (cert != NULL && SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return "certificate";
	if (key != NULL && (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	                    SSL_CTX_check_private_key(ctx) != 1))
		return "key";
	return NULL;
}

SSL_CTX *
tls_context(const json_t *conf, char *err, size_t err_size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char reason[128];
	if (ctx == NULL) {
		snprintf(err, err_size, "TLS: %s", tls_error(reason, sizeof(reason)));
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	const char *bad = load(ctx, conf);
	if (bad == NULL)
		return ctx;
	snprintf(err, err_size, "%s %s: %s", bad, text(conf, bad) != NULL ? text(conf, bad) : "",
	         tls_error(reason, sizeof(reason)));
	SSL_CTX_free(ctx);
	return NULL;
}

SSL *
tls_session(SSL_CTX *ctx, const char *server_name, const char *host)
{
	SSL *ssl = SSL_new(ctx);
	if (ssl == NULL)
		return NULL;
	bool good = server_name != NULL ?
	            SSL_set1_host(ssl, server_name) == 1 &&
	            SSL_set_tlsext_host_name(ssl, server_name) == 1 :
	            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	if (good)
		return ssl;
	SSL_free(ssl);
	return NULL;
}
