/* Owned locals: freed or closed when they go out of scope. */
#ifndef NK_CLEANUP_H
#define NK_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void nk_cleanup_free(void *p) {
    free(*(void **)p);
}

static inline void nk_cleanup_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

static inline void nk_cleanup_file(FILE **file) {
    if (*file)
        fclose(*file);
}

static inline void nk_cleanup_dir(DIR **dir) {
    if (*dir)
        closedir(*dir);
}

#define cleanup_free __attribute__((cleanup(nk_cleanup_free)))
#define cleanup_close __attribute__((cleanup(nk_cleanup_close)))
#define cleanup_file __attribute__((cleanup(nk_cleanup_file)))
#define cleanup_dir __attribute__((cleanup(nk_cleanup_dir)))

/* Passes ownership on: returns the descriptor and leaves -1. */
static inline int nk_take_fd(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

#endif
