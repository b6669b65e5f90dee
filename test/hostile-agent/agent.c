/*
 * PID 1 of a guest that does what its script says, right or wrong. The script is the file /script: steps of
 * one letter, three unused bytes, two u32 (how often, 0 for ever; length of the data) and the data.
 *
 *   w  write the data to the host              c  write the data to the console
 *   u  answer requests until one of this type  a  answer that one: {"seq":N, and the data
 *   s  answer every request                    d  read, say nothing
 *   n  neither read nor write                  f  answer every request in another process, and go on
 *   r  close the port and open it again        p  power(data)
 *   z  sleep for a second                     k  wait for the host's mark on a later connection
 */
#include "common/frame.h"
#include "common/io.h"
#include "power.h"
#include "wire/port.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPT_MAX_BYTES (64u << 20)
#define STEP_HEADER_BYTES 12u

struct step {
    char kind;
    uint32_t times;
    uint32_t length;
    const char *data;
};

static int port = -1;
static struct nk_decoder decoder;
static unsigned long long kept_seq;

/* The port appears a moment after its device, which takes longer on a busy host. */
static void open_port(void) {
    for (int tries = 0; tries < 1000 && (port = nk_port_open()) < 0; tries++)
        usleep(10000);
    if (port < 0)
        _exit(1);
    nk_set_nonblock(port, 0);
}

static void answer(unsigned long long seq, const char *members, size_t length) {
    char *frame = malloc(NK_FRAME_HEADER_BYTES + 64 + length);
    int begin = sprintf(frame + NK_FRAME_HEADER_BYTES, "{\"seq\":%llu,", seq);

    memcpy(frame + NK_FRAME_HEADER_BYTES + begin, members, length);
    nk_frame_encode_header((uint8_t *)frame, NK_CONTROL, 0, (uint32_t)((size_t)begin + length));
    nk_write_all(port, frame, NK_FRAME_HEADER_BYTES + (size_t)begin + length);
    free(frame);
}

/* The host's requests begin with seq and type. False: it is of the type that is waited for. */
static bool take_request(const struct nk_frame *frame, const char *until, bool silent) {
    static const char success[] = "\"status\":\"success\",\"pid\":1}";
    char head[128] = "";
    char type[32] = "";
    unsigned long long seq = 0;

    if (frame->type != NK_CONTROL)
        return true;
    memcpy(head, frame->payload, frame->length < sizeof head ? frame->length : sizeof head - 1);
    sscanf(head, "{\"seq\":%llu,\"type\":\"%31[a-z]", &seq, type);
    if (until && strcmp(type, until) == 0) {
        kept_seq = seq;
        return false;
    }
    if (!silent)
        answer(seq, success, sizeof success - 1);
    return true;
}

static void serve(const char *until, bool silent) {
    struct nk_frame frame;
    size_t room;

    for (;;) {
        while (nk_decoder_next(&decoder, &frame) > 0) {
            if (!take_request(&frame, until, silent))
                return;
        }
        uint8_t *space = nk_decoder_space(&decoder, &room);
        ssize_t got = read(port, space, room);
        if (got > 0)
            nk_decoder_commit(&decoder, (size_t)got);
        else
            usleep(1000); /* the host has not connected yet */
    }
}

/* Of all that the host sends it alone has this length and no header. */
static void await_mark(void) {
    char piece[4096];

    while (read(port, piece, sizeof piece) != 40)
        usleep(1000);
}

static void do_once(const struct step *step, const char *text) {
    switch (step->kind) {
    case 'w':
        nk_write_all(port, step->data, step->length);
        return;
    case 'c':
        nk_write_all(1, step->data, step->length);
        return;
    case 'u':
        serve(text, false);
        return;
    case 'a':
        answer(kept_seq, step->data, step->length);
        return;
    case 's':
        serve(NULL, false);
        return;
    case 'd':
        serve(NULL, true);
        return;
    case 'f':
        if (fork() == 0)
            serve(NULL, false);
        return;
    case 'r':
        close(port);
        open_port();
        return;
    case 'k':
        await_mark();
        return;
    case 'z':
        sleep(1);
        return;
    case 'p':
        power(text);
        return;
    default:
        pause();
    }
}

static void do_step(const struct step *step) {
    char text[32] = "";

    memcpy(text, step->data, step->length < sizeof text ? step->length : sizeof text - 1);
    for (uint32_t count = 0; step->times == 0 || count < step->times; count++)
        do_once(step, text);
}

static void run(const char *at, const char *end) {
    while ((size_t)(end - at) >= STEP_HEADER_BYTES) {
        const uint8_t *head = (const uint8_t *)at;
        struct step step = {at[0], nk_get_u32(head + 4), nk_get_u32(head + 8), at + STEP_HEADER_BYTES};

        at += STEP_HEADER_BYTES + step.length;
        do_step(&step);
    }
}

int main(void) {
    static char script[SCRIPT_MAX_BYTES];
    int fd = open("/script", O_RDONLY);
    ssize_t length = nk_read_full(fd, script, sizeof script);

    mount("proc", "/proc", "proc", 0, "");
    mount("sysfs", "/sys", "sysfs", 0, "");
    mount("devtmpfs", "/dev", "devtmpfs", 0, "");
    open_port();
    nk_decoder_init(&decoder, NK_FROM_HOST);
    run(script, script + (length > 0 ? length : 0));
    serve(NULL, false);
}
