/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket of the data plane. */
#include "link_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "command_exec.h"

enum { TAKEN_FDS = 4, SEND_BUFFER = 1 << 20 };
static const int wanted_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

struct link_server {
	struct link_owner owner;
	struct sockaddr_un address;
	int listener;
	int image_fd; /* of the generation that runs */
	int peer[LINK_PEERS];
	unsigned n_peers;
	struct reply reply;
	uint8_t records[COMMAND_REPLY_MAX - sizeof(struct reply)];
};

/* A request as it came in. */
struct request {
	struct command command;
	int fd[TAKEN_FDS];
	unsigned n_fds;
};

static void
fds_close(int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* Somebody who listens there already would answer. */
static bool
is_served(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0;
	served = served || (fd >= 0 && errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	return served;
}

/* The folder of the socket, if only it is missing. */
static void
folder_make(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = 0;
	(void)!mkdir(folder, 0755);
}

/* => a listening descriptor, or -1 with errno. */
static int
listen_at(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	mode_t mask = umask(0177);
	int r = bind(fd, (const struct sockaddr *)a, sizeof(*a));
	umask(mask);
	if (r == 0 && listen(fd, LINK_PEERS) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

static int
server_open(struct link_server *l, char *err, size_t err_size)
{
	const char *path = l->address.sun_path;
	struct stat st;
	folder_make(path);
	if (is_served(&l->address)) {
		snprintf(err, err_size,
		         "%s: another millrace listens there; give this one another --socket",
		         path);
		return -1;
	}
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	l->listener = listen_at(&l->address);
	if (l->listener < 0)
		snprintf(err, err_size, "%s: %s", path, strerror(errno));
	return l->listener;
}

struct link_server *
link_server_create(const char *path, const struct link_owner *owner, char *err, size_t err_size)
{
	struct link_server *l = calloc(1, sizeof(*l));
	if (l == NULL || strlen(path) >= sizeof(l->address.sun_path)) {
		snprintf(err, err_size, "%s: %s", path,
		         l == NULL ? strerror(ENOMEM) : "path too long");
		free(l);
		return NULL;
	}
	l->owner = *owner;
	l->address.sun_family = AF_UNIX;
	memcpy(l->address.sun_path, path, strlen(path));
	l->image_fd = -1;
	if (server_open(l, err, err_size) < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void
link_server_destroy(struct link_server *l)
{
	if (l == NULL)
		return;
	fds_close(l->peer, l->n_peers);
	fds_close(&l->image_fd, 1);
	close(l->listener);
	unlink(l->address.sun_path);
	free(l);
}

unsigned
link_server_pollfds(const struct link_server *l, struct pollfd *out)
{
	unsigned n = 0;
	out[n++] = (struct pollfd){.fd = l->listener, .events = POLLIN};
	for (unsigned i = 0; i < l->n_peers; i++)
		out[n++] = (struct pollfd){.fd = l->peer[i], .events = POLLIN};
	return n;
}

static void
peers_accept(struct link_server *l)
{
	int fd, size = SEND_BUFFER;
	while ((fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (l->n_peers == LINK_PEERS) {
			close(fd);
			continue;
		}
		if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
			(void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		l->peer[l->n_peers++] = fd;
	}
}

/* => 1: a request, 0: nothing there, -1: the connection is to end. */
static int
request_read(int fd, struct request *r)
{
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(TAKEN_FDS * sizeof(int))];
	} control;
	uint8_t data[sizeof(struct command) + 1];
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	r->n_fds = 0;
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		unsigned k = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		k = k < TAKEN_FDS - r->n_fds ? k : TAKEN_FDS - r->n_fds;
		memcpy(r->fd + r->n_fds, CMSG_DATA(c), k * sizeof(int));
		r->n_fds += k;
	}
	if (command_check(data, (size_t)n) != 0)
		return -1;
	memcpy(&r->command, data, sizeof(r->command));
	return 1;
}

static void
refuse(struct link_server *l, int status, const char *why)
{
	command_refuse(&l->reply, status, "%s", why);
}

/* image_share: a copy of what runs, for a daemon to come. => -1 when there is no memory for it. */
static int
image_share(const struct image_header *h)
{
	int fd = memfd_create("millrace-running", MFD_CLOEXEC);
	size_t done = 0;
	while (fd >= 0 && done < h->size) {
		ssize_t n = write(fd, (const uint8_t *)h + done, h->size - done);
		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return fd;
}

/* Runs the image in the request's descriptor, and keeps what a daemon wants of it: all but the
 * tables, which are most of it; if need be the descriptor. */
static void
execute_apply(struct link_server *l, struct request *r, uint64_t now_ns)
{
	struct stat st;
	if (r->n_fds != 1) {
		refuse(l, -EINVAL, "an image comes in one file descriptor");
		return;
	}
	int seals = fcntl(r->fd[0], F_GET_SEALS);
	if (seals < 0 || (seals & wanted_seals) != wanted_seals) {
		refuse(l, -EINVAL, "the image's memfd is not sealed against changes");
		return;
	}
	if (fstat(r->fd[0], &st) != 0 || (uint64_t)st.st_size != r->command.size) {
		refuse(l, -EINVAL, "the image has not the size that the command says");
		return;
	}
	void *image = mmap(NULL, r->command.size, PROT_READ, MAP_PRIVATE, r->fd[0], 0);
	if (image == MAP_FAILED) {
		refuse(l, -errno, "the image cannot be mapped");
		return;
	}
	l->reply.status = l->owner.apply(l->owner.ctx, image, r->command.size, now_ns, l->reply.err,
	                                 sizeof(l->reply.err));
	munmap(image, r->command.size);
	if (l->reply.status != 0)
		return;
	fds_close(&l->image_fd, 1);
	l->image_fd = image_share(l->owner.plane(l->owner.ctx)->gen->image);
	if (l->image_fd >= 0)
		return;
	l->image_fd = r->fd[0];
	r->n_fds = 0;
}

/* A second descriptor of the statistics through which nobody can write. */
static int
reopen_readonly(int fd)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* => 0, or -1: the peer cannot take its reply. */
static int
reply_send(struct link_server *l, int peer, const int *fd, unsigned n_fds)
{
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(LINK_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov[2] = {
		{.iov_base = &l->reply, .iov_len = sizeof(l->reply)},
		{.iov_base = l->records, .iov_len = (size_t)l->reply.count * l->reply.record_size},
	};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	if (n_fds != 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
		                                .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.head), fd, n_fds * sizeof(int));
	}
	return sendmsg(peer, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : -1;
}

static int
hello_send(struct link_server *l, int peer, const struct plane *p)
{
	if (p == NULL || p->stats_fd < 0 || l->image_fd < 0)
		return reply_send(l, peer, NULL, 0);
	int fd[LINK_FDS] = {reopen_readonly(p->stats_fd), p->records_fd, l->image_fd};
	int r = fd[0] >= 0 ? reply_send(l, peer, fd, LINK_FDS) : -1;
	fds_close(fd, 1);
	return r;
}

/* => 0, or -1: the connection is to end. */
static int
execute(struct link_server *l, int peer, struct request *r, uint64_t now_ns)
{
	struct plane *p = l->owner.plane(l->owner.ctx);
	l->reply = (struct reply){.magic = COMMAND_MAGIC, .version = COMMAND_VERSION,
	                          .kind = r->command.kind};
	if (r->command.kind == CMD_APPLY)
		execute_apply(l, r, now_ns);
	else if (p != NULL)
		plane_command(p, &r->command, now_ns, &l->reply, l->records, sizeof(l->records));
	else if (r->command.kind != CMD_HELLO)
		refuse(l, -ENOENT, "no configuration runs yet");
	p = l->owner.plane(l->owner.ctx);
	l->reply.generation = p != NULL ? p->gen->number : 0;
	return r->command.kind == CMD_HELLO ? hello_send(l, peer, p) : reply_send(l, peer, NULL, 0);
}

/* => requests executed, or -1: the connection has ended. */
static int
peer_poll(struct link_server *l, int peer, uint64_t now_ns)
{
	struct request r;
	int got = request_read(peer, &r);
	if (got == 1 && execute(l, peer, &r, now_ns) != 0)
		got = -1;
	fds_close(r.fd, r.n_fds);
	return got;
}

uint32_t
link_server_poll(struct link_server *l, uint64_t now_ns)
{
	uint32_t done = 0;
	peers_accept(l);
	for (unsigned i = 0; i < l->n_peers;) {
		int got = peer_poll(l, l->peer[i], now_ns);
		if (got >= 0) {
			done += (uint32_t)got;
			i++;
			continue;
		}
		close(l->peer[i]);
		l->peer[i] = l->peer[--l->n_peers];
	}
	return done;
}
