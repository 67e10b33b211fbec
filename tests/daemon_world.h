/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What       millraced and millctl as processes, before a data plane (a thread of the test) that
 *            only keeps images and lets the test fill its log rings.
 */
#ifndef MR_DAEMON_WORLD_H
#define MR_DAEMON_WORLD_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_plane.h"
#include "test.h"

/* WAIT_MS: what is to come soon comes within it, however busy the machine is. */
enum { WAIT_MS = 30000, STEP_MS = 10, MAX_FDS = 3 };

static char dir[64] __attribute__((unused));
static pid_t daemon_pid;

static inline const char *
in_dir(const char *name)
{
	static char path[16][128];
	static unsigned next;
	char *p = path[next++ % 16];
	snprintf(p, 128, "%s/%s", dir, name);
	return p;
}

/* The fake data plane's socket, in a thread. */
static struct {
	pthread_t thread;
	struct fake_plane plane;
	int listener, stats_fd, records_fd, image_fd;
	struct record_segment *records;
	atomic_bool stop;
	atomic_uint apply_ms; /* that an image takes */
	atomic_uint hello_ms; /* that a greeting takes */
	atomic_uint images;   /* that came, taken or not */
} far;

static uint8_t far_rows[COMMAND_REPLY_MAX];

static inline void
send_reply(int fd, const struct reply *reply, const int *fds, int n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov[2] = {{(void *)(uintptr_t)reply, sizeof(*reply)},
	                       {far_rows, (size_t)reply->count * reply->record_size}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	if (n != 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
	}
	(void)!sendmsg(fd, &m, MSG_NOSIGNAL);
}

static inline int
receive_command(int fd, struct command *cmd, int *image_fd)
{
	union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec iov = {cmd, sizeof(*cmd)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	*image_fd = -1;
	if (recvmsg(fd, &m, 0) != (ssize_t)sizeof(*cmd))
		return -1;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c != NULL)
		memcpy(image_fd, CMSG_DATA(c), sizeof(int));
	return 0;
}

static inline void
far_apply(const struct command *cmd, int fd, struct reply *reply)
{
	void *image = mmap(NULL, cmd->size, PROT_READ, MAP_SHARED, fd, 0);
	atomic_fetch_add(&far.images, 1);
	poll(NULL, 0, (int)atomic_load(&far.apply_ms));
	CU_ASSERT((fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE) != 0);
	reply->status = fake_apply(&far.plane, image, cmd->size, &reply->generation, reply->err,
	                           sizeof(reply->err));
	munmap(image, cmd->size);
	if (far.image_fd >= 0)
		close(far.image_fd);
	far.image_fd = fd;
}

/* far_serve: one command. => -1 when the connection has ended. */
static inline int
far_serve(int fd)
{
	struct command cmd;
	int image_fd;
	if (receive_command(fd, &cmd, &image_fd) != 0)
		return -1;
	struct reply reply = {.magic = COMMAND_MAGIC, .version = COMMAND_VERSION, .kind = cmd.kind};
	int fds[MAX_FDS] = {far.stats_fd, far.records_fd, far.image_fd};
	if (cmd.kind == CMD_APPLY)
		far_apply(&cmd, image_fd, &reply);
	else if (cmd.kind == CMD_HELLO)
		poll(NULL, 0, (int)atomic_load(&far.hello_ms));
	else
		fake_query(&far.plane, &cmd, &reply, far_rows, sizeof(far_rows) - sizeof(reply));
	send_reply(fd, &reply, fds, cmd.kind == CMD_HELLO && far.image_fd >= 0 ? MAX_FDS : 0);
	return 0;
}

static inline void *
far_run(void *arg)
{
	int fd = -1;
	while (!atomic_load(&far.stop)) {
		struct pollfd p[2] = {{.fd = far.listener, .events = POLLIN},
		                      {.fd = fd, .events = POLLIN}};
		if (poll(p, 2, STEP_MS) <= 0)
			continue;
		if (fd >= 0 && p[1].revents != 0 && far_serve(fd) != 0) {
			close(fd);
			fd = -1;
		}
		if (fd < 0 && p[0].revents != 0)
			fd = accept(far.listener, NULL, NULL);
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static inline void *
shared(const char *name, uint64_t size, int *fd)
{
	*fd = memfd_create(name, 0);
	CU_ASSERT_FATAL(*fd >= 0 && ftruncate(*fd, (off_t)size) == 0);
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
}

static inline void
far_start(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	memset(&far, 0, sizeof(far));
	far.image_fd = -1;
	far.plane.stats = shared("stats", stats_segment_size(2), &far.stats_fd);
	stats_segment_init(far.plane.stats, 2);
	far.records = shared("records", record_segment_size(1), &far.records_fd);
	record_segment_init(far.records, 1);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", in_dir("plane.sock"));
	unlink(a.sun_path);
	far.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(bind(far.listener, (struct sockaddr *)&a, sizeof(a)) == 0);
	CU_ASSERT_FATAL(listen(far.listener, 4) == 0);
	pthread_create(&far.thread, NULL, far_run, NULL);
}

static inline void
far_stop(void)
{
	atomic_store(&far.stop, true);
	pthread_join(far.thread, NULL);
	close(far.listener);
	close(far.stats_fd);
	close(far.records_fd);
	if (far.image_fd >= 0)
		close(far.image_fd);
	munmap(far.records, record_segment_size(1));
	munmap(far.plane.stats, stats_segment_size(2));
	fake_drop(&far.plane);
}

static inline void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");
	CU_ASSERT_FATAL(f != NULL);
	fputs(text, f);
	fclose(f);
}

static inline void
daemon_start(const char *config)
{
	daemon_pid = fork();
	if (daemon_pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int quiet = open(in_dir("stderr"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(quiet, 2);
	execl(MILLRACED, "millraced", "--control", in_dir("control.sock"), "--plane",
	      in_dir("plane.sock"), "--store", in_dir("store.json"), "--log",
	      in_dir("nat.log"), config != NULL ? "--config" : NULL, config, (char *)NULL);
	_exit(127);
}

static inline int
daemon_stop(int signo)
{
	int status = 0;
	kill(daemon_pid, signo);
	waitpid(daemon_pid, &status, 0);
	return status;
}

/* client: a connection to the daemon, waiting until it listens. */
static inline int
client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", in_dir("control.sock"));
	for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		close(fd);
		poll(NULL, 0, STEP_MS);
	}
	CU_FAIL_FATAL("the daemon does not listen");
	return -1;
}

static inline void
put(int fd, const char *text)
{
	CU_ASSERT(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* take: one line as JSON; NULL when the connection ends or nothing comes. */
static inline json_t *
take(int fd)
{
	static char line[1 << 20];
	size_t n = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (n < sizeof(line) && poll(&p, 1, WAIT_MS) > 0 && recv(fd, line + n, 1, 0) == 1)
		if (line[n++] == '\n')
			return json_loadb(line, n, 0, NULL);
	return NULL;
}

static inline json_t *
ask(const char *method, const char *params)
{
	char line[8192];
	int fd = client();
	snprintf(line, sizeof(line),
	         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n", method,
	         params);
	put(fd, line);
	json_t *r = take(fd);
	json_t *result = json_incref(json_object_get(r, "result"));
	json_decref(r);
	close(fd);
	return result;
}

/* wait_generation: until this one runs. => does it? */
static inline bool
wait_generation(json_int_t wanted)
{
	for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
		json_t *r = ask("generation.show", "{}");
		json_int_t running = json_integer_value(json_object_get(r, "running"));
		json_decref(r);
		if (running == wanted)
			return true;
		poll(NULL, 0, STEP_MS);
	}
	return false;
}

static inline void
begin(const char *config)
{
	snprintf(dir, sizeof(dir), "/tmp/mr-daemon-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	if (config != NULL)
		write_file("config.json", config);
	far_start();
	daemon_start(config != NULL ? in_dir("config.json") : NULL);
}

/* log_remove: that of log.files, if there is one. A daemon that starts with another configuration
 * goes on with the log of that in force until its own is given: it may be there again. */
static inline void
log_remove(void)
{
	char command[160];
	snprintf(command, sizeof(command), "rm -r %s", in_dir("log"));
	if (access(in_dir("log"), F_OK) == 0)
		CU_ASSERT(system(command) == 0);
}

static inline void
end(void)
{
	static const char *const files[] = {"config.json", "store.json", "health.json",
	                                    "nat.log", "stderr", "plane.sock", "control.sock"};
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	CU_ASSERT(access(in_dir("control.sock"), F_OK) != 0);
	far_stop();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(in_dir(files[i]));
	log_remove();
	CU_ASSERT(rmdir(dir) == 0);
}

/* millctl: run it with these words. => its exit status; what it printed, in text. */
static inline int
millctl(const char *words, char *text, size_t size)
{
	char command[512];
	snprintf(command, sizeof(command), MILLCTL " --socket %s %s 2>&1", in_dir("control.sock"),
	         words);
	FILE *f = popen(command, "r");
	size_t n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	int status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
