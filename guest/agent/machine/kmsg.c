#include "kmsg.h"

#include "base/text.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define MAX_LINES 512
#define MAX_BYTES (64u << 10)
#define MAX_LINE_BYTES 1024

/* "6,339,5140900,-;text" and continuation lines after it: becomes "[    5.140900] text". */
static json_t *format(char *record) {
    char line[MAX_LINE_BYTES];
    char *text = strchr(record, ';');
    unsigned long long time_us = 0;
    int n;

    if (!text)
        return json_string("");
    *text++ = '\0';
    text[strcspn(text, "\n")] = '\0';
    sscanf(record, "%*[^,],%*[^,],%llu", &time_us);
    n = snprintf(line, sizeof line, "[%5llu.%06llu] %s", time_us / 1000000, time_us % 1000000, text);
    return nk_json_text(line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

json_t *nk_kmsg_read(void) {
    cleanup_close int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    json_t *lines = json_array();
    size_t bytes = 0;
    char record[8192];
    ssize_t n = 0;

    while (fd >= 0) {
        n = read(fd, record, sizeof record - 1);
        /* EPIPE: the kernel has overwritten what came next; the one after is read then. */
        if (n < 0 && (errno == EPIPE || errno == EINTR))
            continue;
        if (n <= 0)
            break;
        record[n] = '\0';
        json_array_append_new(lines, format(record));
        bytes += json_string_length(json_array_get(lines, json_array_size(lines) - 1));
        while (json_array_size(lines) > MAX_LINES || bytes > MAX_BYTES) {
            bytes -= json_string_length(json_array_get(lines, 0));
            json_array_remove(lines, 0);
        }
    }
    return lines;
}
