#include "bigint.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Nothing that a human or a tool writes starts a string like this. */
#define MARK "\\u0001nk-integer:"
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

/* Whether the number text[from, to) is an integer that jansson cannot hold. */
static bool is_big(const char *text, size_t from, size_t to) {
    char copy[24];
    size_t n = to - from;

    for (size_t i = from + (text[from] == '-'); i < to; i++) {
        if (!is_digit(text[i]))
            return false;
    }
    if (n >= sizeof copy)
        return true;
    memcpy(copy, text + from, n);
    copy[n] = '\0';
    errno = 0;
    strtoll(copy, NULL, 10);
    return errno == ERANGE;
}

/* The same text with each big integer as a marked string. */
static char *mark(const char *text, size_t n, size_t *length) {
    char *out = NULL;
    FILE *file = open_memstream(&out, length);

    if (!file)
        return NULL;
    for (size_t i = 0, end; i < n; i = end) {
        bool big = false;
        if (text[i] == '"') {
            end = skip_string(text, n, i);
        } else if (is_digit(text[i]) || text[i] == '-') {
            end = skip_number(text, n, i + 1);
            big = is_big(text, i, end);
        } else {
            end = i + 1;
        }
        if (big)
            fprintf(file, "\"" MARK "%.*s\"", (int)(end - i), text + i);
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
        digits = strspn(in, "-0123456789");
        memmove(out, in, digits);
        out += digits;
        in += digits + 1;
    }
    if (text)
        *out = '\0';
    return text;
}
