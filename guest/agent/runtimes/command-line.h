/* Runtimes that are programs with runc's command line, and runc's folder of state. */
#ifndef NK_COMMAND_LINE_H
#define NK_COMMAND_LINE_H

#include "runtime.h"

#include <stddef.h>

extern const struct nk_runtime_ops nk_crun;
extern const struct nk_runtime_ops nk_runc;

/* Members of nk_runtime_ops that crun and runc have in common. */
int nk_command_create(struct nk_run *run, const int stdio[3], struct nk_error *e);
int nk_command_exec(struct nk_run *run, const json_t *process, const int stdio[3], struct nk_error *e);
int nk_command_start(struct nk_run *run, struct nk_error *e);
int nk_command_delete(struct nk_run *run, struct nk_error *e);
int nk_command_pause(struct nk_run *run, struct nk_error *e);
int nk_command_resume(struct nk_run *run, struct nk_error *e);
int nk_command_update(struct nk_run *run, const json_t *resources, struct nk_error *e);
bool nk_state_delete(const struct nk_container *c);

/* <run folder>/<runtime>/: the runtime's own state of all its containers. */
int nk_state_root(const struct nk_container *c, char *out, size_t size, struct nk_error *e);

/* <run folder>/<runtime>/<id>/<name>. */
int nk_state_path(const struct nk_container *c, const char *name, char *out, size_t size, struct nk_error *e);

#endif
