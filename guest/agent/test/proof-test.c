/* The file by which a shared tree is known, and what may be in its place. */
#include "machine/proof.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/nk-proof-XXXXXX";
static char path[64];

static void fill(const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
    close(fd);
}

static void expect_refused(const char *what) {
    char text[NK_PROOF_BYTES + 1];
    struct nk_error e;

    CHECK(nk_proof_read(path, text, &e) < 0 && strcmp(e.code, "NOT_FOUND") == 0, "%s", what);
}

static void test_text(void) {
    char text[NK_PROOF_BYTES + 1];
    char longest[NK_PROOF_BYTES + 2];
    struct nk_error e;

    memset(longest, 'a', sizeof longest - 1);
    longest[NK_PROOF_BYTES + 1] = '\0';
    fill(longest);
    expect_refused("a byte too much");
    longest[NK_PROOF_BYTES] = '\0';
    fill(longest);
    CHECK(nk_proof_read(path, text, &e) == 0 && strcmp(text, longest) == 0, "the longest");
    fill("0123456789abcdef");
    CHECK(nk_proof_read(path, text, &e) == 0 && strcmp(text, "0123456789abcdef") == 0, "all digits");
    fill("");
    expect_refused("nothing");
    fill("12\n");
    expect_refused("a line");
    fill("\xff");
    expect_refused("no text");
    CHECK(truncate(path, 0) == 0 && truncate(path, 4) == 0, "truncate");
    expect_refused("NUL bytes");
}

static void test_kinds(void) {
    unlink(path);
    expect_refused("no file");
    CHECK(symlink("/proc/version", path) == 0, "symlink");
    expect_refused("a link");
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0, "mkfifo");
    expect_refused("a fifo that nobody writes to");
    unlink(path);
    CHECK(mkdir(path, 0700) == 0, "mkdir");
    expect_refused("a folder");
    rmdir(path);
}

int main(void) {
    CHECK(mkdtemp(folder), "%s", folder);
    snprintf(path, sizeof path, "%s/proof", folder);
    test_text();
    test_kinds();
    rmdir(folder);
    return 0;
}
