/* Any text as a request: it is refused or it passes, and what passes can be written out again. One that could
 * not be read is no request that may run. */
#include "base/bigint.h"
#include "ops/operations.h"
#include "wire/request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nk_request *request;
    struct nk_error e;
    bool may_run;
    char *text;

    if (nk_request_parse((const char *)data, size, &request) < 0)
        return 0;
    may_run = nk_request_check(request, nk_operations, true, &e) != NULL;
    text = request->body ? nk_json_dump(request->body) : NULL;
    if (!text && (request->body || may_run))
        abort();
    free(text);
    nk_request_free(request);
    return 0;
}
