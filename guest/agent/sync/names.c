#include "names.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int add(struct nk_names *names, const char *name) {
    size_t n = strlen(name) + 1;

    if (names->used + n > names->size) {
        size_t size = (names->size + n) * 2;
        char *bytes = realloc(names->bytes, size);
        if (!bytes)
            return -1;
        names->bytes = bytes;
        names->size = size;
    }
    memcpy(names->bytes + names->used, name, n);
    names->used += n;
    return 0;
}

static int read_all(struct nk_names *names, DIR *dir) {
    struct dirent *entry;

    errno = 0;
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (add(names, entry->d_name) < 0)
            return -1;
        errno = 0;
    }
    return errno == 0 ? 0 : -1;
}

int nk_names_read(struct nk_names *names, int folder_fd) {
    /* Opened anew: the position in a folder belongs to the open file. */
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    *names = (struct nk_names){0};
    if (!dir) {
        nk_cleanup_close(&fd);
        return -1;
    }
    if (read_all(names, dir) == 0)
        return 0;
    nk_names_free(names);
    return -1;
}

void nk_names_free(struct nk_names *names) {
    free(names->bytes);
    *names = (struct nk_names){0};
}

const char *nk_names_next(const struct nk_names *names, const char *name) {
    size_t at = name ? (size_t)(name - names->bytes) + strlen(name) + 1 : 0;

    return at < names->used ? names->bytes + at : NULL;
}
