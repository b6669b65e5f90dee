/* The kernel's log. */
#ifndef NK_KMSG_H
#define NK_KMSG_H

#include <jansson.h>

/* The last lines: at most 512, and 64 KiB. */
json_t *nk_kmsg_read(void);

#endif
