/* A plugin that is put together wrongly in the one way that is chosen when it is compiled. */
#include <commwatch_plugin.h>
#include <fcntl.h>
#include <stddef.h>

#ifndef MANIFEST_ABI
#define MANIFEST_ABI "1"
#endif
#ifndef TABLE_ABI
#define TABLE_ABI CW_ABI_V1
#endif
#ifndef TABLE_SIZE
#define TABLE_SIZE sizeof(cw_plugin_v1)
#endif
#ifndef SECTION
#define SECTION CW_PLUGIN_SECTION
#endif

#define JSON(version)                                                                                                  \
    "{\"abi\":" MANIFEST_ABI ",\"name\":\"variant\",\"version\":\"" version "\",\"concurrency\":1,"                    \
    "\"notification_bytes_max\":4096,\"config\":{\"type\":\"object\"}}"

__attribute__((section(SECTION), used)) static const char manifest[] = JSON("1.0.0");
static const char other[] = JSON("2.0.0");

#ifdef TOUCH
/* Runs whenever the library is loaded. */
__attribute__((constructor)) static void touch(void) { (void)open(TOUCH, O_CREAT | O_WRONLY, 0600); }
#endif

#ifdef UNDEFINED
extern int nobody_defines_this(void);
__attribute__((used)) static int (*const undefined)(void) = nobody_defines_this;
#endif

static void *create(const cw_host_v1 *host, cw_bytes config, cw_space *error) {
    (void)config;
    (void)error;
    return (void *)host;
}

static void deliver(void *instance, const cw_delivery_v1 *delivery, cw_outcome_v1 *outcome) {
    (void)instance;
    (void)delivery;
#ifdef OUTCOME
    outcome->kind = OUTCOME;
    outcome->text.len = 1u << 30; /* more than there is room for */
#else
    (void)outcome; /* says nothing */
#endif
}

#ifndef NO_ENTRY
static const struct {
    cw_plugin_v1 table;
    void *later[2];
} whole = {{
    .size = TABLE_SIZE,
    .abi = TABLE_ABI,
#ifdef OTHER_MANIFEST
    .manifest = {(const uint8_t *)other, sizeof other},
#else
    .manifest = {(const uint8_t *)manifest, sizeof manifest - 1},
#endif
#ifndef NO_CREATE
    .create = create,
#endif
#ifndef NO_DELIVER
    .deliver = deliver,
#endif
}, {(void *)&whole, NULL}};

const cw_plugin_v1 *cw_plugin_entry_v1(void) {
#ifdef NULL_TABLE
    return NULL;
#else
    return &whole.table;
#endif
}
#endif
