#include "text.h"

#include "common/cleanup.h"

#include <string.h>

/* Length of the UTF-8 character at the start, 0 if there is none. */
static size_t utf8_length(const unsigned char *s, size_t n) {
    size_t length;
    uint32_t point;

    if (s[0] < 0x80)
        return s[0] != 0;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        length = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        length = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (length > n)
        return 0;
    point = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3fu);
    }
    if ((length == 3 && point < 0x800) || (length == 4 && point < 0x10000))
        return 0;
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    return length;
}

json_t *nk_json_text(const char *bytes, size_t n) {
    cleanup_free char *copy = malloc(n + 1);

    if (!copy)
        return json_string("");
    for (size_t i = 0; i < n;) {
        size_t length = utf8_length((const unsigned char *)bytes + i, n - i);
        if (length == 0) {
            copy[i++] = '?';
        } else {
            memcpy(copy + i, bytes + i, length);
            i += length;
        }
    }
    return json_stringn_nocheck(copy, n);
}

static int base64_value(char c) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);

    return at ? (int)(at - alphabet) : -1;
}

int nk_base64_decode(const char *text, uint8_t *out, size_t size) {
    size_t n = strlen(text);
    size_t padding = 0;
    size_t bytes = 0;

    if (n % 4 != 0)
        return -1;
    while (padding < 2 && padding < n && text[n - padding - 1] == '=')
        padding++;
    if (n / 4 * 3 - padding > size)
        return -1;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t word = 0;
        size_t pad = i + 4 == n ? padding : 0;
        for (size_t k = 0; k < 4; k++) {
            int value = k >= 4 - pad ? 0 : base64_value(text[i + k]);
            if (value < 0)
                return -1;
            word = word << 6 | (uint32_t)value;
        }
        for (size_t k = 0; k < 3 - pad; k++)
            out[bytes++] = (uint8_t)(word >> (16 - 8 * k));
    }
    return (int)bytes;
}

bool nk_is_name(const char *text, size_t max, bool plus) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+";
    size_t n = strlen(text);

    if (n < 1 || n > max || strspn(text, letters) != n)
        return false;
    if (!plus && strchr(text, '+'))
        return false;
    return strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

bool nk_is_below(const char *path, const char *base) {
    size_t n = strlen(base);
    const char *at = path + n;

    if (strncmp(path, base, n) != 0 || *at != '/')
        return false;
    while (*at == '/') {
        size_t length = strcspn(++at, "/");
        if (length == 0 || (length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += length;
    }
    return true;
}
