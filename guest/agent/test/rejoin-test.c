/* A later connection: the host's mark in the middle of a frame, streams that go on or have lost something,
 * and exits that are told again. */
#include "rejoin-rig.h"

static void test_the_mark_ends_half_a_frame(void) {
    uint8_t header[NK_FRAME_HEADER_BYTES];
    char start[64];
    char *text;

    nk_frame_encode_header(header, NK_CONTROL, 0, 1000);
    CHECK(write(host, header, sizeof header) == sizeof header && write(host, "{\"seq\"", 6) == 6, "half");
    look();
    come_again();
    CHECK(seen.hello, "no hello");
    snprintf(start, sizeof start, "{\"event\":\"hello\",\"mark\":\"%s\",", AGENT_MARK);
    text = json_dumps(seen.hello, JSON_COMPACT);
    CHECK(strncmp(text, start, strlen(start)) == 0, "the first members, found %s", text);
    free(text);
    CHECK(json_integer_value(json_object_get(seen.hello, "connection")) == connection, "the number");
    CHECK(json_integer_value(json_object_get(seen.hello, "lastSeq")) == seq, "the last request");
    reconnect("[]");
    answers("[]");
}

static void test_output_waits_and_goes_on(void) {
    int end;
    struct nk_stream *stream = open_stream(2, NK_FROM_PROCESS, &end);

    CHECK(write(end, "abc", 3) == 3, "pipe");
    look();
    CHECK(seen.bytes == 3, "%zu bytes", seen.bytes);
    come_again();
    CHECK(write(end, "def", 3) == 3, "pipe");
    look();
    CHECK(seen.hello && seen.bytes == 0, "%zu bytes before reconnect", seen.bytes);
    reconnect("[[2,3,2]]");
    answers("[[2,3,0,false]]");
    CHECK(seen.bytes == 2 && memcmp(seen.data, "de", 2) == 0, "%zu bytes by the credit that was told",
          seen.bytes);
    close_stream(stream, end);
}

static void test_output_that_was_lost(void) {
    int end;
    struct nk_stream *stream = open_stream(3, NK_FROM_PROCESS, &end);

    CHECK(write(end, "abc", 3) == 3, "pipe");
    look();
    come_again();
    reconnect("[[3,1,262144]]");
    answers("[[3,3,0,false]]");
    CHECK(write(end, "more", 4) == 4, "the process must not notice");
    look();
    CHECK(seen.bytes == 0 && seen.ends == 0, "%zu bytes, %d ends", seen.bytes, seen.ends);
    close_stream(stream, end);
}

static void test_output_that_the_host_does_not_know(void) {
    int end;
    struct nk_stream *stream = open_stream(4, NK_FROM_PROCESS, &end);

    come_again();
    reconnect("[]");
    CHECK(write(end, "x", 1) < 0 && errno == EPIPE, "expected EPIPE");
    close_stream(stream, end);
}

static void test_input(void) {
    int end;
    char got[8];
    struct nk_stream *stream = open_stream(5, NK_TO_PROCESS, &end);

    send_frame(NK_DATA, 5, "abc", 3);
    come_again();
    reconnect("[[5,3,0]]");
    answers("[[5,3,262144,false]]");
    CHECK(read(end, got, sizeof got) == 3 && read(end, got, sizeof got) < 0, "three bytes and no end");
    send_frame(NK_DATA, 5, "de", 2);
    come_again();
    reconnect("[[5,9,0]]");
    answers("[[5,5,262144,false]]");
    CHECK(read(end, got, sizeof got) == 2 && read(end, got, sizeof got) == 0, "two bytes and the end");
    come_again();
    reconnect("[[5,9,0]]");
    answers("[[5,5,262144,false]]");
    close_stream(stream, end);
}

/* Of an exec whose answer was lost: nobody would ever write or end it. */
static void test_input_that_the_host_does_not_know(void) {
    int end;
    char got[8];
    struct nk_stream *stream = open_stream(7, NK_TO_PROCESS, &end);

    send_frame(NK_DATA, 7, "abc", 3);
    come_again();
    CHECK(read(end, got, sizeof got) == 3 && read(end, got, sizeof got) < 0, "three bytes and no end yet");
    reconnect("[]");
    CHECK(read(end, got, sizeof got) == 0, "expected the end");
    close_stream(stream, end);
}

/* With an input whose other end is the process's children's as well. */
static void run_session(const char *name, unsigned input) {
    char *argv[] = {"sh", "-c", "exit 0", NULL};
    struct nk_error e;
    struct nk_process *p = nk_session_new(container, name, &e);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int exits = seen.exits;
    int fds[2];
    char byte;

    CHECK(p && pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0, "%s", e.text);
    p->in = nk_stream_new(input, NK_TO_PROCESS, p, &e);
    p->in->source.fd = fds[1];
    nk_process_run(p, nk_child_spawn("/bin/sh", argv, (int[]){null, null, null}));
    close(null);
    for (int i = 0; i < 100 && seen.exits == exits; i++)
        look();
    CHECK(read(fds[0], &byte, 1) == 0, "its input has not ended with it");
    close(fds[0]);
}

static void test_exits_are_told_again(void) {
    char name[16];

    forget();
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "s%d", i);
        run_session(name, 100 + (unsigned)i);
    }
    CHECK(seen.exits == 6 && !container->sessions, "%d exits", seen.exits);
    come_again();
    CHECK(seen.exits == 0, "%d exits before reconnect", seen.exits);
    reconnect("[]");
    CHECK(seen.exits == 4, "%d exits, expected the last 4", seen.exits);
}

/* The host gives up a container whose create was lost with the connection, while the runtime still makes it.
 */
static void test_a_container_in_the_making_is_deleted(void) {
    static const char script[] = "#!/bin/sh\nsleep 0.3\nexit 1\n";
    char folder[] = "/tmp/nk-rejoin-XXXXXX";
    char members[200];
    char path[64];
    struct nk_container *made;
    struct nk_error e;
    FILE *file;

    CHECK(mkdtemp(folder), "folder");
    snprintf(path, sizeof path, "%s/runtime", folder);
    CHECK((file = fopen(path, "we")) && fputs(script, file) >= 0 && fclose(file) == 0, "script");
    CHECK(chmod(path, 0700) == 0, "chmod");
    nk_settings.run_dir = folder;
    nk_settings.runtime_path = path;
    CHECK(nk_rundir_make(&e) == 0, "%s", e.text);
    snprintf(members, sizeof members,
             "\"type\":\"create\",\"id\":\"made\",\"config\":{\"ociVersion\":\"1.0.2\"},\"root\":\"%s/root\"",
             folder);
    forget();
    ask(members);
    CHECK(!seen.answer, "%s", json_string_value(json_object_get(seen.answer, "error")));
    come_again();
    reconnect("[]");
    forget();
    ask("\"type\":\"delete\",\"id\":\"made\",\"force\":true");
    for (int i = 0; i < 100 && !seen.answer; i++)
        look();
    CHECK(seen.answer && strcmp(json_string_value(json_object_get(seen.answer, "status")), "success") == 0,
          "%s", json_string_value(json_object_get(seen.answer, "error")));
    made = nk_container_new("made", &e);
    CHECK(made, "it is still there: %s", e.text);
    nk_container_free(made);
    nk_remove_tree(folder);
}

/* As it was before there were marks: streams go nowhere, so that processes go on. */
static void test_a_connection_without_marks(void) {
    int end;
    struct nk_stream *stream = open_stream(6, NK_FROM_PROCESS, &end);

    forget();
    nk_marks_forget();
    nk_dispatch_disconnected();
    nk_dispatch_connected(0);
    CHECK(write(end, "abc", 3) == 3, "pipe");
    look();
    CHECK(seen.hello && !json_object_get(seen.hello, "mark") && seen.bytes == 0, "%zu bytes", seen.bytes);
    close_stream(stream, end);
}

int main(void) {
    struct nk_error e;

    host_open();
    nk_dispatch_connected(0);
    container = nk_container_new("c", &e);
    CHECK(container, "%s", e.text);
    ask("\"type\":\"configure\",\"hostMark\":\"" HOST_MARK "\",\"agentMark\":\"" AGENT_MARK "\"");
    test_the_mark_ends_half_a_frame();
    test_output_waits_and_goes_on();
    test_output_that_was_lost();
    test_output_that_the_host_does_not_know();
    test_input();
    test_input_that_the_host_does_not_know();
    test_exits_are_told_again();
    test_a_container_in_the_making_is_deleted();
    test_a_connection_without_marks();
    nk_container_free(container);
    forget();
    nk_channel_close();
    nk_decoder_free(&from_agent);
    return 0;
}
