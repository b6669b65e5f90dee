#include "descriptors.h"

#include "syscalls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* Above every number that anything is moved to. */
#define PARKING 64

int descriptors_fill_standard(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
            return -1;
    }
    return 0;
}

int descriptors_arrange(const struct fd_move *moves, size_t count) {
    int parked[DESCRIPTORS_MAX_MOVES];

    for (size_t i = 0; i < count; i++) {
        parked[i] = fcntl(moves[i].from, F_DUPFD, PARKING);
        if (parked[i] < 0)
            return -1;
    }
    if (nk_close_range(3, PARKING - 1) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (dup2(parked[i], moves[i].to) < 0)
            return -1;
    }
    return nk_close_range(PARKING, UINT_MAX);
}

/* The lowest kept descriptor that is at least `from`; -1: none. */
static int next_kept(int from, const int *kept, size_t count) {
    int lowest = -1;

    for (size_t i = 0; i < count; i++) {
        if (kept[i] >= from && (lowest < 0 || kept[i] < lowest))
            lowest = kept[i];
    }
    return lowest;
}

void descriptors_close_except(int first, const int *kept, size_t count) {
    int keep;

    while ((keep = next_kept(first, kept, count)) >= 0) {
        if (keep > first)
            nk_close_range((unsigned)first, (unsigned)keep - 1);
        first = keep + 1;
    }
    nk_close_range((unsigned)first, UINT_MAX);
}

static void reopen(int fd) {
    char path[32];
    struct stat info;
    int flags = fcntl(fd, F_GETFL);
    int ours;

    if (flags < 0 || fstat(fd, &info) < 0 || !(S_ISFIFO(info.st_mode) || isatty(fd)))
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ours = open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (ours < 0)
        return;
    dup2(ours, fd);
    close(ours);
}

void descriptors_reopen_standard(void) {
    for (int fd = 0; fd <= 2; fd++)
        reopen(fd);
}
