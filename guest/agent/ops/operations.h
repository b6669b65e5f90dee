/* The operations of the protocol: one function each. All own their request. */
#ifndef NK_OPERATIONS_H
#define NK_OPERATIONS_H

#include "wire/request.h"

struct nk_container;

/* All of them, with what each takes. Ended by a row without a type. */
extern const struct nk_operation nk_operations[];

void nk_op_health(struct nk_request *request);
void nk_op_configure(struct nk_request *request);
void nk_op_reconnect(struct nk_request *request);
void nk_op_mount(struct nk_request *request);
void nk_op_unmount(struct nk_request *request);
void nk_op_network(struct nk_request *request);
void nk_op_listen(struct nk_request *request);
void nk_op_unlisten(struct nk_request *request);
void nk_op_accept(struct nk_request *request);
void nk_op_connect(struct nk_request *request);
void nk_op_create(struct nk_request *request);
void nk_op_start(struct nk_request *request);
void nk_op_stop(struct nk_request *request);
void nk_op_kill(struct nk_request *request);
void nk_op_delete(struct nk_request *request);
void nk_op_exec(struct nk_request *request);
void nk_op_state(struct nk_request *request);
void nk_op_ps(struct nk_request *request);
void nk_op_resize(struct nk_request *request);
void nk_op_pause(struct nk_request *request);
void nk_op_resume(struct nk_request *request);
void nk_op_update(struct nk_request *request);
void nk_op_stats(struct nk_request *request);
void nk_op_kmsg(struct nk_request *request);
void nk_op_metrics(struct nk_request *request);
void nk_op_sync(struct nk_request *request);
void nk_op_shutdown(struct nk_request *request);

/* Does the delete that a container's request waits for: nothing of it runs any more. May free c. */
void nk_delete_now(struct nk_container *c);

/* Ends a copy under way, as it is. */
void nk_sync_stop(void);

/* Goes on with a shutdown under way, if there is one and no container is busy. */
void nk_shutdown_continue(void);

/* A shutdown without a request: SIGTERM or Ctrl-Alt-Del. */
void nk_shutdown_begin(void);

#endif
