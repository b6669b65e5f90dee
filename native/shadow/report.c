#include "report.h"

#include "common/fail.h"
#include "common/io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int report_shadow(pid_t pid) {
    char line[32];
    int length = snprintf(line, sizeof line, "shadow %d\n", (int)pid);

    if (nk_write_all(REPORT_FD, line, (size_t)length) < 0)
        return fail_errno("cannot report to the caller");
    return 0;
}

int report_failure(int status) {
    char line[NK_FAIL_MAX_BYTES + 16];
    int length = snprintf(line, sizeof line, "error %s\n", fail_text());

    /* A caller that has closed the pipe knows why already, and says so. */
    if (nk_write_all(REPORT_FD, line, (size_t)length) < 0 && errno != EPIPE)
        dprintf(2, "nk-shadow: %s\n", fail_text());
    return status;
}
