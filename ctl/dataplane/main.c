/* SPDX-License-Identifier: Apache-2.0 */
/*
 * millrace: the data plane as a process. It listens, waits for its first configuration, starts EAL
 * and the devices that are in it, and then turns: workers on their lcores, all else here on the
 * main one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "clock.h"
#include "devices.h"
#include "lib/mem.h"
#include "link_server.h"
#include "machine.h"
#include "memory.h"
#include "nat/rules.h"
#include "plane_image.h"
#include "pulse.h"
#include "turn.h"

enum { END_MS = 3000 /* that a worker may take to end its turn */ };
enum { IDLE_POLLS = 64, SLEEP_FIRST_NS = 4000, NS_PER_US = 1000, EXIT_RESTART = 1 };
#define WAIT_IDLE_NS 1000000   /* of the main lcore that has nothing to do */
#define WAIT_FIRST_NS 100000000 /* of a process without a configuration */
#define SECOND_NS 1000000000

struct process {
	struct options options;
	struct plane plane;
	struct devices *devices;
	struct link_server *link;
	struct clock_line clock;
	struct pulse pulse;
	bool runs;   /* plane is open, workers turn */
	bool spent;  /* EAL was started in vain: only a new process can try again */
	uint64_t due_ns; /* of the work of each second */
};

static struct process self;
static volatile sig_atomic_t stop;
static _Atomic int workers_stop;

static void
on_signal(int number)
{
	stop = number;
}

static uint64_t
system_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static uint64_t
real_ns(void)
{
	return system_ns(CLOCK_REALTIME);
}

static uint64_t
now_ns(void)
{
	return self.runs ? clock_at(&self.clock, rte_rdtsc()) : real_ns();
}

static void
pause_ns(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS)};
	nanosleep(&t, NULL);
}

/* A worker's life. With nothing to do it sleeps, first shortly, then up to the configured time. */
static int
worker_main(void *arg)
{
	struct worker *w = arg;
	uint64_t last = 0, sleep_ns = SLEEP_FIRST_NS;
	struct turn_watch turn = {.switches = turn_switches()};
	unsigned idle = 0;
	prctl(PR_SET_TIMERSLACK, 1ul);
	while (atomic_load_explicit(&workers_stop, memory_order_relaxed) == 0) {
		uint64_t now = clock_at(&self.clock, rte_rdtsc());
		last = now > last ? now : last;
		turn_begins(&turn, w->stats, last);
		if (worker_poll(w, last) != 0) {
			idle = 0;
			sleep_ns = SLEEP_FIRST_NS;
			continue;
		}
		uint64_t most = w->gen != NULL ? (uint64_t)w->gen->plane->idle_us * NS_PER_US : 0;
		if (++idle < IDLE_POLLS || most == 0)
			continue;
		turn_sleeps(&turn);
		pause_ns(sleep_ns < most ? sleep_ns : most);
		sleep_ns = sleep_ns < most ? sleep_ns * 2 : most;
	}
	return 0;
}

/* Refuses with a sentence. => status. */
__attribute__((format(printf, 4, 5))) static int
refuse(char *err, size_t err_size, int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(err, err_size, format, args);
	va_end(args);
	return status;
}

static int
eal_start(struct eal_args *a, const struct image_header *image, char *err, size_t err_size)
{
	uint32_t n;
	if (!machine_eal_args(a, &self.options, image))
		return refuse(err, err_size, -E2BIG, "too many arguments for EAL");
	char *argv[MACHINE_ARGS + 1];
	memcpy(argv, a->argv, sizeof(argv)); /* EAL may reorder them */
	self.spent = true;
	if (rte_eal_init(a->argc, argv) < 0)
		return refuse(err, err_size, -EIO,
		              "DPDK's EAL does not start: %s (the log of millrace says more)",
		              rte_strerror(rte_errno));
	if (machine_huge(&self.options, image_rows(image, IMG_PLANE, &n)))
		mem_use_huge(1);
	else
		mem_use_ordinary();
	mem_ask(memory_ordinary_free);
	return 0;
}

static void
say_steering(const struct cmd_steering *s)
{
	fprintf(stderr, "millrace:   offers %s\n", s->offers);
	fprintf(stderr, "millrace:   steering: %s%s%s; cost: %s\n", s->choice,
	        s->reason[0] != 0 ? "; " : "", s->reason, s->cost);
}

static void
say_devices(void)
{
	for (unsigned i = 0; i < self.plane.n_devs; i++) {
		const struct dev *d = &self.plane.devs[i];
		fprintf(stderr, "millrace: device %s: %02x:%02x:%02x:%02x:%02x:%02x, "
		        "%u receive and %u transmit queues, link %s\n", d->name, d->mac[0],
		        d->mac[1], d->mac[2], d->mac[3], d->mac[4], d->mac[5], d->rx_queues,
		        d->tx_queues, d->link_up ? "up" : "down");
		say_steering(&self.plane.steering[i]);
	}
}

static void
say_nat(const struct nat_rules *r)
{
	if (r->n_pools != 0 && r->conf.start_waits != 0 && r->conf.quarantine_ms != 0)
		fprintf(stderr, "millrace: nobody gets a dynamic port in the next %u s: "
		        "nat.quarantine_at_start is set\n", r->conf.quarantine_ms / 1000);
}

static void
say_start(const struct eal_args *a, size_t made_huge)
{
	char line[512];
	const struct img_plane *p = self.plane.gen->plane;
	struct mem_usage m = mem_usage();
	say_devices();
	fprintf(stderr, "millrace: %u worker%s on CPU", p->workers, p->workers == 1 ? "" : "s");
	for (unsigned i = 0; i < p->workers; i++)
		fprintf(stderr, "%s %u", i == 0 ? "" : ",", p->core[i]);
	fprintf(stderr, "; slow path on CPU %u; an idle worker sleeps up to %u us\n", p->main_core,
	        p->idle_us);
	fprintf(stderr,
	        "millrace: room for %u IPv4 and %u IPv6 flows, %u mappings of %u subscribers, "
	        "%u packet buffers\n", p->flows_v4, p->flows_v6, p->mappings, p->subscribers,
	        p->buffers);
	fprintf(stderr,
	        "millrace: tables take %zu MB in pages of 1 GB, %zu MB in pages of 2 MB, %zu MB "
	        "in ordinary pages; packet buffers are in %s pages\n", m.huge_1g >> 20,
	        m.huge_2m >> 20,
	        m.ordinary >> 20, a->no_huge ? "ordinary" : "huge");
	if (machine_pages(&m, made_huge, a->buffers, machine_huge(&self.options, p), line,
	                  sizeof(line)))
		fprintf(stderr, "millrace: %s\n", line);
	fprintf(stderr, "millrace: generation %llu runs\n",
	        (unsigned long long)self.plane.gen->number);
	say_nat(rules_of(self.plane.gen));
}

static uint64_t
seed_draw(void)
{
	uint64_t seed = 0;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = rte_rdtsc() ^ real_ns();
	return seed;
}

static void
workers_launch(void)
{
	self.runs = true;
	atomic_store(&workers_stop, 0);
	for (unsigned i = 0; i < self.plane.n_workers; i++)
		if (rte_eal_get_lcore_state(i + 1) != RUNNING)
			rte_eal_remote_launch(worker_main, self.plane.worker[i], i + 1);
}

/* => the first worker that still turns when its time is over, or -1: all have ended. */
static int
workers_end(void)
{
	atomic_store(&workers_stop, 1);
	for (unsigned i = 0, ms = 0; i < self.plane.n_workers;) {
		if (rte_eal_get_lcore_state(i + 1) != RUNNING)
			i++;
		else if (ms++ == END_MS)
			return (int)i;
		else
			pause_ns(1000000);
	}
	rte_eal_mp_wait_lcore();
	return -1;
}

/* What this configuration will take is said, and refused when it is not there. */
static int
memory_is_there(const struct image_header *image, char *err, size_t err_size)
{
	uint32_t n;
	char line[256];
	const struct img_plane *plane = image_rows(image, IMG_PLANE, &n);
	struct memory_need need = memory_need(image, machine_memory(image));
	uint64_t available = memory_free(machine_huge(&self.options, plane));
	memory_say(&need, available, line, sizeof(line));
	fprintf(stderr, "millrace: %s\n", line);
	return memory_check(&need, plane, available, err, err_size);
}

/* Of cookies. The workers do not run yet. */
static void
secret_draw(uint64_t secret[2])
{
	if (getrandom(secret, 2 * sizeof(*secret), 0) == 2 * sizeof(*secret))
		return;
	secret[0] = seed_draw();
	secret[1] = seed_draw() ^ rte_rdtsc();
}

/* The first configuration: what is started with it stays as it is until the process ends. */
static int
start(const struct image_header *image, char *err, size_t err_size)
{
	static struct eal_args args;
	uint32_t n;
	int r = plane_image_check(image, image->size, err, err_size);
	if (r == 0)
		r = machine_check(image_rows(image, IMG_PLANE, &n), err, err_size);
	if (r == 0)
		r = memory_is_there(image, err, err_size);
	if (r == 0)
		r = eal_start(&args, image, err, err_size);
	if (r != 0)
		return r;
	self.devices = devices_open(&self.plane, image, machine_buffers(image), &r, err, err_size);
	if (self.devices == NULL)
		return r;
	size_t made_huge = mem_made_huge();
	clock_init(&self.clock, rte_get_tsc_hz(), rte_rdtsc(), real_ns());
	r = plane_open(&self.plane, image, seed_draw(), true, real_ns(), err, err_size);
	if (r != 0) {
		devices_close(self.devices);
		return r;
	}
	secret_draw(self.plane.shared.secret);
	devices_follow(self.devices, self.plane.gen);
	workers_launch();
	say_start(&args, mem_made_huge() - made_huge);
	return 0;
}

static int
link_apply(void *ctx, const void *image, size_t size, uint64_t now, char *err, size_t err_size)
{
	int r;
	if (self.runs) {
		r = plane_apply(&self.plane, image, size, now, err, err_size);
		if (r == 0)
			devices_follow(self.devices, self.plane.gen);
	} else {
		r = image_check(image, size, err, err_size);
		r = r != 0 ? r : start(image, err, err_size);
	}
	if (r != 0)
		fprintf(stderr, "millrace: configuration refused: %s\n", err);
	return r;
}

static struct plane *
link_plane(void *ctx)
{
	return self.runs ? &self.plane : NULL;
}

/* A device that its driver wants reset: all workers rest meanwhile, their flows stay. */
static void
devices_heal(void)
{
	char err[COMMAND_ERR] = "";
	if (!devices_ail(self.devices))
		return;
	uint64_t began = real_ns();
	if (workers_end() >= 0) { /* it may be in the device's driver */
		workers_launch();
		return;
	}
	unsigned well = devices_revive(self.devices, self.plane.gen, err, sizeof(err));
	workers_launch();
	fprintf(stderr, "millrace: %u device%s reset as their drivers wanted, workers rested for "
	        "%llu ms%s%s\n", well, well == 1 ? "" : "s",
	        (unsigned long long)((real_ns() - began) / 1000000),
	        err[0] != '\0' ? "; not well, tried again in a second: " : "", err);
}

static void
say_pulse(uint64_t now)
{
	const struct img_plane *p = self.plane.gen->plane;
	uint64_t changed = pulse_watch(&self.pulse, self.plane.shared.stats, self.plane.n_workers,
	                               now);
	for (unsigned i = 0; i < self.plane.n_workers; i++)
		if ((changed >> i & 1) != 0)
			fprintf(stderr, (self.pulse.late >> i & 1) != 0 ?
			        "millrace: worker %u on CPU %u stands still: its packets are lost "
			        "(handoff_full, or by its device)\n" :
			        "millrace: worker %u on CPU %u goes on\n", i, p->core[i]);
}

/* clock_say: how far the workers' clock is from one that nobody sets. */
static void
clock_say(void)
{
	uint64_t boot_ns = system_ns(CLOCK_BOOTTIME), now = clock_at(&self.clock, rte_rdtsc());
	atomic_store_explicit(&self.plane.shared.records->ahead_ns, (int64_t)(boot_ns - now),
	                      memory_order_relaxed);
}

static void
each_second(uint64_t now)
{
	if (now < self.due_ns)
		return;
	self.due_ns = now + SECOND_NS;
	clock_sync(&self.clock, rte_rdtsc(), real_ns());
	clock_say();
	devices_heal();
	say_pulse(now);
	int lies = devices_watch(self.devices);
	if (lies >= 0)
		fprintf(stderr, "millrace: device %s: %s\n", self.plane.steering[lies].device,
		        self.plane.steering[lies].cost);
}

static void
wait_for_work(void)
{
	struct pollfd fds[LINK_POLLFDS];
	struct timespec most = {.tv_nsec = self.runs ? WAIT_IDLE_NS : WAIT_FIRST_NS};
	ppoll(fds, link_server_pollfds(self.link, fds), &most, NULL);
}

static void
turn(void)
{
	uint64_t now = now_ns();
	uint32_t work = link_server_poll(self.link, now);
	if (self.runs) {
		each_second(now);
		work += plane_poll(&self.plane, now);
	}
	if (work == 0)
		wait_for_work();
}

static void
finish(void)
{
	if (!self.runs)
		return;
	int stuck = workers_end();
	if (stuck >= 0) {
		devices_unsteer(self.devices);
		fprintf(stderr, "millrace: worker %d does not end: rules are taken out of the "
		        "devices, the rest is left to the kernel\n", stuck);
		_exit(EXIT_RESTART);
	}
	plane_close(&self.plane);
	devices_close(self.devices);
	rte_eal_cleanup();
	fprintf(stderr, "millrace: stopped, devices are released\n");
}

int
main(int argc, char **argv)
{
	char err[COMMAND_ERR];
	int status;
	if (!options_parse(&self.options, argc, argv, &status))
		return status;
	const struct link_owner owner = {.plane = link_plane, .apply = link_apply};
	struct sigaction act = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	self.link = link_server_create(self.options.socket, &owner, err, sizeof(err));
	if (self.link == NULL) {
		fprintf(stderr, "millrace: %s\n", err);
		return EXIT_FAILURE;
	}
	fprintf(stderr, "millrace %s waits for its configuration on %s (millraced brings it)\n",
	        MR_VERSION, self.options.socket);
	while (stop == 0 && (self.runs || !self.spent))
		turn();
	link_server_destroy(self.link);
	finish();
	if (stop == 0)
		fprintf(stderr,
		        "millrace: ends, for EAL starts only once in a process; start it again\n");
	return stop != 0 ? EXIT_SUCCESS : EXIT_RESTART;
}
