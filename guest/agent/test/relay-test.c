/* Sockets of the host: connections and datagrams in the guest, and what the host says to them. */
#include "base/agent.h"
#include "base/rundir.h"
#include "host-end.h"
#include "ops/dispatch.h"
#include "relay/dial.h"
#include "relay/relay.h"
#include "streams/stream.h"

#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/un.h>

static char folder[] = "/tmp/nk-relay-XXXXXX";
static char target[64];
static struct nk_frame frame;

static void settle(void) {
    host_wait(20000);
}

static struct sockaddr_un address_of(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

/* The host's own, as a share shows it. */
static void make_target(void) {
    struct sockaddr_un address = address_of(target);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind %s", target);
    CHECK(chmod(target, 0640) == 0, "chmod");
    close(fd);
}

static int connected(int type) {
    struct sockaddr_un address = address_of(target);
    int fd = socket(AF_UNIX, type, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The next frame but those of the log. */
static bool received(uint8_t type) {
    settle();
    for (;;) {
        while (nk_decoder_next(&from_agent, &frame) > 0) {
            if (frame.type == type)
                return true;
        }
        if (!host_receive())
            return false;
    }
}

static bool told_of(uint32_t number, uint32_t connection) {
    char text[128];

    snprintf(text, sizeof text, "{\"event\":\"connection\",\"socket\":%u,\"connection\":%u}", number,
             connection);
    return received(NK_CONTROL) && frame.length == strlen(text) && !memcmp(frame.payload, text, frame.length);
}

static void test_connection(void) {
    struct nk_error e;
    struct stat info;
    char text[8];
    int fd;

    CHECK(nk_relay_listen(7, target, 0, &e) == 0, "%s", e.text);
    CHECK(stat(target, &info) == 0 && (info.st_mode & 07777) == 0640, "the host's mode");
    CHECK(nk_relay_listen(7, target, 0, &e) < 0 && strcmp(e.code, NK_EXISTS) == 0, "twice");
    fd = connected(SOCK_STREAM);
    CHECK(fd >= 0 && told_of(7, 1), "expected to be told");
    CHECK(nk_relay_accept(7, 2, 1, 2, &e) < 0 && strcmp(e.code, NK_NOT_FOUND) == 0, "another number");
    CHECK(nk_relay_accept(7, 1, 1, 2, &e) == 0, "%s", e.text);
    CHECK(nk_relay_accept(7, 1, 3, 4, &e) < 0, "accepted already");
    CHECK(write(fd, "ask", 3) == 3 && shutdown(fd, SHUT_WR) == 0, "ask");
    CHECK(received(NK_DATA) && frame.stream == 2 && !memcmp(frame.payload, "ask", 3), "the question");
    CHECK(received(NK_EOF) && frame.stream == 2, "its end");
    host_send(NK_DATA, 1, "answer", 6);
    host_send(NK_EOF, 1, "", 0);
    settle();
    CHECK(read(fd, text, sizeof text) == 6 && read(fd, text, sizeof text) == 0, "the answer and its end");
    close(fd);
}

/* The streams go with it, and may be used again for the next. */
static void test_peer_that_goes(void) {
    struct nk_error e;
    int fd = connected(SOCK_STREAM);

    CHECK(told_of(7, 2) && nk_relay_accept(7, 2, 1, 2, &e) == 0, "%s", e.text);
    close(fd);
    CHECK(received(NK_CLOSE) && frame.stream == 1, "nobody reads");
    fd = connected(SOCK_STREAM);
    CHECK(told_of(7, 3) && nk_relay_accept(7, 3, 1, 2, &e) == 0, "%s", e.text);
    host_send(NK_CLOSE, 2, "", 0);
    settle();
    CHECK(write(fd, "x", 1) < 0, "expected EPIPE");
    host_send(NK_EOF, 1, "", 0);
    settle();
    close(fd);
}

static void test_refused(void) {
    struct nk_error e;
    char byte;
    int fd = connected(SOCK_STREAM);

    CHECK(told_of(7, 4) && nk_relay_accept(7, 4, 0, 0, &e) == 0, "%s", e.text);
    CHECK(read(fd, &byte, 1) == 0, "expected the end");
    close(fd);
    fd = connected(SOCK_STREAM);
    CHECK(told_of(7, 5), "told");
    nk_relay_disconnected();
    CHECK(read(fd, &byte, 1) == 0, "a break ends what has not begun");
    close(fd);
}

static void test_too_many(void) {
    static int fds[NK_MAX_CONNECTIONS + 1];
    char byte;

    for (int i = 0; i <= NK_MAX_CONNECTIONS; i++) {
        fds[i] = connected(SOCK_STREAM);
        settle();
    }
    CHECK(read(fds[NK_MAX_CONNECTIONS], &byte, 1) == 0, "expected the last to be closed");
    CHECK(recv(fds[0], &byte, 1, MSG_DONTWAIT) < 0, "the first waits");
    nk_relay_disconnected();
    for (int i = 0; i <= NK_MAX_CONNECTIONS; i++)
        close(fds[i]);
    while (received(NK_CONTROL))
        ;
}

static int server(sa_family_t family, uint16_t *port) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
    socklen_t length = family == AF_INET ? sizeof four : sizeof six;
    int fd = socket(family, SOCK_STREAM, 0);

    CHECK(bind(fd, address, length) == 0 && listen(fd, 1) == 0, "a server");
    CHECK(getsockname(fd, address, &length) == 0, "its port");
    *port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
    return fd;
}

static const char *dial_code; /* "": connected; NULL: not yet */

static void on_dialled(void *data, int fd, const struct nk_error *refused) {
    struct nk_error e;

    (void)data;
    dial_code = fd < 0 ? refused->code : "";
    if (fd >= 0)
        CHECK(nk_relay_take(fd, 1, 2, &e) == 0, "%s", e.text);
}

static const char *dial(uint16_t port) {
    static struct nk_error e;

    dial_code = NULL;
    if (nk_dial(port, on_dialled, NULL, &e) < 0)
        return e.code;
    while (!dial_code)
        settle();
    return dial_code;
}

/* At either address, whatever the other one has. */
static void test_port_of_guest(sa_family_t family) {
    uint16_t port;
    char text[8];
    int listening = server(family, &port);
    int fd;

    CHECK(*dial(port) == '\0', "found %s", dial_code);
    fd = accept(listening, NULL, NULL);
    host_send(NK_DATA, 1, "ask", 3);
    host_send(NK_EOF, 1, "", 0);
    settle();
    CHECK(read(fd, text, sizeof text) == 3 && read(fd, text, sizeof text) == 0, "the question and its end");
    CHECK(write(fd, "answer", 6) == 6, "answer");
    close(fd);
    CHECK(received(NK_DATA) && frame.stream == 2 && !memcmp(frame.payload, "answer", 6), "the answer");
    CHECK(received(NK_EOF) && frame.stream == 2, "its end");
    close(listening);
    CHECK(strcmp(dial(port), NK_NOT_FOUND) == 0, "nobody listens");
}

static void test_datagrams(void) {
    static char block[65536 + 1];
    struct nk_error e;
    int fd;

    CHECK(nk_relay_listen(8, target, 5, &e) == 0, "%s", e.text);
    fd = connected(SOCK_DGRAM);
    CHECK(send(fd, "READY=1", 7, 0) == 7 && send(fd, "", 0, 0) == 0 && send(fd, "X", 1, 0) == 1, "send");
    CHECK(received(NK_DATA) && frame.stream == 5 && frame.length == 7, "one message");
    CHECK(received(NK_DATA) && frame.stream == 5 && frame.length == 1, "the next, without the empty one");
    CHECK(send(fd, block, sizeof block, 0) == sizeof block, "one that is too long");
    CHECK(send(fd, block, sizeof block - 1, 0) == sizeof block - 1, "the longest");
    CHECK(received(NK_DATA) && frame.length == 65536, "found %u", frame.length);
    /* 8 bytes and the longest three times leave less than the longest. */
    for (int i = 0; i < 3; i++)
        CHECK(send(fd, block, 65536, 0) == 65536, "more");
    CHECK(received(NK_DATA) && received(NK_DATA) && !received(NK_DATA), "expected two: that is the credit");
    CHECK(nk_relay_forget(8, &e) == 0 && connected(SOCK_DGRAM) < 0, "expected the host's own again");
    close(fd);
}

static void test_what_is_no_socket(void) {
    char link[80];
    struct nk_error e;

    CHECK(nk_relay_listen(9, folder, 0, &e) < 0 && strcmp(e.code, NK_BAD_STATE) == 0, "a folder");
    snprintf(link, sizeof link, "%s/link", folder);
    CHECK(symlink(target, link) == 0 && nk_relay_listen(9, link, 0, &e) < 0, "a link");
    CHECK(nk_relay_forget(9, &e) < 0 && strcmp(e.code, NK_NOT_FOUND) == 0, "nothing is left");
    nk_relay_forget_all();
    CHECK(connected(SOCK_STREAM) < 0, "expected the host's own again");
}

int main(void) {
    struct nk_error e;

    if (geteuid() != 0) {
        puts("relay-test: skipped: mounts need root");
        return 0;
    }
    CHECK(mkdtemp(folder) && unshare(CLONE_NEWNS) == 0, "a namespace of its own");
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
    nk_settings.run_dir = folder;
    snprintf(target, sizeof target, "%s/host.sock", folder);
    CHECK(nk_rundir_make(&e) == 0, "%s", e.text);
    make_target();
    host_open();
    test_connection();
    test_peer_that_goes();
    test_refused();
    test_port_of_guest(AF_INET);
    test_port_of_guest(AF_INET6);
    test_too_many();
    test_datagrams();
    test_what_is_no_socket();
    nk_channel_close();
    nk_decoder_free(&from_agent);
    nk_remove_tree(folder);
    return 0;
}
