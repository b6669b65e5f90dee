#include "splice.h"

#include "common/cleanup.h"
#include "common/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Slots of the pipes below: a process's pipe holds fewer, so that what is gathered always fits behind its
 * header. */
#define GATHER_PIPE_BYTES (512 << 10)
#define STAGE_PIPE_BYTES (1 << 20)

static int gather[2] = {-1, -1}; /* a frame's payload on its way between two pipes */
static int stage[2] = {-1, -1};  /* header and payload */
static size_t staged;

void nk_splice_close(void) {
    int *ends[] = {&gather[0], &gather[1], &stage[0], &stage[1]};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        nk_cleanup_close(ends[i]);
        *ends[i] = -1;
    }
    staged = 0;
}

void nk_splice_open(void) {
    if (pipe2(gather, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(stage, O_CLOEXEC | O_NONBLOCK) < 0 ||
        fcntl(gather[1], F_SETPIPE_SZ, GATHER_PIPE_BYTES) < 0 ||
        fcntl(stage[1], F_SETPIPE_SZ, STAGE_PIPE_BYTES) < 0)
        nk_splice_close();
}

bool nk_splice_is_open(void) {
    return stage[0] >= 0;
}

size_t nk_splice_staged_bytes(void) {
    return staged;
}

ssize_t nk_splice_stage(uint32_t stream, int pipe, uint32_t n) {
    uint8_t header[NK_FRAME_HEADER_BYTES];
    ssize_t got = splice(pipe, NULL, gather[1], NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (got <= 0)
        return got;
    nk_frame_encode_header(header, NK_DATA, stream, (uint32_t)got);
    /* The stage is empty and has more slots than what was gathered: neither can fall short. */
    if (write(stage[1], header, sizeof header) != sizeof header ||
        splice(gather[0], NULL, stage[1], NULL, (size_t)got, SPLICE_F_MOVE | SPLICE_F_NONBLOCK) != got) {
        errno = EIO;
        return -1;
    }
    staged = sizeof header + (size_t)got;
    return got;
}

ssize_t nk_splice_send(int fd) {
    ssize_t n = splice(stage[0], NULL, fd, NULL, staged, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    staged -= n > 0 ? (size_t)n : 0;
    return n;
}
