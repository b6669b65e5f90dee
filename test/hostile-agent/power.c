#include "power.h"

#include "common/io.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

static void spin(void) {
    struct sched_param highest = {.sched_priority = 99};

    nk_write_file(AT_FDCWD, "/proc/sys/kernel/sched_rt_runtime_us", "-1");
    sched_setscheduler(0, SCHED_FIFO, &highest);
    for (volatile unsigned long turns = 0;; turns++)
        ;
}

void power(const char *how) {
    if (strcmp(how, "off") == 0)
        reboot(RB_POWER_OFF);
    if (strcmp(how, "restart") == 0)
        reboot(RB_AUTOBOOT);
    if (strcmp(how, "halt") == 0)
        reboot(RB_HALT_SYSTEM);
    if (strcmp(how, "spin") == 0)
        spin();
    /* PID 1 that ends is a panic. */
    _exit(1);
}
