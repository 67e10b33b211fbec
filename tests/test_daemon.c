/* SPDX-License-Identifier: Apache-2.0 */
/* millraced and millctl as processes, before a data plane that only keeps images. */
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

enum { WAIT_MS = 5000, STEP_MS = 10, MAX_FDS = 3 };

static char dir[64];
static pid_t daemon_pid;

static const char *
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
} far;

static uint8_t far_rows[COMMAND_REPLY_MAX];

static void
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

static int
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

static void
far_apply(const struct command *cmd, int fd, struct reply *reply)
{
	void *image = mmap(NULL, cmd->size, PROT_READ, MAP_SHARED, fd, 0);
	CU_ASSERT((fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE) != 0);
	reply->status = fake_apply(&far.plane, image, cmd->size, &reply->generation, reply->err,
	                           sizeof(reply->err));
	munmap(image, cmd->size);
	if (far.image_fd >= 0)
		close(far.image_fd);
	far.image_fd = fd;
}

/* far_serve: one command. => -1 when the connection has ended. */
static int
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
	else if (cmd.kind != CMD_HELLO)
		fake_query(&far.plane, &cmd, &reply, far_rows, sizeof(far_rows) - sizeof(reply));
	send_reply(fd, &reply, fds, cmd.kind == CMD_HELLO && far.image_fd >= 0 ? MAX_FDS : 0);
	return 0;
}

static void *
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

static void *
shared(const char *name, uint64_t size, int *fd)
{
	*fd = memfd_create(name, 0);
	CU_ASSERT_FATAL(*fd >= 0 && ftruncate(*fd, (off_t)size) == 0);
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
}

static void
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

static void
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
	free(far.plane.image);
}

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");
	CU_ASSERT_FATAL(f != NULL);
	fputs(text, f);
	fclose(f);
}

static void
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

static int
daemon_stop(int signo)
{
	int status = 0;
	kill(daemon_pid, signo);
	waitpid(daemon_pid, &status, 0);
	return status;
}

/* client: a connection to the daemon, waiting until it listens. */
static int
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

static void
put(int fd, const char *text)
{
	CU_ASSERT(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* take: one line as JSON; NULL when the connection ends or nothing comes. */
static json_t *
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

static json_t *
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
static bool
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

static void
begin(const char *config)
{
	snprintf(dir, sizeof(dir), "/tmp/mr-daemon-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	if (config != NULL)
		write_file("config.json", config);
	far_start();
	daemon_start(config != NULL ? in_dir("config.json") : NULL);
}

static void
end(void)
{
	static const char *const files[] = {"config.json", "store.json", "nat.log", "stderr",
	                                    "plane.sock", "control.sock"};
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	CU_ASSERT(access(in_dir("control.sock"), F_OK) != 0);
	far_stop();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(in_dir(files[i]));
	CU_ASSERT(rmdir(dir) == 0);
}

static void
killed_daemon(void)
{
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	struct stat st;
	CU_ASSERT(stat(in_dir("control.sock"), &st) == 0 && (st.st_mode & 0777) == 0660);
	json_t *r = ask("backend.drain", "{\"service\":\"web\",\"address\":\"10.0.0.7\"}");
	CU_ASSERT(json_integer_value(json_object_get(r, "generation")) == 2);
	json_decref(r);
	CU_ASSERT(WIFSIGNALED(daemon_stop(SIGKILL)));
	daemon_start(NULL);
	CU_ASSERT(wait_generation(2));
	r = ask("config.get", "{}");
	json_t *stored = json_load_file(in_dir("store.json"), 0, NULL);
	CU_ASSERT(json_equal(json_object_get(r, "config"), stored));
	CU_ASSERT(far.plane.applied == 2);
	json_decref(stored);
	json_decref(r);
	end();
}

static void
new_data_plane(void)
{
	begin(NULL);
	json_t *r = ask("config.get", "{}"), *doc = json_loads(fake_document, 0, NULL);
	CU_ASSERT(r == NULL); /* nothing to get yet */
	char params[4096];
	snprintf(params, sizeof(params), "{\"config\":%s}", fake_document);
	for (int i = 0; r == NULL && i < WAIT_MS / STEP_MS; i++)
		r = ask("config.apply", params);
	json_decref(r);
	CU_ASSERT(wait_generation(1));
	far_stop();
	far_start(); /* with nothing */
	CU_ASSERT(wait_generation(2));
	r = ask("config.get", "{}");
	CU_ASSERT(json_equal(json_object_get(r, "config"), doc));
	json_decref(r);
	CU_ASSERT(daemon_stop(SIGTERM) == 0);
	far_stop();
	far_start();
	daemon_start(NULL); /* both start anew: the store has it */
	CU_ASSERT(wait_generation(1));
	r = ask("config.get", "{}");
	CU_ASSERT(json_equal(json_object_get(r, "config"), doc));
	json_decref(r);
	json_decref(doc);
	end();
}

static void
hangup(void)
{
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	json_t *doc = json_loads(fake_document, 0, NULL);
	json_object_set_new(doc, "routes", json_array());
	json_dump_file(doc, in_dir("config.json"), 0);
	kill(daemon_pid, SIGHUP);
	CU_ASSERT(wait_generation(2));
	write_file("config.json", "{\"colour\":1}");
	kill(daemon_pid, SIGHUP);
	json_t *r = ask("config.get", "{}");
	CU_ASSERT(json_equal(json_object_get(r, "config"), doc));
	json_decref(r);
	json_decref(doc);
	end();
}

static void
lines(void)
{
	enum { N = 500 };
	begin(fake_document);
	int fd = client();
	put(fd, "nonsense\n\n{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"version\"}\r\n");
	json_t *r = take(fd);
	CU_ASSERT(json_object_get(r, "error") != NULL);
	json_decref(r);
	r = take(fd);
	CU_ASSERT(json_object_get(r, "result") != NULL);
	json_decref(r);
	for (int i = 0; i < N; i++) { /* none is read before all are sent */
		char line[96];
		snprintf(line, sizeof(line),
		         "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"version\"}\n", i);
		put(fd, line);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < N; i++) {
		r = take(fd);
		CU_ASSERT(r != NULL && json_integer_value(json_object_get(r, "id")) == i);
		json_decref(r);
	}
	CU_ASSERT(take(fd) == NULL);
	close(fd);
	end();
}

/* A client that only sends is made to wait, and nobody else waits for it. */
static void
slow_reader(void)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"config.schema\"}\n";
	begin(fake_document);
	int fd = client();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	bool waits = false;
	for (int i = 0; i < 100000 && !waits; i++) {
		ssize_t n = send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL);
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		waits = n < 0 && poll(&p, 1, 200) == 0;
	}
	json_t *r = ask("version", "{}");
	CU_ASSERT(r != NULL && waits);
	json_decref(r);
	close(fd);
	end();
}

static void
many_clients(void)
{
	enum { N = 300 };
	int fd[N];
	begin(fake_document);
	for (int i = 0; i < N; i++)
		fd[i] = client();
	for (int i = 0; i < N; i++)
		put(fd[i], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\"}\n");
	for (int i = N; i-- > 0;) {
		json_t *r = take(fd[i]);
		CU_ASSERT(json_object_get(r, "result") != NULL);
		json_decref(r);
		close(fd[i]);
	}
	end();
}

static void
long_line(void)
{
	static char part[1 << 16];
	begin(fake_document);
	int fd = client();
	memset(part, ' ', sizeof(part));
	for (int i = 0; i < 257; i++)
		if (send(fd, part, sizeof(part), MSG_NOSIGNAL) < 0)
			break;
	json_t *r = take(fd);
	CU_ASSERT(json_object_get(r, "error") != NULL);
	json_decref(r);
	CU_ASSERT(take(fd) == NULL);
	close(fd);
	end();
}

static void
records(void)
{
	struct record rec = {.event = RECORD_BLOCK_CREATE, .subscriber = 0x02004064,
	                     .external = 0x017100cb, .port_first = 1024, .port_last = 1535};
	size_t n = 0;
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	CU_ASSERT(record_put(&far.records->ring[0], &rec));
	for (int i = 0; n == 0 && i < WAIT_MS / STEP_MS; i++) {
		json_t *r = ask("log.list", "{\"address\":\"100.64.0.2\"}");
		n = json_array_size(json_object_get(r, "records"));
		json_decref(r);
		poll(NULL, 0, STEP_MS);
	}
	CU_ASSERT(n == 1);
	json_t *logged = json_load_file(in_dir("nat.log"), 0, NULL);
	CU_ASSERT(json_integer_value(json_object_get(logged, "port_last")) == 1535);
	json_decref(logged);
	end();
}

/* millctl: run it with these words. => its exit status; what it printed, in text. */
static int
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

static size_t
widest_line(const char *text)
{
	size_t widest = 0;
	for (; *text != '\0'; text += strspn(text, "\n")) {
		size_t n = strcspn(text, "\n");
		widest = n > widest ? n : widest;
		text += n;
	}
	return widest;
}

static void
client_program(void)
{
	static const struct { const char *words, *says; int status; } cases[] = {
		{"backend drain web 10.0.0.7", "generation  2\nchanged     yes\n", 0},
		{"backend list web", "web      10.0.0.7:80    drain", 0},
		{"service show web", "198.51.100.80:80", 0},
		{"backend drain web 10.0.0.77", "\"web\" has no backend 10.0.0.77", 1},
		{"service add '{\"name\":\"x\"}'", "error: lb.services[1]", 1},
		{"config apply /no/such/file", "/no/such/file", 1},
		{"frob", "no command \"frob\"", 2},
		{"stats --all", "nat_no_port", 0},
		{"--json stats", "\"difference\": 0", 0},
		{"top --once --interval 0.1", "SERVICES", 0},
		{"config get", "\"nics\": [", 0},
		{"--socket /no/such stats", "/no/such: No such file", 3},
	};
	char text[65536];
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = millctl(cases[i].words, text, sizeof(text));
		if (status != cases[i].status || strstr(text, cases[i].says) == NULL)
			printf("\n%s: %d, %s", cases[i].words, status, text);
		CU_ASSERT(status == cases[i].status && strstr(text, cases[i].says) != NULL);
	}
	CU_ASSERT(millctl("top --once --interval 0.1", text, sizeof(text)) == 0);
	CU_ASSERT(strstr(text, "DROPS/S") != NULL && widest_line(text) <= 80);
	end();
}

static void
client_pages(void)
{
	enum { N = 2600 };
	static struct cmd_flow rows[N];
	static char text[4 << 20];
	begin(fake_document);
	CU_ASSERT(wait_generation(1));
	for (int i = 0; i < N; i++) {
		rows[i].tuple[0].family = rows[i].tuple[1].family = FAMILY_V4;
		rows[i].packets[0] = (uint64_t)i;
	}
	far.plane.answer[CMD_FLOWS].rows = rows;
	far.plane.answer[CMD_FLOWS].row_size = sizeof(rows[0]);
	far.plane.answer[CMD_FLOWS].n = N;
	CU_ASSERT(millctl("--json flow list --limit 2500", text, sizeof(text)) == 0);
	json_t *r = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL), *last;
	CU_ASSERT(json_array_size(json_object_get(r, "flows")) == 2500);
	last = json_array_get(json_object_get(r, "flows"), 2499);
	CU_ASSERT(json_integer_value(json_array_get(json_object_get(last, "packets"), 0)) == 2499);
	CU_ASSERT(json_is_string(json_object_get(r, "cursor")));
	json_decref(r);
	CU_ASSERT(millctl("flow list", text, sizeof(text)) == 0);
	CU_ASSERT(strstr(text, "There are more") != NULL);
	end();
}

static const struct test_case cases[] = {
	{"killed daemon agrees again", killed_daemon},
	{"data plane starts anew", new_data_plane},
	{"SIGHUP reads the file again", hangup},
	{"lines, bad lines, pipelining", lines},
	{"slow reader", slow_reader},
	{"many clients", many_clients},
	{"line without end", long_line},
	{"log records", records},
	{"millctl: answers and statuses", client_program},
	{"millctl: pages", client_pages},
};

TEST_MAIN("daemon", cases)
