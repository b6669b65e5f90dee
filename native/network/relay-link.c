/*
 * A pair of interfaces (veth): one end in a network namespace that nothing else is in but the sockets where a
 * guest asks, the other one in that of the container, where it is an interface as others are. So a guest that
 * sends what it likes reaches those sockets alone, and nothing of it ever is on the container's loopback.
 */
#include "netlink.h"
#include "relay.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define OWN_NAME "guest"

/* From where programs of the guest ask, unless they say otherwise; all else is behind it. The loopback device
 * of the namespace stays down, so the address is another's here. */
#define GUEST_ADDRESS INADDR_LOOPBACK

static int set(const char *version, const char *link, const char *name, const char *value) {
    char path[128];

    snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", version, link, name);
    /* A kernel without IPv6 has none to switch off. */
    if (nk_write_file(AT_FDCWD, path, value) < 0 && !(errno == ENOENT && strcmp(version, "ipv6") == 0))
        return fail_errno("%s", path);
    return 0;
}

static int make_pair(int socket, const struct relay_link *link, int outside) {
    const struct ifinfomsg head = {0};
    struct netlink_request request;
    struct rtattr *info, *data, *peer;

    netlink_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    netlink_put(&request, IFLA_IFNAME, OWN_NAME, sizeof OWN_NAME);
    netlink_put(&request, IFLA_ADDRESS, link->mac, sizeof link->mac);
    info = netlink_put(&request, IFLA_LINKINFO, NULL, 0);
    netlink_put(&request, IFLA_INFO_KIND, "veth", sizeof "veth");
    data = netlink_put(&request, IFLA_INFO_DATA, NULL, 0);
    peer = netlink_put(&request, VETH_INFO_PEER, &head, sizeof head);
    netlink_put(&request, IFLA_IFNAME, link->name, strlen(link->name) + 1);
    netlink_put(&request, IFLA_NET_NS_FD, &outside, sizeof outside);
    netlink_end(&request, peer);
    netlink_end(&request, data);
    netlink_end(&request, info);
    return netlink_ask(socket, &request) < 0 ? fail_errno("cannot make the interface %s", link->name) : 0;
}

static int set_up(int socket, const char *name) {
    const struct ifinfomsg head = {
        .ifi_index = (int)if_nametoindex(name), .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct netlink_request request;

    netlink_begin(&request, RTM_NEWLINK, 0, &head, sizeof head);
    return netlink_ask(socket, &request) < 0 ? fail_errno("cannot bring up %s", name) : 0;
}

static int add_address(int socket, int index, struct in_addr address) {
    const struct ifaddrmsg head = {
        .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_HOST, .ifa_index = (unsigned)index};
    struct netlink_request request;

    netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    netlink_put(&request, IFA_LOCAL, &address, sizeof address);
    netlink_put(&request, IFA_ADDRESS, &address, sizeof address);
    return netlink_ask(socket, &request) < 0 ? fail_errno("cannot add an address") : 0;
}

/* All that is not here is the guest's. */
static int add_way_back(int socket, int index, const uint8_t guest_mac[6]) {
    const struct in_addr guest = {htonl(GUEST_ADDRESS)};
    const struct ndmsg neighbour = {.ndm_family = AF_INET, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT};
    const struct rtmsg route = {.rtm_family = AF_INET,
                                .rtm_table = RT_TABLE_MAIN,
                                .rtm_protocol = RTPROT_STATIC,
                                .rtm_scope = RT_SCOPE_UNIVERSE,
                                .rtm_type = RTN_UNICAST,
                                .rtm_flags = RTNH_F_ONLINK};
    struct netlink_request request;

    netlink_begin(&request, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &neighbour, sizeof neighbour);
    netlink_put(&request, NDA_DST, &guest, sizeof guest);
    netlink_put(&request, NDA_LLADDR, guest_mac, 6);
    if (netlink_ask(socket, &request) < 0)
        return fail_errno("cannot add the guest as a neighbour");
    netlink_begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof route);
    netlink_put(&request, RTA_GATEWAY, &guest, sizeof guest);
    netlink_put(&request, RTA_OIF, &index, sizeof index);
    return netlink_ask(socket, &request) < 0 ? fail_errno("cannot add the route to the guest") : 0;
}

/* A frame to all may come from others than the guest, where a bridge connects it. */
static int set_localnet(void) {
    return set("ipv6", OWN_NAME, "disable_ipv6", "1") < 0 ||
                   set("ipv4", OWN_NAME, "drop_unicast_in_l2_multicast", "1") < 0
               ? -1
               : set("ipv4", OWN_NAME, "route_localnet", "1");
}

int relay_link_make(const struct relay_link *link, int outside) {
    cleanup_close int socket = -1;
    int index;

    if (unshare(CLONE_NEWNET) < 0)
        return fail_errno("cannot make a network namespace");
    if ((socket = netlink_open(0)) < 0)
        return fail_errno("cannot open a netlink socket");
    if (make_pair(socket, link, outside) < 0 || set_localnet() < 0 || set_up(socket, OWN_NAME) < 0)
        return -1;
    index = (int)if_nametoindex(OWN_NAME);
    for (size_t i = 0; i < link->count; i++) {
        if (add_address(socket, index, link->addresses[i]) < 0)
            return -1;
    }
    return add_way_back(socket, index, link->guest_mac);
}

int relay_link_up(const char *name) {
    cleanup_close int socket = netlink_open(0);

    if (socket < 0)
        return fail_errno("cannot open a netlink socket");
    return set("ipv6", name, "disable_ipv6", "1") < 0 ? -1 : set_up(socket, name);
}
