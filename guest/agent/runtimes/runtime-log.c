#include "runtime-log.h"

#include "common/cleanup.h"
#include "common/io.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#define TAIL_BYTES 16384

/* The end of a file, from a line's start. */
static void read_tail(const char *path, char *out, size_t size) {
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t length = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    off_t from = length > (off_t)size - 1 ? length - ((off_t)size - 1) : 0;
    ssize_t n;

    out[0] = '\0';
    if (length < 0 || lseek(fd, from, SEEK_SET) < 0)
        return;
    n = nk_read_full(fd, out, size - 1);
    out[n < 0 ? 0 : n] = '\0';
}

static void take_error(const char *line, char *out, size_t size) {
    json_t *entry = json_loads(line, 0, NULL);
    const char *level = json_string_value(json_object_get(entry, "level"));
    const char *text = json_string_value(json_object_get(entry, "msg"));

    if (level && text && strcmp(level, "error") == 0)
        snprintf(out, size, "%s", text);
    json_decref(entry);
}

static void take_end(const char *text, char *out, size_t size) {
    size_t length = strlen(text);

    snprintf(out, size, "%s", text + (length < size ? 0 : length - (size - 1)));
}

void nk_runtime_log_read(const char *path, int words_fd, char *out, size_t size) {
    char tail[TAIL_BYTES];
    char whole[TAIL_BYTES];
    char *rest = tail;
    char *line;
    ssize_t n = 0;

    out[0] = '\0';
    read_tail(path, tail, sizeof tail);
    memcpy(whole, tail, sizeof whole);
    while ((line = strsep(&rest, "\n")))
        take_error(line, out, size);
    if (!out[0])
        take_end(whole, out, size);
    if (!out[0] && words_fd >= 0 && nk_set_nonblock(words_fd, 1) == 0)
        n = read(words_fd, out, size - 1);
    if (n > 0)
        out[n] = '\0';
}
