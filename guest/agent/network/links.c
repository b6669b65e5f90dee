/* The card and the macvlans on it. */
#include "found-links.h"
#include "parts.h"

#include "machine/modules.h"

#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>

/* What a link is found as, and what it should be; one may be missing. */
static const struct nk_found_link *found_of(const struct nk_found_links *links,
                                            const struct nk_net_link *wanted) {
    const struct nk_found_link *card = nk_found_card(links);

    if (wanted->is_card)
        return card;
    for (size_t i = 0; i < links->count; i++) {
        const struct nk_found_link *link = &links->items[i];
        if (strcmp(link->kind, "macvlan") == 0 && link->parent == card->index &&
            link->macvlan_mode == MACVLAN_MODE_PRIVATE &&
            memcmp(link->mac, wanted->mac, sizeof link->mac) == 0)
            return link;
    }
    return NULL;
}

static bool is_wanted(const struct nk_found_links *links, const struct nk_network *network,
                      const struct nk_found_link *link) {
    for (size_t i = 0; i < network->link_count; i++) {
        if (found_of(links, &network->links[i]) == link)
            return true;
    }
    return false;
}

static void begin_change(struct nk_netlink *n, int index, bool sets_up, bool is_up) {
    const struct ifinfomsg head = {
        .ifi_index = index, .ifi_flags = is_up ? IFF_UP : 0, .ifi_change = sets_up ? IFF_UP : 0};

    nk_netlink_begin(n, RTM_NEWLINK, 0, &head, sizeof head);
}

static bool is_of_macvlan(const struct nk_network *network, const uint8_t mac[6]) {
    for (size_t i = 1; i < network->link_count; i++) {
        if (memcmp(network->links[i].mac, mac, sizeof network->links[i].mac) == 0)
            return true;
    }
    return false;
}

/* A card for which there is no link keeps its MAC and MTU, unless the macvlans need others. */
static void settle_hidden_card(struct nk_network *network, const struct nk_found_link *found) {
    struct nk_net_link *card = &network->links[0];

    memcpy(card->mac, found->mac, sizeof card->mac);
    for (uint8_t i = 0; is_of_macvlan(network, card->mac); i++)
        memcpy(card->mac, (uint8_t[]){0x02, 'n', 'k', 0, 0, i}, sizeof card->mac);
    if (card->mtu < found->mtu)
        card->mtu = found->mtu;
}

static int remove_others(struct nk_netlink *n, const struct nk_found_links *links,
                         const struct nk_network *network, struct nk_error *e) {
    const struct nk_found_link *card = nk_found_card(links);

    for (size_t i = 0; i < links->count; i++) {
        const struct nk_found_link *link = &links->items[i];
        const struct ifinfomsg head = {.ifi_index = link->index};
        if (strcmp(link->kind, "macvlan") != 0 || link->parent != card->index ||
            is_wanted(links, network, link))
            continue;
        nk_netlink_begin(n, RTM_DELLINK, 0, &head, sizeof head);
        if (nk_netlink_end(n, 0, e, "remove the link %s", link->name) < 0)
            return -1;
    }
    return 0;
}

static bool has_name(const struct nk_found_link *found, const struct nk_net_link *wanted) {
    return strcmp(found->name, wanted->name) == 0;
}

static bool has_mac(const struct nk_found_link *found, const struct nk_net_link *wanted) {
    return memcmp(found->mac, wanted->mac, sizeof found->mac) == 0;
}

static bool is_wanted_name(const struct nk_network *network, const char *name) {
    for (size_t i = 0; i < network->link_count; i++) {
        if (strcmp(network->links[i].name, name) == 0)
            return true;
    }
    return false;
}

/* What changes its name or MAC is down for it: the kernel before 6.2, and some drivers, want that. A name
 * that another link is to have is given up first, so names can change places. */
static int prepare(struct nk_netlink *n, const struct nk_network *network, const struct nk_found_link *found,
                   const struct nk_net_link *wanted, struct nk_error *e) {
    char name[IFNAMSIZ];

    if (found->is_up && !(has_name(found, wanted) && has_mac(found, wanted))) {
        begin_change(n, found->index, true, false);
        if (nk_netlink_end(n, 0, e, "set the link %s down", found->name) < 0)
            return -1;
    }
    if (has_name(found, wanted) || !is_wanted_name(network, found->name))
        return 0;
    snprintf(name, sizeof name, "nkt%d", found->index);
    begin_change(n, found->index, false, false);
    nk_netlink_put_text(n, IFLA_IFNAME, name);
    return nk_netlink_end(n, 0, e, "rename the link %s to %s", found->name, name);
}

static int change(struct nk_netlink *n, const struct nk_found_link *found, const struct nk_net_link *wanted,
                  struct nk_error *e) {
    if (has_name(found, wanted) && has_mac(found, wanted) && found->mtu == wanted->mtu)
        return 0;
    begin_change(n, found->index, false, false);
    if (!has_name(found, wanted))
        nk_netlink_put_text(n, IFLA_IFNAME, wanted->name);
    if (!has_mac(found, wanted))
        nk_netlink_put(n, IFLA_ADDRESS, wanted->mac, sizeof wanted->mac);
    if (found->mtu != wanted->mtu)
        nk_netlink_put_u32(n, IFLA_MTU, wanted->mtu);
    return nk_netlink_end(n, 0, e, "set name, MAC and MTU of the link %s (was %s)", wanted->name,
                          found->name);
}

static int create(struct nk_netlink *n, int card, const struct nk_net_link *wanted, struct nk_error *e) {
    const struct ifinfomsg head = {0};
    struct rtattr *info;
    struct rtattr *data;

    nk_netlink_begin(n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    nk_netlink_put_text(n, IFLA_IFNAME, wanted->name);
    nk_netlink_put(n, IFLA_ADDRESS, wanted->mac, sizeof wanted->mac);
    nk_netlink_put_u32(n, IFLA_MTU, wanted->mtu);
    nk_netlink_put_u32(n, IFLA_LINK, (uint32_t)card);
    info = nk_netlink_nest(n, IFLA_LINKINFO);
    nk_netlink_put_text(n, IFLA_INFO_KIND, "macvlan");
    data = nk_netlink_nest(n, IFLA_INFO_DATA);
    nk_netlink_put_u32(n, IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE);
    nk_netlink_nest_end(n, data);
    nk_netlink_nest_end(n, info);
    return nk_netlink_end(n, 0, e, "make the link %s (macvlan)", wanted->name);
}

/* Which links there are, and what they are called. */
static int shape(struct nk_netlink *n, const struct nk_found_links *links, const struct nk_network *network,
                 struct nk_error *e) {
    bool has_module = false;

    if (remove_others(n, links, network, e) < 0)
        return -1;
    for (size_t i = 0; i < network->link_count; i++) {
        const struct nk_found_link *found = found_of(links, &network->links[i]);
        if (found && prepare(n, network, found, &network->links[i], e) < 0)
            return -1;
    }
    for (size_t i = 0; i < network->link_count; i++) {
        const struct nk_found_link *found = found_of(links, &network->links[i]);
        if (!found && !has_module) {
            nk_modules_load_later("macvlan");
            has_module = true;
        }
        if ((found ? change(n, found, &network->links[i], e)
                   : create(n, nk_found_card(links)->index, &network->links[i], e)) < 0)
            return -1;
    }
    return nk_netlink_flush(n, e);
}

/* The card is the first: no macvlan can be up before it. */
static int set_up(struct nk_netlink *n, const struct nk_found_links *links, struct nk_network *network,
                  struct nk_error *e) {
    for (size_t i = 0; i < network->link_count; i++) {
        struct nk_net_link *link = &network->links[i];
        const struct nk_found_link *found = found_of(links, link);
        if (!found)
            return nk_fail(e, NK_SYSTEM, "expected the link %s, which was just made, found none", link->name);
        link->index = found->index;
        if (nk_link_settings_apply(n, link, e) < 0)
            return -1;
        if (found->is_up == link->is_up)
            continue;
        begin_change(n, link->index, true, link->is_up);
        if (nk_netlink_end(n, 0, e, "set the link %s %s", link->name, link->is_up ? "up" : "down") < 0)
            return -1;
    }
    return nk_netlink_flush(n, e);
}

int nk_links_apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e) {
    cleanup_links struct nk_found_links links = {0};
    unsigned changed = n->changed;

    if (nk_found_links_read(n, &links, e) < 0)
        return -1;
    if (!nk_found_card(&links) && network->link_count == 1 && network->links[0].is_hidden) {
        network->link_count = 0;
        return 0;
    }
    if (!nk_found_card(&links))
        return nk_fail(e, NK_SYSTEM,
                       "expected a network card, found none: the VM has none, or its kernel no driver "
                       "(virtio_net)");
    if (network->links[0].is_hidden)
        settle_hidden_card(network, nk_found_card(&links));
    if (shape(n, &links, network, e) < 0)
        return -1;
    if (n->changed != changed && nk_found_links_read(n, &links, e) < 0)
        return -1;
    return set_up(n, &links, network, e);
}
