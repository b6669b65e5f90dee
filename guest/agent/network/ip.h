/* Addresses of both versions. */
#ifndef NK_NETWORK_IP_H
#define NK_NETWORK_IP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nk_ip {
    uint8_t family; /* AF_INET, AF_INET6; 0: there is none */
    uint8_t bytes[16];
};

struct nk_prefix {
    struct nk_ip ip;
    uint8_t bits;
};

/* "10.0.0.0/8", "10.0.0.1", "default": in the text of an error. */
#define NK_PREFIX_TEXT_BYTES (INET6_ADDRSTRLEN + 4)

size_t nk_ip_size(uint8_t family);
unsigned nk_ip_bits(uint8_t family);

/* Text as inet_ntop(3) writes it. <0: it is none. */
int nk_ip_parse(const char *text, struct nk_ip *ip);

/* "10.0.0.0/8", or "default". <0: it is none of this family. */
int nk_prefix_parse(const char *text, uint8_t family, struct nk_prefix *prefix);

bool nk_ip_equal(const struct nk_ip *a, const struct nk_ip *b);
bool nk_prefix_equal(const struct nk_prefix *a, const struct nk_prefix *b);

/* Both have the same family, and the same first bits. */
bool nk_ip_shares(const struct nk_ip *a, const struct nk_ip *b, unsigned bits);

/* No bit is set after the prefix. */
bool nk_prefix_is_network(const struct nk_prefix *prefix);

/* Writes it to out, which is returned. */
const char *nk_ip_text(const struct nk_ip *ip, char out[INET6_ADDRSTRLEN]);
const char *nk_prefix_text(const struct nk_prefix *prefix, char out[NK_PREFIX_TEXT_BYTES]);

#endif
