/* The end of a process: what it has written, what its children still write, and a host that reads neither. */
#include "base/agent.h"
#include "base/loop.h"
#include "common/io.h"
#include "containers/container.h"
#include "containers/process.h"
#include "host-end.h"
#include "ops/dispatch.h"
#include "runtimes/run.h"
#include "streams/stream.h"
#include "wire/channel.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned next_stream = 1;

/* What has come: bytes of output, ends of output, exit events. */
static struct {
    size_t bytes;
    int ends;
    int exits;
    int code;
} seen;

static void take(const struct nk_frame *frame) {
    json_t *event;

    if (frame->type == NK_DATA)
        seen.bytes += frame->length;
    if (frame->type == NK_EOF)
        seen.ends++;
    if (frame->type != NK_CONTROL)
        return;
    event = json_loadb((const char *)frame->payload, frame->length, 0, NULL);
    if (strcmp(json_string_value(json_object_get(event, "event")), "exit") == 0) {
        seen.exits++;
        seen.code = (int)json_integer_value(json_object_get(event, "code"));
    }
    json_decref(event);
}

static void look(void) {
    struct nk_frame frame;

    host_wait(50000);
    while (host_receive()) {
        while (nk_decoder_next(&from_agent, &frame) > 0)
            take(&frame);
        host_wait(20000);
    }
}

/* A shell with the script as the session's process, its output a stream. */
static struct nk_process *run(struct nk_container *c, const char *session, char *script, unsigned *stream) {
    char *argv[] = {"sh", "-c", script, NULL};
    struct nk_error e;
    struct nk_process *p = *session ? nk_session_new(c, session, &e) : &c->init;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fds[2];

    seen.bytes = 0, seen.ends = seen.exits = 0, seen.code = -1;
    *stream = next_stream++;
    CHECK(p && pipe2(fds, O_CLOEXEC) == 0, "session");
    p->out = nk_stream_new(*stream, NK_FROM_PROCESS, p, &e);
    CHECK(p->out, "%s", e.text);
    p->out->source.fd = fds[0];
    nk_process_run(p, nk_child_spawn("/bin/sh", argv, (int[]){null, fds[1], null}));
    close(null);
    close(fds[1]);
    return p;
}

static struct nk_container *new_container(void) {
    static unsigned count;
    char id[16];
    struct nk_error e;
    struct nk_container *c;

    snprintf(id, sizeof id, "c%u", count++);
    c = nk_container_new(id, &e);
    CHECK(c, "%s", e.text);
    c->status = NK_RUNNING;
    return c;
}

static void let_go(const char *fifo) {
    int fd = open(fifo, O_WRONLY | O_CLOEXEC);

    CHECK(fd >= 0 && write(fd, "x\n", 2) == 2, "the fifo");
    close(fd);
}

static void test_a_session_ends_before_its_children(const char *fifo) {
    struct nk_container *c = new_container();
    char script[256];
    unsigned stream;

    snprintf(script, sizeof script, "(read x <%s; echo late) & echo early; exit 5", fifo);
    run(c, "s", script, &stream);
    for (int i = 0; i < 100 && seen.exits == 0; i++)
        look();
    CHECK(seen.exits == 1 && seen.code == 5 && seen.bytes == 6 && seen.ends == 0,
          "%d exits, %zu bytes, %d ends", seen.exits, seen.bytes, seen.ends);
    CHECK(c->sessions, "the session stays for its children");
    let_go(fifo);
    for (int i = 0; i < 100 && seen.ends == 0; i++)
        look();
    CHECK(seen.exits == 1 && seen.bytes == 11 && seen.ends == 1, "%d exits, %zu bytes, %d ends", seen.exits,
          seen.bytes, seen.ends);
    CHECK(!c->sessions, "the session went with them");
    nk_container_free(c);
}

static void test_children_that_nobody_hears(const char *fifo) {
    struct nk_container *c = new_container();
    uint8_t header[NK_FRAME_HEADER_BYTES];
    char script[256];
    unsigned stream;

    snprintf(script, sizeof script, "(read x <%s; echo late) & exit 0", fifo);
    run(c, "s", script, &stream);
    for (int i = 0; i < 100 && seen.exits == 0; i++)
        look();
    nk_frame_encode_header(header, NK_CLOSE, stream, 0);
    CHECK(write(host, header, sizeof header) == sizeof header, "CLOSE");
    look();
    CHECK(!c->sessions, "closed by the host, the session is over");
    let_go(fifo);
    look();
    CHECK(seen.bytes == 0, "%zu bytes", seen.bytes);
    nk_container_free(c);
}

static void test_the_containers_own_process_takes_its_output_along(const char *fifo) {
    struct nk_container *c = new_container();
    char script[256];
    unsigned stream;

    snprintf(script, sizeof script, "(read x <%s) & echo x", fifo);
    run(c, "", script, &stream);
    for (int i = 0; i < 100 && seen.exits == 0; i++)
        look();
    CHECK(seen.exits == 1 && seen.bytes == 2 && seen.ends == 1, "%d exits, %zu bytes, %d ends", seen.exits,
          seen.bytes, seen.ends);
    let_go(fifo);
    nk_container_free(c);
}

/* Nobody gives credit: it has ended, and cannot be said to have, until somebody kills it. */
static void test_output_that_nobody_reads_delays_no_kill(void) {
    struct nk_container *c = new_container();
    struct nk_process *p;
    unsigned stream;

    p = run(c, "", "head -c 300000 /dev/zero; exit 3", &stream);
    for (int i = 0; i < 100 && !p->reaped; i++)
        look();
    look();
    CHECK(p->reaped && seen.exits == 0 && seen.bytes == NK_CREDIT_START_BYTES,
          "reaped %d, %d exits, %zu bytes", p->reaped, seen.exits, seen.bytes);
    nk_process_expect_end(p);
    for (int i = 0; i < 100 && seen.exits == 0; i++)
        look();
    CHECK(seen.exits == 1 && seen.code == 3 && seen.ends == 1, "%d exits, %d ends", seen.exits, seen.ends);
    CHECK(c->status == NK_STOPPED, "%s", nk_status_name(c->status));
    nk_container_free(c);
}

static void is_ready(struct nk_source *source, uint32_t events) {
    (void)source, (void)events;
}

static void test_a_flood_does_not_hold_timers_back(void) {
    struct nk_source source = {.ready = is_ready};
    struct nk_timer timer = {.fire = host_ignore};
    uint64_t limit_us = nk_boottime_us() + 5000000;
    int fds[2];

    CHECK(pipe2(fds, O_CLOEXEC) == 0 && write(fds[1], "x", 1) == 1, "pipe");
    source.fd = fds[0];
    CHECK(nk_loop_add(&source, EPOLLIN) == 0, "source");
    nk_timer_start(&timer, 10000);
    while (timer.armed && nk_boottime_us() < limit_us)
        CHECK(nk_loop_once() == 0, "loop");
    CHECK(!timer.armed, "the timer has not fired");
    nk_loop_close(&source);
    close(fds[1]);
}

int main(void) {
    char folder[] = "/tmp/nk-end-XXXXXX";
    char fifo[64];

    host_open();
    CHECK(mkdtemp(folder), "folder");
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    CHECK(mkfifo(fifo, 0600) == 0, "fifo");
    test_a_session_ends_before_its_children(fifo);
    test_children_that_nobody_hears(fifo);
    test_the_containers_own_process_takes_its_output_along(fifo);
    test_output_that_nobody_reads_delays_no_kill();
    test_a_flood_does_not_hold_timers_back();
    nk_run_free(NULL);
    unlink(fifo);
    rmdir(folder);
    nk_channel_close();
    nk_decoder_free(&from_agent);
    return 0;
}
