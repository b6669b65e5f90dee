#include "bigint.h"

#include "cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Nothing that a human or a tool writes starts a string like this. */
#define MARK "\\u0001nk-u64:"
#define MARK_BYTES (sizeof MARK - 1)

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* End of the string literal that starts at text[i] (a quote). */
static size_t skip_string(const char *text, size_t n, size_t i) {
    for (i++; i < n && text[i] != '"'; i++) {
        if (text[i] == '\\')
            i++;
    }
    return i < n ? i + 1 : n;
}

static size_t skip_number(const char *text, size_t n, size_t i) {
    while (i < n && (is_digit(text[i]) || strchr("+-.eE", text[i])))
        i++;
    return i;
}

/* The number text[from, to) if it is a positive integer over INT64_MAX, else 0. Saturates. */
static uint64_t big_value(const char *text, size_t from, size_t to) {
    char digits[64];
    unsigned long long value;

    if (to - from < 19 || to - from >= sizeof digits || !is_digit(text[from]))
        return 0;
    for (size_t i = from; i < to; i++) {
        if (!is_digit(text[i]))
            return 0;
    }
    memcpy(digits, text + from, to - from);
    digits[to - from] = '\0';
    errno = 0;
    value = strtoull(digits, NULL, 10);
    return value > INT64_MAX ? value : 0;
}

/* The same text with each big integer as a marked string. */
static char *mark(const char *text, size_t n, size_t *length) {
    char *out = NULL;
    FILE *file = open_memstream(&out, length);

    if (!file)
        return NULL;
    for (size_t i = 0, end; i < n; i = end) {
        uint64_t big = 0;
        if (text[i] == '"') {
            end = skip_string(text, n, i);
        } else if (is_digit(text[i]) || text[i] == '-') {
            end = skip_number(text, n, i + 1);
            big = big_value(text, i, end);
        } else {
            end = i + 1;
        }
        if (big)
            fprintf(file, "\"" MARK "%llu\"", (unsigned long long)big);
        else
            fwrite(text + i, 1, end - i, file);
    }
    fclose(file);
    return out;
}

json_t *nk_json_load(const char *text, size_t n) {
    json_error_t error;
    json_t *value = json_loadb(text, n, 0, &error);
    cleanup_free char *marked = NULL;
    size_t length;

    if (!value && json_error_code(&error) == json_error_numeric_overflow) {
        marked = mark(text, n, &length);
        value = marked ? json_loadb(marked, length, 0, &error) : NULL;
    }
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

char *nk_json_dump(const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *in = text;
    char *out = text;

    while (in && *in) {
        size_t digits;
        if (strncmp(in, "\"" MARK, MARK_BYTES + 1) != 0) {
            *out++ = *in++;
            continue;
        }
        in += MARK_BYTES + 1;
        digits = strspn(in, "0123456789");
        memmove(out, in, digits);
        out += digits;
        in += digits + 1;
    }
    if (text)
        *out = '\0';
    return text;
}
