/* Requests against protocol/vectors/messages.json. */
#include "ops/operations.h"
#include "test.h"
#include "wire/request.h"

static const char *verdict(const char *text, bool configured) {
    static struct nk_error e;
    struct nk_request *request;
    const char *result = "accepted";

    if (nk_request_parse(text, strlen(text), &request) < 0)
        return "PROTOCOL";
    if (!nk_request_check(request, nk_operations, configured, &e))
        result = e.code;
    nk_request_free(request);
    return result;
}

static void run(const json_t *vector) {
    const char *name = json_string_value(json_object_get(vector, "name"));
    const char *expect = json_string_value(json_object_get(vector, "expect"));
    const char *given = json_string_value(json_object_get(vector, "text"));
    char *text = given ? strdup(given) : json_dumps(json_object_get(vector, "request"), 0);
    const char *got = verdict(text, !json_is_false(json_object_get(vector, "configured")));

    CHECK(strcmp(got, expect) == 0, "%s: expected %s, found %s", name, expect, got);
    free(text);
}

int main(void) {
    json_t *vectors = json_load_file(VECTORS "/messages.json", 0, NULL);
    size_t i;
    json_t *vector;

    CHECK(json_array_size(vectors) > 0, "no vectors");
    json_array_foreach(vectors, i, vector) run(vector);
    json_decref(vectors);
    return 0;
}
