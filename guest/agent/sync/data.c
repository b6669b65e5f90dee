#include "parts.h"

#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A share takes up to 1 MiB in one message; more than this gains nothing. */
static char buffer[256 * 1024];

static int copy_range(struct nk_sync *s, int from, int to, off_t at, off_t end) {
    while (at < end) {
        size_t wanted = (size_t)(end - at) < sizeof buffer ? (size_t)(end - at) : sizeof buffer;
        ssize_t n = pread(from, buffer, wanted, at);

        if (n <= 0)
            return (int)n; /* 0: it was cut short meanwhile */
        if (lseek(to, at, SEEK_SET) < 0 || nk_write_all(to, buffer, (size_t)n) < 0)
            return -1;
        at += n;
        s->report->bytes += (uint64_t)n;
    }
    return 0;
}

static int copy_ranges(struct nk_sync *s, int from, int to, off_t size) {
    off_t at = 0;

    while (at < size) {
        off_t data = lseek(from, at, SEEK_DATA);
        off_t hole;

        if (data < 0)
            return errno == ENXIO ? 0 : -1; /* a hole to the end */
        hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 || copy_range(s, from, to, data, hole) < 0)
            return -1;
        at = hole;
    }
    return 0;
}

int nk_sync_copy_data(struct nk_sync *s, int from, int to) {
    struct stat info;

    if (fstat(from, &info) < 0)
        return -1;
    if (!S_ISREG(info.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    if (copy_ranges(s, from, to, info.st_size) < 0 || ftruncate(to, info.st_size) < 0)
        return -1;
    /* To the host before the file gets its name; that the host writes it to its disk is not waited for, as
     * fsync would. */
    return sync_file_range(to, 0, 0,
                           SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}
