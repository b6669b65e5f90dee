/* What went wrong, in the words of the protocol. Functions that fail return <0 and fill one of these. */
#ifndef NK_ERROR_H
#define NK_ERROR_H

#define NK_BAD_REQUEST "BAD_REQUEST"
#define NK_UNSUPPORTED "UNSUPPORTED"
#define NK_NOT_FOUND "NOT_FOUND"
#define NK_EXISTS "EXISTS"
#define NK_BAD_STATE "BAD_STATE"
#define NK_RUNTIME "RUNTIME"
#define NK_SYSTEM "SYSTEM"
#define NK_LIMIT "LIMIT"

struct nk_error {
    const char *code;
    char text[1024];
    char log[4096];
};

/* Both return -1, so that a caller can return what they return. */
int nk_fail(struct nk_error *e, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* SYSTEM, with errno's words after the text. */
int nk_fail_errno(struct nk_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
