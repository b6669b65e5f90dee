/* Events that tell the host what the agent does. */
#ifndef NK_LOG_H
#define NK_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum nk_level { NK_DEBUG, NK_INFO, NK_WARN, NK_ERROR };

/* Sends an event to the host and takes over the reference; false: no host is there. Set by main. */
extern bool (*nk_log_send)(json_t *event);

/* Debug lines are sent only after this. */
void nk_log_set_debug(bool on);

/* Lines go to this descriptor as well from WARN on; -1: nowhere. */
void nk_log_set_console(int fd);

/* A `log` event, at most 200 a second. Kept (a few) while no host is there. */
void nk_log(enum nk_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A detail is cut to fit, with its end mark. */
#define NK_STEP_DETAIL_BYTES 512

/* A `step` event that ends now. */
void nk_step(const char *name, uint64_t start_us, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends what was kept. */
void nk_log_connected(void);

#endif
