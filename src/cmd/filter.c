/* A recursive-descent evaluator over one trial:
 *   or := and {"or" and};  and := not {"and" not};  not := "not" not | "(" or ")" | operand OP operand
 *   OP is one of < <= > >= == = != ~; ~ asks whether the left text holds the right one. An operand is a number, 'text', "text" or
 * a field; a bare word that is no field is a text, so state==failed works. Invariant: every branch is parsed, whatever its value,
 * so that a mistake shows on any trial. */
#include "cmd/filter.h"

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/groups.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = AX_LABEL_MAX };

/* ---- fields ---- */

enum kind { TEXT, REAL, INT, SEED, STATE, BOOL };

static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
} fields[] = {
    {"id", TEXT, offsetof(ax_record, id)},                 {"multiplier", TEXT, offsetof(ax_record, multiplier)},
    {"family", TEXT, offsetof(ax_record, family)},         {"device", TEXT, offsetof(ax_record, device)},
    {"host", TEXT, offsetof(ax_record, host)},             {"tags", TEXT, offsetof(ax_record, tags)},
    {"width", INT, offsetof(ax_record, width)},            {"epochs", INT, offsetof(ax_record, epochs)},
    {"best_epoch", INT, offsetof(ax_record, best_epoch)},  {"retries", INT, offsetof(ax_record, retries)},
    {"seed", SEED, offsetof(ax_record, seed)},             {"state", STATE, offsetof(ax_record, state)},
    {"in_plan", BOOL, offsetof(ax_record, in_plan)},       {"test_acc", REAL, offsetof(ax_record, test_acc)},
    {"test_loss", REAL, offsetof(ax_record, test_loss)},   {"train_s", REAL, offsetof(ax_record, train_s)},
    {"started", REAL, offsetof(ax_record, started)},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static void get_field(ax_value *v, const ax_record *t, int i)
{
    const void *at = (const char *)t + fields[i].offset;
    switch (fields[i].kind) {
    case TEXT: v->text = at; break;
    case REAL: v->number = *(const double *)at; break;
    case INT: v->number = *(const int *)at; break;
    case SEED: v->number = (double)*(const uint64_t *)at; break;
    case BOOL: v->number = *(const bool *)at; break;
    case STATE: v->text = ax_state_name(t->state); break;
    }
}

static bool get_param(ax_value *v, const ax_record *t, const char *name, char room[AX_LABEL_MAX])
{
    cJSON *params = cJSON_Parse(t->params);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(params, name);
    bool found = item != NULL;
    if (cJSON_IsString(item)) {
        snprintf(room, AX_LABEL_MAX, "%s", item->valuestring);
        v->text = room;
    } else if (cJSON_IsBool(item)) v->number = cJSON_IsTrue(item);
    else if (found) v->number = ax_json_value(item);
    cJSON_Delete(params);
    return found;
}

static bool find_value(ax_value *v, const ax_record *t, const char *name, char room[AX_LABEL_MAX])
{
    *v = (ax_value){NAN, NULL};
    for (int i = 0; i < FIELDS; i++)
        if (!strcmp(name, fields[i].name)) {
            get_field(v, t, i);
            return true;
        }
    for (int i = 0; ax_metrics[i]; i++)
        if (!strcmp(name, ax_metrics[i])) {
            v->number = ax_record_metric(t, name);
            return true;
        }
    if (ax_record_curve(t, name)) {
        v->number = ax_record_metric(t, name);
        return true;
    }
    return get_param(v, t, name, room);
}

static int no_field(const char *name)
{
    const char *names[FIELDS];
    for (int i = 0; i < FIELDS; i++) names[i] = fields[i].name;
    char all[512];
    for (int i = 0, at = 0; i < FIELDS && at < (int)sizeof all; i++)
        at += snprintf(all + at, sizeof all - (size_t)at, "%s%s", i ? ", " : "", names[i]);
    return ax_fail(AX_EARG, "no field or parameter '%s'%s; fields are %s, parameters those of the script", name,
                   ax_text_hint(name, names, FIELDS), all);
}

/* A curve or a parameter may be absent where other trials have it: the default of `backward`, what an older plan had not. Their value. */
static bool is_known(ax_value *v, const ax_record *all, int n, const char *name, char room[AX_LABEL_MAX])
{
    for (int i = 0; i < n; i++)
        if (find_value(v, &all[i], name, room)) return true;
    return false;
}

int ax_value_get(ax_value *v, const ax_record *all, int n, const ax_record *t, const char *name, char room[AX_LABEL_MAX])
{
    if (find_value(v, t, name, room)) return AX_OK;
    if (!is_known(v, all, n, name, room)) return no_field(name);
    *v = (ax_value){NAN, NULL};
    return AX_OK;
}

/* ---- the parser ---- */

typedef struct {
    const char *start, *at;
    const ax_record *all, *trial;
    int n;
} parser;

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at)) p->at++;
}

static int mistake(const parser *p, const char *wanted)
{
    return ax_fail(AX_EARG, "expression '%s': at character %zu ('%.12s'): wanted %s", p->start, (size_t)(p->at - p->start) + 1, p->at, wanted);
}

static bool is_word(char c) { return isalnum((unsigned char)c) || (c && strchr("_.:/,+-", c)); }

/* Takes a word such as `and` if it stands here whole. */
static bool take_keyword(parser *p, const char *word)
{
    skip_space(p);
    size_t n = strlen(word);
    if (strncmp(p->at, word, n) || is_word(p->at[n])) return false;
    p->at += n;
    return true;
}

static bool take_sign(parser *p, const char *sign)
{
    skip_space(p);
    if (strncmp(p->at, sign, strlen(sign))) return false;
    p->at += strlen(sign);
    return true;
}

typedef struct {
    ax_value value;
    char room[WORD_MAX];      /* holds its text */
    bool field, bare;         /* bare: a word that is no field */
} operand;

static int take_quoted(parser *p, operand *o)
{
    char quote = *p->at;
    const char *end = strchr(p->at + 1, quote);
    if (!end) return mistake(p, "a closing quote");
    snprintf(o->room, sizeof o->room, "%.*s", (int)(end - p->at - 1), p->at + 1);
    o->value.text = o->room;
    p->at = end + 1;
    return AX_OK;
}

static int take_operand(parser *p, operand *o)
{
    *o = (operand){.value = {NAN, NULL}};
    skip_space(p);
    if (*p->at == '\'' || *p->at == '"') return take_quoted(p, o);
    size_t n = 0;
    char word[WORD_MAX];
    while (is_word(p->at[n])) n++;
    if (!n || n >= sizeof word) return mistake(p, "a field, a number or a text");
    memcpy(word, p->at, n);
    word[n] = 0;
    p->at += n;
    if (ax_text_double(&o->value.number, word)) return AX_OK;
    o->field = find_value(&o->value, p->trial, word, o->room);
    if (!o->field && is_known(&o->value, p->all, p->n, word, o->room)) {
        o->field = true;
        o->value = (ax_value){NAN, o->value.text ? "" : NULL};
    }
    o->bare = !o->field;
    if (o->bare) o->value.text = memcpy(o->room, word, n + 1);
    return AX_OK;
}

enum op { LE, GE, NE, EQ, EQ1, LT, GT, HOLDS, OPS };
static const char *const op_signs[OPS] = {"<=", ">=", "!=", "==", "=", "<", ">", "~"};

static bool compare(enum op op, const operand *a, const operand *b)
{
    const char *x = a->value.text, *y = b->value.text;
    if (op == HOLDS) return x && y && strstr(x, y);
    if (!x != !y) return op == NE;
    double u = x ? strcmp(x, y) : a->value.number, v = x ? 0 : b->value.number;
    switch (op) {
    case LE: return u <= v;
    case GE: return u >= v;
    case LT: return u < v;
    case GT: return u > v;
    case NE: return u != v;
    default: return u == v;
    }
}

static int parse_or(parser *p, bool *out);

/* true and false beside a field that is no text are numbers. */
static void take_truth(operand *o, const operand *other)
{
    bool truth = !strcmp(o->room, "true");
    if (!o->bare || !other->field || other->value.text || (!truth && strcmp(o->room, "false") != 0)) return;
    o->value = (ax_value){truth, NULL};
    o->bare = false;
}

static int parse_comparison(parser *p, bool *out)
{
    operand a, b;
    AX_TRY(take_operand(p, &a));
    int op = 0;
    while (op < OPS && !take_sign(p, op_signs[op])) op++;
    if (op == OPS) return mistake(p, "one of < <= > >= == != ~");
    AX_TRY(take_operand(p, &b));
    take_truth(&a, &b);
    take_truth(&b, &a);
    bool no_text = !a.value.text || !b.value.text, no_fields = !a.field && !b.field;
    if (a.bare && (no_text || no_fields)) return no_field(a.room);
    if (b.bare && (no_text || no_fields)) return no_field(b.room);
    *out = compare((enum op)op, &a, &b);
    return AX_OK;
}

static int parse_not(parser *p, bool *out)
{
    if (take_keyword(p, "not")) {
        AX_TRY(parse_not(p, out));
        *out = !*out;
        return AX_OK;
    }
    if (!take_sign(p, "(")) return parse_comparison(p, out);
    AX_TRY(parse_or(p, out));
    return take_sign(p, ")") ? AX_OK : mistake(p, "')'");
}

static int parse_and(parser *p, bool *out)
{
    bool next;
    AX_TRY(parse_not(p, out));
    while (take_keyword(p, "and")) {
        AX_TRY(parse_not(p, &next));
        *out = *out && next;
    }
    return AX_OK;
}

static int parse_or(parser *p, bool *out)
{
    bool next;
    AX_TRY(parse_and(p, out));
    while (take_keyword(p, "or")) {
        AX_TRY(parse_and(p, &next));
        *out = *out || next;
    }
    return AX_OK;
}

int ax_filter_match(bool *match, const char *expression, const ax_record *all, int n, const ax_record *t)
{
    parser p = {expression, expression, all, t, n};
    if (strlen(expression) > 4096) return ax_fail(AX_EARG, "an expression of %zu characters, at most 4096 wanted", strlen(expression));
    AX_TRY(parse_or(&p, match));
    skip_space(&p);
    return *p.at ? mistake(&p, "'and', 'or' or the end") : AX_OK;
}
