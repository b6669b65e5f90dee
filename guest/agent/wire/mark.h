/* By what host and agent know each other again on a later connection. Both marks come with `configure`. */
#ifndef NK_MARK_H
#define NK_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NK_MARK_BYTES 32u

/* Each of NK_MARK_BYTES characters. */
void nk_marks_set(const char *host, const char *agent);

/* A later connection is like the first one: hello, and no stream goes on. */
void nk_marks_forget(void);

bool nk_marks_known(void);

/* What the agent's hello has; NULL: unknown. */
const char *nk_mark_of_agent(void);

/* The number of the connection that begins with this piece, if that is the host's mark; 0: it is not. */
unsigned nk_mark_read(const uint8_t *piece, size_t n);

#endif
