#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char text[NK_FAIL_MAX_BYTES];

static void keep_on_one_line(void) {
    for (char *at = text; *at; at++) {
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    }
}

int fail(const char *format, ...) {
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    keep_on_one_line();
    return -1;
}

int fail_errno(const char *format, ...) {
    int error = errno;
    size_t used;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    used = strlen(text);
    snprintf(text + used, sizeof text - used, ": %s", strerror(error));
    keep_on_one_line();
    return -1;
}

const char *fail_text(void) {
    return text[0] ? text : "unknown failure";
}
