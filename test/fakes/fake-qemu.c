/* A QEMU without a machine: QMP on descriptor 3, console on 4, the agent's socket, which echoes, from its
 * arguments. It does what its name says behind "=":
 *   ready             starts, answers, quits when asked
 *   exit-before-bind  complains and exits with 1 before its greeting
 *   never-bind        runs, but never greets
 *   die-later         exits with 3 once it has said that it runs
 *   ignore-quit       takes no notice of quit
 *   panic             the guest's kernel panics once QEMU has said that it runs
 *   panic-device      likewise, told by the pvpanic device
 *   poweroff          the guest switches itself off
 *   internal-error    the accelerator fails once QEMU has said that it runs
 *   paused            the guest's CPUs do not run
 *   too-old           greets as QEMU 4.2
 *   older             as QEMU 4.0, which does not know our options
 *   rubbish           greets with something that is no JSON
 *   endless-line      greets with a line that never ends */
#define _GNU_SOURCE
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QMP = 3, CONSOLE = 4, MAX_CLIENTS = 8 };

static const char *mode;
static const char *status = "running";

static bool is(const char *name) {
    return strcmp(mode, name) == 0;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    va_list args;

    va_start(args, format);
    vdprintf(QMP, format, args);
    va_end(args);
}

static void event(const char *name, const char *data) {
    say("{\"event\":\"%s\",\"data\":{%s},\"timestamp\":{\"seconds\":0,\"microseconds\":0}}\n", name, data);
}

static void shut_down(const char *reason) {
    char data[80];

    snprintf(data, sizeof data, "\"guest\":%s,\"reason\":\"%s\"",
             strncmp(reason, "guest", 5) == 0 ? "true" : "false", reason);
    event("SHUTDOWN", data);
    exit(0);
}

/* What happens after QEMU has said that the guest runs. */
static void go_on(void) {
    if (is("die-later")) {
        fputs("fake-qemu: something broke\n", stderr);
        exit(3);
    }
    if (is("panic")) {
        dprintf(CONSOLE, "[ 0.1] Kernel panic - not syncing: No working init found.\n");
        shut_down("guest-reset");
    }
    if (is("panic-device")) {
        event("GUEST_PANICKED", "\"action\":\"poweroff\"");
        shut_down("guest-panic");
    }
    if (is("poweroff"))
        shut_down("guest-shutdown");
    if (is("internal-error")) {
        status = "internal-error";
        event("STOP", "");
    }
}

/* Of a member of a request; requests are of our own making. */
static const char *value_of(const char *request, const char *member) {
    const char *at = strstr(request, member);

    return at ? at + strlen(member) : "";
}

static bool asks(const char *request, const char *command) {
    const char *value = value_of(request, "\"execute\":\"");

    return strncmp(value, command, strlen(command)) == 0 && value[strlen(command)] == '"';
}

static void answer(const char *request) {
    int id = atoi(value_of(request, "\"id\":"));

    if (asks(request, "query-status")) {
        bool runs = strcmp(status, "running") == 0;
        say("{\"return\":{\"status\":\"%s\",\"running\":%s},\"id\":%d}\n", status, runs ? "true" : "false",
            id);
        if (runs)
            go_on();
    } else if (asks(request, "qmp_capabilities")) {
        say("{\"return\":{},\"id\":%d}\n", id);
    } else if (!asks(request, "quit")) {
        say("{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"not found\"},\"id\":%d}\n", id);
    } else if (!is("ignore-quit")) {
        say("{\"return\":{},\"id\":%d}\n", id);
        shut_down("host-qmp-quit");
    }
}

static void read_requests(void) {
    static char buffer[65536];
    static size_t length;
    ssize_t n = read(QMP, buffer + length, sizeof buffer - 1 - length);
    char *end;

    if (n <= 0)
        exit(0);
    length += (size_t)n;
    buffer[length] = '\0';
    while ((end = strchr(buffer, '\n'))) {
        *end = '\0';
        answer(buffer);
        length -= (size_t)(end + 1 - buffer);
        memmove(buffer, end + 1, length + 1);
    }
}

static void greet(void) {
    if (is("rubbish"))
        say("hello\n");
    else if (is("endless-line"))
        for (int i = 0; i < 32; i++)
            say("%065536d", 0);
    else if (!is("never-bind"))
        say("{\"QMP\":{\"version\":{\"qemu\":%s,\"package\":\"fake\"},\"capabilities\":[]}}\n",
            is("too-old") ? "{\"major\":4,\"minor\":2,\"micro\":0}"
                          : "{\"major\":7,\"minor\":2,\"micro\":0}");
}

static void echo(struct pollfd *client) {
    char bytes[4096];
    ssize_t n = read(client->fd, bytes, sizeof bytes);

    if (n > 0 && write(client->fd, bytes, (size_t)n) == n)
        return;
    close(client->fd);
    client->fd = -1;
}

static void take_client(int listener, struct pollfd *clients) {
    int fd = accept(listener, NULL, NULL);
    int i = 0;

    while (i < MAX_CLIENTS - 1 && clients[i].fd >= 0)
        i++;
    close(clients[i].fd);
    clients[i].fd = fd;
}

static int agent_socket(int argc, char **argv) {
    static const char prefix[] = "socket,id=agent,fd=";

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], prefix, sizeof prefix - 1) == 0)
            return atoi(argv[i] + sizeof prefix - 1);
    }
    return -1;
}

static const char *version(void) {
    return is("too-old") ? "4.2.0" : is("older") ? "4.0.0" : "7.2.0";
}

int main(int argc, char **argv) {
    struct pollfd fds[2 + MAX_CLIENTS];

    mode = argc > 0 && strrchr(argv[0], '=') ? strrchr(argv[0], '=') + 1 : "ready";
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return printf("QEMU emulator version %s (fake)\n", version()) < 0;
    if (is("exit-before-bind") || is("older")) {
        fputs("fake-qemu: could not allocate memory\n", stderr);
        return 1;
    }
    if (is("paused"))
        status = "prelaunch";
    for (int i = 0; i < 2 + MAX_CLIENTS; i++)
        fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    fds[0].fd = QMP;
    fds[1].fd = agent_socket(argc, argv);
    greet();
    for (;;) {
        poll(fds, 2 + MAX_CLIENTS, -1);
        if (fds[0].revents)
            read_requests();
        if (fds[1].revents)
            take_client(fds[1].fd, fds + 2);
        for (int i = 2; i < 2 + MAX_CLIENTS; i++) {
            if (fds[i].fd >= 0 && fds[i].revents)
                echo(&fds[i]);
        }
    }
}
