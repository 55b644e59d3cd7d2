/* Values that completion knows: one row for each kind of argument or option. */
#include "cmd/complete.h"

#include "base/error.h"
#include "base/text.h"
#include "data/registry.h"
#include "lut/lut.h"
#include "store/results.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 256 };

/* Asks the shell: ":dir", ":file" or ":file EXT". */
static void ask(const ax_incomplete *w, const char *question)
{
    printf("%s\t%.*s\n", question, w->nlead, w->lead);
}

/* ---- multipliers ---- */

static void offer_widths(const ax_incomplete *w, const ax_family *f)
{
    char word[64];
    for (int m = f->min_width; m <= f->max_width; m++) {
        snprintf(word, sizeof word, "%s:%d", f->name, m);
        ax_complete_offer(w, word, f->title);
    }
}

/* The same word, in which the first n bytes of the rest lead too. */
static ax_incomplete behind(const ax_incomplete *w, int n)
{
    ax_incomplete b = *w;
    if (!w->nlead) b.lead = w->rest;
    b.nlead += n;
    b.rest += n;
    return b;
}

/* Families first; behind "mbm:" its widths, behind "lut:" and "c:" files. */
static void specs(const ax_incomplete *w)
{
    size_t len = strcspn(w->rest, ":");
    char word[64];
    for (int i = 0; i < ax_family_count(); i++) {
        const ax_family *f = ax_family_at(i);
        bool named = w->rest[len] && strlen(f->name) == len && !strncmp(f->name, w->rest, len);
        snprintf(word, sizeof word, "%s%s", f->name, f->min_width < f->max_width || f->file_keys ? ":" : "");
        if (named && f->file_keys) {
            const ax_incomplete path = behind(w, (int)len + 1);
            ask(&path, ":file");
        } else if (named) {
            offer_widths(w, f);
        } else {
            ax_complete_offer(w, word, f->title);
        }
    }
}

/* key=value of an experiment: the axes that every grid has, and a value behind "multiplier=" and each comma. */
static void overrides(const ax_incomplete *w)
{
    const char *comma = strrchr(w->rest, ',');
    if (!ax_text_starts(w->rest, "multiplier=")) {
        ax_complete_offer(w, "multiplier=", "multipliers, such as fp32,mbm:7");
        ax_complete_offer(w, "seed=", "seeds, such as 1,2 or 1..5");
        ax_complete_offer(w, "epochs=", "passes over the training set");
        return;
    }
    const ax_incomplete value = behind(w, comma ? (int)(comma + 1 - w->rest) : (int)strlen("multiplier="));
    specs(&value);
}

/* ---- of a study ---- */

static void trials(const ax_incomplete *w)
{
    ax_results r;
    if (!w->study || ax_results_open(&r, w->study) != AX_OK) return;
    for (int i = 0; i < r.n; i++) {
        const ax_record *t = &r.trials[i];
        char word[AX_LABEL_MAX + 32], what[AX_LABEL_MAX + 64];
        snprintf(word, sizeof word, "%s/%llu", t->multiplier, (unsigned long long)t->seed);
        snprintf(what, sizeof what, "%s, %s", t->id, ax_state_name(t->state));
        ax_complete_offer(w, word, what);
        snprintf(what, sizeof what, "%s, %s", word, ax_state_name(t->state));
        if (w->rest[0]) ax_complete_offer(w, t->id, what);
    }
    ax_results_release(&r);
}

/* What is compared: of a study, its families and multipliers; else any two multipliers. */
static void compared(const ax_incomplete *w)
{
    ax_results r;
    if (!w->study) specs(w);
    if (!w->study || ax_results_open(&r, w->study) != AX_OK) return;
    for (int i = 0; i < r.nmults; i++) {
        const ax_results_mult *m = &r.mults[i];
        bool again = false;
        for (int k = 0; k < i; k++) again |= !strcmp(r.mults[k].family, m->family);
        if (!again) ax_complete_offer(w, m->family, "family of multipliers");
        if (strcmp(m->spec, m->family) != 0) ax_complete_offer(w, m->spec, m->format);
    }
    ax_results_release(&r);
}

/* ---- others ---- */

static void states(const ax_incomplete *w)
{
    char word[64];
    for (int s = 0; s < AX_STATE_COUNT; s++) {
        snprintf(word, sizeof word, "state==%s", ax_state_name((enum ax_state)s));
        ax_complete_offer(w, word, "trials of this state");
    }
}

static void data_sets(const ax_incomplete *w)
{
    const ax_data_set *set;
    for (int i = 0; (set = ax_data_set_at(i)); i++) ax_complete_offer(w, set->name, set->title);
}

/* "t|mcnemar"; none of "" */
static void offer_words(const ax_incomplete *w, const char *words)
{
    char text[WORDS_MAX], *rest = text;
    snprintf(text, sizeof text, "%s", words);
    for (char *word; (word = strsep(&rest, "|"));)
        if (*word) ax_complete_offer(w, word, "");
}

/* By an option's name, or by the kind that usage and rows write; the first row that fits counts. */
static const struct {
    const char *of;
    const char *words;           /* or, with a colon, what the shell is to add */
    void (*offer)(const ax_incomplete *w);
} sources[] = {
    {"--device", "cpu|0", NULL},
    {"--devices", "cpu|0|all|auto", NULL},
    {"--metric", "test_acc|test_loss|valid_acc|valid_loss|train_acc|train_loss", NULL},
    {"--by", "width", NULL},
    {"--sort", "multiplier|family|width|seed|state|epochs|best_epoch|test_acc|test_loss|train_s|started|retries|device|host", NULL},
    {"--where", NULL, states},
    {"--only", NULL, states},
    {"--launcher", "local|slurm|srun", NULL},
    {"--layer", "", NULL},
    {"--pass", "forward|grad_input|grad_weight", NULL},
    {"WHEN", "auto|always|never", NULL},
    {"F", "json|jsonl|csv|md", NULL},
    {"T", "t|mcnemar", NULL},
    {"SPEC", NULL, specs},
    {"TRIAL", NULL, trials},
    {"A", NULL, compared},
    {"B", NULL, compared},
    {"NAME", NULL, data_sets},
    {"key=value", NULL, overrides},
    {"STUDY", ":file h5", NULL},
    {"FILE", ":file", NULL},
    {"DIR", ":dir", NULL},
};

void ax_complete_values(const ax_incomplete *w, const char *kind, const char *option)
{
    const char *dot = strrchr(kind, '.');
    char question[WORDS_MAX];
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        const char *of = sources[i].of;
        if (of[0] == '-' ? !option || strcmp(of + 2, option) != 0 : strcmp(of, kind) != 0) continue;
        if (sources[i].offer) sources[i].offer(w);
        else if (sources[i].words[0] == ':') ask(w, sources[i].words);
        else offer_words(w, sources[i].words);
        return;
    }
    snprintf(question, sizeof question, ":file %s", dot ? dot + 1 : "");
    if (strchr(kind, '|')) offer_words(w, kind);
    else if (dot) ask(w, question);
}
