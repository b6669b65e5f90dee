/* Strings, base64, big integers, the runtime's log. */
#include "base/bigint.h"
#include "base/text.h"
#include "runtimes/runtime-log.h"
#include "test.h"

#include <unistd.h>

static void expect_text(const char *bytes, size_t n, const char *wanted) {
    json_t *text = nk_json_text(bytes, n);

    CHECK(strcmp(json_string_value(text), wanted) == 0, "%s", json_string_value(text));
    json_decref(text);
}

static void test_json_text(void) {
    expect_text("plain \xc3\xa9 \xf0\x9f\x90\xa7", 13, "plain \xc3\xa9 \xf0\x9f\x90\xa7");
    expect_text("a\0b", 3, "a?b");
    expect_text("\xff\xc3", 2, "??");
    expect_text("\xc0\x80", 2, "??");           /* NUL in two bytes */
    expect_text("\xed\xa0\x80", 3, "???");      /* half of a surrogate pair */
    expect_text("\xf4\x90\x80\x80", 4, "????"); /* over U+10FFFF */
    expect_text("\xe2\x82", 2, "??");           /* cut off */
}

static void test_base64(void) {
    uint8_t out[8];

    CHECK(nk_base64_decode("", out, 8) == 0, "empty");
    CHECK(nk_base64_decode("Zm9vYg==", out, 8) == 4 && memcmp(out, "foob", 4) == 0, "padding of two");
    CHECK(nk_base64_decode("Zm9vYmE=", out, 8) == 5 && memcmp(out, "fooba", 5) == 0, "padding of one");
    CHECK(nk_base64_decode("Zm9v", out, 2) < 0, "over the size");
    CHECK(nk_base64_decode("Zm9", out, 8) < 0, "cut off");
    CHECK(nk_base64_decode("Z=9v", out, 8) < 0, "padding inside");
    CHECK(nk_base64_decode("====", out, 8) < 0, "nothing but padding");
}

static void test_big_integers(void) {
    static const char text[] = "{\"hard\":18446744073709551615,\"over\":18446744073709552000,\"under\":-"
                               "9223372036854775809,\"s\":\"18446744073709551615\","
                               "\"q\":\"a\\\"18446744073709551615\",\"min\":-9223372036854775808,\"n\":1}";
    json_t *value = nk_json_load(text, sizeof text - 1);
    char *out;

    CHECK(value, "not loaded");
    out = nk_json_dump(value);
    CHECK(strstr(out, "\"hard\":18446744073709551615,"), "%s", out);
    CHECK(strstr(out, "\"over\":18446744073709552000,"), "%s", out);
    CHECK(strstr(out, "\"under\":-9223372036854775809,"), "%s", out);
    CHECK(strstr(out, "\"s\":\"18446744073709551615\""), "%s", out);
    CHECK(strstr(out, "\"q\":\"a\\\"18446744073709551615\""), "%s", out);
    CHECK(strstr(out, "\"min\":-9223372036854775808"), "%s", out);
    free(out);
    json_decref(value);
}

static void expect_log(const char *log, const char *wanted) {
    char path[] = "/tmp/nk-agent-test-XXXXXX";
    char out[64];
    int fd = mkstemp(path);

    CHECK(write(fd, log, strlen(log)) == (ssize_t)strlen(log), "write");
    close(fd);
    nk_runtime_log_read(path, -1, out, sizeof out);
    unlink(path);
    CHECK(strcmp(out, wanted) == 0, "expected %s, found %s", wanted, out);
}

static void test_runtime_log(void) {
    expect_log("{\"level\":\"error\",\"msg\":\"first\"}\n{\"msg\":\"last\",\"level\":\"error\"}\n", "last");
    expect_log("{\"level\":\"debug\",\"msg\":\"noise\"}\n{\"level\":\"error\",\"msg\":\"cause\"}\n{\"level\":"
               "\"warning\"",
               "cause");
    expect_log("no JSON at all\n", "no JSON at all\n");
    expect_log("", "");
    expect_log(
        "a line that is longer than there is room for, by far\nunknown cause\nmount `proc` to `proc`: no\n",
        "e is room for, by far\nunknown cause\nmount `proc` to `proc`: no\n");
}

static void test_paths(void) {
    CHECK(nk_is_below("/run/nk/a/b.c", "/run/nk"), "below");
    CHECK(!nk_is_below("/run/nk/a/..", "/run/nk"), "climbs");
    CHECK(nk_is_below("/run/nk/..a", "/run/nk"), "a name with dots");
    CHECK(nk_is_below("/nk/c1", ""), "below the root");
    CHECK(!nk_is_below("/", ""), "the root itself");
}

int main(void) {
    test_json_text();
    test_base64();
    test_big_integers();
    test_runtime_log();
    test_paths();
    return 0;
}
