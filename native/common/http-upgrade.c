#include "http-upgrade.h"

#include "fail.h"
#include "io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX_BYTES 4096
#define BODY_MAX_BYTES 900

static const char upgrade_request[] = "POST %s HTTP/1.1\r\n"
                                      "Host: nk\r\n"
                                      "Connection: Upgrade\r\n"
                                      "Upgrade: nk-stream\r\n"
                                      "%s"
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

/* The longest endpoint names a container, whose id has at most 1024 characters. */
static int send_upgrade(int control, const char *endpoint, const char *header) {
    char text[HEAD_MAX_BYTES];
    int length = snprintf(text, sizeof text, upgrade_request, endpoint, header);

    if (length < 0 || (size_t)length >= sizeof text)
        return fail("the endpoint has %zu characters, which is too long", strlen(endpoint));
    if (nk_write_all(control, text, (size_t)length) < 0)
        return fail_errno("cannot write to the control socket");
    return 0;
}

int nk_http_upgrade(int control, const char *endpoint, const char *header) {
    char head[HEAD_MAX_BYTES] = "";

    if (send_upgrade(control, endpoint, header) < 0 || read_head(control, head) < 0)
        return -1;
    return strncmp(head, "HTTP/1.1 101 ", 13) == 0 ? 0 : refused(control, head);
}
