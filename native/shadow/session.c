#include "session.h"

#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/fail.h"
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int session_join_cgroups(const struct plan *plan) {
    for (size_t i = 0; i < plan->cgroup_count; i++) {
        /* "0" is the process that writes. */
        if (nk_write_file(AT_FDCWD, plan->cgroups[i], "0") < 0)
            return fail_errno("cannot join the cgroup %s", plan->cgroups[i]);
    }
    return 0;
}

int session_join_early(const struct plan *plan) {
    return plan->wait ? 0 : session_join_cgroups(plan);
}

int session_join_late(const struct plan *plan) {
    return plan->wait ? session_join_cgroups(plan) : 0;
}

/* In the background: a shadow reads ahead, and would take what is typed for the shell. */
static int give_up_terminal_input(void) {
    cleanup_close int null = isatty(STDIN_FILENO) ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;

    if (!isatty(STDIN_FILENO))
        return 0;
    return null < 0 ? -1 : dup2(null, STDIN_FILENO);
}

int session_start(const struct plan *plan, const struct pty *pty) {
    /* Before setsid: /dev/tty can only be opened while there is a controlling terminal. */
    if (plan->terminal != TERMINAL_SOCKET)
        descriptors_reopen_standard();
    if (plan->terminal == TERMINAL_NONE && !plan->wait && give_up_terminal_input() < 0)
        return fail_errno("cannot open /dev/null");
    if (setsid() < 0)
        return fail_errno("cannot start a session");
    return plan->terminal == TERMINAL_SOCKET ? pty_attach(pty) : 0;
}

int session_tty(const struct plan *plan) {
    return plan->terminal == TERMINAL_NONE ? -1 : terminal_find();
}

int session_first_tty(const struct plan *plan, const struct pty *pty) {
    return plan->terminal == TERMINAL_SOCKET ? pty->slave : session_inherited_tty(plan);
}

int session_inherited_tty(const struct plan *plan) {
    return plan->terminal == TERMINAL_INHERIT ? terminal_find() : -1;
}

void session_watch_caller(const struct plan *plan) {
    if (plan->terminal == TERMINAL_INHERIT)
        terminal_open_controlling();
    if (session_inherited_tty(plan) >= 0)
        launch_with_caller();
}

int session_wait(struct child *child) {
    /* Signals of a terminal go to the whole foreground group. The caller passes them on itself: out of its
     * group, the container gets each one once. */
    setpgid(0, 0);
    return launch_wait(child);
}
