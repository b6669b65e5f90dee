/* The test as the host of an agent whose connection breaks. */
#ifndef NK_REJOIN_RIG_H
#define NK_REJOIN_RIG_H

#include "base/agent.h"
#include "base/loop.h"
#include "base/rundir.h"
#include "containers/container.h"
#include "host-end.h"
#include "ops/dispatch.h"
#include "streams/stream.h"
#include "wire/channel.h"
#include "wire/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_MARK "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"
#define AGENT_MARK "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static unsigned connection = 1;
static unsigned seq;
static struct nk_container *container;

/* What has come since `forget`. */
static struct {
    json_t *hello;
    json_t *answer;
    int exits;
    char data[64];
    size_t bytes;
    int ends;
} seen;

static void take_message(json_t *message) {
    const char *event = json_string_value(json_object_get(message, "event"));

    if (event && strcmp(event, "hello") == 0)
        seen.hello = json_incref(message);
    else if (event && strcmp(event, "exit") == 0)
        seen.exits++;
    else if (!event)
        seen.answer = json_incref(message);
    json_decref(message);
}

static void take(const struct nk_frame *frame) {
    if (frame->type == NK_DATA) {
        memcpy(seen.data + seen.bytes, frame->payload, frame->length);
        seen.bytes += frame->length;
    } else if (frame->type == NK_EOF) {
        seen.ends++;
    } else if (frame->type == NK_CONTROL) {
        take_message(json_loadb((const char *)frame->payload, frame->length, 0, NULL));
    }
}

static void look(void) {
    struct nk_frame frame;

    host_wait(20000);
    while (host_receive()) {
        while (nk_decoder_next(&from_agent, &frame) > 0)
            take(&frame);
    }
}

static void forget(void) {
    json_decref(seen.hello);
    json_decref(seen.answer);
    memset(&seen, 0, sizeof seen);
}

static void send_frame(uint8_t type, uint32_t stream, const void *payload, uint32_t n) {
    host_send(type, stream, payload, n);
    look();
}

static void ask(const char *members) {
    char text[256];
    int n = snprintf(text, sizeof text, "{\"seq\":%u,%s}", ++seq, members);

    send_frame(NK_CONTROL, 0, text, (uint32_t)n);
}

/* The host has come again; the agent has noticed nothing. */
static void come_again(void) {
    char mark[64];
    int n = snprintf(mark, sizeof mark, "%s%08x", HOST_MARK, ++connection);

    forget();
    CHECK(write(host, mark, (size_t)n) == n, "mark");
    look();
}

static void reconnect(const char *rows) {
    char members[128];

    snprintf(members, sizeof members, "\"type\":\"reconnect\",\"streams\":%s", rows);
    ask(members);
}

static void answers(const char *rows) {
    char *found = json_dumps(json_object_get(seen.answer, "streams"), JSON_COMPACT);

    CHECK(found && strcmp(found, rows) == 0, "expected %s, found %s", rows, found);
    free(found);
}

static struct nk_stream *open_stream(uint32_t id, enum nk_stream_way way, int *process_end) {
    struct nk_error e;
    struct nk_stream *stream = nk_stream_new(id, way, &container->init, &e);
    int fds[2];

    CHECK(stream, "%s", e.text);
    CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0, "pipe");
    *process_end = fds[way == NK_FROM_PROCESS];
    nk_stream_attach(stream, fds[way == NK_TO_PROCESS], false);
    return stream;
}

static void close_stream(struct nk_stream *stream, int end) {
    nk_stream_free(stream);
    close(end);
}

#endif
