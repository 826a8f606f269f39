/*
 * Holds one of each thing that a process has beside its memory and its files, and tells whether it still has it.
 *
 * witness            Two processes exchange numbers over TCP on the loopback (IPv4, IPv4 through a socket of IPv6, IPv6 where there is
 *                    one) and over a pair of Unix sockets. It prints each number when it has come back on all of them: 0, 1, 2, …
 *                    It holds locks on two files, listens on a Unix socket and on TCP port 7000 of the loopback, and has a connection
 *                    to the outside: to the API server.
 * witness visit      Has a connection to port 7000, of another container of its pod, and counts.
 * witness memory MIB Holds random bytes, and prints their SHA-256.
 * witness ask        What that process says now: which connections to others are open; of the memory, the SHA-256 of what it holds.
 * witness try FILE   Whether somebody holds a lock on a file.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sha256.h"

#define DIRECTORY "/held"
#define VISITORS 7000
#define LINKS 4

/* A connection of the two processes: this end, and the other one's. */
struct link {
	const char *name;
	int here, there;
};

/* A connection to somebody who is not restored at the same time. */
struct outside {
	const char *name;
	int fd;
};

static struct link links[LINKS];
static struct outside outsides[2];
static int link_count, outside_count;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static void add_pair(const char *name, int here, int there)
{
	links[link_count++] = (struct link){ name, here, there };
}

/* Connects two ends over the loopback; leaves it out where the kernel has no IPv6. */
static void add_tcp(const char *name, int server_family, const char *address)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *server = server_family == AF_INET ? (void *)&v4 : (void *)&v6;
	socklen_t size = server_family == AF_INET ? sizeof(v4) : sizeof(v6);
	int client_family = strchr(address, ':') ? AF_INET6 : AF_INET;
	int listener = socket(server_family, SOCK_STREAM, 0), client;

	if (listener < 0 && server_family == AF_INET6)
		return;
	check(bind(check(listener, "socket"), server, size), "bind");
	check(listen(listener, 1), "listen");
	check(getsockname(listener, server, &size), "getsockname");
	if (client_family == AF_INET) {
		v4.sin_port = server_family == AF_INET ? v4.sin_port : v6.sin6_port;
		server = (void *)&v4;
		size = sizeof(v4);
	} else {
		v6.sin6_addr = in6addr_loopback;
	}
	client = check(socket(client_family, SOCK_STREAM, 0), "socket");
	if (connect(client, server, size) < 0) {
		if (client_family == AF_INET)
			die("connect");
		close(client);
	} else {
		add_pair(name, client, check(accept(listener, NULL, NULL), "accept"));
	}
	close(listener);
}

static void add_unix(void)
{
	int ends[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	add_pair("unix", ends[0], ends[1]);
}

static void add_outside(const char *name, const char *host, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	inet_pton(AF_INET, host, &address.sin_addr);
	/* A container that starts before the one that it visits waits for it. */
	while (connect(fd, (void *)&address, sizeof(address)) < 0)
		usleep(100000);
	outsides[outside_count++] = (struct outside){ name, fd };
}

/* The second process: sends back whatever comes. */
static void echo(void)
{
	struct pollfd polled[LINKS];

	for (int i = 0; i < link_count; i++) {
		close(links[i].here);
		polled[i] = (struct pollfd){ .fd = links[i].there, .events = POLLIN };
	}
	while (poll(polled, link_count, -1) > 0 || errno == EINTR) {
		for (int i = 0; i < link_count; i++) {
			char buffer[4096];
			ssize_t got;

			if (!polled[i].revents)
				continue;
			got = read(polled[i].fd, buffer, sizeof(buffer));
			if (got <= 0 || write(polled[i].fd, buffer, got) != got)
				exit(1);
		}
	}
	exit(1);
}

static void lock_files(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd;

	check(flock(open(DIRECTORY "/flock", O_RDWR | O_CREAT, 0600), LOCK_EX), "flock");
	fd = check(open(DIRECTORY "/fcntl", O_RDWR | O_CREAT, 0600), "open");
	check(fcntl(fd, F_SETLK, &lock), "fcntl");
}

static int try_locks(const char *file)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = check(open(file, O_RDWR | O_CREAT, 0600), file);
	int held = flock(fd, LOCK_EX | LOCK_NB) < 0 || fcntl(fd, F_SETLK, &lock) < 0;

	puts(held ? "held" : "free");
	return 0;
}

static const struct sockaddr_un own = { .sun_family = AF_UNIX, .sun_path = DIRECTORY "/socket" };

static int listen_unix(void)
{
	int fd = check(socket(AF_UNIX, SOCK_STREAM, 0), "socket");

	unlink(own.sun_path);
	check(bind(fd, (void *)&own, sizeof(own)), "bind");
	check(listen(fd, 8), "listen");
	return fd;
}

static int listen_visitors(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(VISITORS), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket"), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(bind(fd, (void *)&address, sizeof(address)), "bind");
	check(listen(fd, 8), "listen");
	return fd;
}

/* Says which connections to others are open: one that was closed has come to its end. */
static void answer(int fd)
{
	for (int i = 0; i < outside_count; i++) {
		char byte;
		ssize_t got = recv(outsides[i].fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

		dprintf(fd, "%s %s\n", outsides[i].name, got > 0 || (got < 0 && errno == EAGAIN) ? "open" : "closed");
	}
}

static int ask(void)
{
	int fd = check(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	char buffer[4096];
	ssize_t got;

	check(connect(fd, (const void *)&own, sizeof(own)), "connect");
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, got, stdout);
	return 0;
}

/* Sends a number over all links, and takes the one before back: the answers wait meanwhile, as they do in a dump. */
static void exchange(uint64_t number)
{
	for (int i = 0; i < link_count; i++) {
		uint64_t back;

		if (number > 0 && (recv(links[i].here, &back, sizeof(back), MSG_WAITALL) != sizeof(back) || back != number - 1)) {
			printf("%s is lost\n", links[i].name);
			exit(1);
		}
		if (write(links[i].here, &number, sizeof(number)) != sizeof(number)) {
			printf("%s is closed\n", links[i].name);
			exit(1);
		}
	}
}

/* Counts ten times a second, and serves who comes meanwhile. */
static void serve(int asked, int visited)
{
	struct pollfd polled[] = { { .fd = asked, .events = POLLIN }, { .fd = visited, .events = POLLIN } };

	for (uint64_t number = 0;; number++) {
		exchange(number);
		printf("%lu\n", number);
		usleep(100000);
		if (poll(polled, 2, 0) <= 0)
			continue;
		if (polled[0].revents) {
			int fd = accept(asked, NULL, NULL);

			answer(fd);
			close(fd);
		}
		if (polled[1].revents && outside_count < 2)
			outsides[outside_count++] = (struct outside){ "visitor", accept(visited, NULL, NULL) };
	}
}

static void hold_memory(size_t size, int asked)
{
	uint8_t *memory = malloc(size);
	char sum[65];

	for (size_t filled = 0; filled < size;)
		filled += check(getrandom(memory + filled, size - filled, 0), "getrandom");
	sha256(memory, size, sum);
	puts(sum);
	for (;;) {
		int fd = accept(asked, NULL, NULL);

		sha256(memory, size, sum);
		dprintf(fd, "%s\n", sum);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	int asked;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	mkdir(DIRECTORY, 0700);
	if (!strcmp(what, "ask"))
		return ask();
	if (!strcmp(what, "try") && argc > 2)
		return try_locks(argv[2]);
	asked = listen_unix();
	if (!strcmp(what, "memory") && argc > 2)
		hold_memory(strtoull(argv[2], NULL, 10) << 20, asked);
	if (!strcmp(what, "visit")) {
		add_outside("visit", "127.0.0.1", VISITORS);
		serve(asked, -1);
	}
	add_tcp("tcp of IPv4", AF_INET, "127.0.0.1");
	add_tcp("tcp of IPv4 to IPv6", AF_INET6, "127.0.0.1");
	add_tcp("tcp of IPv6", AF_INET6, "::1");
	add_unix();
	if (check(fork(), "fork") == 0)
		echo();
	for (int i = 0; i < link_count; i++)
		close(links[i].there);
	lock_files();
	if (host && port)
		add_outside("outside", host, atoi(port));
	serve(asked, listen_visitors());
}
