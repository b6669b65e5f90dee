#include "schema.h"

#include "base/agent.h"
#include "base/text.h"
#include "common/credit.h"

#include <string.h>

#define MAX_BASE64_BYTES 512

static bool is_word(const char *const *words, const json_t *value) {
    const char *text = json_string_value(value);

    for (; text && *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

static bool is_text(const json_t *value, json_int_t min, json_int_t max) {
    json_int_t n = (json_int_t)json_string_length(value);

    return json_is_string(value) && n >= min && n <= max;
}

static bool is_integer(const json_t *value, json_int_t min, json_int_t max) {
    return json_is_integer(value) && json_integer_value(value) >= min && json_integer_value(value) <= max;
}

static bool is_word_list(const char *const *words, const json_t *value, json_int_t max) {
    size_t i;
    json_t *item;

    if (!json_is_array(value) || (json_int_t)json_array_size(value) > max)
        return false;
    json_array_foreach(value, i, item) {
        if (!is_word(words, item))
            return false;
    }
    return true;
}

static bool is_streams(const json_t *value) {
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    json_int_t ids[3] = {0};

    if (!json_is_object(value))
        return false;
    for (size_t i = 0; i < 3; i++) {
        const json_t *id = json_object_get(value, names[i]);
        if (!id)
            continue;
        if (!is_integer(id, 1, UINT32_MAX))
            return false;
        ids[i] = json_integer_value(id);
        for (size_t k = 0; k < i; k++) {
            if (ids[k] == ids[i])
                return false;
        }
    }
    return true;
}

static bool is_stream_rows(const json_t *value) {
    size_t i;
    const json_t *row;

    if (!json_is_array(value) || json_array_size(value) > NK_MAX_STREAMS)
        return false;
    json_array_foreach(value, i, row) {
        if (!json_is_array(row) || !is_integer(json_array_get(row, 0), 1, UINT32_MAX) ||
            !is_integer(json_array_get(row, 1), 0, INT64_MAX) ||
            !is_integer(json_array_get(row, 2), 0, NK_CREDIT_MAX_BYTES))
            return false;
    }
    return true;
}

static bool is_object_list(const json_t *value, json_int_t max) {
    size_t i;
    const json_t *item;

    if (!json_is_array(value) || (json_int_t)json_array_size(value) > max)
        return false;
    json_array_foreach(value, i, item) {
        if (!json_is_object(item))
            return false;
    }
    return true;
}

static bool is_base64(const json_t *value, json_int_t max) {
    uint8_t bytes[MAX_BASE64_BYTES];

    return json_is_string(value) && nk_base64_decode(json_string_value(value), bytes, (size_t)max) >= 0;
}

static bool is_valid(const struct nk_member *m, const json_t *value) {
    const char *text = json_string_value(value);

    switch (m->kind) {
    case NK_ANY_ID:
        return text && nk_is_name(text, 1024, true);
    case NK_SESSION:
        return text && (nk_is_name(text, 64, false) || (m->min == 0 && *text == '\0'));
    case NK_TEXT:
        return is_text(value, m->min, m->max);
    case NK_WORD:
        return is_word(m->words, value);
    case NK_WORDS:
        return is_word_list(m->words, value, m->max);
    case NK_INTEGER:
        return is_integer(value, m->min, m->max);
    case NK_BOOLEAN:
        return json_is_boolean(value);
    case NK_OBJECT:
        return json_is_object(value);
    case NK_RUN_PATH:
        return is_text(value, 1, 4000) && nk_is_below(text, nk_settings.run_dir);
    case NK_BASE64:
        return is_base64(value, m->max);
    case NK_DIGITS:
        return is_text(value, 1, m->max) && strspn(text, "0123456789") == strlen(text);
    case NK_STREAMS:
        return is_streams(value);
    case NK_STREAM_ROWS:
        return is_stream_rows(value);
    case NK_OBJECTS:
        return is_object_list(value, m->max);
    default:
        return false;
    }
}

static const char *expectation(enum nk_kind kind) {
    static const char *const texts[] = {
        [NK_ANY_ID] = "a container id: 1 to 1024 of [A-Za-z0-9_+.-]",
        [NK_SESSION] = "a session: 1 to 64 of [A-Za-z0-9_.-]",
        [NK_TEXT] = "a string within its bounds",
        [NK_WORD] = "one of the words of the protocol",
        [NK_WORDS] = "a list of words of the protocol",
        [NK_INTEGER] = "an integer within its bounds",
        [NK_BOOLEAN] = "true or false",
        [NK_OBJECT] = "an object",
        [NK_RUN_PATH] = "a path below the agent's run folder",
        [NK_BASE64] = "base64 within its bounds",
        [NK_DIGITS] = "a string of decimal digits",
        [NK_STREAMS] = "an object of distinct stream ids",
        [NK_STREAM_ROWS] = "a list of streams, each with its bytes and its credit",
        [NK_OBJECTS] = "a list of objects within its bounds",
    };

    return texts[kind];
}

int nk_schema_check(const struct nk_member *members, const json_t *body, struct nk_error *e) {
    for (const struct nk_member *m = members; m->kind != NK_END; m++) {
        const json_t *value = json_object_get(body, m->name);
        if (value ? is_valid(m, value) : !m->required)
            continue;
        return nk_fail(e, NK_BAD_REQUEST, "\"%s\": expected %s, found %s", m->name, expectation(m->kind),
                       value ? "something else" : "nothing");
    }
    return 0;
}
