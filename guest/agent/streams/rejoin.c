/* Streams after a break of the connection: each side says what it has sent and received. */
#include "stream.h"

/* Ends what has lost bytes, so that nobody takes the rest for the whole. The process does not notice: its
 * output goes nowhere, its input ends. */
static void settle(struct nk_stream *stream, uint64_t bytes, uint32_t credit) {
    stream->kept = true;
    if (stream->finished)
        return;
    stream->lost = stream->lost || bytes != stream->bytes;
    if (stream->way == NK_FROM_PROCESS) {
        stream->discard = stream->discard || stream->lost;
        stream->credit = credit;
    } else if (stream->lost) {
        nk_stream_in_end(stream);
    }
}

static json_t *row_of(const struct nk_stream *stream) {
    json_int_t credit = stream->way == NK_TO_PROCESS ? stream->window.allowed : 0;

    return json_pack("[I, I, I, b]", (json_int_t)stream->id, (json_int_t)stream->bytes, credit,
                     stream->finished && !stream->lost);
}

static uint64_t number(const json_t *row, size_t index) {
    return (uint64_t)json_integer_value(json_array_get(row, index));
}

json_t *nk_streams_rejoin(const json_t *rows) {
    json_t *answer = json_array();
    size_t i;
    const json_t *row;

    json_array_foreach(rows, i, row) {
        struct nk_stream *stream = nk_stream_find((uint32_t)number(row, 0));
        if (!stream)
            continue;
        json_array_append_new(answer, row_of(stream));
        settle(stream, number(row, 1), (uint32_t)number(row, 2));
    }
    nk_streams_go_on();
    return answer;
}
