#include "upgrade.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/frame.h"
#include "common/http-upgrade.h"
#include "common/io.h"
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Before the request: the process asks for its size as soon as it runs, which is before the shadow's life
 * begins. */
static int send_size(int control, int tty) {
    uint8_t frame[NK_FRAME_HEADER_BYTES + TERMINAL_SIZE_BYTES];

    if (terminal_size(tty, frame + NK_FRAME_HEADER_BYTES) < 0)
        return 0;
    nk_frame_encode_header(frame, NK_RESIZE, 0, TERMINAL_SIZE_BYTES);
    if (nk_write_all(control, frame, sizeof frame) < 0)
        return fail_errno("cannot send the terminal's size to the monitor");
    return 0;
}

static int send_request(int control, const char *payload) {
    uint8_t header[NK_FRAME_HEADER_BYTES];
    size_t length = strlen(payload);

    if (length < 1 || length > NK_CONTROL_TO_GUEST_MAX_BYTES)
        return fail("the request has %zu bytes, the limit is %u", length, NK_CONTROL_TO_GUEST_MAX_BYTES);
    nk_frame_encode_header(header, NK_CONTROL, 0, (uint32_t)length);
    if (nk_write_all(control, header, sizeof header) < 0 || nk_write_all(control, payload, length) < 0)
        return fail_errno("cannot send the request to the monitor");
    return 0;
}

/* The monitor would not miss a shadow that is killed now: the connection is ours as well. */
static int await_answer(int control, int shadow) {
    struct pollfd fds[] = {{.fd = control, .events = POLLIN}, {.fd = shadow, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return fail_errno("cannot wait for the monitor");
    return fds[1].revents ? fail("the shadow was killed before its process was started") : 0;
}

/* Exactly one frame, so that what follows is left to the shadow. */
static int await_start(int control, int shadow) {
    uint8_t header[NK_FRAME_HEADER_BYTES];
    cleanup_free char *text = NULL;
    uint32_t length;

    if (await_answer(control, shadow) < 0)
        return -1;
    if (nk_read_full(control, header, sizeof header) != sizeof header)
        return fail("the monitor ended before the process was started");
    if (nk_frame_check(NK_FROM_MONITOR, header) != NK_FRAME_OK)
        return fail("expected a STARTED or FAILED frame from the monitor, found type %u", header[4]);
    if (header[4] == NK_STARTED)
        return 0;
    if (header[4] != NK_FAILED)
        return fail("expected a STARTED or FAILED frame from the monitor, found type %u", header[4]);
    length = nk_get_u32(header);
    text = calloc(1, (size_t)length + 1);
    if (!text || nk_read_full(control, text, length) != (ssize_t)length)
        return fail("the monitor ended before it said why the process was not started");
    return fail("%s", text);
}

int upgrade_start(int control, const char *endpoint, const struct child *shadow, int tty,
                  const char *request) {
    char header[32];

    snprintf(header, sizeof header, "Nk-Shadow-Pid: %d\r\n", (int)shadow->pid);
    if (nk_http_upgrade(control, endpoint, header) < 0)
        return -1;
    if (send_size(control, tty) < 0 || send_request(control, request) < 0)
        return -1;
    return await_start(control, shadow->sync);
}
