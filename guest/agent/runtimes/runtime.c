#include "runtime.h"

#include "command-line.h"
#include "program.h"

#include <stddef.h>
#include <string.h>

static const struct nk_runtime_ops *const runtimes[] = {&nk_crun, &nk_runc};

#define COUNT (sizeof runtimes / sizeof runtimes[0])

const struct nk_runtime_ops *nk_runtime_named(const char *name) {
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(runtimes[i]->name, name) == 0)
            return runtimes[i];
    }
    return NULL;
}

json_t *nk_runtime_features(void) {
    json_t *features = json_array();
    char path[64];

    for (size_t i = 0; i < COUNT; i++) {
        if (nk_runtime_find(runtimes[i]->name, path, sizeof path))
            json_array_append_new(features, json_sprintf("runtime:%s", runtimes[i]->name));
    }
    return features;
}
