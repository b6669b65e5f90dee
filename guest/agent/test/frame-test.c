/* The decoder against protocol/vectors/frames.json, with the bytes whole and cut. */
#include "common/frame.h"
#include "test.h"

#include <jansson.h>

struct bytes {
    uint8_t *data;
    size_t n;
};

static void append_hex(struct bytes *out, const char *hex, size_t times) {
    size_t n = strlen(hex) / 2;

    out->data = realloc(out->data, out->n + n * times + 1);
    for (size_t t = 0; t < times; t++) {
        for (size_t i = 0; i < n; i++) {
            unsigned byte;
            CHECK(sscanf(hex + 2 * i, "%2x", &byte) == 1, "%s", hex);
            out->data[out->n++] = (uint8_t)byte;
        }
    }
}

static struct bytes read_bytes(const json_t *parts) {
    struct bytes out = {malloc(1), 0};
    size_t i;
    json_t *part;

    json_array_foreach(parts, i, part) {
        if (json_is_string(part))
            append_hex(&out, json_string_value(part), 1);
        else
            append_hex(&out, json_string_value(json_array_get(part, 0)),
                       (size_t)json_integer_value(json_array_get(part, 1)));
    }
    return out;
}

static enum nk_sender read_sender(const char *name) {
    static const char *const names[] = {"host", "guest", "monitor", "shadow"};

    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum nk_sender)i;
    }
    CHECK(0, "%s", name);
    return NK_FROM_HOST;
}

static void expect_frame(const char *name, const struct nk_frame *got, const json_t *wanted) {
    struct bytes payload = read_bytes(json_object_get(wanted, "payload"));

    CHECK(wanted, "%s: a frame too many", name);
    CHECK(got->type == json_integer_value(json_object_get(wanted, "type")), "%s", name);
    CHECK(got->stream == json_integer_value(json_object_get(wanted, "stream")), "%s", name);
    CHECK(got->length == payload.n && memcmp(got->payload, payload.data, payload.n) == 0, "%s", name);
    free(payload.data);
}

static void run(const json_t *vector, size_t cut) {
    const char *name = json_string_value(json_object_get(vector, "name"));
    const char *error = json_string_value(json_object_get(vector, "error"));
    const json_t *frames = json_object_get(vector, "frames");
    struct bytes input = read_bytes(json_object_get(vector, "bytes"));
    struct nk_decoder d;
    struct nk_frame frame;
    size_t at = 0, seen = 0;
    int got = 0;

    nk_decoder_init(&d, read_sender(json_string_value(json_object_get(vector, "sender"))));
    while (at < input.n && got >= 0) {
        size_t room;
        uint8_t *space = nk_decoder_space(&d, &room);
        size_t n = input.n - at;
        CHECK(space && room > 0, "%s", name);
        n = n < room ? n : room;
        n = n < cut ? n : cut;
        memcpy(space, input.data + at, n);
        nk_decoder_commit(&d, n);
        at += n;
        while ((got = nk_decoder_next(&d, &frame)) > 0)
            expect_frame(name, &frame, json_array_get(frames, seen++));
    }
    CHECK(seen == json_array_size(frames), "%s: %zu frames", name, seen);
    CHECK(error ? got < 0 && strcmp(nk_frame_fault_name(got), error) == 0 : got == 0, "%s: %s", name,
          nk_frame_fault_name(got));
    nk_decoder_free(&d);
    free(input.data);
}

int main(void) {
    json_t *vectors = json_load_file(VECTORS "/frames.json", 0, NULL);
    size_t i;
    json_t *vector;

    CHECK(json_array_size(vectors) > 0, "no vectors");
    json_array_foreach(vectors, i, vector) {
        run(vector, SIZE_MAX);
        run(vector, 5000);
        run(vector, 7);
    }
    json_decref(vectors);
    return 0;
}
