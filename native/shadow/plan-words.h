/* The words of a plan, one after the other. */
#ifndef NK_PLAN_WORDS_H
#define NK_PLAN_WORDS_H

#define PLAN_MAX_ITEMS 4096u

struct plan_words {
    char *at;
    char *end;
};

/* The next one; NULL at the end. */
char *plan_word(struct plan_words *words);

/* A decimal number up to max. <0: see fail_text(). */
int plan_number(const char *text, unsigned long max, unsigned long *value);

/* As many of the next words as `length` says, NULL-terminated; free it. NULL: see fail_text(). */
char **plan_argv(const char *length, struct plan_words *rest);

#endif
