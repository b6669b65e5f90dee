/* Any text as a request: it is refused or it passes, and what passes can be written out again. */
#include "bigint.h"
#include "request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nk_request *request;
    struct nk_error e;
    char *text;

    if (nk_request_parse((const char *)data, size, &request) < 0)
        return 0;
    nk_request_check(request, true, &e);
    text = nk_json_dump(request->body);
    if (!text)
        abort();
    free(text);
    nk_request_free(request);
    return 0;
}
