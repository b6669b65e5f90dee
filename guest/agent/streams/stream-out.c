/* Streams from a process to the host: standard output and error. */
#include "base/log.h"
#include "stream.h"
#include "wire/channel.h"
#include "wire/splice.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void nk_stream_out_update(struct nk_stream *stream) {
    /* Of a message that does not fit the rest would be lost. */
    uint32_t least = stream->socket == NK_DATAGRAMS ? NK_DATA_MAX_BYTES : 1;
    bool may_send = stream->discard ||
                    (stream->credit >= least && !nk_channel_is_congested() && !nk_streams_are_paused());
    uint32_t events = EPOLLIN;

    /* A terminal that others keep open says nothing when it is empty: being writable is the occasion to look.
     */
    if (stream->draining && stream->terminal)
        events |= EPOLLOUT;
    if (!stream->finished)
        nk_stream_watch(stream, may_send ? events : 0);
}

static void close_descriptor(struct nk_stream *stream) {
    stream->finished = true;
    if (stream->socket)
        shutdown(stream->source.fd, SHUT_RD);
    nk_loop_close(&stream->source);
    if (stream->process)
        nk_on_output_ended(stream->process);
}

void nk_stream_out_finish(struct nk_stream *stream) {
    if (!stream->discard)
        nk_channel_send(NK_EOF, stream->id, NULL, 0);
    close_descriptor(stream);
}

/* A pipe says EPOLLHUP when nobody can write to it any more. */
static bool is_held(const struct nk_stream *stream) {
    struct pollfd state = {.fd = stream->source.fd};

    return poll(&state, 1, 0) >= 0 && !(state.revents & POLLHUP);
}

void nk_stream_out_drained(struct nk_stream *stream) {
    if (!stream->outlives || !is_held(stream)) {
        nk_stream_out_finish(stream);
        return;
    }
    stream->draining = false;
    stream->drained = true;
    nk_stream_out_update(stream);
    nk_on_output_ended(stream->process);
}

/* How much may be read now. */
static size_t allowance(const struct nk_stream *stream) {
    size_t n = NK_DATA_MAX_BYTES;

    if (!stream->discard && stream->credit < n)
        n = stream->credit;
    if (stream->draining && stream->drain_left < n)
        n = stream->drain_left;
    return n;
}

/* From so many bytes on, moving pages is cheaper than copying. */
#define SPLICE_MIN_BYTES 8192

static bool has_much(const struct nk_stream *stream) {
    int bytes = 0;

    if (stream->terminal || stream->socket || stream->discard || allowance(stream) < SPLICE_MIN_BYTES)
        return false;
    return ioctl(stream->source.fd, FIONREAD, &bytes) == 0 && bytes >= SPLICE_MIN_BYTES;
}

static void count(struct nk_stream *stream, ssize_t n) {
    stream->credit -= (uint32_t)n;
    stream->bytes += (uint64_t)n;
}

/* For what nobody wants. */
static uint8_t nowhere[NK_DATA_MAX_BYTES];

/* Reads right into the channel's queue. */
static ssize_t read_some(struct nk_stream *stream, size_t n) {
    uint8_t *space = stream->discard ? nowhere : nk_channel_reserve(n);
    ssize_t got;

    if (!space) {
        errno = ENOMEM;
        return -1;
    }
    got = read(stream->source.fd, space, n);
    if (got > 0 && !stream->discard) {
        nk_channel_commit(NK_DATA, stream->id, (uint32_t)got);
        count(stream, got);
    }
    return got;
}

static ssize_t splice_some(struct nk_stream *stream, size_t n) {
    ssize_t got = nk_channel_splice(stream->id, stream->source.fd, (uint32_t)n);

    if (got > 0)
        count(stream, got);
    return got;
}

/* An empty one has no frame. */
static void pass_datagram(struct nk_stream *stream) {
    uint8_t *space = stream->discard ? NULL : nk_channel_reserve(NK_DATA_MAX_BYTES);
    const ssize_t n = recv(stream->source.fd, space ? space : nowhere, NK_DATA_MAX_BYTES, MSG_TRUNC);

    if (n > NK_DATA_MAX_BYTES) {
        nk_log(NK_WARN, "a message of %zd bytes to a socket of the host was dropped: expected at most %d", n,
               NK_DATA_MAX_BYTES);
    } else if (n > 0 && space) {
        nk_channel_commit(NK_DATA, stream->id, (uint32_t)n);
        count(stream, n);
    }
    nk_stream_out_update(stream);
}

static void pass_bytes(struct nk_stream *stream) {
    bool much = nk_splice_is_open() && has_much(stream);
    ssize_t n;

    if (much && !nk_channel_can_splice()) {
        nk_channel_await_empty();
        nk_streams_resume();
        return;
    }
    n = much ? splice_some(stream, allowance(stream)) : read_some(stream, allowance(stream));
    if (n < 0 && errno == EINTR)
        return;
    if (n < 0 && errno == EAGAIN && !stream->draining)
        return;
    if (n > 0 && stream->draining)
        stream->drain_left -= (size_t)n;
    /* Zero is the end of a pipe, EIO that of a terminal. */
    if (n <= 0)
        nk_stream_out_finish(stream);
    else if (stream->draining && stream->drain_left == 0)
        nk_stream_out_drained(stream);
    else
        nk_stream_out_update(stream);
}

void nk_stream_out_ready(struct nk_stream *stream) {
    if (stream->socket == NK_DATAGRAMS)
        pass_datagram(stream);
    else
        pass_bytes(stream);
}

static const char *on_credit(struct nk_stream *stream, uint32_t bytes) {
    if (nk_credit_add(&stream->credit, bytes) < 0)
        return "credit over the limit";
    nk_stream_out_update(stream);
    return NULL;
}

/* Without a reader the process gets SIGPIPE. A terminal has no such thing: its output goes nowhere. */
void nk_stream_out_close(struct nk_stream *stream) {
    if (stream->source.fd >= 0 && !stream->terminal) {
        close_descriptor(stream);
        return;
    }
    stream->discard = true;
    nk_stream_out_update(stream);
}

const char *nk_stream_out_frame(struct nk_stream *stream, const struct nk_frame *frame) {
    if (frame->type != NK_CREDIT && frame->type != NK_CLOSE)
        return "a frame against the direction of its stream";
    if (stream->finished)
        return NULL;
    if (frame->type == NK_CREDIT)
        return on_credit(stream, nk_get_u32(frame->payload));
    nk_stream_out_close(stream);
    return NULL;
}
