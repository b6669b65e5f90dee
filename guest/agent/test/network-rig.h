/* A network namespace with a card: one end of a veth pair, whose other end is `far` in a namespace beside it.
 */
#ifndef NK_NETWORK_RIG_H
#define NK_NETWORK_RIG_H

#include "base/agent.h"
#include "network/found-links.h"
#include "network/network.h"
#include "ops/operations.h"
#include "test.h"
#include "wire/request.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT 65536

/* Parts of requests. */
#define NOTHING_ELSE "'routes':[],'rules':[],'neighbours':[]"
#define CARD_MAC "02:00:00:00:00:01"
#define LINK(name, mac, is_card, addresses)                                                                  \
    "{'name':'" name "','mac':'" mac "','mtu':1500,'isUp':true,'isCard':" is_card                            \
    ",'acceptRa':false,'addresses':[" addresses "]}"

static pid_t far_pid;

__attribute__((format(printf, 1, 2))) static inline void sh(const char *format, ...) {
    char command[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    CHECK(system(command) == 0, "%s", command);
}

/* What a command prints, with one blank between words and none at the end of a line. */
static inline const char *output_of(const char *command) {
    static char text[MAX_OUTPUT];
    FILE *pipe = popen(command, "r");
    size_t n = 0;

    CHECK(pipe, "%s", command);
    for (int c; (c = fgetc(pipe)) != EOF && n < sizeof text - 1;) {
        bool is_blank = c == ' ' || c == '\t';
        if (c == '\n' && n > 0 && text[n - 1] == ' ')
            n--;
        if (!is_blank || (n > 0 && text[n - 1] != ' ' && text[n - 1] != '\n'))
            text[n++] = is_blank ? ' ' : (char)c;
    }
    text[n] = '\0';
    CHECK(pclose(pipe) == 0, "%s", command);
    return text;
}

static inline bool has_line(const char *text, const char *line) {
    size_t n = strlen(line);

    for (; text; text = strchr(text, '\n'), text += text ? 1 : 0) {
        if (strncmp(text, line, n) == 0 && (text[n] == '\n' || text[n] == '\0'))
            return true;
    }
    return false;
}

static inline void expect_line(const char *command, const char *line) {
    const char *text = output_of(command);

    CHECK(has_line(text, line), "%s: expected the line \"%s\", found:\n%s", command, line, text);
}

static inline void expect_text(const char *command, const char *part) {
    const char *text = output_of(command);

    CHECK(strstr(text, part), "%s: expected \"%s\", found:\n%s", command, part, text);
}

static inline void expect_no_text(const char *command, const char *part) {
    const char *text = output_of(command);

    CHECK(!strstr(text, part), "%s: expected no \"%s\", found:\n%s", command, part, text);
}

/* A process that has the other namespace, until it or we end. */
static inline pid_t start_far(void) {
    int ready[2];
    char byte;
    pid_t pid;

    CHECK(pipe(ready) == 0, "pipe");
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    CHECK(pid > 0 && read(ready[0], &byte, 1) == 1, "the namespace beside");
    close(ready[0]);
    close(ready[1]);
    return pid;
}

/* A new namespace for what follows. */
static inline void enter_namespace(void) {
    if (far_pid > 0) {
        kill(far_pid, SIGKILL);
        waitpid(far_pid, NULL, 0);
    }
    far_pid = start_far();
    CHECK(unshare(CLONE_NEWNET) == 0, "unshare");
    nk_card_kind = "veth";
    sh("ip link set lo up && ip link add card0 type veth peer name far netns %d", far_pid);
    sh("nsenter --net=/proc/%d/ns/net ip link set far up", far_pid);
}

/* True: these tests cannot be run, which is said. */
static inline bool is_skipped(const char *name) {
    if (geteuid() == 0)
        return false;
    printf("%s: skipped: network namespaces need root\n", name);
    return true;
}

/* Of the members of a request, which have ' for ". */
static inline json_t *request_of(const char *text) {
    char copy[16384];
    json_error_t error;
    json_t *body;

    CHECK((size_t)snprintf(copy, sizeof copy, "{'seq':1,'type':'network',%s}", text) < sizeof copy, "long");
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    body = json_loads(copy, 0, &error);
    CHECK(body, "%s: %s", copy, error.text);
    return body;
}

/* The error's code, or NULL when it is done. */
static inline const char *try_apply(json_t *body, unsigned *changed, struct nk_error *e) {
    struct nk_request request = {.seq = 1, .body = body};

    if (!nk_request_check(&request, nk_operations, true, e) || nk_network_apply(body, changed, e) < 0)
        return e->code;
    return NULL;
}

/* Makes it so, and once more, which changes nothing. Returns what the first has changed. */
static inline unsigned apply(const char *text) {
    json_t *body = request_of(text);
    unsigned changed = 0;
    unsigned again = 0;
    struct nk_error e = {0};

    CHECK(!try_apply(body, &changed, &e), "%s", e.text);
    CHECK(!try_apply(body, &again, &e), "%s", e.text);
    CHECK(again == 0, "expected no change, found %u", again);
    json_decref(body);
    return changed;
}

static inline void expect_error(const char *text, const char *code, const char *part) {
    json_t *body = request_of(text);
    unsigned changed;
    struct nk_error e = {.text = ""};
    const char *found = try_apply(body, &changed, &e);

    CHECK(found && strcmp(found, code) == 0 && strstr(e.text, part), "expected %s \"%s\", found %s: %s", code,
          part, found ? found : "none", e.text);
    json_decref(body);
}

#endif
