#include "check.h"
#include "common/fail.h"
#include "shadow/plan.h"

#include <unistd.h>

/* The literal's own NUL is the end of the last word. */
#define PARSE(plan, literal) parse(plan, literal, sizeof literal)

/* The plan gets a copy of exactly that size, so that ASan sees every read beyond it. */
static int parse(struct plan *plan, const char *text, size_t length) {
    memset(plan, 0, sizeof *plan);
    plan->text = malloc(length);
    memcpy(plan->text, text, length);
    return plan_parse(plan, plan->text, length);
}

static void parses_a_create_plan(void) {
    struct plan plan;

    CHECK(PARSE(&plan, "rootfs\0/r\0readonly\0cover\0/m\0cover\0/proc\0bind\0/a\0/b\0"
                       "4097\0volume\0/v\0001\0cwd\0/w\0hostname\0h\0netns\0/ns\0cgroup\0/c1\0cgroup\0/"
                       "c2\0terminal\0/sock\0"
                       "preserve-fds\0003\0title\0002\0sleep\000100\0wait\0monitor\0002\0node\0wait\0monitor-"
                       "log\0/log") == 0);
    CHECK_TEXT(plan.rootfs, "/r");
    CHECK_TEXT(plan.cwd, "/w");
    CHECK(plan.readonly && plan.wait && plan.mount_count == 4 && plan.cgroup_count == 2);
    CHECK(!plan.mounts[0].source && !plan.mounts[1].source);
    CHECK_TEXT(plan.mounts[0].dest, "/m");
    CHECK_TEXT(plan.mounts[2].source, "/a");
    CHECK_TEXT(plan.mounts[2].dest, "/b");
    CHECK(plan.mounts[2].flags == 4097);
    CHECK_TEXT(plan.mounts[3].source, "/v");
    CHECK(!plan.mounts[3].dest && plan.mounts[3].flags == 1);
    CHECK(plan.netns == NETNS_PATH && plan.terminal == TERMINAL_SOCKET);
    CHECK_TEXT(plan.monitor[1], "wait");
    CHECK(!plan.monitor[2]);
    CHECK_TEXT(plan.title[1], "100");
    CHECK(!plan.title[2]);
    plan_free(&plan);
}

static void parses_the_daemons_of_a_sandbox(void) {
    struct plan plan;

    CHECK(PARSE(&plan, "daemon\0one\0000\0001\0/a\0daemon\0two\0002\0003\0/b\0wait\0c\0wait") == 0);
    CHECK(plan.daemon_count == 2 && plan.wait);
    CHECK_TEXT(plan.daemons[0].name, "one");
    CHECK(plan.daemons[0].channels == 0 && !plan.daemons[0].argv[1]);
    CHECK(plan.daemons[1].channels == 2 && !plan.daemons[1].argv[3]);
    CHECK_TEXT(plan.daemons[1].argv[1], "wait");
    plan_free(&plan);
}

static void refuses(const char *text, size_t length, const char *expected) {
    struct plan plan;

    CHECK(parse(&plan, text, length) < 0);
    CHECK_TEXT(fail_text(), expected);
    plan_free(&plan);
}

static void refuses_what_it_does_not_understand(void) {
#define REFUSES(literal, expected) refuses(literal, sizeof literal, expected)
    REFUSES("root", "unknown word \"root\"");
    REFUSES("", "unknown word \"\"");
    REFUSES("bind\0/a\0/b", "ends within the arguments of \"bind\"");
    REFUSES("bind\0/a\0/b\0-1", "found \"-1\"");
    REFUSES("bind\0/a\0/b\0004294967296", "expected a number");
    REFUSES("volume\0/a\0x", "found \"x\"");
    REFUSES("monitor\0002\0node", "within a command line");
    REFUSES("daemon\0x\0000\0000", "the daemon x has no program");
    REFUSES("daemon\0x\0009\0001\0/a", "up to 8");
    REFUSES("daemon\0x\0000\0002\0/a", "within a command line");
    REFUSES("monitor\00099999999", "expected a number");
    REFUSES("join\0x", "found \"x\"");
    refuses("wait", 4, "does not end with a NUL");
}

static void reads_a_long_plan_from_a_pipe(void) {
    struct plan plan = {0};
    size_t length = 300000;
    char *request = malloc(length);
    int fds[2];

    memset(request, 'x', length);
    memcpy(request, "request", 8);
    request[length - 1] = '\0';
    CHECK(pipe(fds) == 0);
    if (fork() == 0)
        _exit(write(fds[1], request, length) == (ssize_t)length ? 0 : 1);
    close(fds[1]);
    CHECK(plan_read(&plan, fds[0]) == 0);
    CHECK(strlen(plan.request) == length - 8 - 1);
    close(fds[0]);
    plan_free(&plan);
    free(request);
}

static void a_failure_is_one_line(void) {
    fail("a\nb\rc");
    CHECK(strcmp(fail_text(), "a b c") == 0);
}

int main(void) {
    RUN(parses_a_create_plan);
    RUN(parses_the_daemons_of_a_sandbox);
    RUN(refuses_what_it_does_not_understand);
    RUN(reads_a_long_plan_from_a_pipe);
    RUN(a_failure_is_one_line);
    return 0;
}
