#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int nk_fail(struct nk_error *e, const char *code, const char *format, ...) {
    va_list args;

    e->code = code;
    e->log[0] = '\0';
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return -1;
}

int nk_fail_errno(struct nk_error *e, const char *format, ...) {
    int saved = errno;
    va_list args;
    int used;

    e->code = NK_SYSTEM;
    e->log[0] = '\0';
    va_start(args, format);
    used = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof e->text)
        snprintf(e->text + used, sizeof e->text - (size_t)used, ": %s", strerror(saved));
    return -1;
}
