/* A connection to a port of the guest: what is asked of the monitor, and the bytes of both ways. */
#include "check.h"

#include "common/io.h"
#include "network/commands.h"
#include "network/ports.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define YES "HTTP/1.1 101 Switching Protocols\r\nUpgrade: nk-stream\r\n\r\n"

static char folder[] = "/tmp/nk-ports-XXXXXX";
static char path[64];
static int listening;

static void open_monitor(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/control.sock", folder);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    listening = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 1) == 0);
}

/* Carries a connection in a process of its own. */
static pid_t carry(int *client, int *monitor, const char *answer) {
    int ends[2];
    char request[256] = "";
    pid_t pid;

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    fflush(stdout);
    CHECK((pid = fork()) >= 0);
    if (pid == 0) {
        close(ends[0]);
        close(listening);
        _exit(port_carry(ends[1], path, 8080) < 0);
    }
    close(ends[1]);
    *client = ends[0];
    CHECK((*monitor = accept(listening, NULL, NULL)) >= 0);
    CHECK(read(*monitor, request, sizeof request - 1) > 0);
    CHECK_TEXT(request, "POST /ports/8080 HTTP/1.1\r\n");
    CHECK_TEXT(request, "\r\nUpgrade: nk-stream\r\n\r\n");
    CHECK(nk_write_all(*monitor, answer, strlen(answer)) == 0);
    return pid;
}

static int status_of(pid_t pid) {
    int status;

    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void each_way_ends_by_itself(void) {
    char text[16];
    int client;
    int monitor;
    const pid_t pid = carry(&client, &monitor, YES "first");

    CHECK(nk_read_full(client, text, 5) == 5 && memcmp(text, "first", 5) == 0);
    CHECK(nk_write_all(client, "ask", 3) == 0 && shutdown(client, SHUT_WR) == 0);
    CHECK(nk_read_full(monitor, text, sizeof text) == 3 && memcmp(text, "ask", 3) == 0);
    CHECK(nk_write_all(monitor, "answer", 6) == 0);
    close(monitor);
    CHECK(nk_read_full(client, text, sizeof text) == 6 && memcmp(text, "answer", 6) == 0);
    close(client);
    CHECK(status_of(pid) == 0);
}

static void a_reader_that_stands_still_keeps_no_other_way(void) {
    static char much[1 << 20];
    char text[8];
    int client;
    int monitor;
    const pid_t pid = carry(&client, &monitor, YES);

    CHECK(nk_set_nonblock(monitor, 1) == 0);
    while (write(monitor, much, sizeof much) > 0)
        ;
    CHECK(errno == EAGAIN && nk_set_nonblock(monitor, 0) == 0);
    CHECK(nk_write_all(client, "word", 4) == 0 && nk_read_full(monitor, text, 4) == 4);
    close(monitor);
    close(client);
    status_of(pid);
}

static void a_refusal_ends_the_connection(const char *answer) {
    char byte;
    int client;
    int monitor;
    const pid_t pid = carry(&client, &monitor, answer);

    shutdown(monitor, SHUT_WR);
    CHECK(read(client, &byte, 1) == 0);
    CHECK(status_of(pid) == 1);
    close(monitor);
    close(client);
}

static void what_is_no_yes_is_a_refusal(void) {
    static char long_head[4096];

    a_refusal_ends_the_connection("HTTP/1.1 400 Bad Request\r\n\r\n");
    a_refusal_ends_the_connection("HTTP/1.1 101 Switching");
    a_refusal_ends_the_connection("");
    memset(long_head, 'x', sizeof long_head - 1);
    a_refusal_ends_the_connection(long_head);
}

static void says_what_it_cannot_do(void) {
    CHECK(forward_ports_command("/nowhere", path) == 1);
    CHECK(forward_ports_command("/dev/null", path) == 1);
    unlink(path);
    CHECK(port_carry(0, path, 1) < 0);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    open_monitor();
    RUN(each_way_ends_by_itself);
    RUN(a_reader_that_stands_still_keeps_no_other_way);
    RUN(what_is_no_yes_is_a_refusal);
    RUN(says_what_it_cannot_do);
    rmdir(folder);
    return 0;
}
