#include "stream.h"

#include "base/agent.h"
#include "common/io.h"

#include <stdlib.h>
#include <sys/ioctl.h>

/* More than a terminal's buffers hold. */
#define TERMINAL_DRAIN_BYTES (256u << 10)

void (*nk_on_output_ended)(struct nk_process *process);

static struct nk_stream *streams;
static unsigned stream_count;
static bool paused;

struct nk_stream *nk_stream_find(uint32_t id) {
    struct nk_stream *stream = streams;

    while (stream && stream->id != id)
        stream = stream->next;
    return stream;
}

static void on_ready(struct nk_source *source, uint32_t events) {
    struct nk_stream *stream = (struct nk_stream *)source;

    if (stream->way == NK_TO_PROCESS)
        nk_stream_in_ready(stream, events);
    else
        nk_stream_out_ready(stream);
}

struct nk_stream *nk_stream_new(uint32_t id, enum nk_stream_way way, struct nk_process *process,
                                struct nk_error *e) {
    struct nk_stream *stream;

    if (nk_stream_find(id)) {
        nk_fail(e, NK_BAD_REQUEST, "stream %u is in use", id);
        return NULL;
    }
    if (stream_count >= NK_MAX_STREAMS) {
        nk_fail(e, NK_LIMIT, "expected at most %d streams", NK_MAX_STREAMS);
        return NULL;
    }
    stream = calloc(1, sizeof *stream);
    if (!stream) {
        nk_fail_errno(e, "stream");
        return NULL;
    }
    stream->source.fd = -1;
    stream->source.ready = on_ready;
    stream->id = id;
    stream->way = way;
    stream->process = process;
    stream->credit = NK_CREDIT_START_BYTES;
    nk_window_init(&stream->window);
    stream->next = streams;
    streams = stream;
    stream_count++;
    return stream;
}

void nk_stream_free(struct nk_stream *stream) {
    if (!stream)
        return;
    for (struct nk_stream **at = &streams; *at; at = &(*at)->next) {
        if (*at == stream) {
            *at = stream->next;
            break;
        }
    }
    stream_count--;
    nk_loop_close(&stream->source);
    free(stream->buf);
    free(stream);
}

void nk_stream_watch(struct nk_stream *stream, uint32_t events) {
    /* A pipe's writer end says EPOLLERR when the last reader is gone. */
    bool wanted = events != 0 || (stream->way == NK_TO_PROCESS && !stream->terminal);

    if (!stream->attached || stream->source.fd < 0)
        return;
    if (wanted && stream->watched)
        nk_loop_change(&stream->source, events);
    else if (wanted)
        nk_loop_add(&stream->source, events);
    else if (stream->watched)
        nk_loop_remove(&stream->source);
    stream->watched = wanted;
}

void nk_stream_attach(struct nk_stream *stream, int fd, bool terminal) {
    stream->source.fd = fd;
    stream->terminal = terminal;
    stream->attached = true;
    nk_set_nonblock(fd, 1);
    if (stream->way == NK_TO_PROCESS)
        nk_stream_in_attached(stream);
    else
        nk_stream_out_update(stream);
}

void nk_stream_drain(struct nk_stream *stream, bool outlives) {
    int left = 0;

    if (stream->finished)
        return;
    if (!stream->terminal && ioctl(stream->source.fd, FIONREAD, &left) < 0)
        left = 0;
    stream->draining = true;
    stream->outlives = outlives && !stream->terminal;
    stream->drain_left = stream->terminal ? TERMINAL_DRAIN_BYTES : (size_t)left;
    if (stream->drain_left == 0)
        nk_stream_out_drained(stream);
    else
        nk_stream_out_update(stream);
}

const char *nk_streams_frame(const struct nk_frame *frame) {
    struct nk_stream *stream = nk_stream_find(frame->stream);

    if (!stream)
        return NULL;
    if (stream->way == NK_TO_PROCESS)
        return nk_stream_in_frame(stream, frame);
    return nk_stream_out_frame(stream, frame);
}

void nk_streams_resume(void) {
    for (struct nk_stream *stream = streams; stream; stream = stream->next) {
        if (stream->way == NK_FROM_PROCESS)
            nk_stream_out_update(stream);
    }
}

bool nk_streams_are_paused(void) {
    return paused;
}

void nk_streams_pause(void) {
    paused = true;
    nk_streams_resume();
}

/* Of which the host has not told, and which has not been told that nobody is there any more. */
static bool is_unknown(const struct nk_stream *stream) {
    bool was_told = stream->way == NK_TO_PROCESS ? stream->eof : stream->discard;

    return !stream->kept && !stream->finished && !was_told;
}

static struct nk_stream *next_unknown(void) {
    struct nk_stream *stream = streams;

    while (stream && !is_unknown(stream))
        stream = stream->next;
    return stream;
}

void nk_streams_go_on(void) {
    struct nk_stream *stream;

    while ((stream = next_unknown())) {
        if (stream->way == NK_TO_PROCESS)
            nk_stream_in_end(stream);
        else
            nk_stream_out_close(stream);
    }
    for (stream = streams; stream; stream = stream->next)
        stream->kept = false;
    paused = false;
    nk_streams_resume();
}

void nk_streams_abandon(void) {
    paused = false;
    for (struct nk_stream *stream = streams; stream; stream = stream->next) {
        /* The next connection may use the number for a stream of its own. */
        stream->id = 0;
        stream->discard = true;
        if (stream->way == NK_FROM_PROCESS)
            nk_stream_out_update(stream);
    }
}
