#include "credit.h"

int nk_credit_add(uint32_t *balance, uint32_t bytes) {
    if (bytes > NK_CREDIT_MAX_BYTES || *balance > NK_CREDIT_MAX_BYTES - bytes)
        return -1;
    *balance += bytes;
    return 0;
}

void nk_window_init(struct nk_window *w) {
    w->allowed = NK_CREDIT_START_BYTES;
    w->due = 0;
}

int nk_window_receive(struct nk_window *w, uint32_t bytes) {
    if (bytes > w->allowed)
        return -1;
    w->allowed -= bytes;
    return 0;
}

uint32_t nk_window_release(struct nk_window *w, uint32_t bytes, bool buffer_empty) {
    uint32_t credit;

    w->due += bytes;
    if (w->due < NK_CREDIT_RETURN_BYTES && !buffer_empty)
        return 0;
    credit = w->due;
    w->due = 0;
    w->allowed += credit;
    return credit;
}
