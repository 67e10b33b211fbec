/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs as checks. A program has a process group of its own; what it says (the first line) is
 * the reason. Its place is taken until it is reaped, also after it was killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "health_probe.h"

enum { VARIABLES = 10, VARIABLE = 128, SAID = 80 };

struct running {
	pid_t pid;         /* 0: the place is free */
	struct probe *probe; /* NULL: nobody waits any more */
	char said[SAID];
};

struct scripts {
	struct running place[PROBE_SCRIPTS];
	struct event *child; /* SIGCHLD */
};

/* listen_to: keep the beginning of what it says; the rest is read and forgotten. */
static void
listen_to(struct probe *p)
{
	struct running *r = &p->prober->scripts->place[p->script];
	char text[512];
	ssize_t n;
	while ((n = read(p->fd, text, sizeof(text))) > 0) {
		size_t used = strlen(r->said), room = SAID - 1 - used;
		for (ssize_t i = 0; i < n && room > 0; i++, room--)
			r->said[used++] = text[i] == '\0' ? ' ' : text[i];
	}
	if (n == 0)
		probe_unwatch(p);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	listen_to(arg);
}

static void
ended(struct running *r, int status)
{
	struct probe *p = r->probe;
	char said[SAID];
	if (p == NULL)
		return;
	listen_to(p);
	memcpy(said, r->said, sizeof(said));
	said[strcspn(said, "\r\n")] = '\0';
	for (char *c = said; *c != '\0'; c++)
		*c = *c < ' ' || *c > '~' ? '?' : *c;
	const char *colon = said[0] != '\0' ? ": " : "";
	if (WIFSIGNALED(status))
		probe_end(p, false, "script: signal %d%s%s", WTERMSIG(status), colon, said);
	else
		probe_end(p, WEXITSTATUS(status) == 0, "script: status %d%s%s", WEXITSTATUS(status),
		          colon, said);
}

static void
on_child(evutil_socket_t fd, short what, void *arg)
{
	struct scripts *s = arg;
	for (int i = 0; i < PROBE_SCRIPTS; i++) {
		struct running *r = &s->place[i];
		int status;
		if (r->pid == 0 || waitpid(r->pid, &status, WNOHANG) != r->pid)
			continue;
		r->pid = 0;
		ended(r, status);
	}
}

bool
scripts_init(struct prober *pr)
{
	pr->scripts = calloc(1, sizeof(*pr->scripts));
	if (pr->scripts == NULL)
		return false;
	pr->scripts->child = evsignal_new(pr->base, SIGCHLD, on_child, pr->scripts);
	return pr->scripts->child != NULL && event_add(pr->scripts->child, NULL) == 0;
}

void
scripts_fini(struct prober *pr)
{
	struct scripts *s = pr->scripts;
	for (int i = 0; s != NULL && i < PROBE_SCRIPTS; i++)
		if (s->place[i].pid != 0)
			kill(-s->place[i].pid, SIGKILL);
	if (s != NULL && s->child != NULL)
		event_free(s->child);
	free(s);
	pr->scripts = NULL;
}

bool
script_room(const struct prober *pr)
{
	for (int i = 0; i < PROBE_SCRIPTS; i++)
		if (pr->scripts->place[i].pid == 0)
			return true;
	return false;
}

/* environment: what a program is told. => values stand in text. */
static void
environment(const struct probe *p, char text[VARIABLES][VARIABLE], char *envp[VARIABLES + 1])
{
	const struct health_conf *c = p->conf;
	int family = c->family == FAMILY_V4 ? AF_INET : AF_INET6, n = 0;
	int service_family = c->service_family == FAMILY_V4 ? AF_INET : AF_INET6;
	char backend[INET6_ADDRSTRLEN], service[INET6_ADDRSTRLEN];
	inet_ntop(family, c->address.b, backend, sizeof(backend));
	inet_ntop(service_family, c->service_address.b, service, sizeof(service));
	snprintf(text[n++], VARIABLE, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
	         "/sbin:/bin");
	snprintf(text[n++], VARIABLE, "MILLRACE_CHECK=%s", p->check->name);
	snprintf(text[n++], VARIABLE, "MILLRACE_SERVICE=%s", c->service);
	snprintf(text[n++], VARIABLE, "MILLRACE_SERVICE_ADDRESS=%s", service);
	snprintf(text[n++], VARIABLE, "MILLRACE_SERVICE_PORT=%u", ntohs(c->service_port));
	snprintf(text[n++], VARIABLE, "MILLRACE_PROTOCOL=%s", c->proto == 17 ? "udp" : "tcp");
	snprintf(text[n++], VARIABLE, "MILLRACE_BACKEND_ADDRESS=%s", backend);
	snprintf(text[n++], VARIABLE, "MILLRACE_BACKEND_PORT=%u", ntohs(c->port));
	snprintf(text[n++], VARIABLE, "MILLRACE_TIMEOUT_MS=%u", p->check->timeout_ms);
	for (int i = 0; i < n; i++)
		envp[i] = text[i];
	envp[n] = NULL;
}

/* spawn: => 0 and *pid, or an errno. The program writes to `out`. */
static int
spawn(const struct probe *p, int out, pid_t *pid)
{
	char text[VARIABLES][VARIABLE], *envp[VARIABLES + 1], *argv[CHECK_MAX_ARGUMENTS + 2] = {0};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	argv[0] = (char *)(uintptr_t)p->check->script;
	for (unsigned i = 0; i < p->check->n_arguments; i++)
		argv[i + 1] = (char *)(uintptr_t)p->check->argument[i];
	environment(p, text, envp);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
	                         POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	int rc = posix_spawn(pid, p->check->script, &files, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

int
script_start(struct probe *p)
{
	struct scripts *s = p->prober->scripts;
	int pipe_fd[2], place = 0;
	while (place < PROBE_SCRIPTS && s->place[place].pid != 0)
		place++;
	if (place == PROBE_SCRIPTS)
		return probe_fail(p, EAGAIN);
	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return probe_fail(p, errno);
	fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK);
	struct running *r = &s->place[place];
	int rc = spawn(p, pipe_fd[1], &r->pid);
	close(pipe_fd[1]);
	if (rc != 0) {
		close(pipe_fd[0]);
		r->pid = 0;
		return probe_fail(p, rc);
	}
	r->probe = p;
	memset(r->said, 0, sizeof(r->said));
	p->script = place;
	p->fd = pipe_fd[0];
	probe_watch(p, EV_READ | EV_PERSIST, on_readable);
	return 0;
}

void
script_stop(struct probe *p)
{
	if (p->script < 0)
		return;
	struct running *r = &p->prober->scripts->place[p->script];
	r->probe = NULL;
	if (r->pid != 0)
		kill(-r->pid, SIGKILL); /* reaped by on_child */
	p->script = -1;
}
