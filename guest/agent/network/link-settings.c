/* What of a link is no netlink message's, but a file's of /proc/sys/net. */
#include "parts.h"

#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct setting {
    const char *version;
    const char *name;
    const char *value;
};

static int set(struct nk_netlink *n, const char *version, const char *link, const char *name,
               const char *value, struct nk_error *e) {
    char path[128];
    char found[16] = "";

    snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", version, link, name);
    if (nk_read_file(AT_FDCWD, path, found, sizeof found) < 0) {
        /* There is no IPv6: it is off, or the link's MTU too small for it. */
        if (errno == ENOENT && strcmp(version, "ipv6") == 0)
            return 0;
        return nk_fail_errno(e, "read %s", path);
    }
    found[strcspn(found, "\n")] = '\0';
    if (strcmp(found, value) == 0)
        return 0;
    if (nk_write_file(AT_FDCWD, path, value) < 0)
        return nk_fail_errno(e, "write %s to %s", value, path);
    n->changed++;
    return 0;
}

static int set_all(struct nk_netlink *n, const char *link, const struct setting *settings, size_t count,
                   struct nk_error *e) {
    for (size_t i = 0; i < count; i++) {
        if (set(n, settings[i].version, link, settings[i].name, settings[i].value, e) < 0)
            return -1;
    }
    return 0;
}

int nk_link_settings_apply(struct nk_netlink *n, const struct nk_net_link *link, struct nk_error *e) {
    const struct setting settings[] = {
        /* It answers for its own addresses alone. */
        {"ipv4", "arp_ignore", "1"},
        /* The host knows that an address is nobody else's; waiting for it would take a second. */
        {"ipv6", "accept_dad", "0"},
        {"ipv6", "dad_transmits", "0"},
        {"ipv6", "accept_ra", link->accept_ra ? "1" : "0"},
        /* 1: no address by itself. */
        {"ipv6", "addr_gen_mode", link->is_hidden || link->route_localnet ? "1" : "0"},
    };
    /* What comes from where no route of the link's own leads, or as a broadcast, could be a neighbour's that
     * wants to reach what listens on the loopback device alone. */
    static const struct setting localnet[] = {
        {"ipv4", "rp_filter", "1"},
        {"ipv4", "drop_unicast_in_l2_multicast", "1"},
        {"ipv4", "route_localnet", "1"},
    };

    if (set_all(n, link->name, settings, sizeof settings / sizeof settings[0], e) < 0)
        return -1;
    return link->route_localnet ? set_all(n, link->name, localnet, sizeof localnet / sizeof localnet[0], e)
                                : 0;
}
