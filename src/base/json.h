/* cJSON with exact numbers. cJSON prints 18 % of doubles to text that parses to other bits, so numbers go through
 * ax_json_number (raw %.17g; NaN and infinities as the strings "nan", "inf", "-inf"). Built trees keep insertion order. */
#ifndef AX_BASE_JSON_H
#define AX_BASE_JSON_H

#include <cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* Adding to an object or array; out of memory leaves the tree short and is reported by ax_json_text. */
cJSON *ax_json_number(double v);
void ax_json_set_number(cJSON *object, const char *key, double v);
void ax_json_set_u64(cJSON *object, const char *key, uint64_t v);      /* a string above 2^53 */
void ax_json_set_string(cJSON *object, const char *key, const char *v);
void ax_json_set_bool(cJSON *object, const char *key, bool v);
cJSON *ax_json_set_object(cJSON *object, const char *key);             /* returns the new member */
cJSON *ax_json_set_array(cJSON *object, const char *key);

/* The text of a tree, indented or on one line; the caller frees with ax_free. NULL: AX_ENOMEM. */
char *ax_json_text(const cJSON *tree, bool indent);

/* Strict parse of a whole text of `len` bytes; `what` names it in the message (AX_EFORMAT with offset). NULL on failure. */
cJSON *ax_json_parse(const char *text, size_t len, const char *what);

/* Members of the wanted type, or the fallback. ax_json_get_number reads the strings "nan", "inf", "-inf" too. */
const char *ax_json_get_string(const cJSON *object, const char *key, const char *fallback);
double ax_json_get_number(const cJSON *object, const char *key, double fallback);
int ax_json_get_int(const cJSON *object, const char *key, int fallback);           /* the fallback too where an int cannot hold it */
uint64_t ax_json_get_u64(const cJSON *object, const char *key, uint64_t fallback);
bool ax_json_get_bool(const cJSON *object, const char *key, bool fallback);

/* The value of a number item or of a "nan"/"inf" string. */
double ax_json_value(const cJSON *item);

#endif
