/* The parts of nk_network_parse: each reads one kind of thing. */
#ifndef NK_NETWORK_PARSE_H
#define NK_NETWORK_PARSE_H

#include "spec.h"

#include "wire/schema.h"

/* Rows of a table of members. */
#define NK_NET_END                                                                                           \
    { NULL, NK_END, false, 0, 0, NULL }
#define NK_NET_INTEGER(name, required, min, max)                                                             \
    { name, NK_INTEGER, required, min, max, NULL }
#define NK_NET_BOOLEAN(name, required)                                                                       \
    { name, NK_BOOLEAN, required, 0, 0, NULL }
#define NK_NET_TEXT(name, required, max)                                                                     \
    { name, NK_TEXT, required, 1, max, NULL }
#define NK_NET_OBJECTS(name, max)                                                                            \
    { name, NK_OBJECTS, true, 0, max, NULL }
#define NK_NET_IP(name, required) NK_NET_TEXT(name, required, INET6_ADDRSTRLEN - 1)
#define NK_NET_PREFIX(name, required) NK_NET_TEXT(name, required, NK_PREFIX_TEXT_BYTES - 1)
#define NK_NET_NAME(name, required) NK_NET_TEXT(name, required, IFNAMSIZ - 1)

/* The member `name`, a list, as an array of items of `size` bytes: *items of *count, of which the caller is
 * the owner also after a failure. `parse` reads one of them; its error is told with the place in the list. */
int nk_parse_list(const json_t *body, const char *name, size_t size,
                  int (*parse)(const json_t *object, void *item, struct nk_error *e), void **items,
                  size_t *count, struct nk_error *e);

/* Members that the schema has checked; of an optional one nothing is written when it is not there. */
uint32_t nk_parse_integer(const json_t *object, const char *name);
bool nk_parse_boolean(const json_t *object, const char *name);
int nk_parse_name(const json_t *object, const char *name, char out[IFNAMSIZ], struct nk_error *e);
int nk_parse_mac(const json_t *object, uint8_t mac[6], struct nk_error *e);
/* `family` 0: any. */
int nk_parse_ip(const json_t *object, const char *name, uint8_t family, struct nk_ip *ip, struct nk_error *e);
int nk_parse_prefix(const json_t *object, const char *name, uint8_t family, struct nk_prefix *prefix,
                    struct nk_error *e);
/* 4 or 6, as AF_INET or AF_INET6. */
int nk_parse_family(const json_t *object, uint8_t *family, struct nk_error *e);

/* Each reads one object; void *: as nk_parse_list calls it. */
int nk_parse_link(const json_t *object, void *link, struct nk_error *e);
int nk_parse_route(const json_t *object, void *route, struct nk_error *e);
int nk_parse_rule(const json_t *object, void *rule, struct nk_error *e);
int nk_parse_neighbour(const json_t *object, void *neighbour, struct nk_error *e);

/* What links must be together. Adds a hidden card where there is none: there must be room for one more. */
int nk_complete_links(struct nk_network *network, struct nk_error *e);

#endif
