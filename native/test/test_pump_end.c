/* What becomes of output when its process has ended. */
#include "pump_rig.h"

#include <string.h>

/* The container's end is not delayed by output that nobody reads, and nothing of it is lost. */
static void nobody_reads_and_it_ends(void) {
    static uint8_t data[NK_DATA_MAX_BYTES], got[4 * NK_DATA_MAX_BYTES + 1];
    struct rig rig = start();
    int status;

    for (int i = 0; i < 4; i++) {
        memset(data, 'a' + i, sizeof data);
        send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, data, sizeof data);
    }
    send_frame(&rig, NK_DATA, NK_STDERR_STREAM, data, sizeof data);
    send_u32(&rig, NK_EXIT, 0, 5 << 8);
    CHECK(waitpid(rig.pid, &status, 0) == rig.pid && WEXITSTATUS(status) == 5);
    CHECK(nk_read_full(rig.output, got, sizeof got) == 4 * NK_DATA_MAX_BYTES);
    for (int i = 0; i < 4; i++)
        CHECK(got[i * NK_DATA_MAX_BYTES] == 'a' + i && got[(i + 1) * NK_DATA_MAX_BYTES - 1] == 'a' + i);
    CHECK(nk_read_full(rig.errors, got, sizeof got) == NK_DATA_MAX_BYTES);
    close(rig.monitor), close(rig.input), close(rig.output), close(rig.errors);
}

/* `exec`: whoever waits for the process gets its status, and its children are heard to the last. */
static void children_are_heard_after_the_exit(void) {
    uint8_t payload[NK_DATA_MAX_BYTES];
    struct rig rig = start_with(true);
    int status;

    send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, "early", 5);
    send_frame(&rig, NK_EOF, NK_STDERR_STREAM, NULL, 0);
    CHECK(receive(&rig, payload).type == NK_CREDIT);
    send_u32(&rig, NK_EXIT, 0, 5 << 8);
    CHECK(waitpid(rig.pid, &status, 0) == rig.pid && WEXITSTATUS(status) == 5);
    CHECK(nk_read_full(rig.output, payload, 5) == 5 && memcmp(payload, "early", 5) == 0);
    CHECK(nk_read_full(rig.errors, payload, 1) == 0);
    CHECK(receive(&rig, payload).type == NK_EOF);
    for (int i = 0; i < 2; i++) {
        send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, "late", 4);
        CHECK(nk_read_full(rig.output, payload, 4) == 4 && memcmp(payload, "late", 4) == 0);
        CHECK(receive(&rig, payload).type == NK_CREDIT);
    }
    send_frame(&rig, NK_EOF, NK_STDOUT_STREAM, NULL, 0);
    CHECK(nk_read_full(rig.output, payload, 1) == 0);
    CHECK(nk_read_full(rig.monitor, payload, 1) == 0);
    close(rig.monitor), close(rig.input), close(rig.output), close(rig.errors);
}

static void children_that_nobody_reads_are_told(void) {
    uint8_t payload[NK_DATA_MAX_BYTES];
    struct rig rig = start_with(true);
    struct nk_frame frame;
    int status;

    send_u32(&rig, NK_EXIT, 0, 0);
    CHECK(waitpid(rig.pid, &status, 0) == rig.pid && WEXITSTATUS(status) == 0);
    CHECK(receive(&rig, payload).type == NK_EOF);
    close(rig.output);
    frame = receive(&rig, payload);
    CHECK(frame.type == NK_CLOSE && frame.stream == NK_STDOUT_STREAM);
    close(rig.errors);
    frame = receive(&rig, payload);
    CHECK(frame.type == NK_CLOSE && frame.stream == NK_STDERR_STREAM);
    CHECK(nk_read_full(rig.monitor, payload, 1) == 0);
    close(rig.monitor), close(rig.input);
}

/* The container has ended, or the monitor: what came before is written. */
static void children_end_with_the_monitor(void) {
    uint8_t payload[NK_DATA_MAX_BYTES];
    struct rig rig = start_with(true);
    int status;

    send_u32(&rig, NK_EXIT, 0, 0);
    CHECK(waitpid(rig.pid, &status, 0) == rig.pid && WEXITSTATUS(status) == 0);
    CHECK(receive(&rig, payload).type == NK_EOF);
    send_frame(&rig, NK_DATA, NK_STDERR_STREAM, "last", 4);
    close(rig.monitor);
    CHECK(nk_read_full(rig.errors, payload, 5) == 4 && memcmp(payload, "last", 4) == 0);
    CHECK(nk_read_full(rig.output, payload, 1) == 0);
    close(rig.input), close(rig.output), close(rig.errors);
}

int main(void) {
    alarm(60);
    RUN(nobody_reads_and_it_ends);
    RUN(children_are_heard_after_the_exit);
    RUN(children_that_nobody_reads_are_told);
    RUN(children_end_with_the_monitor);
    return 0;
}
