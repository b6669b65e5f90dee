/* nk-shadow create: makes a container's shadow, and its monitor or a connection to that of a VM which runs.
 */
#include "commands.h"
#include "common/cleanup.h"
#include "common/connect.h"
#include "common/descriptors.h"
#include "common/fail.h"
#include "common/halt.h"
#include "common/userns.h"
#include "launch.h"
#include "monitor.h"
#include "namespaces.h"
#include "plan.h"
#include "pump.h"
#include "report.h"
#include "session.h"
#include "title.h"
#include "tree.h"
#include "upgrade.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct create {
    struct plan plan;
    struct pty pty;
    int shadow_end;  /* of the connection between shadow and monitor */
    int monitor_end; /* -1: the monitor was there before */
    struct monitor monitor;
    int vm_tree; /* namespace of the VM's tree, which gets ours; -1: the tree is shared as it is */
};

static int check(const struct plan *plan) {
    if (!plan->rootfs || plan->rootfs[0] != '/')
        return fail("expected an absolute rootfs in the plan, found \"%s\"",
                    plan->rootfs ? plan->rootfs : "");
    if (plan->control && (!plan->endpoint || !plan->request || !plan->attach_folder))
        return fail("control needs endpoint, request and attach");
    if (!plan->control && (!plan->monitor || !plan->monitor[0]))
        return fail("the plan has neither monitor nor control");
    if (plan->terminal == TERMINAL_INHERIT && !plan->wait)
        return fail("terminal inherit needs wait");
    return 0;
}

static int prepare(void *context, int *sync) {
    struct create *create = context;
    struct tree tree;

    if (session_join_late(&create->plan) < 0 || session_start(&create->plan, &create->pty) < 0 ||
        namespaces_set_up(&create->plan) < 0 || tree_assemble(&create->plan, &tree) < 0)
        return -1;
    if (create->vm_tree >= 0 && tree_attach(&tree, create->vm_tree, create->plan.attach_folder) < 0)
        return -1;
    struct fd_move moves[5] = {
        {create->shadow_end, MONITOR_FD},
        {*sync, MONITOR_FD + 1},
        {tree.ns, TREE_NS_FD},
        {tree.root, TREE_ROOT_FD},
    };
    if (descriptors_arrange(moves, 4 + terminal_move_controlling(&moves[4], TTY_FD)) < 0)
        return fail_errno("cannot arrange descriptors");
    *sync = MONITOR_FD + 1;
    return 0;
}

static int run(void *context, const struct caller *caller) {
    const struct create *create = context;
    /* Its children end with it: it is the first process of its namespace. */
    const struct pump_ends ends = {MONITOR_FD, session_tty(&create->plan), false, caller};

    title_set(create->plan.title);
    return pump_run(&ends);
}

/* Who brings a monitor along holds the tree of a sandbox; the others are containers that join one. */
static const char *role_of(const struct plan *plan) {
    return plan->control ? "shadow" : "holder";
}

static int tell_monitor(struct create *create, const struct child *child) {
    const struct plan *plan = &create->plan;

    return upgrade_start(create->shadow_end, plan->endpoint, child, session_first_tty(plan, &create->pty),
                         plan->request);
}

/* Before the monitor, which writes its own lines to the same pipe. */
static int free_holder(struct create *create, struct child *child) {
    if (report_shadow(child->pid) < 0)
        return -1;
    halt_at("launcher: holder reported");
    if (monitor_go(&create->monitor, &create->plan) < 0)
        return -1;
    halt_at("launcher: monitor started");
    return launch_release(child, session_inherited_tty(&create->plan));
}

/* The container is there when its shadow is reported, and needs us no more. */
static int free_shadow(struct create *create, struct child *child) {
    if (tell_monitor(create, child) < 0)
        return -1;
    pty_close(&create->pty);
    if (launch_release(child, session_inherited_tty(&create->plan)) < 0)
        return -1;
    return report_shadow(child->pid);
}

/* From here on the child and its monitor keep each other: whoever dies, the other notices. */
static int set_free(struct create *create, struct child *child) {
    if (!create->plan.control && monitor_tree_ready(&create->monitor, &create->plan) < 0)
        return -1;
    halt_at("launcher: %s prepared", role_of(&create->plan));
    if (create->plan.terminal == TERMINAL_SOCKET && pty_hand_over(&create->pty) < 0)
        return -1;
    return create->plan.control ? free_shadow(create, child) : free_holder(create, child);
}

static int launch(struct create *create, struct child *child) {
    const struct child_work work = {prepare, run, create, role_of(&create->plan)};

    if (launch_start(child, namespaces_to_make(&create->plan), &work) < 0)
        return -1;
    /* While the child prepares itself. */
    if ((!create->plan.control &&
         monitor_start(&create->monitor, &create->plan, create->monitor_end, child->pid) < 0) ||
        launch_ready(child) < 0 || set_free(create, child) < 0) {
        launch_abort(child);
        return -1;
    }
    close(create->shadow_end);
    if (create->monitor_end >= 0)
        close(create->monitor_end);
    close(REPORT_FD);
    return 0;
}

static int connect_both(struct create *create) {
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return fail_errno("cannot make a socket pair");
    create->shadow_end = pair[0];
    create->monitor_end = pair[1];
    return 0;
}

static int join_vm(struct create *create) {
    create->shadow_end = connect_unix(create->plan.control);
    if (create->shadow_end < 0)
        return fail_errno("cannot connect to the VM's monitor at %s", create->plan.control);
    create->vm_tree = tree_open_ns(create->plan.attach_to);
    return create->vm_tree < 0 ? -1 : 0;
}

static int open_all(struct create *create) {
    if (plan_read(&create->plan, PLAN_FD) < 0 || check(&create->plan) < 0)
        return -1;
    close(PLAN_FD);
    session_watch_caller(&create->plan);
    if ((create->plan.control ? userns_join(create->plan.attach_to) : userns_make()) < 0)
        return -1;
    if (session_join_early(&create->plan) < 0)
        return -1;
    if ((create->plan.control ? join_vm(create) : connect_both(create)) < 0)
        return -1;
    if (create->plan.terminal == TERMINAL_SOCKET)
        return pty_open(&create->pty, create->plan.console_socket);
    return 0;
}

int create_command(void) {
    struct create create = {.pty = {-1, -1, -1}, .monitor_end = -1, .vm_tree = -1};
    struct child child;
    int status = 0;

    if (open_all(&create) < 0 || launch(&create, &child) < 0)
        status = report_failure(1);
    else if (create.plan.wait)
        status = session_wait(&child);
    plan_free(&create.plan);
    return status;
}
