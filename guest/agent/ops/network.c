/* network: what the guest is connected to. */
#include "network/network.h"
#include "base/log.h"
#include "common/io.h"
#include "operations.h"

void nk_op_network(struct nk_request *request) {
    uint64_t start_us = nk_boottime_us();
    unsigned changed = 0;
    struct nk_error e;

    if (nk_network_apply(request->body, &changed, &e) < 0) {
        nk_answer_error(request, &e);
        return;
    }
    nk_step("network", start_us, "%u changes", changed);
    nk_answer(request, json_pack("{s:I}", "changed", (json_int_t)changed));
}
