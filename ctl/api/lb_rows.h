/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       The balancer's part of the image in force, as the methods that show it want it.
 * Lifetime   Until the next call that may change the image.
 * Owner      One thread.
 */
#ifndef MR_API_LB_ROWS_H
#define MR_API_LB_ROWS_H

#include "internal.h"

struct lb_rows {
	const struct health *health;
	const struct stats_segment *stats; /* or NULL */
	const struct img_lb_service *service;
	const struct img_lb_backend *backend;
	const struct img_lb_local *local;
	uint32_t services, backends, locals;
	uint64_t now_ns;
};

/* lb_rows_get: => 0, or -1 and err. */
int lb_rows_get(struct api *api, struct lb_rows *v, struct rpc_error *err);
/* lb_rows_service: by name, or NULL and err. */
const struct img_lb_service *lb_rows_service(const struct lb_rows *v, const char *name,
                                             struct rpc_error *err);
/* lb_rows_backend: the one that params name (address, port?); NULL and err if none or several. */
const struct img_lb_backend *lb_rows_backend(const struct lb_rows *v,
                                             const struct img_lb_service *s,
                                             const json_t *params, struct rpc_error *err);
/* lb_rows_taker: of the services that a packet to this address and port matches, the one that has
 * it, as the data plane finds it (lb/service.h). => NULL: there is none. */
const struct img_lb_service *lb_rows_taker(const struct lb_rows *v, const struct tuple *t);
/* lb_rows_weights: of all backends of a service. lb_rows_share: of its new flows, in percent. */
uint64_t lb_rows_weights(const struct lb_rows *v, const struct img_lb_service *s);
double lb_rows_share(const struct img_lb_backend *b, uint64_t weights);
/* lb_rows_ports: of fullnat: local endpoints that a backend can be spoken to from, those in use,
 * and connections for which there was none. New reference; null in other modes. */
json_t *lb_rows_ports(const struct lb_rows *v, const struct img_lb_service *s,
                      const struct backend_sum *sum);
/* lb_rows_place: "192.0.2.1:80", "192.0.2.0/24", "[2001:db8::1]:1000-1999"; all ports: none. New
 * reference. */
json_t *lb_rows_place(const struct img_lb_service *s);

/* lb_rows_count: backends of a service that the image has. */
static inline uint32_t
lb_rows_count(const struct lb_rows *v, const struct img_lb_service *s)
{
	uint32_t left = s->first_backend < v->backends ? v->backends - s->first_backend : 0;
	return s->backends < left ? s->backends : left;
}

#endif
