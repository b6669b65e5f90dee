#include "ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t nk_ip_size(uint8_t family) {
    return family == AF_INET ? 4 : 16;
}

unsigned nk_ip_bits(uint8_t family) {
    return (unsigned)nk_ip_size(family) * 8;
}

int nk_ip_parse(const char *text, struct nk_ip *ip) {
    *ip = (struct nk_ip){.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    return inet_pton(ip->family, text, ip->bytes) == 1 ? 0 : -1;
}

static int parse_bits(const char *text, unsigned max) {
    size_t n = strlen(text);
    unsigned long bits;

    if (n < 1 || n > 3 || strspn(text, "0123456789") != n)
        return -1;
    bits = strtoul(text, NULL, 10);
    return bits <= max ? (int)bits : -1;
}

int nk_prefix_parse(const char *text, uint8_t family, struct nk_prefix *prefix) {
    char address[INET6_ADDRSTRLEN] = "";
    const char *slash = strchr(text, '/');
    int bits;

    *prefix = (struct nk_prefix){.ip = {.family = family}};
    if (strcmp(text, "default") == 0)
        return 0;
    if (!slash || (size_t)(slash - text) >= sizeof address)
        return -1;
    memcpy(address, text, (size_t)(slash - text));
    bits = parse_bits(slash + 1, nk_ip_bits(family));
    if (bits < 0 || nk_ip_parse(address, &prefix->ip) < 0 || prefix->ip.family != family)
        return -1;
    prefix->bits = (uint8_t)bits;
    return 0;
}

bool nk_ip_equal(const struct nk_ip *a, const struct nk_ip *b) {
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool nk_prefix_equal(const struct nk_prefix *a, const struct nk_prefix *b) {
    return a->bits == b->bits && nk_ip_equal(&a->ip, &b->ip);
}

bool nk_ip_shares(const struct nk_ip *a, const struct nk_ip *b, unsigned bits) {
    unsigned rest = bits % 8;

    if (a->family != b->family || memcmp(a->bytes, b->bytes, bits / 8) != 0)
        return false;
    return rest == 0 || (a->bytes[bits / 8] ^ b->bytes[bits / 8]) >> (8 - rest) == 0;
}

bool nk_prefix_is_network(const struct nk_prefix *prefix) {
    for (unsigned bit = prefix->bits; bit < nk_ip_bits(prefix->ip.family); bit++) {
        if (prefix->ip.bytes[bit / 8] & 0x80 >> bit % 8)
            return false;
    }
    return true;
}

const char *nk_ip_text(const struct nk_ip *ip, char out[INET6_ADDRSTRLEN]) {
    return inet_ntop(ip->family, ip->bytes, out, INET6_ADDRSTRLEN);
}

const char *nk_prefix_text(const struct nk_prefix *prefix, char out[NK_PREFIX_TEXT_BYTES]) {
    char ip[INET6_ADDRSTRLEN];

    if (prefix->bits == 0)
        snprintf(out, NK_PREFIX_TEXT_BYTES, "default");
    else
        snprintf(out, NK_PREFIX_TEXT_BYTES, "%s/%u", nk_ip_text(&prefix->ip, ip), prefix->bits);
    return out;
}
