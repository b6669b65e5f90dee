/*
 * nk-shadow relay-resolver NETNS LINK MAC GUEST-MAC ADDRESS...: for name servers that listen on the loopback
 * device of a network namespace. It makes the interface LINK in NETNS, prints "ready", and answers at port 53
 * of each ADDRESS what a guest with GUEST-MAC asks by that interface, of MAC: with what the server at the
 * same address in NETNS says. Ends when nobody reads.
 */
#include "relay.h"
#include "commands.h"

#include "common/capabilities.h"
#include "common/cleanup.h"
#include "common/fail.h"
#include "common/io.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 53
#define BACKLOG 16
#define NOBODY 65534

static int read_mac(const char *text, uint8_t mac[6]) {
    int end = 0;

    return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
                  &mac[5], &end) == 6 &&
                   text[end] == '\0'
               ? 0
               : fail("expected a MAC, found %s", text);
}

static int read_link(int argc, char **argv, struct relay_link *link) {
    link->name = argv[0];
    if (read_mac(argv[1], link->mac) < 0 || read_mac(argv[2], link->guest_mac) < 0)
        return -1;
    if (argc - 3 > RELAY_MAX_WAYS)
        return fail("expected at most %d addresses, found %d", RELAY_MAX_WAYS, argc - 3);
    for (; link->count < (size_t)argc - 3; link->count++) {
        if (inet_pton(AF_INET, argv[3 + link->count], &link->addresses[link->count]) != 1)
            return fail("expected an IPv4 address, found %s", argv[3 + link->count]);
    }
    return 0;
}

static int open_at(const struct sockaddr_in *address, int type) {
    const int one = 1;
    cleanup_close int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
        return fail_errno("cannot listen for the guest");
    return nk_take_fd(&fd);
}

static int open_ways(const struct relay_link *link, struct relay_ways *ways) {
    for (; ways->count < link->count; ways->count++) {
        struct relay_way *way = &ways->items[ways->count];
        way->server = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = link->addresses[ways->count]};
        if ((way->udp = open_at(&way->server, SOCK_DGRAM)) < 0 ||
            (way->tcp = open_at(&way->server, SOCK_STREAM)) < 0)
            return -1;
    }
    return 0;
}

/* Another user, where there is another. */
static int give_up_rights(void) {
    if (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0)
        (void)!setresuid(NOBODY, NOBODY, NOBODY);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || capabilities_set(0) < 0
               ? fail_errno("cannot give up rights")
               : 0;
}

/* The sockets where the guest asks keep their namespace; those that ask for it are made in the container's.
 */
static int relay(const char *netns, const struct relay_link *link) {
    cleanup_close int outside = open(netns, O_RDONLY | O_CLOEXEC);
    struct relay_ways ways = {.count = 0};

    if (outside < 0)
        return fail_errno("%s", netns);
    if (relay_link_make(link, outside) < 0 || open_ways(link, &ways) < 0)
        return -1;
    if (setns(outside, CLONE_NEWNET) < 0)
        return fail_errno("%s", netns);
    if (relay_link_up(link->name) < 0 || give_up_rights() < 0)
        return -1;
    if (nk_write_all(1, "ready\n", 6) < 0)
        return fail_errno("standard output");
    return relay_serve(&ways, 1);
}

int relay_resolver_command(int argc, char **argv) {
    struct relay_link link = {.count = 0};

    if (read_link(argc - 1, argv + 1, &link) == 0 && relay(argv[0], &link) == 0)
        return 0;
    fprintf(stderr, "nk-shadow relay-resolver: %s\n", fail_text());
    return 1;
}
