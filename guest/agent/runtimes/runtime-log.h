/* What a runtime says about its failure. */
#ifndef NK_RUNTIME_LOG_H
#define NK_RUNTIME_LOG_H

#include <stddef.h>

/* The message of the last error in a log of JSON lines; if there is none (crun writes plain text), the end of
 * the log, or else what waits in words_fd (its standard error; -1: none). */
void nk_runtime_log_read(const char *path, int words_fd, char *out, size_t size);

#endif
