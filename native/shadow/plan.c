#include "plan.h"

#include "common/fail.h"
#include "plan-words.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef int word_handler(struct plan *plan, char **args, struct plan_words *rest);

/* Makes room for one more item; NULL when there are too many or memory is short. */
static void *grow(void *items, size_t count, size_t size) {
    void *bigger = count < PLAN_MAX_ITEMS ? realloc(items, (count + 1) * size) : NULL;

    if (!bigger)
        fail("the plan has more than %u mounts or cgroups", PLAN_MAX_ITEMS);
    return bigger;
}

static int add_mount(struct plan *plan, struct plan_mount mount) {
    struct plan_mount *mounts = grow(plan->mounts, plan->mount_count, sizeof *mounts);

    if (!mounts)
        return -1;
    plan->mounts = mounts;
    mounts[plan->mount_count++] = mount;
    return 0;
}

static int on_rootfs(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->rootfs = args[0];
    return 0;
}

static int on_proof(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->proof = args[0];
    return 0;
}

static int on_readonly(struct plan *plan, char **args, struct plan_words *rest) {
    (void)args, (void)rest;
    plan->readonly = true;
    return 0;
}

static int on_cover(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    return add_mount(plan, (struct plan_mount){.dest = args[0]});
}

static int add_volume(struct plan *plan, const char *source, const char *dest, const char *flags) {
    struct plan_mount mount = {.source = source, .dest = dest};

    if (plan_number(flags, UINT_MAX, &mount.flags) < 0)
        return -1;
    return add_mount(plan, mount);
}

static int on_bind(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    return add_volume(plan, args[0], args[1], args[2]);
}

static int on_volume(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    return add_volume(plan, args[0], NULL, args[1]);
}

static int on_inner(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    if (add_volume(plan, args[0], NULL, args[2]) < 0)
        return -1;
    plan->mounts[plan->mount_count - 1].inner = args[1];
    return 0;
}

static int on_cwd(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->cwd = args[0];
    return 0;
}

static int on_hostname(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->hostname = args[0];
    return 0;
}

static int on_netns(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->netns_path = args[0];
    if (strcmp(args[0], "host") == 0)
        plan->netns = NETNS_HOST;
    else if (strcmp(args[0], "new") == 0)
        plan->netns = NETNS_NEW;
    else
        plan->netns = NETNS_PATH;
    return 0;
}

static int on_cgroup(struct plan *plan, char **args, struct plan_words *rest) {
    const char **cgroups = grow(plan->cgroups, plan->cgroup_count, sizeof *cgroups);

    (void)rest;
    if (!cgroups)
        return -1;
    plan->cgroups = cgroups;
    cgroups[plan->cgroup_count++] = args[0];
    return 0;
}

static int on_terminal(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->console_socket = args[0];
    if (strcmp(args[0], "none") == 0)
        plan->terminal = TERMINAL_NONE;
    else if (strcmp(args[0], "inherit") == 0)
        plan->terminal = TERMINAL_INHERIT;
    else
        plan->terminal = TERMINAL_SOCKET;
    return 0;
}

/* Accepted for callers that pass descriptors: the guest has no use for them, so they are closed like all
 * others. */
static int on_preserve_fds(struct plan *plan, char **args, struct plan_words *rest) {
    unsigned long count;

    (void)plan, (void)rest;
    return plan_number(args[0], INT_MAX, &count);
}

static int on_wait(struct plan *plan, char **args, struct plan_words *rest) {
    (void)args, (void)rest;
    plan->wait = true;
    return 0;
}

static int on_title(struct plan *plan, char **args, struct plan_words *rest) {
    free(plan->title);
    plan->title = plan_argv(args[0], rest);
    return plan->title ? 0 : -1;
}

static int on_monitor(struct plan *plan, char **args, struct plan_words *rest) {
    free(plan->monitor);
    plan->monitor = plan_argv(args[0], rest);
    return plan->monitor ? 0 : -1;
}

static int on_daemon(struct plan *plan, char **args, struct plan_words *rest) {
    struct plan_daemon *daemons = grow(plan->daemons, plan->daemon_count, sizeof *daemons);
    unsigned long channels;

    if (!daemons)
        return -1;
    plan->daemons = daemons;
    if (plan_number(args[1], PLAN_MAX_CHANNELS, &channels) < 0)
        return -1;
    daemons += plan->daemon_count;
    *daemons = (struct plan_daemon){args[0], (unsigned)channels, plan_argv(args[2], rest)};
    if (!daemons->argv)
        return -1;
    plan->daemon_count++;
    return daemons->argv[0] ? 0 : fail("the daemon %s has no program", daemons->name);
}

static int on_monitor_log(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->monitor_log = args[0];
    return 0;
}

static int parse_pid(const char *text, pid_t *pid) {
    unsigned long number;

    if (plan_number(text, INT_MAX, &number) < 0)
        return -1;
    *pid = (pid_t)number;
    return 0;
}

static int on_attach(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->attach_folder = args[1];
    return parse_pid(args[0], &plan->attach_to);
}

static int on_join(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    return parse_pid(args[0], &plan->join);
}

static int on_control(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->control = args[0];
    return 0;
}

static int on_endpoint(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->endpoint = args[0];
    return 0;
}

static int on_request(struct plan *plan, char **args, struct plan_words *rest) {
    (void)rest;
    plan->request = args[0];
    return 0;
}

static const struct {
    const char *name;
    unsigned args;
    word_handler *handler;
} vocabulary[] = {
    {"rootfs", 1, on_rootfs},
    {"readonly", 0, on_readonly},
    {"cover", 1, on_cover},
    {"bind", 3, on_bind},
    {"volume", 2, on_volume},
    {"inner", 3, on_inner},
    {"hostname", 1, on_hostname},
    {"netns", 1, on_netns},
    {"cgroup", 1, on_cgroup},
    {"terminal", 1, on_terminal},
    {"wait", 0, on_wait},
    {"preserve-fds", 1, on_preserve_fds},
    {"title", 1, on_title},
    {"monitor", 1, on_monitor},
    {"join", 1, on_join},
    {"daemon", 3, on_daemon},
    {"monitor-log", 1, on_monitor_log},
    {"control", 1, on_control},
    {"request", 1, on_request},
    {"attach", 2, on_attach},
    {"endpoint", 1, on_endpoint},
    {"cwd", 1, on_cwd},
    {"proof", 1, on_proof},
};

#define VOCABULARY_SIZE (sizeof vocabulary / sizeof vocabulary[0])

static int parse_one(struct plan *plan, const char *name, struct plan_words *words) {
    char *args[3] = {NULL};
    size_t i = 0;

    while (i < VOCABULARY_SIZE && strcmp(vocabulary[i].name, name) != 0)
        i++;
    if (i == VOCABULARY_SIZE)
        return fail("unknown word \"%s\" in the plan", name);
    for (unsigned n = 0; n < vocabulary[i].args; n++) {
        args[n] = plan_word(words);
        if (!args[n])
            return fail("the plan ends within the arguments of \"%s\"", name);
    }
    return vocabulary[i].handler(plan, args, words);
}

int plan_parse(struct plan *plan, char *text, size_t length) {
    struct plan_words words = {text, text + length};
    const char *name;

    if (length > 0 && text[length - 1] != '\0')
        return fail("the plan does not end with a NUL byte");
    while ((name = plan_word(&words))) {
        if (parse_one(plan, name, &words) < 0)
            return -1;
    }
    return 0;
}
