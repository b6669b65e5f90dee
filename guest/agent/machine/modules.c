#include "modules.h"

#include "base/log.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

static void load(const char *path, const char *parameters) {
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || (syscall(SYS_finit_module, fd, parameters, 0) < 0 && errno != EEXIST))
        nk_log(NK_WARN, "module %s: %m", path);
}

void nk_modules_load(const char *list) {
    cleanup_file FILE *file = fopen(list, "re");
    char line[1024];

    while (file && fgets(line, sizeof line, file)) {
        char *rest = line;
        char *path;
        line[strcspn(line, "\n")] = '\0';
        path = strsep(&rest, " ");
        if (*path && *path != '#')
            load(path, rest ? rest : "");
    }
}

/* To the kernel `-` and `_` are the same in the name of a module. */
static bool is_name(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
            return false;
    }
    return *a == *b;
}

int nk_modules_load_later(const char *name) {
    cleanup_file FILE *file = fopen("/etc/nk/modules.later", "re");
    char line[4096];

    while (file && fgets(line, sizeof line, file)) {
        char *rest = line;
        char *path;
        line[strcspn(line, "\n")] = '\0';
        if (!is_name(strsep(&rest, " "), name))
            continue;
        while ((path = strsep(&rest, " ")))
            load(path, "");
        return 0;
    }
    return -1;
}

bool nk_modules_is_helper(const char *program) {
    return strcmp(program, "/sbin/modprobe") == 0;
}

int nk_modules_help(char **words) {
    int status = 0;

    for (; *words; words++) {
        if (**words != '-' && nk_modules_load_later(*words) < 0)
            status = 1;
    }
    return status;
}
