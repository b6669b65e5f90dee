/* Streams between a socket (the host) and pipes (the process): credit, ends, and readers that go away. */
#include "containers/process.h"
#include "host-end.h"
#include "ops/dispatch.h"
#include "streams/stream.h"

static struct nk_process process;

static void settle(void) {
    host_wait(20000);
}

static void send_credit(uint32_t stream, uint32_t bytes) {
    uint8_t payload[4];

    nk_put_u32(payload, bytes);
    host_send(NK_CREDIT, stream, payload, 4);
}

/* What came of one type on one stream: the bytes of all payloads, or -1 when no frame came. */
static long received(uint8_t type, uint32_t stream, uint32_t *value) {
    struct nk_frame frame;
    long total = -1;

    while (host_receive()) {
        settle();
        while (nk_decoder_next(&from_agent, &frame) > 0) {
            if (frame.type != type || frame.stream != stream)
                continue;
            total = (total < 0 ? 0 : total) + frame.length;
            if (value)
                *value = nk_get_u32(frame.payload);
        }
    }
    return total;
}

static struct nk_stream *open_stream(uint32_t id, enum nk_stream_way way, int *process_end) {
    struct nk_error e;
    struct nk_stream *stream = nk_stream_new(id, way, &process, &e);
    int fds[2];

    CHECK(stream, "%s", e.text);
    CHECK(pipe2(fds, O_CLOEXEC) == 0, "pipe");
    *process_end = fds[way == NK_FROM_PROCESS];
    nk_stream_attach(stream, fds[way == NK_TO_PROCESS], false);
    return stream;
}

static void test_output_stops_without_credit(void) {
    static uint8_t block[65536];
    int end;
    struct nk_stream *stream = open_stream(1, NK_FROM_PROCESS, &end);
    long total = 0, n;

    CHECK(fcntl(end, F_SETFL, O_NONBLOCK) == 0, "nonblock");
    for (int i = 0; i < 20; i++) {
        (void)!write(end, block, sizeof block);
        settle();
        n = received(NK_DATA, 1, NULL);
        total += n > 0 ? n : 0;
    }
    CHECK(total == NK_CREDIT_START_BYTES, "%ld bytes", total);
    send_credit(1, 1000);
    settle();
    CHECK(received(NK_DATA, 1, NULL) == 1000, "what was given back");
    send_credit(1, 1 << 20);
    close(end);
    settle();
    CHECK(received(NK_EOF, 1, NULL) == 0, "the end");
    CHECK(stream->finished, "finished");
    nk_stream_free(stream);
}

/* A host that gives credit and does not read must not fill the guest's memory. */
static void test_output_waits_for_the_channel(void) {
    static uint8_t block[65536];
    int end;
    struct nk_stream *stream = open_stream(8, NK_FROM_PROCESS, &end);
    long total = 0, written = 0, n;

    CHECK(fcntl(end, F_SETFL, O_NONBLOCK) == 0, "nonblock");
    send_credit(8, 8 << 20);
    for (int i = 0; i < 100; i++) {
        n = write(end, block, sizeof block);
        written += n > 0 ? n : 0;
        if (n < 0)
            settle();
    }
    CHECK(nk_channel_is_congested() && nk_channel_queued_bytes() < (1 << 20) + 2 * 65536, "%zu bytes wait",
          nk_channel_queued_bytes());
    while (total < written && (n = received(NK_DATA, 8, NULL)) > 0)
        total += n;
    CHECK(total == written, "%ld of %ld bytes came", total, written);
    CHECK(!nk_channel_is_congested(), "expected room again");
    close(end);
    settle();
    nk_stream_free(stream);
    received(0, 0, NULL);
}

static void test_output_closed_by_the_host(void) {
    int end;
    struct nk_stream *stream = open_stream(2, NK_FROM_PROCESS, &end);

    host_send(NK_CLOSE, 2, "", 0);
    settle();
    CHECK(write(end, "x", 1) < 0, "expected EPIPE");
    close(end);
    nk_stream_free(stream);
}

static void test_input_gives_credit_back(void) {
    static uint8_t block[65536];
    int end;
    struct nk_stream *stream = open_stream(3, NK_TO_PROCESS, &end);
    uint32_t credit = 0;

    /* More than the socket holds at once. */
    for (int i = 0; i < 4; i++) {
        host_send(NK_DATA, 3, block, sizeof block);
        settle();
    }
    CHECK(received(NK_CREDIT, 3, &credit) == 4 && credit == 65536, "the pipe's worth, found %u", credit);
    for (int i = 0; i < 4; i++) {
        CHECK(read(end, block, sizeof block) == sizeof block, "block %d", i);
        settle();
    }
    host_send(NK_EOF, 3, "", 0);
    settle();
    CHECK(read(end, block, 1) == 0, "expected the end");
    close(end);
    nk_stream_free(stream);
    received(0, 0, NULL);
}

static void test_input_whose_reader_goes_away(void) {
    int end;
    struct nk_stream *stream = open_stream(4, NK_TO_PROCESS, &end);

    close(end);
    settle();
    CHECK(received(NK_CLOSE, 4, NULL) == 0, "expected CLOSE");
    host_send(NK_DATA, 4, "late", 4);
    settle();
    CHECK(nk_channel_is_open(), "frames in flight are dropped");
    nk_stream_free(stream);
}

static void test_bytes_before_the_process(void) {
    struct nk_error e;
    struct nk_stream *stream = nk_stream_new(5, NK_TO_PROCESS, &process, &e);
    char got[8];
    int fds[2];

    CHECK(stream, "%s", e.text);
    host_send(NK_DATA, 5, "early", 5);
    host_send(NK_EOF, 5, "", 0);
    settle();
    CHECK(pipe2(fds, O_CLOEXEC) == 0, "pipe");
    nk_stream_attach(stream, fds[1], false);
    settle();
    CHECK(read(fds[0], got, sizeof got) == 5 && read(fds[0], got, sizeof got) == 0, "five bytes and the end");
    close(fds[0]);
    nk_stream_free(stream);
}

static void test_faults(void) {
    struct nk_frame data = {NK_DATA, 6, 65536, from_agent.buf};
    uint8_t credit[4];
    struct nk_frame give = {NK_CREDIT, 7, 4, credit};
    struct nk_error e;
    struct nk_stream *in = nk_stream_new(6, NK_TO_PROCESS, &process, &e);
    struct nk_stream *out = nk_stream_new(7, NK_FROM_PROCESS, &process, &e);
    static uint8_t block[65536];

    data.payload = block;
    CHECK(!nk_stream_new(6, NK_TO_PROCESS, &process, &e) && strcmp(e.code, NK_BAD_REQUEST) == 0,
          "used twice");
    for (int i = 0; i < 4; i++)
        CHECK(!nk_streams_frame(&data), "within the credit");
    CHECK(nk_streams_frame(&data), "more than the credit");
    data.stream = 7;
    CHECK(nk_streams_frame(&data), "against the direction");
    nk_put_u32(credit, NK_CREDIT_MAX_BYTES);
    CHECK(nk_streams_frame(&give), "credit over the limit");
    data.stream = 99;
    CHECK(!nk_streams_frame(&data), "an unknown stream is dropped");
    nk_stream_free(in);
    nk_stream_free(out);
}

int main(void) {
    host_open();
    test_output_stops_without_credit();
    test_output_waits_for_the_channel();
    test_output_closed_by_the_host();
    test_input_gives_credit_back();
    test_input_whose_reader_goes_away();
    test_bytes_before_the_process();
    test_faults();
    nk_channel_close();
    nk_decoder_free(&from_agent);
    return 0;
}
