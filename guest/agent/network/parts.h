/* What the network is made of, each part by itself. All change only what is not as it should be. */
#ifndef NK_NETWORK_PARTS_H
#define NK_NETWORK_PARTS_H

#include "netlink.h"
#include "spec.h"

/* links.c: the card and the macvlans on it, as they should be; addresses have to be looked at afterwards, for
 * a link that goes down loses some. Sets the links' index. */
int nk_links_apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e);

/* link-settings.c: of a link that is there, in /proc/sys/net. */
int nk_link_settings_apply(struct nk_netlink *n, const struct nk_net_link *link, struct nk_error *e);

int nk_addresses_apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e);
int nk_neighbours_apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e);

int nk_routes_apply(struct nk_netlink *n, struct nk_network *network, struct nk_error *e);
int nk_rules_remove(struct nk_netlink *n, struct nk_network *network, struct nk_error *e);
int nk_rules_add(struct nk_netlink *n, struct nk_network *network, struct nk_error *e);

/* files.c: in the folder etc of the run folder. */
int nk_network_files_apply(struct nk_netlink *n, const struct nk_network *network, struct nk_error *e);

/* The loopback device has this index in each namespace. */
#define NK_LOOPBACK_INDEX 1

#endif
