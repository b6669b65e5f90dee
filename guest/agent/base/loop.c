#include "loop.h"

#include "common/io.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

static int epoll_fd = -1;
static struct nk_timer *timers;

int nk_loop_init(void) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return epoll_fd < 0 ? -1 : 0;
}

int nk_loop_add(struct nk_source *source, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, source->fd, &event);
}

void nk_loop_change(struct nk_source *source, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = source};

    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
}

void nk_loop_remove(struct nk_source *source) {
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

void nk_loop_close(struct nk_source *source) {
    if (source->fd < 0)
        return;
    /* Another process may hold the same open file: closing alone would leave it in the set. */
    nk_loop_remove(source);
    close(source->fd);
    source->fd = -1;
}

void nk_timer_start(struct nk_timer *timer, uint64_t delay_us) {
    nk_timer_stop(timer);
    timer->due_us = nk_boottime_us() + delay_us;
    timer->armed = true;
    timer->next = timers;
    timers = timer;
}

void nk_timer_stop(struct nk_timer *timer) {
    if (!timer->armed)
        return;
    for (struct nk_timer **at = &timers; *at; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    }
    timer->armed = false;
}

static struct nk_timer *earliest_timer(void) {
    struct nk_timer *earliest = timers;

    for (struct nk_timer *timer = timers; timer; timer = timer->next) {
        if (timer->due_us < earliest->due_us)
            earliest = timer;
    }
    return earliest;
}

static int wait_ms(const struct nk_timer *timer) {
    uint64_t now = nk_boottime_us();

    if (!timer)
        return -1;
    if (timer->due_us <= now)
        return 0;
    return (int)((timer->due_us - now + 999) / 1000);
}

int nk_loop_once(void) {
    struct nk_timer *timer = earliest_timer();
    int timeout_ms = wait_ms(timer);
    struct epoll_event event;
    int n;

    /* First: a source that is always ready must not keep a timer from firing. */
    if (timeout_ms == 0) {
        nk_timer_stop(timer);
        timer->fire(timer);
        return 0;
    }
    n = epoll_wait(epoll_fd, &event, 1, timeout_ms);
    if (n < 0)
        return errno == EINTR ? 0 : -1;
    if (n == 1) {
        struct nk_source *source = event.data.ptr;
        source->ready(source, event.events);
    }
    return 0;
}
