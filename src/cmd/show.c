/* approxrun show: one trial whole. */
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/assignment.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "store/export.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The CUDA device of a result, from its environment; nothing if the cpu made it. */
static void print_gpu(const ax_record *t)
{
    cJSON *env = ax_json_parse(t->env, strlen(t->env), "environment");
    const cJSON *gpu = cJSON_GetObjectItemCaseSensitive(env, "gpu");
    int capability = ax_json_get_int(gpu, "capability", 0);
    if (gpu)
        ax_output_line("gpu         %s, capability %d.%d, driver %s", ax_json_get_string(gpu, "name", ""), capability / 10, capability % 10,
               ax_json_get_string(gpu, "driver", ""));
    cJSON_Delete(env);
}

/* "costs       mbm:7: area 410 um2, power 0.21 mW (where from)". */
static void print_costs(const ax_results_mult *m)
{
    static const char *const names[] = {"area", "power", "delay", "energy"}, *const units[] = {"um2", "mW", "ns", "pJ"};
    const double values[] = {m->costs.area_um2, m->costs.power_mw, m->costs.delay_ns, m->costs.energy_pj};
    if (!ax_costs_known(&m->costs)) return;
    const char *comma = "";
    ax_buf line = {0};
    ax_buf_printf(&line, "costs       %s: ", m->spec);
    for (int i = 0; i < 4; i++) {
        if (isnan(values[i])) continue;
        ax_buf_printf(&line, "%s%s %.9g %s", comma, names[i], values[i], units[i]);
        comma = ", ";
    }
    if (m->costs.source[0]) ax_buf_printf(&line, "%s(%s)", comma[0] ? " " : "", m->costs.source);
    ax_output_line("%s", ax_buf_str(&line));
    ax_buf_release(&line);
}

/* "table       array:7: SHA-256 44e5..., kept in results/mine/tables", of a function that is not the program's own. */
static void print_table(const ax_results_mult *m, const char *study)
{
    if (!strcmp(m->kind, "family") || !m->sha256[0]) return;
    ax_output_line("table       %s: SHA-256 %s%s%s%s", m->spec, m->sha256, m->words ? ", kept in " : "", m->words ? study : "",
                   m->words && ax_file_is_dir(study) ? "/tables" : "");
}

/* Of every multiplier of the trial, that of a layer too. */
static void print_multipliers(const ax_results *r, const ax_record *t, const char *study)
{
    cJSON *config = ax_json_parse(t->config, strlen(t->config), "config"), *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(config, "multipliers"))
    {
        const ax_results_mult *m = item->string ? ax_results_mult_of(r, item->string) : NULL;
        if (m) print_table(m, study);
        if (m) print_costs(m);
    }
    cJSON_Delete(config);
}

/* Its message may have lines, as those of a compiler. */
static void print_state(const ax_record *t)
{
    const char *line = t->message;
    int n = (int)strcspn(line, "\n");
    ax_output_line("state       %s%s%.*s", ax_state_name(t->state), n ? ": " : "", n, line);
    while (*(line += n)) {
        n = (int)strcspn(++line, "\n");
        if (n) ax_output_line("            %.*s", n, line);
    }
}

static void print_head(const ax_results *r, const ax_record *t, const char *study)
{
    ax_output_line("trial       %s%s", t->id, t->in_plan ? "" : "  (not in plan)");
    ax_output_line("multiplier  %s (1,8,%d) %d bits", t->multiplier, t->width, 9 + t->width);
    print_multipliers(r, t, study);
    ax_output_line("seed        %llu", (unsigned long long)t->seed);
    print_state(t);
    printf("epochs      %d", t->epochs);
    if (t->best_epoch) printf(", best %d", t->best_epoch);
    printf("\n");
    if (!isnan(t->test_acc)) ax_output_line("test acc    %.2f %%", 100 * t->test_acc);
    if (!isnan(t->test_loss)) ax_output_line("test loss   %.4f", t->test_loss);
    if (!isnan(t->energy_uj)) printf("energy      %.4g uJ an inference's products", t->energy_uj);
    if (!isnan(t->energy_uj) && !isnan(t->train_energy_j)) printf(", %.4g J the training's", t->train_energy_j);
    if (!isnan(t->energy_uj)) printf("\n");
    if (!isnan(t->train_s)) ax_output_line("trained     %.1f s on %s, %s", t->train_s, t->device, t->host);
    print_gpu(t);
    if (!isnan(t->started)) {
        char text[32];
        time_t when = (time_t)t->started;
        struct tm tm;
        if (gmtime_r(&when, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm)) ax_output_line("started     %s", text);
    }
    if (t->retries) ax_output_line("retries     %d", t->retries);
    if (t->tags[0]) ax_output_line("tags        %s", t->tags);
}

static bool is_text(const cJSON *item, const char *text) { return cJSON_IsString(item) && !strcmp(item->valuestring, text); }

/* The layers' multipliers, if one has another than the trial's. A configuration holds no names: layers are numbered by type. */
static void print_layers(const ax_record *t)
{
    cJSON *config = ax_json_parse(t->config, strlen(t->config), "configuration");
    const cJSON *graph = cJSON_GetObjectItemCaseSensitive(config, "graph"), *layer, *before;
    bool differ = false;
    cJSON_ArrayForEach(layer, graph) {
        const cJSON *m = cJSON_GetObjectItemCaseSensitive(layer, "multiplier");
        differ = differ || (m && !is_text(m, t->multiplier));
    }
    cJSON_ArrayForEach(layer, graph) {
        char text[256], name[64];
        int number = 1;
        const cJSON *m = cJSON_GetObjectItemCaseSensitive(layer, "multiplier");
        const char *type = ax_json_get_string(layer, "type", "");
        if (!differ || !m) continue;
        for (before = graph->child; before != layer; before = before->next) number += !strcmp(ax_json_get_string(before, "type", ""), type);
        snprintf(name, sizeof name, "%s%d", type, number);
        for (int i = 0; i < ax_assignment_lines(m); i++) {
            ax_assignment_text(text, sizeof text, m, i);
            ax_output_line("%-11s %s", i ? "" : name, text);
        }
    }
    cJSON_Delete(config);
}

static void print_curves(const ax_record *t)
{
    if (!t->ncurves || !t->epochs) return;
    ax_buf names = {0};
    for (int i = 0; i < t->ncurves; i++) ax_buf_printf(&names, " %12s", t->curves[i].name);
    printf("\n");
    ax_output_line("epoch%s", ax_buf_str(&names));
    ax_buf_release(&names);
    for (int e = 0; e < t->epochs; e++) {
        printf("%5d", e + 1);
        for (int i = 0; i < t->ncurves; i++) printf(" %12.6g", t->curves[i].values[e]);
        printf("\n");
    }
}

/* Rows: the true class; columns: what the network said. */
static void print_confusion(const ax_record *t)
{
    if (!t->confusion || t->classes > 20) return;
    printf("\nconfusion (rows: true class)\n");
    for (int i = 0; i < t->classes; i++) {
        for (int k = 0; k < t->classes; k++) printf(" %6lld", (long long)t->confusion[(int64_t)i * t->classes + k]);
        printf("\n");
    }
}

static void print_texts(const ax_record *t)
{
    printf("\n");
    ax_output_line("params      %s", t->params);
    if (ax_common_options.verbose) ax_output_line("config      %s", t->config);
    if (ax_common_options.verbose) ax_output_line("environment %s", t->env);
    if (!t->log_tail[0]) return;
    printf("\nlog, last lines:\n");
    ax_output_block(t->log_tail);
    if (t->log_tail[strlen(t->log_tail) - 1] != '\n') printf("\n");
}

static int print_json(const ax_results *r, const ax_record *t)
{
    const ax_export_options o = {.curves = true};
    cJSON *tree = ax_export_trial(t, &o);
    const ax_results_mult *m = ax_results_mult_of(r, t->multiplier);
    if (m) ax_export_costs(tree, &m->costs);
    cJSON_AddRawToObject(tree, "config", t->config);
    cJSON_AddRawToObject(tree, "environment", t->env);
    if (t->confusion) {
        cJSON *rows = ax_json_set_array(tree, "confusion");
        for (int i = 0; i < t->classes; i++) {
            cJSON *row = cJSON_CreateArray();
            for (int k = 0; k < t->classes; k++)
                cJSON_AddItemToArray(row, ax_json_number((double)t->confusion[(int64_t)i * t->classes + k]));
            cJSON_AddItemToArray(rows, row);
        }
    }
    ax_json_set_string(tree, "log", t->log_tail);
    return ax_output_json(tree);
}

int cmd_show(int argc, char **argv)
{
    bool json = false;
    const ax_option options[] = {{"json", 0, AX_OPT_FLAG, &json, NULL, "print JSON", 0, 0}, {0}};
    const ax_usage usage = {"show", "STUDY TRIAL", "one trial whole",
                            "TRIAL is its id, an unambiguous beginning of it, or MULTIPLIER/SEED (mbm:7/1). -v adds the configuration\n"
                            "and the environment.", 2, 2};
    ax_texts args;
    AX_TRY(ax_options_parse(&usage, options, argc, argv, &args));
    if (!args.n) return AX_OK;
    ax_results r;
    AX_TRY(ax_results_open(&r, args.items[0]));
    const ax_record *t = ax_results_find(&r, args.items[1]);
    int status = t ? AX_OK : ax_errstatus();
    if (t && json) status = print_json(&r, t);
    else if (t) {
        print_head(&r, t, args.items[0]);
        print_layers(t);
        print_curves(t);
        print_confusion(t);
        print_texts(t);
    }
    ax_results_release(&r);
    return status;
}
