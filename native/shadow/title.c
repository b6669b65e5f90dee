#include "title.h"

#include "common/cleanup.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Fields of proc_pid_stat(5), counted from the state, the first after the program's name. */
enum { STATE = 3, START_CODE = 26, END_CODE = 27, START_STACK = 28, START_DATA = 45, FIELDS = 52 };

/* <0: it cannot be read. */
static int read_fields(unsigned long long fields[FIELDS]) {
    cleanup_close int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    char text[2048];
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    char *at;

    if (got <= 0)
        return -1;
    text[got] = '\0';
    /* The name may have anything in it. */
    at = strrchr(text, ')');
    at = at ? at + 3 : text;
    for (int field = STATE + 1; field < FIELDS && (at = strchr(at, ' ')); field++)
        fields[field] = strtoull(++at, NULL, 10);
    return at ? 0 : -1;
}

/* The map of this process as it is, with another command line: the kernel takes it as a whole (prctl(2)). */
static int use_command_line(char *start, char *end) {
    unsigned long long fields[FIELDS] = {0};
    const unsigned long long *data = fields + START_DATA;
    struct prctl_mm_map map;

    if (read_fields(fields) < 0)
        return -1;
    map = (struct prctl_mm_map){.start_code = fields[START_CODE],
                                .end_code = fields[END_CODE],
                                .start_data = data[0],
                                .end_data = data[1],
                                .start_brk = data[2],
                                .brk = (uintptr_t)sbrk(0),
                                .start_stack = fields[START_STACK],
                                .arg_start = (uintptr_t)start,
                                .arg_end = (uintptr_t)end,
                                .env_start = data[5],
                                .env_end = data[6],
                                .exe_fd = (uint32_t)-1};
    return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

void title_set(char *const *words) {
    size_t last = 0;

    if (!words || !words[0])
        return;
    while (words[last + 1])
        last++;
    use_command_line(words[0], words[last] + strlen(words[last]) + 1);
}
