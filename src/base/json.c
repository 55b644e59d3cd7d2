/* Exact numbers on top of cJSON. Invariant: a double written here and read back has the same bits (NaN stays NaN). */
#include "base/json.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a tree or a text has lost something for want of memory, of which cJSON says nothing, since the last one that told. */
static _Thread_local bool lost;

static void *take(size_t size)
{
    void *p = ax_alloc(size, 1);
    lost |= !p;
    return p;
}

__attribute__((constructor)) static void take_memory_from_us(void) { cJSON_InitHooks(&(cJSON_Hooks){take, ax_free}); }

/* After each tree or text that is complete only if this is false. */
static bool was_lost(void)
{
    bool now = lost;
    lost = false;
    return now;
}

cJSON *ax_json_number(double v)
{
    char text[40];
    if (isnan(v)) return cJSON_CreateString("nan");
    if (isinf(v)) return cJSON_CreateString(v > 0 ? "inf" : "-inf");
    snprintf(text, sizeof text, "%.17g", v);
    return cJSON_CreateRaw(text);
}

void ax_json_set_number(cJSON *object, const char *key, double v)
{
    cJSON_AddItemToObject(object, key, ax_json_number(v));
}

void ax_json_set_u64(cJSON *object, const char *key, uint64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    if (v > (UINT64_C(1) << 53)) cJSON_AddStringToObject(object, key, text);
    else cJSON_AddRawToObject(object, key, text);
}

void ax_json_set_string(cJSON *object, const char *key, const char *v) { cJSON_AddStringToObject(object, key, v); }

void ax_json_set_bool(cJSON *object, const char *key, bool v) { cJSON_AddBoolToObject(object, key, v); }

cJSON *ax_json_set_object(cJSON *object, const char *key) { return cJSON_AddObjectToObject(object, key); }

cJSON *ax_json_set_array(cJSON *object, const char *key) { return cJSON_AddArrayToObject(object, key); }

char *ax_json_text(const cJSON *tree, bool indent)
{
    char *text = tree ? (indent ? cJSON_Print(tree) : cJSON_PrintUnformatted(tree)) : NULL;
    bool whole = !was_lost();
    if (text && whole) return text;
    ax_free(text);
    ax_fail(AX_ENOMEM, "out of memory for a JSON text");
    return NULL;
}

cJSON *ax_json_parse(const char *text, size_t len, const char *what)
{
    const char *end = text;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    if (!tree) {
        if (was_lost()) ax_fail(AX_ENOMEM, "%s: out of memory for its %zu bytes of JSON", what, len);
        else ax_fail(AX_EFORMAT, "%s: not valid JSON at byte %zu", what, (size_t)(end - text));
        return NULL;
    }
    while (end < text + len && strchr(" \t\r\n", *end)) end++;
    if (end < text + len) {
        ax_fail(AX_EFORMAT, "%s: text follows the JSON value at byte %zu", what, (size_t)(end - text));
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

const char *ax_json_get_string(const cJSON *object, const char *key, const char *fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : fallback;
}

double ax_json_value(const cJSON *item)
{
    if (cJSON_IsNumber(item)) return item->valuedouble;
    if (!cJSON_IsString(item)) return NAN;
    if (!strcmp(item->valuestring, "inf")) return INFINITY;
    if (!strcmp(item->valuestring, "-inf")) return -INFINITY;
    return NAN;
}

double ax_json_get_number(const cJSON *object, const char *key, double fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) || cJSON_IsString(item) ? ax_json_value(item) : fallback;
}

int ax_json_get_int(const cJSON *object, const char *key, int fallback)
{
    double v = ax_json_get_number(object, key, fallback);
    return v >= INT32_MIN && v <= INT32_MAX ? (int)v : fallback;
}

uint64_t ax_json_get_u64(const cJSON *object, const char *key, uint64_t fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= 0x1p53) return (uint64_t)item->valuedouble;
    if (!cJSON_IsString(item)) return fallback;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(item->valuestring, &end, 10);
    return errno || end == item->valuestring || *end ? fallback : v;
}

bool ax_json_get_bool(const cJSON *object, const char *key, bool fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}
