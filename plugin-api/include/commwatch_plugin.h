/*
 * commwatch plugin ABI, version 1. This file is its only definition.
 *
 * A plugin is a shared library (ELF) that holds two things:
 *
 *   1. A section named `.commwatch.plugin` with the manifest, one JSON object. It is read without loading the
 *      file, so that a plugin can be listed and its configuration checked before any of its code runs:
 *
 *        {"abi": 1, "name": "webhook", "version": "1.2.3", "description": "...",
 *         "concurrency": 4,                  1 to 64: threads that may be inside `deliver` at once
 *         "notification_bytes_max": 262144,  1024 to 1048576: no notification is longer
 *         "receipts": true,                  may be left out: whether `deliver` wants `receipt` (cw_delivery_v1)
 *         "repeat_seconds": 60,              may be left out: 10 to 3600, how often `deliver` is handed again, as the
 *                                            same bytes, what is open and not closed (for receivers that forget)
 *         "config": { ... }}                 JSON Schema 2020-12 of an object
 *
 *      NUL bytes after the JSON are allowed; the manifest is at most CW_MANIFEST_BYTES_MAX bytes; unknown fields
 *      are ignored. In the schema `"x-secret": "required"` marks a property that takes a secret reference only,
 *      `"x-secret": "allowed"` one that takes text or a reference, `"format": "uri"` an address (its host is then
 *      one that the plugin's requests may reach), and `"default"` a value that the host fills in.
 *
 *   2. One symbol, `cw_plugin_entry_v1`. The ABI's number is part of its name, so one file may carry several.
 *
 * Where it runs. The host is a process of its own for each configured notifier, and loads exactly one plugin. It
 * ends by exit: nothing is ever unloaded. A crash costs one restart, and what was being delivered counts as
 * CW_OUTCOME_UNKNOWN. The environment is empty, standard input is /dev/null, and what is written to standard
 * output or error ends in the host's log.
 *
 * Who owns what. Every buffer is borrowed for the call in which it is seen, unless its comment says longer; whoever
 * needs more copies it. Nothing that one side allocated is ever freed by the other.
 *
 * Threads. `create` is called once, before everything else; `deliver` on up to `concurrency` threads at once;
 * `destroy` at most once, after every `deliver` has returned, and perhaps never (the process may be ended at any
 * moment). Each host function says where it may be called.
 *
 * Growth. Tables and structs begin with their size in bytes and are only ever appended to. The one who fills a
 * struct writes what he knows of; the one who reads it uses what `size` covers and takes the rest for zero. What is
 * not in the tables is asked for by name with `get_extension`, on either side; a name ends in its version
 * ("cw.cancel/1"), and a missing extension is NULL. Reserved fields are zero. Numbers that a reader does not know
 * have a meaning, given below. Text is UTF-8 and not NUL-ended; bad UTF-8 is replaced, not refused.
 *
 * Nothing may be thrown or unwound out of a function of these tables, nor may longjmp leave one.
 */
#ifndef COMMWATCH_PLUGIN_H
#define COMMWATCH_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CW_ABI_V1 1u
#define CW_PLUGIN_SECTION ".commwatch.plugin"
#define CW_MANIFEST_BYTES_MAX 262144u      /* 256 KiB */
#define CW_HTTP_REQUEST_BODY_MAX 1048576u  /* 1 MiB; a larger one is refused */
#define CW_HTTP_RESPONSE_BODY_MAX 65536u   /* 64 KiB; the rest is cut off */
#define CW_LOG_LINE_MAX 8192u              /* bytes; the rest is cut off */

/* Borrowed bytes. `ptr` may be NULL where `len` is 0. */
typedef struct cw_bytes {
    const uint8_t *ptr;
    uint64_t len;
} cw_bytes;

/* Room for text, owned by the caller. The callee writes at most `capacity` bytes to `ptr` and sets `len`; what does
 * not fit is left out. On entry `len` is 0. */
typedef struct cw_space {
    uint8_t *ptr;
    uint64_t capacity;
    uint64_t len;
} cw_space;

/* ------------------------------------------------------------------------------------------------- the host -- */

/* Levels of a log line. An unknown number is read as CW_LOG_INFO. */
#define CW_LOG_ERROR 1u
#define CW_LOG_WARN 2u
#define CW_LOG_INFO 3u
#define CW_LOG_DEBUG 4u

/* How an HTTP request ended. An unknown number is read as CW_HTTP_NO_ANSWER. */
#define CW_HTTP_ANSWER 0u    /* an answer came, whatever its status */
#define CW_HTTP_NOT_SENT 1u  /* nothing was sent (no such host, connection refused, TLS): nothing has arrived */
#define CW_HTTP_NO_ANSWER 2u /* it may have been sent, but no whole answer came: it may have arrived */
#define CW_HTTP_REFUSED 3u   /* the host does not send it: see `error` */

typedef struct cw_http_request_v1 {
    uint32_t size; /* set by the plugin: sizeof(cw_http_request_v1) */
    uint32_t reserved;
    /* JSON: {"method": "POST", "url": VALUE, "headers": {"name": VALUE, ...}, "auth": AUTH, "sign": SIGN,
     *        "timeout_ms": 10000}; all but method and url may be left out.
     * VALUE: text, or {"$secret": "..."} just as the configuration held it: the host puts the secret in.
     * AUTH:  {"kind": "none"} | {"kind": "bearer", "token": VALUE}
     *        | {"kind": "basic", "user": "...", "password": VALUE}
     * SIGN:  {"kind": "none"} | {"kind": "standard-webhooks", "id": "...", "secrets": [VALUE, ...]}
     *        | {"kind": "hmac-sha256", "header": "...", "prefix": "sha256=", "secret": VALUE} */
    cw_bytes description;
    cw_bytes body; /* the bytes that are sent; never rewritten */
} cw_http_request_v1;

/* Its buffers are the host's. They stay valid until the next `http` on the same thread, or the end of `deliver`. */
typedef struct cw_http_response_v1 {
    uint32_t size;    /* set by the plugin: sizeof(cw_http_response_v1) */
    uint32_t status;  /* 100 to 599; 0 where there is no answer */
    cw_bytes headers; /* JSON object, name in lower case -> value. `commwatch-retry-after-ms` is Retry-After of
                         either form as a span of milliseconds */
    cw_bytes body;
    cw_bytes error; /* one line, without secrets; where there is no answer */
} cw_http_response_v1;

/* Lives from the start of `create` to the end of the process. */
typedef struct cw_host_v1 {
    uint32_t size;
    uint32_t abi; /* CW_ABI_V1 */
    void *host;   /* to be handed back as the first argument */

    /* Writes a line into the host's log, under the notifier's name. Any thread, at any time. */
    void (*log)(void *host, uint32_t level, cw_bytes line);

    /* Sends a request and waits for its end, at most for what is left of the delivery; returns CW_HTTP_... .
     * Only on a thread that the host called `deliver` on, before it returns; elsewhere CW_HTTP_REFUSED. */
    uint32_t (*http)(void *host, const cw_http_request_v1 *request, cw_http_response_v1 *response);

    /* The table of an extension, valid to the end of the process, or NULL. Any thread, at any time. */
    const void *(*get_extension)(void *host, cw_bytes name);
} cw_host_v1;

/* ----------------------------------------------------------------------------------------------- the plugin -- */

typedef struct cw_delivery_v1 {
    uint32_t size;
    uint32_t attempt;      /* from 1 */
    uint32_t replay;       /* 1 when an operator asked for this delivery again, else 0 */
    uint32_t reserved;
    uint64_t remaining_ms; /* after this the process is ended, and the outcome is CW_OUTCOME_UNKNOWN */
    /* JSON: id, notifier, key, action ("notify"|"open"|"update"|"close"), severity ("info"|"warning"|"critical"),
     * title, text, url (may be absent), events (one or more CloudEvents), omitted. The key is "digest" where it tells
     * of several conversations. The same bytes at every attempt of one delivery. Actions and severities unknown to the plugin are read as "notify" and "info". */
    cw_bytes notification;
    /* What the receiver said of the latest notification that was delivered for the same conversation or incident (before
     * this one, but for one that is replayed): the `text` of its CW_OUTCOME_DELIVERED, where that was not empty. Empty if there is none, or if the
     * manifest does not say "receipts": true. Absent from hosts whose `size` does not cover it. */
    cw_bytes receipt;
} cw_delivery_v1;

/* How a delivery ended. An unknown number is read as CW_OUTCOME_UNKNOWN: it may have arrived. */
#define CW_OUTCOME_UNKNOWN 0u   /* it may have arrived (the request was sent, its answer was lost); tried again */
#define CW_OUTCOME_DELIVERED 1u /* accepted; `text` may hold the receiver's own reference, at most 255 bytes */
#define CW_OUTCOME_RETRY 2u     /* not accepted now, nothing was delivered; tried again */
#define CW_OUTCOME_REJECT 3u    /* this notification will never be accepted: not tried again */
#define CW_OUTCOME_BROKEN 4u    /* the notifier as a whole does not work (credentials refused, channel gone) */
#define CW_UNTIL_RELOAD UINT64_MAX

typedef struct cw_outcome_v1 {
    uint32_t size;
    uint32_t kind;           /* CW_OUTCOME_UNKNOWN on entry */
    uint64_t retry_after_ms; /* of CW_OUTCOME_RETRY: what the receiver asked for, or 0; of CW_OUTCOME_BROKEN:
                                CW_UNTIL_RELOAD if it should not be tried again before a reload, else 0 */
    cw_space text;           /* one line for the operator, never a secret */
} cw_outcome_v1;

/* Lives from the return of `cw_plugin_entry_v1` to the end of the process. */
typedef struct cw_plugin_v1 {
    uint32_t size;
    uint32_t abi;      /* CW_ABI_V1 */
    cw_bytes manifest; /* the bytes of the section, with or without NUL bytes at their end */

    /* Makes the notifier from its configuration, a JSON object that fits the manifest's schema, with defaults filled
     * in and each secret as {"$secret": "..."}. Should not reach for the network. NULL means that it cannot be made:
     * `error` then says what is wrong and what to change. */
    void *(*create)(const cw_host_v1 *host, cw_bytes config, cw_space *error);

    /* Ends the notifier. May be NULL. */
    void (*destroy)(void *instance);

    /* Hands one notification to the receiver and says how that ended. Blocks as long as it must. Not called again for
     * a notification before it has returned. */
    void (*deliver)(void *instance, const cw_delivery_v1 *delivery, cw_outcome_v1 *outcome);

    /* The table of an extension, valid to the end of the process, or NULL. May itself be NULL. */
    const void *(*get_extension)(cw_bytes name);
} cw_plugin_v1;

/* The one function that is exported. Called once; must not do more than hand the table out. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const cw_plugin_v1 *cw_plugin_entry_v1(void);

#ifdef __cplusplus
}
#endif

#endif
