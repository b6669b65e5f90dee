/* The words of a command line that say what is in a jail. */
#include "common/fail.h"
#include "common/syscalls.h"
#include "common/words.h"
#include "jail.h"

#include <stdlib.h>
#include <string.h>

#define READ_ONLY (NK_ATTR_RDONLY | NK_ATTR_NOSUID | NK_ATTR_NODEV)

static int add(struct jail *jail, const char *source, const char *name, unsigned long long attributes) {
    if (jail->count == NK_JAIL_MAX_FILES || source[0] != '/' || name[0] != '/')
        return fail("expected at most %d absolute paths, found %s", NK_JAIL_MAX_FILES, source);
    jail->files[jail->count++] = (struct jail_file){source, name, attributes, -1, -1, 0, 0};
    return 0;
}

int jail_add_file(struct jail *jail, const char *path) {
    return add(jail, path, path, READ_ONLY);
}

static int add_bind(struct jail *jail, char **words) {
    unsigned long long attributes = strcmp(words[3], "rw") == 0 ? READ_ONLY & ~NK_ATTR_RDONLY : READ_ONLY;

    return add(jail, words[1], words[2], attributes);
}

int jail_option(struct jail *jail, char **words, int left) {
    unsigned shadow;

    /* For who is started before the pid of the sandbox's holder can be written down. */
    if (left >= 2 && strcmp(words[0], "--tree") == 0 && strcmp(words[1], "holder") == 0)
        words[1] = getenv("NK_SHADOW_PID");
    if (left >= 2 && strcmp(words[0], "--tree") == 0 && words_number(words[1], &shadow) == 0) {
        jail->shadow = (pid_t)shadow;
        return 2;
    }
    if (left >= 2 && strcmp(words[0], "--file") == 0)
        return jail_add_file(jail, words[1]) == 0 ? 2 : 0;
    if (left >= 2 && strcmp(words[0], "--device") == 0)
        return add(jail, words[1], words[1], READ_ONLY & ~NK_ATTR_NODEV) == 0 ? 2 : 0;
    if (left >= 4 && strcmp(words[0], "--bind") == 0)
        return add_bind(jail, words) == 0 ? 4 : 0;
    return 0;
}
