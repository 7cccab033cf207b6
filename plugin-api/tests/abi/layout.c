/* Prints the layout of everything in the header, one line each; see tests/abi.rs. */
#include "commwatch_plugin.h"
#include <stddef.h>
#include <stdio.h>

#define TYPE(t) printf("%s size %zu align %zu\n", #t, sizeof(t), _Alignof(t))
#define FIELD(t, f) printf("%s.%s offset %zu size %zu\n", #t, #f, offsetof(t, f), sizeof(((t *)0)->f))
#define NUMBER(n) printf("%s = %llu\n", #n, (unsigned long long)(n))

int main(void) {
    NUMBER(CW_ABI_V1);
    NUMBER(CW_MANIFEST_BYTES_MAX);
    NUMBER(CW_HTTP_REQUEST_BODY_MAX);
    NUMBER(CW_HTTP_RESPONSE_BODY_MAX);
    NUMBER(CW_LOG_LINE_MAX);
    NUMBER(CW_LOG_ERROR);
    NUMBER(CW_LOG_WARN);
    NUMBER(CW_LOG_INFO);
    NUMBER(CW_LOG_DEBUG);
    NUMBER(CW_HTTP_ANSWER);
    NUMBER(CW_HTTP_NOT_SENT);
    NUMBER(CW_HTTP_NO_ANSWER);
    NUMBER(CW_HTTP_REFUSED);
    NUMBER(CW_OUTCOME_UNKNOWN);
    NUMBER(CW_OUTCOME_DELIVERED);
    NUMBER(CW_OUTCOME_RETRY);
    NUMBER(CW_OUTCOME_REJECT);
    NUMBER(CW_OUTCOME_BROKEN);
    NUMBER(CW_UNTIL_RELOAD);
    printf("CW_PLUGIN_SECTION = %s\n", CW_PLUGIN_SECTION);
    TYPE(cw_bytes);
    FIELD(cw_bytes, ptr);
    FIELD(cw_bytes, len);
    TYPE(cw_space);
    FIELD(cw_space, ptr);
    FIELD(cw_space, capacity);
    FIELD(cw_space, len);
    TYPE(cw_http_request_v1);
    FIELD(cw_http_request_v1, size);
    FIELD(cw_http_request_v1, reserved);
    FIELD(cw_http_request_v1, description);
    FIELD(cw_http_request_v1, body);
    TYPE(cw_http_response_v1);
    FIELD(cw_http_response_v1, size);
    FIELD(cw_http_response_v1, status);
    FIELD(cw_http_response_v1, headers);
    FIELD(cw_http_response_v1, body);
    FIELD(cw_http_response_v1, error);
    TYPE(cw_host_v1);
    FIELD(cw_host_v1, size);
    FIELD(cw_host_v1, abi);
    FIELD(cw_host_v1, host);
    FIELD(cw_host_v1, log);
    FIELD(cw_host_v1, http);
    FIELD(cw_host_v1, get_extension);
    TYPE(cw_delivery_v1);
    FIELD(cw_delivery_v1, size);
    FIELD(cw_delivery_v1, attempt);
    FIELD(cw_delivery_v1, replay);
    FIELD(cw_delivery_v1, reserved);
    FIELD(cw_delivery_v1, remaining_ms);
    FIELD(cw_delivery_v1, notification);
    FIELD(cw_delivery_v1, receipt);
    TYPE(cw_outcome_v1);
    FIELD(cw_outcome_v1, size);
    FIELD(cw_outcome_v1, kind);
    FIELD(cw_outcome_v1, retry_after_ms);
    FIELD(cw_outcome_v1, text);
    TYPE(cw_plugin_v1);
    FIELD(cw_plugin_v1, size);
    FIELD(cw_plugin_v1, abi);
    FIELD(cw_plugin_v1, manifest);
    FIELD(cw_plugin_v1, create);
    FIELD(cw_plugin_v1, destroy);
    FIELD(cw_plugin_v1, deliver);
    FIELD(cw_plugin_v1, get_extension);
    return 0;
}
