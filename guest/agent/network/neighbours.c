/* Permanent neighbours. */
#include "parts.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>

static struct nk_net_neighbour read_neighbour(const struct nlmsghdr *message) {
    const struct ndmsg *head = NLMSG_DATA(message);
    const struct rtattr *table[NDA_LLADDR + 1];
    struct nk_net_neighbour found = {.index = head->ndm_ifindex};

    nk_message_attributes(message, sizeof *head, table, NDA_LLADDR + 1);
    found.ip = nk_attribute_ip(table[NDA_DST], head->ndm_family);
    nk_attribute_bytes(table[NDA_LLADDR], found.mac, sizeof found.mac);
    return found;
}

/* One that has another MAC is there too: what is added takes its place. */
static bool is_wanted(struct nk_network *network, const struct nk_net_neighbour *found) {
    for (size_t i = 0; i < network->neighbour_count; i++) {
        struct nk_net_neighbour *neighbour = &network->neighbours[i];
        if (neighbour->index == found->index && nk_ip_equal(&neighbour->ip, &found->ip)) {
            neighbour->is_there = memcmp(neighbour->mac, found->mac, sizeof found->mac) == 0;
            return true;
        }
    }
    return false;
}

static int remove_others(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    cleanup_dump struct nk_dump dump = {0};
    char text[INET6_ADDRSTRLEN];

    if (nk_netlink_dump(n, RTM_GETNEIGH, &dump, e) < 0)
        return -1;
    for (const struct nlmsghdr *at = NULL; (at = nk_dump_next(&dump, at, sizeof(struct ndmsg)));) {
        const struct ndmsg *head = NLMSG_DATA(at);
        const struct nk_net_link *link = nk_network_link_at(network, head->ndm_ifindex);
        const struct nk_net_neighbour found = read_neighbour(at);
        if (!link || head->ndm_state != NUD_PERMANENT || found.ip.family == 0 || is_wanted(network, &found))
            continue;
        if (nk_netlink_delete(n, at, RTM_DELNEIGH, ENOENT, e, "remove the neighbour %s of %s",
                              nk_ip_text(&found.ip, text), link->name) < 0)
            return -1;
    }
    return 0;
}

static int add(struct nk_netlink *n, const struct nk_net_neighbour *neighbour, struct nk_error *e) {
    const struct ndmsg head = {
        .ndm_family = neighbour->ip.family,
        .ndm_ifindex = neighbour->index,
        .ndm_state = NUD_PERMANENT,
    };
    char text[INET6_ADDRSTRLEN];

    nk_netlink_begin(n, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
    nk_netlink_put_ip(n, NDA_DST, &neighbour->ip);
    nk_netlink_put(n, NDA_LLADDR, neighbour->mac, sizeof neighbour->mac);
    return nk_netlink_end(n, 0, e, "add the neighbour %s to %s", nk_ip_text(&neighbour->ip, text),
                          neighbour->link);
}

int nk_neighbours_apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    for (size_t i = 0; i < network->neighbour_count; i++)
        network->neighbours[i].index = nk_network_link(network, network->neighbours[i].link)->index;
    if (remove_others(n, network, e) < 0)
        return -1;
    for (size_t i = 0; i < network->neighbour_count; i++) {
        if (!network->neighbours[i].is_there && add(n, &network->neighbours[i], e) < 0)
            return -1;
    }
    return nk_netlink_flush(n, e);
}
