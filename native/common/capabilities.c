#include "capabilities.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

int capabilities_limit(uint64_t mask) {
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (!(mask & NK_CAPABILITY(cap)) && prctl(PR_CAPBSET_DROP, cap) < 0)
            return -1;
    }
    return 0;
}

static uint32_t half_of(uint64_t mask, int half) {
    return (uint32_t)(mask >> (32 * half));
}

int capabilities_set(uint64_t mask) {
    struct __user_cap_data_struct data[2] = {{0}, {0}};

    for (int half = 0; half < 2; half++)
        data[half].permitted = data[half].effective = half_of(mask, half);
    return (int)syscall(SYS_capset, &header, data);
}

int capabilities_keep(uint64_t mask) {
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    for (int half = 0; half < 2; half++) {
        data[half].permitted &= half_of(mask, half);
        data[half].effective = data[half].inheritable = 0;
    }
    return (int)syscall(SYS_capset, &header, data);
}

int capabilities_use(uint64_t mask, bool on) {
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    for (int half = 0; half < 2; half++) {
        uint32_t kept = half_of(mask, half) & data[half].permitted;

        data[half].effective = on ? data[half].effective | kept : data[half].effective & ~kept;
    }
    return (int)syscall(SYS_capset, &header, data);
}
