/* Any text where the agent reads one: names, paths, base64, and bytes of programs that become JSON. */
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void check_json(const char *text, size_t size) {
    json_t *value = nk_json_text(text, size);

    if (!value || !json_is_string(value))
        abort();
    json_decref(value);
}

/* What was decoded fits, and no byte of it is uninitialised. */
static void check_base64(const char *text) {
    uint8_t out[64];
    int n = nk_base64_decode(text, out, sizeof out);

    if (n > (int)sizeof out)
        abort();
}

static void check_path(const char *path) {
    if (nk_is_below(path, "/run/nk") && (strncmp(path, "/run/nk/", 8) != 0 || strstr(path, "/../")))
        abort();
}

static void check_name(const char *name) {
    if (nk_is_name(name, 64, true) && (strlen(name) > 64 || strchr(name, '/') || strcmp(name, "..") == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    check_json(text, size);
    check_base64(text);
    check_path(text);
    check_name(text);
    free(text);
    return 0;
}
