/* The text of the failure under way: one line for people, reported by the launcher. */
#ifndef NK_FAIL_H
#define NK_FAIL_H

#define NK_FAIL_MAX_BYTES 1024

/* Both record the text and return -1; fail_errno adds ": " and the words of errno. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fail_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

const char *fail_text(void);

#endif
