#include "log.h"

#include "common/io.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES 4096
#define PER_SECOND 200
#define MAX_KEPT 64

static const char *const level_names[] = {"debug", "info", "warn", "error"};

bool (*nk_log_send)(json_t *event);

static bool debug;
static int console_fd = -1;
static json_t *kept[MAX_KEPT];
static size_t kept_count;
static uint64_t second_start_us;
static unsigned in_second;
static unsigned suppressed;

void nk_log_set_debug(bool on) {
    debug = on;
}

void nk_log_set_console(int fd) {
    console_fd = fd;
}

static void emit(json_t *event) {
    if (nk_log_send(event))
        return;
    if (kept_count < MAX_KEPT)
        kept[kept_count++] = event;
    else
        json_decref(event);
}

void nk_log_connected(void) {
    for (size_t i = 0; i < kept_count; i++)
        nk_log_send(kept[i]);
    kept_count = 0;
}

static void emit_line(enum nk_level level, const char *message) {
    emit(json_pack("{s:s, s:s, s:o}", "event", "log", "level", level_names[level], "message",
                   nk_json_text(message, strlen(message))));
}

/* True when this line must not be sent; says once how many were not. */
static bool over_rate(void) {
    uint64_t now = nk_boottime_us();

    if (now - second_start_us >= 1000000) {
        char text[64];
        unsigned count = suppressed;

        second_start_us = now;
        in_second = 0;
        suppressed = 0;
        if (count > 0) {
            snprintf(text, sizeof text, "%u log lines were left out", count);
            emit_line(NK_WARN, text);
        }
    }
    if (in_second >= PER_SECOND) {
        suppressed++;
        return true;
    }
    in_second++;
    return false;
}

void nk_log(enum nk_level level, const char *format, ...) {
    char message[MESSAGE_BYTES];
    va_list args;

    if (level == NK_DEBUG && !debug)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (console_fd >= 0 && level >= NK_WARN)
        dprintf(console_fd, "nk-agent: %s\n", message);
    if (!over_rate())
        emit_line(level, message);
}

void nk_step(const char *name, uint64_t start_us, const char *format, ...) {
    char detail[NK_STEP_DETAIL_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    emit(json_pack("{s:s, s:s, s:I, s:I, s:o}", "event", "step", "name", name, "startUs",
                   (json_int_t)start_us, "endUs", (json_int_t)nk_boottime_us(), "detail",
                   nk_json_text(detail, strlen(detail))));
}
