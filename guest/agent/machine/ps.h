/* One row of a process list. */
#ifndef NK_PS_H
#define NK_PS_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

/* NULL (which jansson's append ignores): the process is gone. Adds the length of its text to *bytes. */
json_t *nk_ps_read(pid_t pid, size_t *bytes);

#endif
