/* The event loop: one thread, one epoll instance. */
#ifndef NK_LOOP_H
#define NK_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct nk_source {
    int fd; /* -1: not in the loop */
    void (*ready)(struct nk_source *source, uint32_t events);
};

struct nk_timer {
    struct nk_timer *next;
    uint64_t due_us; /* CLOCK_BOOTTIME */
    bool armed;
    void (*fire)(struct nk_timer *timer);
};

int nk_loop_init(void);
int nk_loop_add(struct nk_source *source, uint32_t events);
void nk_loop_change(struct nk_source *source, uint32_t events);

/* Takes the source out; its descriptor stays open. */
void nk_loop_remove(struct nk_source *source);

/* Takes the source out and closes its descriptor. */
void nk_loop_close(struct nk_source *source);

/* Starts or restarts. */
void nk_timer_start(struct nk_timer *timer, uint64_t delay_us);
void nk_timer_stop(struct nk_timer *timer);

/* Waits for one event or timer and handles it, a timer that is due first. One at a time: a handler may free
 * any other source. A timer that starts itself anew needs a delay. */
int nk_loop_once(void);

#endif
