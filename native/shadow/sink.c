#include "sink.h"

#include "common/fail.h"
#include "rights.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t largest_write(int fd, const struct stat *info) {
    int flags = fcntl(fd, F_GETFL);

    if (S_ISREG(info->st_mode) || S_ISSOCK(info->st_mode) || (flags >= 0 && (flags & O_NONBLOCK)))
        return NK_CREDIT_START_BYTES;
    return PIPE_BUF;
}

int sink_init(struct sink *sink, int fd) {
    struct stat info = {0};

    memset(sink, 0, sizeof *sink);
    sink->fd = fd;
    nk_window_init(&sink->window);
    fstat(fd, &info);
    sink->socket = S_ISSOCK(info.st_mode);
    sink->max_write = largest_write(fd, &info);
    sink->ring = malloc(NK_CREDIT_START_BYTES);
    return sink->ring ? 0 : fail("no memory for a stream");
}

void sink_free(struct sink *sink) {
    free(sink->ring);
}

int sink_put(struct sink *sink, const uint8_t *data, uint32_t length) {
    size_t end = (sink->start + sink->used) % NK_CREDIT_START_BYTES;
    size_t first = NK_CREDIT_START_BYTES - end < length ? NK_CREDIT_START_BYTES - end : length;

    if (sink->state != SINK_OPEN)
        return 0;
    if (nk_window_receive(&sink->window, length) < 0)
        return -1;
    memcpy(sink->ring + end, data, first);
    memcpy(sink->ring, data + first, length - first);
    sink->used += length;
    return 0;
}

int sink_write(struct sink *sink) {
    size_t straight = NK_CREDIT_START_BYTES - sink->start;
    size_t n = sink->used < straight ? sink->used : straight;
    const uint8_t *at = sink->ring + sink->start;
    ssize_t written;

    if (n > sink->max_write)
        n = sink->max_write;
    written = sink->socket ? send(sink->fd, at, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(sink->fd, at, n);
    if (written < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    sink->start = (sink->start + (size_t)written) % NK_CREDIT_START_BYTES;
    sink->used -= (size_t)written;
    if (sink->state == SINK_ENDING && sink->used == 0)
        sink_close(sink);
    return (int)written;
}

static void enlarge_socket(const struct sink *sink) {
    int bytes = 0;
    socklen_t length = sizeof bytes;

    if (getsockopt(sink->fd, SOL_SOCKET, SO_SNDBUF, &bytes, &length) < 0)
        return;
    /* The kernel counts its own part of each packet, too. */
    bytes += 2 * (int)sink->used;
    setsockopt(sink->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
}

void sink_make_room(struct sink *sink) {
    int pipe = sink->used > 0 ? fcntl(sink->fd, F_GETPIPE_SZ) : -1;

    if (sink->used == 0)
        return;
    rights_for_room(true);
    /* As full as it may be, and a page more for each end of what is written. */
    if (pipe >= 0)
        fcntl(sink->fd, F_SETPIPE_SZ, pipe + (int)sink->used + 2 * (int)sysconf(_SC_PAGESIZE));
    if (sink->socket)
        enlarge_socket(sink);
    rights_for_room(false);
}

void sink_end(struct sink *sink) {
    if (sink->state != SINK_OPEN)
        return;
    sink->state = SINK_ENDING;
    if (sink->used == 0)
        sink_close(sink);
}

void sink_close(struct sink *sink) {
    if (sink->state != SINK_CLOSED)
        close(sink->fd);
    sink->state = SINK_CLOSED;
    sink->used = 0;
}
