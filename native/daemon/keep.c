/*
 * nk-shadow keep BYTES: keeps the end of what comes on standard input, in the two files on descriptors 3
 * (output.log in the current folder) and 4 (output.old). A full output.log changes its name with the other
 * one, which is then emptied. At the end of the input output.open is removed, which tells whoever follows. No
 * file is made here: the folder may be on its way out.
 */
#include "commands.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

struct kept {
    int log;
    int old;
    off_t size;
    off_t max;
};

static void exchange(struct kept *kept) {
    const int full = kept->log;

    /* In a folder that has gone neither name is left, and nobody reads them. */
    (void)!renameat2(AT_FDCWD, "output.log", AT_FDCWD, "output.old", RENAME_EXCHANGE);
    kept->log = kept->old;
    kept->old = full;
    kept->size = 0;
    if (ftruncate(kept->log, 0) == 0)
        lseek(kept->log, 0, SEEK_SET);
}

/* A full disk loses output; it must not stop the container, which would wait for us. */
static void keep_chunk(struct kept *kept, const char *bytes, size_t count) {
    if (kept->size + (off_t)count > kept->max)
        exchange(kept);
    if (nk_write_all(kept->log, bytes, count) == 0)
        kept->size += (off_t)count;
}

/* The pipe is opened without waiting, so its descriptor does not wait either. */
static ssize_t read_waiting(char *buffer) {
    struct pollfd input = {.fd = 0, .events = POLLIN};

    for (;;) {
        const ssize_t count = read(0, buffer, CHUNK_BYTES);
        if (count >= 0)
            return count;
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        poll(&input, 1, -1);
    }
}

int keep_command(const char *bytes) {
    static char buffer[CHUNK_BYTES];
    struct kept kept = {.log = 3, .old = 4, .size = 0, .max = atol(bytes) / 2};
    ssize_t count;

    if (kept.max < CHUNK_BYTES) {
        fputs("nk-shadow keep: expected at least 131072 bytes\n", stderr);
        return 2;
    }
    while ((count = read_waiting(buffer)) > 0)
        keep_chunk(&kept, buffer, (size_t)count);
    unlink("output.open");
    return 0;
}
