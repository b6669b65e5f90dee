/* The names in a folder, read to the end before anything in it is changed. */
#ifndef NK_NAMES_H
#define NK_NAMES_H

#include <stddef.h>

struct nk_names {
    char *bytes; /* one after the other, each with its end mark */
    size_t used;
    size_t size;
};

/* Without "." and "..". <0: errno, and nothing to free. */
int nk_names_read(struct nk_names *names, int folder_fd);
void nk_names_free(struct nk_names *names);

/* The first one, or the one after `name`; NULL: there is none. */
const char *nk_names_next(const struct nk_names *names, const char *name);

#endif
