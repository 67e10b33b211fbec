/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine has, and what EAL is told of it. */
#include "machine.h"

#include "lib/nic_ethdev.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "memory.h"

enum {
	BUFFER_OVERHEAD = 512,  /* of a packet buffer: its head, DPDK's own, headroom */
	BUFFER_DATA = 2048, DEVICE_MB = 16, OTHER_MB = 64, MB = 1 << 20,
	SMALL_MB = 16,          /* of tables: in whatever pages they are */
	PAGE_2M = 2 << 20, SPARE = 32,
	PAGE = 4096,            /* on ordinary ones DPDK lets no small buffer lie across two */
};

int
machine_check(const struct img_plane *plane, char *err, size_t err_size)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return 0; /* EAL will say */
	for (int i = -1; i < plane->workers; i++) {
		unsigned cpu = i < 0 ? plane->main_core : plane->core[i];
		if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &cpus))
			continue;
		snprintf(err, err_size,
		         "%s: CPU %u is not one that millrace may use here (it may use %d)",
		         i < 0 ? "workers.main_core" : "workers.cores", cpu, CPU_COUNT(&cpus));
		return -EINVAL;
	}
	return 0;
}

uint32_t
machine_buffers(const struct image_header *image)
{
	uint32_t n, devs;
	const struct img_plane *plane = image_rows(image, IMG_PLANE, &n);
	image_rows(image, IMG_DEVS, &devs);
	return devs != 0 ? plane->buffers / devs : 0;
}

uint16_t
machine_mtu(const struct image_header *image, unsigned dev)
{
	uint32_t n;
	const struct img_nic *nics = image_rows(image, IMG_NICS, &n);
	uint16_t most = 0;
	for (uint32_t i = 1; i < n; i++)
		if (nics[i].name[0] != 0 && nics[i].dev == dev && nics[i].mtu > most)
			most = nics[i].mtu;
	return most;
}

uint64_t
machine_memory(const struct image_header *image)
{
	uint32_t devs;
	uint64_t sum = (uint64_t)OTHER_MB * MB;
	const struct img_dev *dev = image_rows(image, IMG_DEVS, &devs);
	for (uint32_t i = 0; i < devs; i++) {
		uint32_t frame = nic_ethdev_frame(dev[i].device, machine_mtu(image, i));
		uint64_t data = frame > BUFFER_DATA ? frame : BUFFER_DATA;
		uint64_t each = (data + BUFFER_OVERHEAD + PAGE - 1) / PAGE * PAGE;
		sum += machine_buffers(image) * each + (uint64_t)DEVICE_MB * MB;
	}
	return sum;
}

__attribute__((format(printf, 2, 3))) static bool
arg_add(struct eal_args *a, const char *format, ...)
{
	size_t room = sizeof(a->text) - a->used;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(a->text + a->used, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room || a->argc == MACHINE_ARGS)
		return false;
	a->argv[a->argc++] = a->text + a->used;
	a->argv[a->argc] = NULL;
	a->used += (size_t)n + 1;
	return true;
}

/* "0@2,1@3,2@4": lcore at CPU. */
static bool
add_cores(struct eal_args *a, const struct img_plane *plane)
{
	char list[2048];
	size_t used = (size_t)snprintf(list, sizeof(list), "0@%u", plane->main_core);
	for (unsigned i = 0; i < plane->workers; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, ",%u@%u", i + 1,
		                         plane->core[i]);
	return arg_add(a, "--lcores=%s", list) && arg_add(a, "--main-lcore=0");
}

static bool
is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	return sscanf(device, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4 ||
	       sscanf(device, "%x:%x.%x", &bus, &slot, &function) == 3;
}

/* Only our devices are touched: others may be another instance's. */
static bool
add_devices(struct eal_args *a, const struct image_header *image)
{
	uint32_t n;
	const struct img_dev *devs = image_rows(image, IMG_DEVS, &n);
	bool any = false, ok = true;
	for (uint32_t i = 0; i < n && ok; i++) {
		if (!is_pci(devs[i].device))
			continue;
		any = true;
		ok = arg_add(a, "--allow=%s", devs[i].device);
	}
	return ok && (any || arg_add(a, "--no-pci"));
}

/* Ordinary pages. Several instances share nothing but the machine, so each has a prefix. */
static bool
add_ordinary(struct eal_args *a, uint64_t need)
{
	return arg_add(a, "--no-huge") && arg_add(a, "-m") &&
	       arg_add(a, "%llu", (unsigned long long)(need / MB)) && arg_add(a, "--no-shconf") &&
	       arg_add(a, "--file-prefix=millrace_%d", getpid());
}

bool
machine_huge(const struct options *o, const struct img_plane *plane)
{
	return !o->no_huge && plane->huge_pages != 0;
}

bool
machine_pages(const struct mem_usage *tables, size_t made_huge, uint64_t buffers,
              bool is_allowed, char *line, size_t size)
{
	size_t all = tables->huge_1g + tables->huge_2m + tables->ordinary;
	size_t huge = made_huge < tables->ordinary ? made_huge : tables->ordinary;
	bool is_costly = tables->ordinary - huge >= (size_t)SMALL_MB * MB;
	if (tables->ordinary < (size_t)SMALL_MB * MB)
		return false;
	int n = snprintf(line, size, "%zu of %zu MB of tables are in ordinary pages, of which the "
	                 "kernel has made %zu MB huge: %s", tables->ordinary / MB, all / MB,
	                 huge / MB, !is_costly ? "they cost what huge pages cost" :
	                 "in the others a packet of a known flow costs half as much again, up to "
	                 "twice as much");
	if (is_allowed && is_costly && n > 0 && (size_t)n < size)
		snprintf(line + n, size - (size_t)n, "; huge pages for all of it: sysctl "
		         "vm.nr_hugepages=%llu, before the start",
		         (unsigned long long)((all + buffers) / PAGE_2M + SPARE));
	return true;
}

bool
machine_eal_args(struct eal_args *a, const struct options *o, const struct image_header *image)
{
	uint32_t n;
	const struct img_plane *plane = image_rows(image, IMG_PLANE, &n);
	uint64_t need = machine_memory(image);
	*a = (struct eal_args){.buffers = need};
	a->no_huge = !machine_huge(o, plane) || memory_huge_free() < need;
	bool ok = arg_add(a, "millrace") && add_cores(a, plane) && add_devices(a, image) &&
	          arg_add(a, "--no-telemetry") && arg_add(a, "--log-level=warning");
	ok = ok && (a->no_huge ? add_ordinary(a, need) : arg_add(a, "--in-memory"));
	for (unsigned i = 0; ok && i < o->n_eal; i++)
		ok = arg_add(a, "%s", o->eal[i]);
	return ok;
}
