#include "plan-words.h"

#include "common/fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *plan_word(struct plan_words *words) {
    char *word = words->at;

    if (word >= words->end)
        return NULL;
    words->at = word + strlen(word) + 1;
    return word;
}

int plan_number(const char *text, unsigned long max, unsigned long *value) {
    char *end;

    errno = 0;
    *value = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || *value > max)
        return fail("expected a number up to %lu in the plan, found \"%s\"", max, text);
    return 0;
}

char **plan_argv(const char *length, struct plan_words *rest) {
    unsigned long count;
    char **argv;

    if (plan_number(length, PLAN_MAX_ITEMS, &count) < 0)
        return NULL;
    argv = calloc(count + 1, sizeof *argv);
    for (unsigned long i = 0; argv && i < count; i++) {
        argv[i] = plan_word(rest);
        if (!argv[i]) {
            free(argv);
            fail("the plan ends within a command line");
            return NULL;
        }
    }
    if (!argv)
        fail("no memory for the plan");
    return argv;
}
