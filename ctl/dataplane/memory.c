/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: what an image takes, what the machine has, and more of it for the flow tables. */
#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb/lb.h"
#include "nat/nat.h"

static const double GB = 1 << 30;

uint64_t
memory_huge_free(void)
{
	static const char folder[] = "/sys/kernel/mm/hugepages";
	uint64_t sum = 0;
	DIR *d = opendir(folder);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		char path[512];
		unsigned long kb, pages = 0;
		if (sscanf(e->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", folder, e->d_name);
		FILE *f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &pages) == 1)
			sum += (uint64_t)pages * kb * 1024;
		fclose(f);
	}
	if (d != NULL)
		closedir(d);
	return sum;
}

/* What /proc/meminfo says is available, or as much as there can be. */
static uint64_t
ordinary_free(void)
{
	char line[128];
	unsigned long kb;
	uint64_t found = UINT64_MAX / 2;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "MemAvailable: %lu kB", &kb) == 1)
			found = (uint64_t)kb * 1024;
	if (f != NULL)
		fclose(f);
	return found;
}

static uint64_t
number_in(const char *folder, const char *name)
{
	char path[600];
	unsigned long long v = 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", folder, name);
	FILE *f = fopen(path, "re");
	bool found = f != NULL && fscanf(f, "%llu", &v) == 1;
	if (f != NULL)
		fclose(f);
	return found ? v : UINT64_MAX;
}

/* Pages of files that were not used lately: they count as used, but go when memory is wanted. */
static uint64_t
group_cache(const char *folder)
{
	char path[600], line[128];
	unsigned long long v = 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.stat", folder);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL &&
	       sscanf(line, "inactive_file %llu", &v) != 1)
		;
	if (f != NULL)
		fclose(f);
	return v;
}

/* What our own control group (v2) leaves, or as much as there can be: no group, or no bound. */
static uint64_t
group_free(void)
{
	char line[512] = "";
	FILE *f = fopen("/proc/self/cgroup", "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL && strncmp(line, "0::", 3) != 0)
		line[0] = 0;
	if (f != NULL)
		fclose(f);
	if (line[0] == 0)
		return UINT64_MAX;
	line[strcspn(line, "\n")] = 0;
	uint64_t most = number_in(line + 3, "memory.max");
	uint64_t now = number_in(line + 3, "memory.current");
	if (most == UINT64_MAX || now == UINT64_MAX)
		return UINT64_MAX;
	uint64_t cache = group_cache(line + 3);
	now -= cache < now ? cache : now;
	return most > now ? most - now : 0;
}

uint64_t
memory_ordinary_free(void)
{
	uint64_t ordinary = ordinary_free(), group = group_free();
	return ordinary < group ? ordinary : group;
}

uint64_t
memory_free(bool huge)
{
	return memory_ordinary_free() + (huge ? memory_huge_free() : 0);
}

/* The index is divided between the families as their flows are. */
static void
need_flows(struct memory_need *need, const struct img_plane *plane)
{
	uint64_t v4 = plane->flows_v4, v6 = plane->flows_v6;
	uint64_t slabs = v4 * sizeof(struct flow4) + v6 * sizeof(struct flow6);
	uint64_t all = worker_flows_memsize(plane), rest = all > slabs ? all - slabs : 0;
	uint64_t rest4 = (uint64_t)((double)rest * (double)v4 / (double)(v4 + v6));
	need->part[MEMORY_FLOWS_V4] = v4 * sizeof(struct flow4) + rest4;
	need->part[MEMORY_FLOWS_V6] = v6 * sizeof(struct flow6) + rest - rest4;
	need->part[MEMORY_OTHER] = worker_memsize(plane) - all;
}

struct memory_need
memory_need(const struct image_header *image, uint64_t buffers)
{
	uint32_t n;
	struct memory_need need = {.part[MEMORY_BUFFERS] = buffers};
	const struct img_plane *plane = image_rows(image, IMG_PLANE, &n);
	const struct policy_env env = {.n_workers = plane->workers, .plane = plane, .node = -1};
	need_flows(&need, plane);
	need.part[MEMORY_NAT] = plane->workers * (uint64_t)nat_memsize(&env);
	need.part[MEMORY_LB] = plane->workers * (uint64_t)lb_memsize(&env);
	for (unsigned i = 0; i < MEMORY_PARTS; i++)
		need.sum += need.part[i];
	return need;
}

/* The setting that a part follows from, and what it counts. => its value. */
static uint32_t
setting_of(enum memory_part part, const struct img_plane *plane, const char **path,
           const char **what)
{
	static const char *const paths[MEMORY_PARTS] = {
		"workers.flows.ipv4", "workers.flows.ipv6", "nat.capacity.mappings",
		"lb.capacity.endpoints", "workers.buffers", "workers.count",
	};
	static const char *const whats[MEMORY_PARTS] = {
		"flows", "flows", "mappings", "local endpoints", "packet buffers", "workers",
	};
	const uint32_t value[MEMORY_PARTS] = {
		plane->flows_v4, plane->flows_v6, plane->mappings, plane->endpoints,
		plane->buffers, plane->workers,
	};
	*path = paths[part];
	*what = whats[part];
	if (part != MEMORY_LB || plane->persistence <= plane->endpoints)
		return value[part];
	*path = "lb.capacity.persistence";
	*what = "clients of persistent services";
	return plane->persistence;
}

int
memory_check(const struct memory_need *need, const struct img_plane *plane, uint64_t available,
             char *err, size_t err_size)
{
	unsigned most = 0;
	const char *path, *what;
	if (need->sum <= available)
		return 0;
	for (unsigned i = 1; i < MEMORY_PARTS; i++)
		if (need->part[i] > need->part[most])
			most = i;
	uint32_t value = setting_of(most, plane, &path, &what);
	snprintf(err, err_size, "%s: %u %s need %.1f GB, all tables and buffers %.1f GB; %.1f GB "
	         "are free", path, value, what, (double)need->part[most] / GB,
	         (double)need->sum / GB,
	         (double)available / GB);
	return -ENOMEM;
}

void
memory_say(const struct memory_need *need, uint64_t available, char *line, size_t size)
{
	double part[MEMORY_PARTS];
	for (unsigned i = 0; i < MEMORY_PARTS; i++)
		part[i] = (double)need->part[i] / (1 << 20);
	snprintf(line, size, "will take %.0f MB: IPv4 flows %.0f, IPv6 flows %.0f, "
	         "NAT %.0f, balancer %.0f, packet buffers %.0f, other %.0f; %.0f MB are free",
	         (double)need->sum / (1 << 20), part[MEMORY_FLOWS_V4], part[MEMORY_FLOWS_V6],
	         part[MEMORY_NAT], part[MEMORY_LB], part[MEMORY_BUFFERS], part[MEMORY_OTHER],
	         (double)available / (1 << 20));
}

uint32_t
plane_grow_settle(struct plane *p)
{
	uint32_t growing = 0;
	for (unsigned i = 0; i < p->n_workers; i++)
		growing += !flow_room_settle(&p->worker[i]->room);
	return growing;
}

static int
no_room(const struct img_plane *now, const struct img_plane *next, uint64_t more,
        uint64_t available, char *err, size_t err_size)
{
	bool v6 = next->flows_v4 == now->flows_v4;
	snprintf(err, err_size, "workers.flows.%s: %u flows need %.0f MB more than %u do; %.0f MB "
	         "are free", v6 ? "ipv6" : "ipv4", v6 ? next->flows_v6 : next->flows_v4,
	         (double)more / (1 << 20), v6 ? now->flows_v6 : now->flows_v4,
	         (double)available / (1 << 20));
	return -ENOMEM;
}

/* Memory of the first n workers back. */
static void
cancel(struct plane *p, unsigned n)
{
	while (n-- > 0)
		flow_room_cancel(&p->worker[n]->room);
}

int
plane_grow_prepare(struct plane *p, const struct img_plane *next, char *err, size_t err_size)
{
	const struct img_plane *now = p->gen->plane;
	if (next->flows_v4 == now->flows_v4 && next->flows_v6 == now->flows_v6)
		return 0;
	if (plane_grow_settle(p) != 0) {
		snprintf(err, err_size, "workers.flows: the tables still grow from the change "
		         "before; try again");
		return -EAGAIN;
	}
	uint64_t more = 0;
	uint64_t available = p->memory_limit != 0 ? p->memory_limit : memory_free(mem_huge_used());
	for (unsigned i = 0; i < p->n_workers; i++)
		more += worker_grow_memsize(p->worker[i], next);
	if (more > available)
		return no_room(now, next, more, available, err, err_size);
	for (unsigned i = 0; i < p->n_workers; i++) {
		if (worker_grow_prepare(p->worker[i], next) == 0)
			continue;
		cancel(p, i);
		return no_room(now, next, more, available, err, err_size);
	}
	return p->n_workers;
}

void
plane_grow_offer(struct plane *p)
{
	for (unsigned i = 0; i < p->n_workers; i++)
		flow_room_offer(&p->worker[i]->room);
}

void
plane_grow_cancel(struct plane *p)
{
	cancel(p, p->n_workers);
}
