#include "found-links.h"

#include "common/cleanup.h"

#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>

const char *nk_card_kind = "";

static void read_kind(const struct rtattr *info, struct nk_found_link *link) {
    const struct rtattr *table[IFLA_INFO_DATA + 1];
    const struct rtattr *data[IFLA_MACVLAN_MODE + 1];

    if (!info)
        return;
    nk_attributes(RTA_DATA(info), RTA_PAYLOAD(info), table, IFLA_INFO_DATA + 1);
    nk_attribute_text(table[IFLA_INFO_KIND], link->kind, sizeof link->kind);
    if (strcmp(link->kind, "macvlan") != 0 || !table[IFLA_INFO_DATA])
        return;
    nk_attributes(RTA_DATA(table[IFLA_INFO_DATA]), RTA_PAYLOAD(table[IFLA_INFO_DATA]), data,
                  IFLA_MACVLAN_MODE + 1);
    link->macvlan_mode = nk_attribute_u32(data[IFLA_MACVLAN_MODE], 0);
}

static struct nk_found_link read_link(const struct nlmsghdr *message) {
    const struct ifinfomsg *info = NLMSG_DATA(message);
    const struct rtattr *table[IFLA_LINKINFO + 1];
    struct nk_found_link link = {
        .index = info->ifi_index,
        .is_up = (info->ifi_flags & IFF_UP) != 0,
        .is_ether = info->ifi_type == ARPHRD_ETHER,
    };

    nk_message_attributes(message, sizeof *info, table, IFLA_LINKINFO + 1);
    nk_attribute_text(table[IFLA_IFNAME], link.name, sizeof link.name);
    nk_attribute_bytes(table[IFLA_ADDRESS], link.mac, sizeof link.mac);
    link.mtu = nk_attribute_u32(table[IFLA_MTU], 0);
    link.parent = (int)nk_attribute_u32(table[IFLA_LINK], 0);
    read_kind(table[IFLA_LINKINFO], &link);
    return link;
}

int nk_found_links_read(struct nk_netlink *n, struct nk_found_links *links, struct nk_error *e) {
    cleanup_dump struct nk_dump dump = {0};
    size_t count = 0;

    if (nk_netlink_dump(n, RTM_GETLINK, &dump, e) < 0)
        return -1;
    for (const struct nlmsghdr *at = NULL; (at = nk_dump_next(&dump, at, sizeof(struct ifinfomsg)));)
        count++;
    nk_found_links_free(links);
    links->items = calloc(count, sizeof *links->items);
    if (!links->items)
        return nk_fail_errno(e, "links");
    for (const struct nlmsghdr *at = NULL; (at = nk_dump_next(&dump, at, sizeof(struct ifinfomsg)));)
        links->items[links->count++] = read_link(at);
    return 0;
}

void nk_found_links_free(struct nk_found_links *links) {
    free(links->items);
    *links = (struct nk_found_links){0};
}

const struct nk_found_link *nk_found_card(const struct nk_found_links *links) {
    const struct nk_found_link *card = NULL;

    for (size_t i = 0; i < links->count; i++) {
        const struct nk_found_link *link = &links->items[i];
        if (link->is_ether && strcmp(link->kind, nk_card_kind) == 0 && (!card || link->index < card->index))
            card = link;
    }
    return card;
}
