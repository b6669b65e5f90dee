/* Members of the request's objects, each with its syntax. */
#include "parse.h"

#include <stdio.h>
#include <string.h>

static int not_a(const char *name, const char *what, struct nk_error *e) {
    return nk_fail(e, NK_BAD_REQUEST, "\"%s\": expected %s, found something else", name, what);
}

static const char *text_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

uint32_t nk_parse_integer(const json_t *object, const char *name) {
    return (uint32_t)json_integer_value(json_object_get(object, name));
}

bool nk_parse_boolean(const json_t *object, const char *name) {
    return json_is_true(json_object_get(object, name));
}

/* As the kernel's dev_valid_name has it; `%` would be a pattern. */
static bool is_name(const char *text) {
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at <= ' ' || strchr("/:%\x7f", *at))
            return false;
    }
    return strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

int nk_parse_name(const json_t *object, const char *name, char out[IFNAMSIZ], struct nk_error *e) {
    const char *text = text_of(object, name);

    if (!text)
        return 0;
    if (!is_name(text))
        return not_a(name, "a link's name: no blank, \"/\", \":\" or \"%\"", e);
    snprintf(out, IFNAMSIZ, "%s", text);
    return 0;
}

int nk_parse_mac(const json_t *object, uint8_t mac[6], struct nk_error *e) {
    const char *text = text_of(object, "mac");
    unsigned bytes[6];
    char end;

    if (strspn(text, "0123456789abcdefABCDEF:") != strlen(text) || strlen(text) != 17 ||
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
               &bytes[5], &end) != 6)
        return not_a("mac", "six pairs of hexadecimal digits with colons", e);
    for (size_t i = 0; i < 6; i++)
        mac[i] = (uint8_t)bytes[i];
    return 0;
}

int nk_parse_ip(const json_t *object, const char *name, uint8_t family, struct nk_ip *ip,
                struct nk_error *e) {
    const char *text = text_of(object, name);

    if (!text)
        return 0;
    if (nk_ip_parse(text, ip) < 0)
        return not_a(name, "an IP address", e);
    if (family != 0 && ip->family != family)
        return not_a(name, family == AF_INET ? "an IPv4 address" : "an IPv6 address", e);
    return 0;
}

int nk_parse_prefix(const json_t *object, const char *name, uint8_t family, struct nk_prefix *prefix,
                    struct nk_error *e) {
    const char *text = text_of(object, name);

    if (text && nk_prefix_parse(text, family, prefix) < 0)
        return not_a(name,
                     family == AF_INET ? "\"default\", or an IPv4 address with its prefix"
                                       : "\"default\", or an IPv6 address with its prefix",
                     e);
    return 0;
}

int nk_parse_family(const json_t *object, uint8_t *family, struct nk_error *e) {
    uint32_t version = nk_parse_integer(object, "family");

    if (version != 4 && version != 6)
        return not_a("family", "4 or 6", e);
    *family = version == 4 ? AF_INET : AF_INET6;
    return 0;
}
