#include "upgrade.h"

#include "common/cleanup.h"
#include "common/fail.h"
#include "common/frame.h"
#include "common/io.h"
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX_BYTES 4096
#define BODY_MAX_BYTES 900

static const char upgrade_request[] = "POST %s HTTP/1.1\r\n"
                                      "Host: nk\r\n"
                                      "Connection: Upgrade\r\n"
                                      "Upgrade: nk-stream\r\n"
                                      "Nk-Shadow-Pid: %d\r\n"
                                      "\r\n";

/* Byte by byte: what follows the blank line is not ours to read. */
static int read_head(int control, char *head) {
    size_t length = 0;

    while (length < HEAD_MAX_BYTES - 1) {
        if (nk_read_full(control, head + length, 1) != 1)
            return fail("the monitor closed the control socket before it answered");
        head[++length] = '\0';
        if (length >= 4 && memcmp(head + length - 4, "\r\n\r\n", 4) == 0)
            return 0;
    }
    return fail("the monitor's answer has a head of more than %d bytes", HEAD_MAX_BYTES);
}

static int refused(int control, const char *head) {
    char body[BODY_MAX_BYTES + 1] = "";
    const char *header = strcasestr(head, "\r\nContent-Length:");
    size_t length = header ? strtoul(header + strlen("\r\nContent-Length:"), NULL, 10) : 0;
    ssize_t got = nk_read_full(control, body, length < BODY_MAX_BYTES ? length : BODY_MAX_BYTES);

    body[got > 0 ? got : 0] = '\0';
    return fail("the monitor refused: %.*s %s", (int)strcspn(head, "\r"), head, body);
}

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

/* The longest endpoint names a container, whose id has at most 1024 characters. */
static int send_upgrade(int control, const char *endpoint, pid_t shadow) {
    char text[HEAD_MAX_BYTES];
    int length = snprintf(text, sizeof text, upgrade_request, endpoint, (int)shadow);

    if (length < 0 || (size_t)length >= sizeof text)
        return fail("the endpoint has %zu characters, which is too long", strlen(endpoint));
    if (nk_write_all(control, text, (size_t)length) < 0)
        return fail_errno("cannot write to the control socket");
    return 0;
}

int upgrade_start(int control, const char *endpoint, const struct child *shadow, int tty,
                  const char *request) {
    char head[HEAD_MAX_BYTES] = "";

    if (send_upgrade(control, endpoint, shadow->pid) < 0 || read_head(control, head) < 0)
        return -1;
    if (strncmp(head, "HTTP/1.1 101", 12) != 0)
        return refused(control, head);
    if (send_size(control, tty) < 0 || send_request(control, request) < 0)
        return -1;
    return await_start(control, shadow->sync);
}
