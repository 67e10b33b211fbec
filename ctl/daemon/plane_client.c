/* SPDX-License-Identifier: Apache-2.0 */
/* Commands to the data plane, answered within a time, and the memory that it shares. */
#include "plane_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "system_clock.h"

enum { MAX_FDS = 4 };

union fd_control {
	struct cmsghdr align;
	char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

void
plane_client_init(struct plane_client *c, const char *path)
{
	memset(c, 0, sizeof(*c));
	c->path = path;
	c->fd = -1;
}

void
plane_client_close(struct plane_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->stats != NULL)
		munmap(c->stats, c->stats_size);
	if (c->records != NULL)
		munmap(c->records, c->records_size);
	free(c->image);
	struct api_aside aside = c->aside;
	plane_client_init(c, c->path);
	c->aside = aside;
}

static int
wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;
	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n == 0 ? -ETIMEDOUT : -errno;
}

static int
send_command(int fd, const struct command *cmd, int pass_fd)
{
	struct iovec iov = {(void *)(uintptr_t)cmd, sizeof(*cmd)};
	union fd_control control = {0};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (pass_fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	int rc = wait_for(fd, POLLOUT, PLANE_TIMEOUT_MS);
	if (rc != 0)
		return rc;
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(*cmd) ? 0 : -ENOTCONN;
}

/* received_fds: take the descriptors of a message; those beyond n are closed. => how many. */
static int
received_fds(struct msghdr *m, int *fds, int n)
{
	int got = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (int i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + (size_t)i * sizeof(int), sizeof(int));
			if (got < n)
				fds[got++] = fd;
			else
				close(fd);
		}
	}
	return got;
}

/* receive_reply: reply and records. => 0 or -errno; fds (MAX_FDS) and *n_fds. */
static int
receive_reply(int fd, uint32_t kind, struct reply *reply, void *out, size_t room, int *fds,
              int *n_fds)
{
	struct iovec iov[2] = {{reply, sizeof(*reply)}, {out, room}};
	union fd_control control = {0};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = room != 0 ? 2 : 1,
	                   .msg_control = &control, .msg_controllen = sizeof(control)};
	int timeout_ms = kind == CMD_APPLY ? PLANE_APPLY_MS : PLANE_TIMEOUT_MS;
	int rc = wait_for(fd, POLLIN, timeout_ms);
	if (rc != 0)
		return rc;
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	*n_fds = n >= 0 ? received_fds(&m, fds, MAX_FDS) : 0;
	if (n <= 0)
		return -ENOTCONN;
	if (n < (ssize_t)sizeof(*reply) || (m.msg_flags & MSG_TRUNC) != 0 ||
	    reply->magic != COMMAND_MAGIC || reply->version != COMMAND_VERSION ||
	    reply->kind != kind ||
	    (uint64_t)reply->count * reply->record_size > (uint64_t)n - sizeof(*reply))
		return -EPROTO;
	reply->err[COMMAND_ERR - 1] = '\0';
	return 0;
}

static int
command_run(struct plane_client *c, const struct command *cmd, int pass_fd, struct reply *reply,
            void *out, size_t room, int *fds, int *n_fds)
{
	if (c->fd < 0)
		return -ENOTCONN;
	int rc = send_command(c->fd, cmd, pass_fd);
	if (rc == 0)
		rc = receive_reply(c->fd, cmd->kind, reply, out, room, fds, n_fds);
	if (rc != 0) /* the socket's other end is shut, and its event closes what is left */
		shutdown(c->fd, SHUT_RDWR);
	return rc;
}

static void *
map_fd(int fd, size_t at_least, bool writable, size_t *size)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size < (off_t)at_least)
		return NULL;
	*size = (size_t)st.st_size;
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *p = mmap(NULL, *size, prot, MAP_SHARED, fd, 0);
	return p != MAP_FAILED ? p : NULL;
}

/* read_image: copy and check the image in a memfd. => malloc'ed, or NULL and err. */
static struct image_header *
read_image(int fd, char *err, size_t err_size)
{
	size_t size;
	void *map = map_fd(fd, sizeof(struct image_header), false, &size);
	void *copy = map != NULL && size <= IMAGE_MAX ? malloc(size) : NULL;
	if (copy != NULL)
		memcpy(copy, map, size);
	else
		snprintf(err, err_size, "the running image cannot be read");
	if (map != NULL)
		munmap(map, size);
	if (copy != NULL && image_check(copy, size, err, err_size) != 0) {
		free(copy);
		copy = NULL;
	}
	return copy;
}

static bool
records_good(const struct record_segment *s, size_t size)
{
	return s != NULL && size >= sizeof(*s) && s->rings <= 64 &&
	       record_segment_size(s->rings) <= size;
}

static int
take_hello(struct plane_client *c, const int *fds, int n, char *err, size_t err_size)
{
	if (n == 0)
		return 0;
	if (n < 3) {
		snprintf(err, err_size, "the data plane shares too little");
		return -EPROTO;
	}
	c->stats = map_fd(fds[0], sizeof(struct stats_segment), false, &c->stats_size);
	c->records = map_fd(fds[1], sizeof(struct record_segment), true, &c->records_size);
	if (c->stats == NULL || stats_segment_check(c->stats, c->stats_size) != 0 ||
	    !records_good(c->records, c->records_size)) {
		snprintf(err, err_size, "the data plane's shared memory has another format; are "
		         "millrace and millraced of one version?");
		return -EPROTO;
	}
	c->image = read_image(fds[2], err, err_size);
	return c->image != NULL ? 0 : -EPROTO;
}

static int
hello(struct plane_client *c, char *err, size_t err_size)
{
	struct command cmd = {.magic = COMMAND_MAGIC, .version = COMMAND_VERSION,
	                      .kind = CMD_HELLO};
	struct reply reply = {0};
	int fds[MAX_FDS], n = 0;
	int rc = command_run(c, &cmd, -1, &reply, NULL, 0, fds, &n);
	if (rc == 0 && reply.status != 0)
		rc = reply.status;
	if (rc != 0)
		snprintf(err, err_size, "no answer to HELLO: %s",
		         reply.err[0] != '\0' ? reply.err : strerror(-rc));
	else
		rc = take_hello(c, fds, n, err, err_size);
	while (n > 0)
		close(fds[--n]);
	return rc;
}

int
plane_client_connect(struct plane_client *c, char *err, size_t err_size)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", c->path);
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		int rc = -errno;
		snprintf(err, err_size, "%s: %s", c->path, strerror(errno));
		plane_client_close(c);
		return rc;
	}
	int rc = hello(c, err, err_size);
	if (rc != 0)
		plane_client_close(c);
	return rc;
}

/* sealed: a memfd with these bytes that nobody can change any more. => fd or -errno. */
static int
sealed(const void *image, size_t size)
{
	int fd = memfd_create("millrace-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)image + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return -ENOSPC;
		}
		done += (size_t)n;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	return fd;
}

/* first_shared: the data plane runs its first image and has something to share now. */
static int
first_shared(struct plane_client *c)
{
	char err[COMMAND_ERR];
	free(c->image);
	c->image = NULL;
	return hello(c, err, sizeof(err));
}

/* give: a sealed image, and the answer; copy: what is kept of it. Others go on meanwhile; nobody
 * closes the connection. */
static int
give(struct plane_client *c, const void *image, size_t size, struct reply *reply, void *copy)
{
	struct command cmd = {.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = CMD_APPLY,
	                      .size = size};
	int fds[MAX_FDS], n = 0;
	c->is_busy = true;
	c->given_ns = now_ns();
	api_leave(&c->aside);
	int fd = sealed(image, size);
	int rc = fd < 0 ? fd : command_run(c, &cmd, fd, reply, NULL, 0, fds, &n);
	if (fd >= 0)
		close(fd);
	while (n > 0)
		close(fds[--n]);
	image_lean(image, IMG_LB_SLOTS, copy);
	api_enter(&c->aside);
	c->is_busy = false;
	return rc;
}

static int
link_apply(void *ctx, const void *image, size_t size, uint64_t *generation, char *err,
           size_t err_size)
{
	struct plane_client *c = ctx;
	struct reply reply = {0};
	void *copy = malloc(image_lean_size(image, IMG_LB_SLOTS));
	int rc = copy == NULL ? -ENOMEM : give(c, image, size, &reply, copy);
	if (rc == 0 && reply.status != 0) {
		rc = reply.status;
		snprintf(err, err_size, "%s", reply.err);
	}
	if (rc != 0) {
		free(copy);
		return rc;
	}
	free(c->image);
	c->image = copy;
	*generation = reply.generation;
	if (c->stats == NULL && first_shared(c) != 0)
		shutdown(c->fd, SHUT_RDWR);
	return 0;
}

static int
link_query(void *ctx, const struct command *cmd, struct reply *reply, void *out, size_t room)
{
	const struct plane_client *c = ctx;
	int fds[MAX_FDS], n = 0;
	if (c->is_busy)
		return -EINPROGRESS;
	int rc = command_run(ctx, cmd, -1, reply, out, room, fds, &n);
	while (n > 0)
		close(fds[--n]);
	return rc;
}

static const struct image_header *
link_image(void *ctx)
{
	return ((struct plane_client *)ctx)->image;
}

static const struct stats_segment *
link_statistics(void *ctx)
{
	return ((struct plane_client *)ctx)->stats;
}

struct plane_link
plane_client_link(struct plane_client *c)
{
	return (struct plane_link){c, link_apply, link_query, link_image, link_statistics};
}
