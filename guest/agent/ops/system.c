/* health, configure, kmsg, metrics: the machine. */
#include "base/agent.h"
#include "base/log.h"
#include "base/text.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "dispatch.h"
#include "machine/kmsg.h"
#include "operations.h"
#include "wire/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <time.h>

#define MAX_ENTROPY_BYTES 512

void nk_op_health(struct nk_request *request) {
    nk_answer(request, json_pack("{s:s, s:I}", "health", "ready", "uptimeUs", (json_int_t)nk_boottime_us()));
}

static int set_clock(const char *realtime_ns, struct nk_error *e) {
    unsigned long long ns = strtoull(realtime_ns, NULL, 10);
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

    return clock_settime(CLOCK_REALTIME, &time) < 0 ? nk_fail_errno(e, "clock_settime") : 0;
}

/* Clones of one snapshot have the same random numbers until this. */
static int add_entropy(const char *base64, struct nk_error *e) {
    cleanup_close int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    union {
        struct rand_pool_info head;
        uint8_t bytes[sizeof(struct rand_pool_info) + MAX_ENTROPY_BYTES];
    } pool;
    int n = nk_base64_decode(base64, (uint8_t *)pool.head.buf, MAX_ENTROPY_BYTES);

    if (fd < 0)
        return nk_fail_errno(e, "open /dev/urandom");
    pool.head.entropy_count = n * 8;
    pool.head.buf_size = n;
    if (n > 0 && ioctl(fd, RNDADDENTROPY, &pool) < 0)
        return nk_fail_errno(e, "RNDADDENTROPY");
    /* ENODATA: the generator is not seeded yet, so there are no numbers that a clone could repeat. */
    if (n > 0 && ioctl(fd, RNDRESEEDCRNG) < 0 && errno != ENODATA)
        return nk_fail_errno(e, "RNDRESEEDCRNG");
    return 0;
}

static int configure_machine(const struct nk_request *request, struct nk_error *e) {
    const char *realtime_ns = nk_request_text(request, "realtimeNs");
    const char *hostname = nk_request_text(request, "hostname");
    const char *entropy = nk_request_text(request, "entropy");

    if (realtime_ns && set_clock(realtime_ns, e) < 0)
        return -1;
    if (entropy && add_entropy(entropy, e) < 0)
        return -1;
    if (hostname && *hostname && sethostname(hostname, strlen(hostname)) < 0)
        return nk_fail_errno(e, "sethostname");
    return 0;
}

void nk_op_configure(struct nk_request *request) {
    const char *runtime = nk_request_text(request, "runtime");
    const char *host_mark = nk_request_text(request, "hostMark");
    struct nk_error e;

    if (nk_settings.owns_machine && configure_machine(request, &e) < 0) {
        nk_answer_error(request, &e);
        return;
    }
    if (runtime)
        snprintf(nk_settings.runtime, sizeof nk_settings.runtime, "%s", runtime);
    if (host_mark)
        nk_marks_set(host_mark, nk_request_text(request, "agentMark"));
    nk_settings.debug = nk_request_bool(request, "debug");
    nk_log_set_debug(nk_settings.debug);
    nk_dispatch_set_configured();
    nk_answer(request, NULL);
}

void nk_op_kmsg(struct nk_request *request) {
    nk_answer(request, json_pack("{s:o}", "lines", nk_kmsg_read()));
}

static long long meminfo(const char *text, const char *key) {
    const char *line = strstr(text, key);

    return line ? strtoll(line + strlen(key), NULL, 10) : 0;
}

void nk_op_metrics(struct nk_request *request) {
    char text[4096] = "";
    struct sysinfo info = {0};
    double load = 0;

    sysinfo(&info);
    load = (double)info.loads[0] / (1 << SI_LOAD_SHIFT);
    nk_read_file(AT_FDCWD, "/proc/meminfo", text, sizeof text);
    nk_answer(request, json_pack("{s:{s:I, s:I, s:f, s:I, s:i}}", "metrics", "memTotalKib",
                                 (json_int_t)meminfo(text, "MemTotal:"), "memAvailableKib",
                                 (json_int_t)meminfo(text, "MemAvailable:"), "load1", load, "uptimeUs",
                                 (json_int_t)nk_boottime_us(), "processes", (int)info.procs));
}
