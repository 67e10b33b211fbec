/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, over a real one in /tmp: greetings, images, refusals, bad peers. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/dataplane/link_server.h"
#include "plane_world.h"

struct setup {
	struct world w;
	struct link_server *server;
	struct plane *running;
	char path[64];
};

struct answer {
	struct reply reply;
	uint8_t records[COMMAND_REPLY_MAX];
	ssize_t size;
	int fd[8];
	unsigned n_fds;
};

static struct answer a;

static struct plane *
give_plane(void *ctx)
{
	return ((struct setup *)ctx)->running;
}

/* The first image makes the plane "run"; it was opened with the same one. */
static int
take_image(void *ctx, const void *image, size_t size, uint64_t now, char *err, size_t err_size)
{
	struct setup *s = ctx;
	if (s->running != NULL)
		return plane_apply(s->running, image, size, now, err, err_size);
	int r = image_check(image, size, err, err_size);
	if (r == 0)
		s->running = &s->w.plane;
	return r;
}

static void
set_up(struct setup *s)
{
	char err[256];
	memset(s, 0, sizeof(*s));
	world_open(&s->w, WORLD_JSON, true);
	plane_close(&s->w.plane); /* again, with shared segments */
	CU_ASSERT_EQUAL_FATAL(plane_open(&s->w.plane, s->w.image, 7, true, s->w.now, err,
	                                 sizeof(err)),
	                      0);
	snprintf(s->path, sizeof(s->path), "/tmp/mr-test-link-%d/plane.sock", getpid());
	const struct link_owner owner = {s, give_plane, take_image};
	s->server = link_server_create(s->path, &owner, err, sizeof(err));
	if (s->server == NULL)
		printf("%s\n", err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->server);
}

static void
tear_down(struct setup *s)
{
	struct stat st;
	link_server_destroy(s->server);
	CU_ASSERT(stat(s->path, &st) != 0);
	*strrchr(s->path, '/') = 0;
	CU_ASSERT_EQUAL(rmdir(s->path), 0);
	world_close(&s->w);
}

static int
dial(struct setup *s)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", s->path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void
say(int peer, const void *data, size_t size, const int *fd, unsigned n_fds)
{
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)data, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (n_fds != 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
		                                .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.head), fd, n_fds * sizeof(int));
	}
	CU_ASSERT_EQUAL(sendmsg(peer, &m, MSG_NOSIGNAL), (ssize_t)size);
}

/* What came back, now. => false: nothing, or the connection has ended (a.size is 0). */
static bool
hear(int peer)
{
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov[2] = {{&a.reply, sizeof(a.reply)}, {a.records, sizeof(a.records)}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	a.n_fds = 0;
	a.size = recvmsg(peer, &m, MSG_DONTWAIT);
	struct cmsghdr *c = a.size > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c != NULL && c->cmsg_type == SCM_RIGHTS) {
		a.n_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(a.fd, CMSG_DATA(c), a.n_fds * sizeof(int));
	}
	return a.size >= (ssize_t)sizeof(a.reply);
}

static void
drop_fds(void)
{
	for (unsigned i = 0; i < a.n_fds; i++)
		close(a.fd[i]);
}

static struct command
command_of(enum command_kind kind)
{
	return (struct command){.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = kind};
}

static bool
ask(struct setup *s, int peer, struct command c, int fd)
{
	say(peer, &c, sizeof(c), &fd, fd >= 0);
	link_server_poll(s->server, s->w.now);
	return hear(peer);
}

static int
memfd_of(const void *image, size_t size, int seals)
{
	int fd = memfd_create("image", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	CU_ASSERT_EQUAL(write(fd, image, size), (ssize_t)size);
	CU_ASSERT_EQUAL(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

enum { SEALED = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static bool
apply(struct setup *s, int peer, int seals, uint64_t claimed)
{
	struct command c = command_of(CMD_APPLY);
	c.size = claimed;
	int fd = memfd_of(s->w.image, s->w.image_size, seals);
	bool heard = ask(s, peer, c, fd);
	close(fd);
	return heard;
}

static void
a_life(void)
{
	struct setup s;
	struct stat st;
	set_up(&s);
	CU_ASSERT(stat(s.path, &st) == 0 && (st.st_mode & 0777) == 0600);
	int peer = dial(&s);
	CU_ASSERT(ask(&s, peer, command_of(CMD_HELLO), -1));
	CU_ASSERT(a.reply.status == 0 && a.reply.generation == 0 && a.n_fds == 0);
	CU_ASSERT(ask(&s, peer, command_of(CMD_FLOWS), -1));
	CU_ASSERT_EQUAL(a.reply.status, -ENOENT);
	CU_ASSERT(apply(&s, peer, SEALED, s.w.image_size));
	CU_ASSERT(a.reply.status == 0 && a.reply.generation == 1);
	CU_ASSERT(ask(&s, peer, command_of(CMD_HELLO), -1));
	CU_ASSERT_FATAL(a.reply.generation == 1 && a.n_fds == 3);
	size_t stats_size = stats_segment_size(3);
	CU_ASSERT(mmap(NULL, stats_size, PROT_READ | PROT_WRITE, MAP_SHARED, a.fd[0],
	               0) == MAP_FAILED);
	struct stats_segment *seen = mmap(NULL, stats_size, PROT_READ, MAP_SHARED, a.fd[0], 0);
	CU_ASSERT_FATAL(seen != MAP_FAILED);
	CU_ASSERT(stats_segment_check(seen, stats_size) == 0 && seen->pid == (uint64_t)getpid());
	munmap(seen, stats_size);
	CU_ASSERT(fstat(a.fd[1], &st) == 0 && (uint64_t)st.st_size == record_segment_size(2));
	size_t lean_size = image_lean_size(s.w.image, IMG_LB_SLOTS); /* all but the tables */
	uint8_t *image = malloc(lean_size), *lean = malloc(lean_size);
	CU_ASSERT(lean_size < s.w.image_size && fstat(a.fd[2], &st) == 0);
	CU_ASSERT_EQUAL(st.st_size, (off_t)lean_size);
	CU_ASSERT_EQUAL(pread(a.fd[2], image, lean_size, 0), (ssize_t)lean_size);
	image_lean(s.w.image, IMG_LB_SLOTS, lean);
	CU_ASSERT(memcmp(image, lean, lean_size) == 0);
	free(lean);
	free(image);
	drop_fds();
	CU_ASSERT(ask(&s, peer, command_of(CMD_NICS), -1));
	CU_ASSERT(a.reply.count == 3 && a.reply.record_size == sizeof(struct cmd_nic));
	CU_ASSERT_EQUAL(a.size, (ssize_t)(sizeof(a.reply) + 3 * sizeof(struct cmd_nic)));
	CU_ASSERT(memcmp(a.records, "inside", 7) == 0);
	close(peer);
	tear_down(&s);
}

static void
images_are_not_taken_on_trust(void)
{
	struct setup s;
	set_up(&s);
	int peer = dial(&s);
	for (int missing = 0; missing < 3; missing++) {
		const int seal[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};
		CU_ASSERT(apply(&s, peer, SEALED & ~seal[missing], s.w.image_size));
		CU_ASSERT(a.reply.status == -EINVAL && strstr(a.reply.err, "sealed") != NULL);
	}
	CU_ASSERT(apply(&s, peer, SEALED, s.w.image_size + 1));
	CU_ASSERT(a.reply.status == -EINVAL && strstr(a.reply.err, "size") != NULL);
	struct command c = command_of(CMD_APPLY);
	c.size = s.w.image_size;
	CU_ASSERT(ask(&s, peer, c, -1)); /* no descriptor */
	CU_ASSERT_EQUAL(a.reply.status, -EINVAL);
	int plain = open("/dev/null", O_RDWR | O_CLOEXEC);
	CU_ASSERT(ask(&s, peer, c, plain));
	CU_ASSERT_EQUAL(a.reply.status, -EINVAL);
	close(plain);
	((uint8_t *)s.w.image)[s.w.image_size - 1] ^= 1;
	CU_ASSERT(apply(&s, peer, SEALED, s.w.image_size));
	CU_ASSERT(a.reply.status == -EINVAL && strlen(a.reply.err) > 0);
	CU_ASSERT(ask(&s, peer, command_of(CMD_HELLO), -1));
	CU_ASSERT(a.reply.generation == 0 && a.n_fds == 0);
	close(peer);
	tear_down(&s);
}

static void
nonsense_ends_a_connection(void)
{
	struct setup s;
	set_up(&s);
	int good = dial(&s);
	struct command c = command_of(CMD_HELLO);
	for (unsigned i = 0; i < 4; i++) {
		int bad = dial(&s), fds[6];
		struct command b = c;
		b.magic ^= i == 0;
		b.kind = i == 1 ? CMD_MAX : b.kind;
		for (unsigned f = 0; f < 6; f++)
			fds[f] = good; /* more descriptors than anybody wants */
		say(bad, &b, i == 2 ? sizeof(b) - 1 : sizeof(b), fds, i == 3 ? 6 : 0);
		link_server_poll(s.server, s.w.now);
		CU_ASSERT_EQUAL(hear(bad), i == 3);
		CU_ASSERT(i == 3 || a.size == 0);
		close(bad);
	}
	CU_ASSERT(ask(&s, good, c, -1)); /* others do not notice */
	close(good);
	tear_down(&s);
}

static void
connections_are_bounded(void)
{
	struct setup s;
	int peer[LINK_PEERS + 2];
	set_up(&s);
	for (unsigned i = 0; i < LINK_PEERS + 2; i++) {
		peer[i] = dial(&s);
		link_server_poll(s.server, s.w.now);
	}
	struct pollfd fds[LINK_POLLFDS];
	CU_ASSERT_EQUAL(link_server_pollfds(s.server, fds), LINK_POLLFDS);
	CU_ASSERT(ask(&s, peer[LINK_PEERS - 1], command_of(CMD_HELLO), -1));
	CU_ASSERT_FALSE(hear(peer[LINK_PEERS]));
	CU_ASSERT_EQUAL(a.size, 0);
	for (unsigned i = 0; i < LINK_PEERS + 2; i++)
		close(peer[i]);
	link_server_poll(s.server, s.w.now);
	CU_ASSERT_EQUAL(link_server_pollfds(s.server, fds), 1);
	int again = dial(&s);
	CU_ASSERT(ask(&s, again, command_of(CMD_HELLO), -1));
	close(again);
	tear_down(&s);
}

/* Who asks and asks and never listens is cut off; the server does not wait for it. */
static void
who_does_not_listen_is_cut_off(void)
{
	struct setup s;
	set_up(&s);
	int deaf = dial(&s);
	struct command c = command_of(CMD_HELLO);
	struct iovec iov = {&c, sizeof(c)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	bool ended = false;
	for (unsigned i = 0; i < 100000 && !ended; i++) {
		ended = sendmsg(deaf, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
		link_server_poll(s.server, s.w.now);
	}
	CU_ASSERT(ended);
	close(deaf);
	tear_down(&s);
}

static void
one_path_has_one_server(void)
{
	struct setup s;
	char err[256] = "";
	set_up(&s);
	const struct link_owner owner = {&s, give_plane, take_image};
	CU_ASSERT_PTR_NULL(link_server_create(s.path, &owner, err, sizeof(err)));
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "another millrace"));
	char other[80];
	snprintf(other, sizeof(other), "%s.2", s.path);
	struct link_server *second = link_server_create(other, &owner, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL(second); /* an instance with a socket of its own */
	link_server_destroy(second);
	struct sockaddr_un stale = {.sun_family = AF_UNIX};
	snprintf(stale.sun_path, sizeof(stale.sun_path), "%s", other);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	CU_ASSERT(bind(fd, (struct sockaddr *)&stale, sizeof(stale)) == 0);
	close(fd); /* left behind by a process that was killed */
	second = link_server_create(other, &owner, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL(second);
	link_server_destroy(second);
	char longer[200];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	CU_ASSERT_PTR_NULL(link_server_create(longer, &owner, err, sizeof(err)));
	tear_down(&s);
}

static const struct test_case cases[] = {
	{"a life", a_life},
	{"images are not taken on trust", images_are_not_taken_on_trust},
	{"nonsense ends a connection", nonsense_ends_a_connection},
	{"connections are bounded", connections_are_bounded},
	{"who does not listen is cut off", who_does_not_listen_is_cut_off},
	{"one path has one server", one_path_has_one_server},
};

TEST_MAIN("link", cases)
