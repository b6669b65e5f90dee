/* The pump between pipes and a monitor that is this test. */
#include "common/credit.h"
#include "pump_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void exits_with(uint32_t wait_status, int expected) {
    struct rig rig = start();

    send_u32(&rig, NK_EXIT, 0, wait_status);
    CHECK(end(&rig) == expected);
}

static void exits_as_the_container_did(void) {
    exits_with(0, 0);
    exits_with(7 << 8, 7);
    exits_with(255 << 8, 255);
    exits_with(SIGTERM, 143);
    exits_with(SIGSEGV | 0x80, 139);
}

static void exits_as_killed_without_a_word_of_the_monitor(void) {
    struct rig rig = start();

    shutdown(rig.monitor, SHUT_RDWR);
    CHECK(end(&rig) == 137);
}

static void exits_as_killed_on_a_broken_protocol(void) {
    uint8_t junk[64] = {1, 2, 3, 99};
    struct rig rig = start();

    CHECK(nk_write_all(rig.monitor, junk, sizeof junk) == 0);
    CHECK(end(&rig) == 137);
}

static void more_than_the_credit_breaks_the_protocol(void) {
    static uint8_t data[NK_DATA_MAX_BYTES];
    struct rig rig = start();

    for (int i = 0; i < 3; i++)
        send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, data, sizeof data);
    /* The pipe takes one of the frames, which gives credit for it: two more than that is too much. */
    for (int i = 0; i < 3; i++)
        send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, data, sizeof data);
    CHECK(end(&rig) == 137);
}

static void output_before_the_exit_is_written(void) {
    static char got[400];
    struct rig rig = start();

    send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, "out", 3);
    send_frame(&rig, NK_DATA, NK_STDERR_STREAM, "err", 3);
    send_frame(&rig, NK_DATA, 77, "dropped", 7);
    send_u32(&rig, NK_EXIT, 0, 0);
    CHECK(nk_read_full(rig.output, got, sizeof got) == 3 && memcmp(got, "out", 3) == 0);
    CHECK(nk_read_full(rig.errors, got, sizeof got) == 3 && memcmp(got, "err", 3) == 0);
    CHECK(end(&rig) == 0);
}

static void a_slow_reader_gets_all_after_the_exit(void) {
    static uint8_t data[NK_DATA_MAX_BYTES], got[4 * NK_DATA_MAX_BYTES + 1];
    struct rig rig = start();

    for (int i = 0; i < 4; i++) {
        memset(data, 'a' + i, sizeof data);
        send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, data, sizeof data);
    }
    send_u32(&rig, NK_EXIT, 0, 3 << 8);
    close(rig.monitor);
    rig.monitor = -1;
    CHECK(nk_read_full(rig.output, got, sizeof got) == 4 * NK_DATA_MAX_BYTES);
    for (int i = 0; i < 4; i++)
        CHECK(got[i * NK_DATA_MAX_BYTES] == 'a' + i && got[(i + 1) * NK_DATA_MAX_BYTES - 1] == 'a' + i);
    CHECK(end(&rig) == 3);
}

static void credit_comes_back(void) {
    static uint8_t data[NK_DATA_MAX_BYTES], got[NK_DATA_MAX_BYTES];
    uint8_t payload[NK_DATA_MAX_BYTES];
    uint32_t credit = 0;
    struct rig rig = start();

    send_frame(&rig, NK_DATA, NK_STDERR_STREAM, data, sizeof data);
    CHECK(nk_read_full(rig.errors, got, sizeof got) == sizeof got);
    while (credit < sizeof data) {
        struct nk_frame frame = receive(&rig, payload);
        CHECK(frame.type == NK_CREDIT && frame.stream == NK_STDERR_STREAM);
        credit += nk_get_u32(payload);
    }
    CHECK(credit == sizeof data);
    send_u32(&rig, NK_EXIT, 0, 0);
    CHECK(end(&rig) == 0);
}

static void input_waits_for_credit(void) {
    static uint8_t payload[NK_DATA_MAX_BYTES], data[NK_CREDIT_START_BYTES + 1000];
    size_t got = 0;
    struct rig rig = start();

    if (fork() == 0)
        _exit(nk_write_all(rig.input, data, sizeof data) == 0 ? 0 : 1);
    close(rig.input);
    while (got < NK_CREDIT_START_BYTES) {
        struct nk_frame frame = receive(&rig, payload);
        CHECK(frame.type == NK_DATA && frame.stream == NK_STDIN_STREAM);
        got += frame.length;
    }
    CHECK(got == NK_CREDIT_START_BYTES);
    CHECK(recv(rig.monitor, payload, 1, MSG_DONTWAIT) < 0);
    send_u32(&rig, NK_CREDIT, NK_STDIN_STREAM, 999);
    CHECK(receive(&rig, payload).length == 999);
    send_u32(&rig, NK_CREDIT, NK_STDIN_STREAM, 100);
    CHECK(receive(&rig, payload).length == 1);
    CHECK(receive(&rig, payload).type == NK_EOF);
    send_u32(&rig, NK_EXIT, 0, 0);
    rig.input = -1;
    CHECK(end(&rig) == 0);
    CHECK(wait(NULL) > 0);
}

static void a_reader_that_left_is_told(void) {
    uint8_t payload[NK_DATA_MAX_BYTES];
    struct nk_frame frame;
    struct rig rig = start();

    close(rig.output);
    rig.output = -1;
    frame = receive(&rig, payload);
    CHECK(frame.type == NK_CLOSE && frame.stream == NK_STDOUT_STREAM);
    send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, "late", 4);
    send_frame(&rig, NK_DATA, NK_STDERR_STREAM, "e", 1);
    CHECK(nk_read_full(rig.errors, payload, 1) == 1);
    send_u32(&rig, NK_EXIT, 0, 0);
    CHECK(end(&rig) == 0);
}

static void ends_of_streams_reach_the_caller(void) {
    uint8_t byte;
    struct rig rig = start();

    send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, "x", 1);
    send_frame(&rig, NK_EOF, NK_STDOUT_STREAM, NULL, 0);
    CHECK(nk_read_full(rig.output, &byte, 1) == 1 && nk_read_full(rig.output, &byte, 1) == 0);
    send_frame(&rig, NK_CLOSE, NK_STDIN_STREAM, NULL, 0);
    signal(SIGPIPE, SIG_IGN);
    while (write(rig.input, "y", 1) == 1)
        usleep(1000);
    CHECK(errno == EPIPE);
    send_u32(&rig, NK_EXIT, 0, 0);
    CHECK(end(&rig) == 0);
}

static void signals_become_frames(void) {
    const int sent[] = {SIGTERM, SIGHUP, SIGINT, SIGUSR1, SIGTSTP, SIGCONT, 32, 33, 34, 64};
    uint8_t payload[NK_DATA_MAX_BYTES];
    struct rig rig = start();

    /* SIGTERM alone first: once it is seen, the mask is known to be set. */
    send_frame(&rig, NK_DATA, NK_STDOUT_STREAM, "x", 1);
    CHECK(receive(&rig, payload).type == NK_CREDIT);
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++) {
        struct nk_frame frame;

        CHECK(kill(rig.pid, sent[i]) == 0);
        frame = receive(&rig, payload);
        CHECK(frame.type == NK_SIGNAL && frame.stream == 0 && nk_get_u32(payload) == (uint32_t)sent[i]);
    }
    kill(rig.pid, SIGPIPE), kill(rig.pid, SIGCHLD), kill(rig.pid, SIGTTIN), kill(rig.pid, SIGWINCH);
    kill(rig.pid, SIGUSR2);
    CHECK(receive(&rig, payload).type == NK_SIGNAL && nk_get_u32(payload) == SIGUSR2);
    send_u32(&rig, NK_EXIT, 0, 0);
    CHECK(end(&rig) == 0);
}

int main(void) {
    alarm(60);
    RUN(exits_as_the_container_did);
    RUN(exits_as_killed_without_a_word_of_the_monitor);
    RUN(exits_as_killed_on_a_broken_protocol);
    RUN(more_than_the_credit_breaks_the_protocol);
    RUN(output_before_the_exit_is_written);
    RUN(a_slow_reader_gets_all_after_the_exit);
    RUN(credit_comes_back);
    RUN(input_waits_for_credit);
    RUN(a_reader_that_left_is_told);
    RUN(ends_of_streams_reach_the_caller);
    RUN(signals_become_frames);
    return 0;
}
