/* Streams from the host to a process: standard input. */
#include "stream.h"
#include "wire/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static size_t waiting_bytes(const struct nk_stream *stream) {
    return stream->end - stream->start;
}

static void send_credit(struct nk_stream *stream, uint32_t written) {
    uint32_t credit = nk_window_release(&stream->window, written, waiting_bytes(stream) == 0);
    uint8_t payload[4];

    if (credit == 0 || stream->discard)
        return;
    nk_put_u32(payload, credit);
    nk_channel_send(NK_CREDIT, stream->id, payload, sizeof payload);
}

void nk_stream_in_finish(struct nk_stream *stream) {
    stream->finished = true;
    stream->start = stream->end = 0;
    /* The other way has a descriptor of its own, which would keep it open. */
    if (stream->socket)
        shutdown(stream->source.fd, SHUT_WR);
    nk_loop_close(&stream->source);
}

/* The process no longer reads. */
static void reader_gone(struct nk_stream *stream) {
    if (!stream->discard)
        nk_channel_send(NK_CLOSE, stream->id, NULL, 0);
    nk_stream_in_finish(stream);
}

/* A terminal's line discipline turns VEOF at the start of a line into the end of the input; within a line the
 * first one only hands over what was typed. */
static void send_end_of_file_character(struct nk_stream *stream) {
    struct termios settings;
    char veof[2];
    size_t n = 1;

    if (tcgetattr(stream->source.fd, &settings) < 0)
        return;
    memset(veof, settings.c_cc[VEOF], sizeof veof);
    if ((settings.c_lflag & ICANON) && stream->last != 0 && stream->last != '\n')
        n = 2;
    /* The terminal's buffer is full of input that nobody reads: the end is lost as a typed one would be. */
    if (write(stream->source.fd, veof, n) < 0)
        return;
}

static void end_input(struct nk_stream *stream) {
    if (stream->terminal)
        send_end_of_file_character(stream);
    nk_stream_in_finish(stream);
}

/* Bytes that the descriptor took; <0: it takes no more, ever. */
static ssize_t write_some(struct nk_stream *stream, const uint8_t *bytes, size_t n) {
    ssize_t written = write(stream->source.fd, bytes, n);

    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (written > 0)
        stream->last = bytes[written - 1];
    return written;
}

static void flush(struct nk_stream *stream) {
    ssize_t n = write_some(stream, stream->buf + stream->start, waiting_bytes(stream));

    if (n < 0) {
        reader_gone(stream);
        return;
    }
    stream->start += (size_t)n;
    if (n > 0)
        send_credit(stream, (uint32_t)n);
    if (waiting_bytes(stream) > 0)
        return;
    stream->start = stream->end = 0;
    free(stream->buf);
    stream->buf = NULL;
    if (stream->eof)
        end_input(stream);
    else
        nk_stream_watch(stream, 0);
}

/* The window bounds what can wait, so the buffer is never larger than NK_CREDIT_START_BYTES. */
static int keep(struct nk_stream *stream, const uint8_t *bytes, size_t n) {
    size_t waiting = waiting_bytes(stream);
    uint8_t *buf = malloc(waiting + n);

    if (!buf)
        return -1;
    if (waiting > 0)
        memcpy(buf, stream->buf + stream->start, waiting);
    memcpy(buf + waiting, bytes, n);
    free(stream->buf);
    stream->buf = buf;
    stream->start = 0;
    stream->end = waiting + n;
    return 0;
}

static const char *on_data(struct nk_stream *stream, const uint8_t *bytes, uint32_t length) {
    ssize_t written = 0;

    if (nk_window_receive(&stream->window, length) < 0)
        return "more data than credit";
    if (stream->eof)
        return "data after the end of its stream";
    stream->bytes += length;
    if (stream->attached && waiting_bytes(stream) == 0)
        written = write_some(stream, bytes, length);
    if (written < 0) {
        reader_gone(stream);
        return NULL;
    }
    if ((uint32_t)written < length && keep(stream, bytes + written, length - (size_t)written) < 0)
        return "no memory for its data";
    if (written > 0)
        send_credit(stream, (uint32_t)written);
    if (waiting_bytes(stream) > 0)
        nk_stream_watch(stream, EPOLLOUT);
    return NULL;
}

void nk_stream_in_end(struct nk_stream *stream) {
    stream->eof = true;
    if (stream->attached && waiting_bytes(stream) == 0)
        end_input(stream);
}

void nk_stream_in_attached(struct nk_stream *stream) {
    if (waiting_bytes(stream) > 0)
        nk_stream_watch(stream, EPOLLOUT);
    else if (stream->eof)
        end_input(stream);
    else
        nk_stream_watch(stream, 0);
}

void nk_stream_in_ready(struct nk_stream *stream, uint32_t events) {
    /* A pipe without a reader says EPOLLERR, a socket that its peer has closed EPOLLHUP. */
    if (events & (stream->socket ? EPOLLERR | EPOLLHUP : EPOLLERR))
        reader_gone(stream);
    else if (waiting_bytes(stream) > 0)
        flush(stream);
}

const char *nk_stream_in_frame(struct nk_stream *stream, const struct nk_frame *frame) {
    if (frame->type != NK_DATA && frame->type != NK_EOF)
        return "a frame against the direction of its stream";
    if (stream->finished)
        return NULL;
    if (frame->type == NK_DATA)
        return on_data(stream, frame->payload, frame->length);
    nk_stream_in_end(stream);
    return NULL;
}
