/*
 * nk-shadow probe-mirror: does a frame that tc redirects into a tap come out of it? Some kernels drop it
 * without a word. It is tried in a network namespace of its own, with two taps: what is written to the first
 * is redirected to the second at its ingress, as it is between an interface of a container and the tap of its
 * VM.
 *
 * Prints "works", "drops" (nothing came out), or "refuses: WORDS" (the kernel has no such filter); the status
 * is 0 for the first, 1 for the others, 2 where it cannot be tried.
 */
#include "commands.h"
#include "netlink.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define DEADLINE_US 1000000
#define FRAME_BYTES 60

static int open_tap(const char *name) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    cleanup_close int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cleanup_close int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    if (tap < 0)
        return fail_errno("cannot open /dev/net/tun");
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (control < 0 || ioctl(tap, TUNSETIFF, &request) < 0)
        return fail_errno("cannot make a tap");
    request.ifr_flags = IFF_UP;
    if (ioctl(control, SIOCSIFFLAGS, &request) < 0)
        return fail_errno("cannot bring a tap up");
    return nk_take_fd(&tap);
}

/* "action mirred egress redirect dev NAME", as the first of a filter's actions. */
static void put_redirect(struct netlink_request *request, const char *to) {
    const struct tc_mirred redirect = {
        .action = TC_ACT_STOLEN,
        .eaction = TCA_EGRESS_REDIR,
        .ifindex = if_nametoindex(to),
    };
    struct rtattr *actions = netlink_put(request, TCA_U32_ACT, NULL, 0);
    struct rtattr *first = netlink_put(request, 1, NULL, 0);
    struct rtattr *options;

    netlink_put(request, TCA_ACT_KIND, "mirred", sizeof "mirred");
    options = netlink_put(request, TCA_ACT_OPTIONS, NULL, 0);
    netlink_put(request, TCA_MIRRED_PARMS, &redirect, sizeof redirect);
    netlink_end(request, options);
    netlink_end(request, first);
    netlink_end(request, actions);
}

/* "tc qdisc add dev FROM ingress", "tc filter add dev FROM ingress protocol all u32 match u32 0 0 …" */
static int redirect_all(const char *from, const char *to) {
    /* With one key, of zeros. */
    _Alignas(struct tc_u32_sel) char all[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)] = {0};
    struct tc_u32_sel *selector = (struct tc_u32_sel *)all;
    struct tcmsg place = {
        .tcm_ifindex = (int)if_nametoindex(from),
        .tcm_parent = TC_H_INGRESS,
        .tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0),
    };
    cleanup_close int socket = netlink_open(0);
    struct netlink_request request;
    struct rtattr *options;

    selector->flags = TC_U32_TERMINAL;
    selector->nkeys = 1;
    netlink_begin(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &place, sizeof place);
    netlink_put(&request, TCA_KIND, "ingress", sizeof "ingress");
    if (socket < 0 || netlink_ask(socket, &request) < 0)
        return -1;
    place.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
    place.tcm_handle = 0;
    place.tcm_info = TC_H_MAKE(1 << 16, htons(ETH_P_ALL));
    netlink_begin(&request, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &place, sizeof place);
    netlink_put(&request, TCA_KIND, "u32", sizeof "u32");
    options = netlink_put(&request, TCA_OPTIONS, NULL, 0);
    netlink_put(&request, TCA_U32_SEL, all, sizeof all);
    put_redirect(&request, to);
    netlink_end(&request, options);
    return netlink_ask(socket, &request);
}

/* 1: the frame is there. The kernel sends frames of its own from a tap that came up, so that others may come
 * before. */
static int comes_out(int tap, const unsigned char *frame) {
    const uint64_t end_us = nk_boottime_us() + DEADLINE_US;
    struct pollfd output = {.fd = tap, .events = POLLIN};
    unsigned char found[2048];
    uint64_t now_us;

    while ((now_us = nk_boottime_us()) < end_us) {
        if (poll(&output, 1, (int)((end_us - now_us) / 1000) + 1) < 0 && errno != EINTR)
            return fail_errno("poll");
        if (read(tap, found, sizeof found) == FRAME_BYTES && memcmp(found, frame, FRAME_BYTES) == 0)
            return 1;
    }
    return 0;
}

/* What came of it, for standard output; NULL: it could not be tried. */
static const char *probe(void) {
    /* To a unicast address, of the type for local experiments (IEEE 802a). */
    const unsigned char frame[FRAME_BYTES] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, 'n', 'k'};
    cleanup_close int from = -1, to = -1;
    static char words[128];
    int came;

    if (unshare(CLONE_NEWNET) < 0) {
        fail_errno("cannot make a network namespace");
        return NULL;
    }
    if ((from = open_tap("nkfrom")) < 0 || (to = open_tap("nkto")) < 0)
        return NULL;
    if (redirect_all("nkfrom", "nkto") < 0) {
        snprintf(words, sizeof words, "refuses: %s", strerror(errno));
        return words;
    }
    if (write(from, frame, sizeof frame) != (ssize_t)sizeof frame) {
        fail_errno("cannot write a frame to a tap");
        return NULL;
    }
    came = comes_out(to, frame);
    return came < 0 ? NULL : came > 0 ? "works" : "drops";
}

int probe_mirror_command(void) {
    const char *verdict = probe();

    if (!verdict) {
        fprintf(stderr, "nk-shadow probe-mirror: %s\n", fail_text());
        return 2;
    }
    puts(verdict);
    return strcmp(verdict, "works") == 0 ? 0 : 1;
}
