#include "command-line.h"

#include <stddef.h>

/* How its process waits is between it and `runc start`. */
static bool start_only_by_program(const struct nk_container *c) {
    (void)c;
    return false;
}

/* What it writes elsewhere than to its log is plain text in any case. */
static const char *const options[] = {"--log-format=json", NULL};

const struct nk_runtime_ops nk_runc = {
    .name = "runc",
    .options = options,
    .create = nk_command_create,
    .exec = nk_command_exec,
    .start = nk_command_start,
    .delete = nk_command_delete,
    .pause = nk_command_pause,
    .resume = nk_command_resume,
    .update = nk_command_update,
    .start_at_once = start_only_by_program,
    .delete_at_once = nk_state_delete,
};
