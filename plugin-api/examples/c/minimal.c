/*
 * A whole plugin in C: posts each notification as it is to one address.
 *
 *     cc -std=c11 -O2 -shared -fPIC -fvisibility=hidden -I plugin-api/include minimal.c -o libcommwatch_minimal.so
 *
 *     [notifiers.hook]
 *     plugin = "minimal"
 *     [notifiers.hook.config]
 *     url = "https://hook.example/"
 */
#include <commwatch_plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST                                                                                                       \
    "{\"abi\": 1, \"name\": \"minimal\", \"version\": \"1.0.0\", \"description\": \"Posts notifications as they are\"," \
    " \"concurrency\": 2, \"notification_bytes_max\": 262144,"                                                         \
    " \"config\": {\"type\": \"object\", \"required\": [\"url\"], \"additionalProperties\": false,"                    \
    "   \"properties\": {\"url\": {\"type\": \"string\", \"format\": \"uri\", \"x-secret\": \"allowed\"}}}}"

__attribute__((section(CW_PLUGIN_SECTION), used)) static const char manifest[] = MANIFEST;

struct notifier {
    const cw_host_v1 *host;
    char *request; /* the description of each request, NUL-ended */
};

static cw_bytes bytes(const char *text) { return (cw_bytes){(const uint8_t *)text, strlen(text)}; }

/* Writes what fits. */
static void say(cw_space *room, const char *text, uint64_t len) {
    room->len = len < room->capacity ? len : room->capacity;
    if (room->len > 0) memcpy(room->ptr, text, room->len);
}

static void *create(const cw_host_v1 *host, cw_bytes config, cw_space *error) {
    /* The configuration fits the schema: an object with nothing but "url", so that what stands between its first colon
     * and its last brace is the address, as text or as a reference to a secret. Both go into a request as they are. */
    const char *colon = memchr(config.ptr, ':', config.len);
    struct notifier *self = malloc(sizeof *self);
    if (colon == NULL || self == NULL) {
        free(self);
        say(error, "no url", 6);
        return NULL;
    }
    int url_len = (int)((const char *)config.ptr + config.len - 1 - (colon + 1));
    static const char format[] =
        "{\"method\": \"POST\", \"url\": %.*s, \"headers\": {\"content-type\": \"application/json\"}}";
    size_t size = sizeof format + (size_t)url_len;
    self->host = host;
    self->request = malloc(size);
    if (self->request == NULL) {
        free(self);
        say(error, "out of memory", 13);
        return NULL;
    }
    snprintf(self->request, size, format, url_len, colon + 1);
    host->log(host->host, CW_LOG_INFO, bytes("minimal is ready"));
    return self;
}

static void destroy(void *instance) {
    struct notifier *self = instance;
    free(self->request);
    free(self);
}

/* May run on two threads at once, as the manifest says; it changes nothing that they share. */
static void deliver(void *instance, const cw_delivery_v1 *delivery, cw_outcome_v1 *outcome) {
    const struct notifier *self = instance;
    cw_http_request_v1 request = {.size = sizeof request};
    cw_http_response_v1 response = {.size = sizeof response};
    request.description = bytes(self->request);
    request.body = delivery->notification;
    switch (self->host->http(self->host->host, &request, &response)) {
    case CW_HTTP_ANSWER:
        outcome->kind = response.status / 100 == 2   ? CW_OUTCOME_DELIVERED
                        : response.status / 100 == 5 ? CW_OUTCOME_RETRY
                                                     : CW_OUTCOME_REJECT;
        say(&outcome->text, (const char *)response.body.ptr, response.body.len);
        return;
    case CW_HTTP_NOT_SENT:
        outcome->kind = CW_OUTCOME_RETRY;
        break;
    case CW_HTTP_REFUSED:
        outcome->kind = CW_OUTCOME_BROKEN;
        break;
    default:
        outcome->kind = CW_OUTCOME_UNKNOWN;
        break;
    }
    say(&outcome->text, (const char *)response.error.ptr, response.error.len);
}

static const cw_plugin_v1 table = {
    .size = sizeof table,
    .abi = CW_ABI_V1,
    .manifest = {(const uint8_t *)manifest, sizeof manifest},
    .create = create,
    .destroy = destroy,
    .deliver = deliver,
};

const cw_plugin_v1 *cw_plugin_entry_v1(void) { return &table; }
