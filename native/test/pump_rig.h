/* A pump between pipes and a monitor that is the test. */
#ifndef NK_PUMP_RIG_H
#define NK_PUMP_RIG_H

#include "check.h"
#include "common/frame.h"
#include "common/io.h"
#include "common/signals.h"
#include "shadow/pump.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct rig {
    pid_t pid;
    int monitor;
    int input, output, errors; /* our ends of its standard streams */
};

static inline struct rig start_with(bool leaves_children) {
    const struct caller caller = {.launcher = -1};
    int in[2], out[2], err[2], sock[2];
    struct rig rig;

    CHECK(pipe(in) == 0 && pipe(out) == 0 && pipe(err) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0);
    rig.pid = fork();
    if (rig.pid == 0) {
        dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]), close(err[0]), close(err[1]),
            close(sock[0]);
        for (int fd = 0; fd <= 2; fd++)
            nk_set_nonblock(fd, 1);
        signals_block();
        _exit(pump_run(&(struct pump_ends){sock[1], -1, leaves_children, &caller}));
    }
    close(in[0]), close(out[1]), close(err[1]), close(sock[1]);
    rig.monitor = sock[0], rig.input = in[1], rig.output = out[0], rig.errors = err[0];
    return rig;
}

static inline struct rig start(void) {
    return start_with(false);
}

static inline int end(struct rig *rig) {
    int status;

    CHECK(waitpid(rig->pid, &status, 0) == rig->pid && WIFEXITED(status));
    close(rig->monitor), close(rig->input), close(rig->output), close(rig->errors);
    return WEXITSTATUS(status);
}

static inline void send_frame(const struct rig *rig, uint8_t type, uint32_t stream, const void *data,
                              uint32_t length) {
    uint8_t header[NK_FRAME_HEADER_BYTES];

    nk_frame_encode_header(header, type, stream, length);
    CHECK(nk_write_all(rig->monitor, header, sizeof header) == 0);
    CHECK(nk_write_all(rig->monitor, data, length) == 0);
}

static inline void send_u32(const struct rig *rig, uint8_t type, uint32_t stream, uint32_t value) {
    uint8_t payload[4];

    nk_put_u32(payload, value);
    send_frame(rig, type, stream, payload, 4);
}

/* The next frame; its payload in `payload`. */
static inline struct nk_frame receive(const struct rig *rig, uint8_t *payload) {
    uint8_t header[NK_FRAME_HEADER_BYTES];
    struct nk_frame frame = {.payload = payload};

    CHECK(nk_read_full(rig->monitor, header, sizeof header) == sizeof header);
    CHECK(nk_frame_check(NK_FROM_SHADOW, header) == NK_FRAME_OK);
    frame.type = header[4];
    frame.length = nk_get_u32(header);
    frame.stream = nk_get_u32(header + 8);
    CHECK(nk_read_full(rig->monitor, payload, frame.length) == (ssize_t)frame.length);
    return frame;
}

#endif
