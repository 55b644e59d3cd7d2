/* `key=value` of the command line, against a study with an axis of every kind. The key stands before the fuzzed value. */
#include "fuzz.h"

#include "base/alloc.h"
#include "script/script.h"

static const char study[] =
    "local ax = require 'approxrun' local nn = ax.nn\n"
    "return ax.study { name = 'u', params = { epochs = 1, lr = 0.1, flag = true, word = 'a', net = ax.choice { 'small', 'wide' } },\n"
    "  grid = { multiplier = 'fp32', seed = 1 },\n"
    "  data = function(p) return ax.data.synthetic { train = 8, test = 8 } end,\n"
    "  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,\n"
    "  train = function(p) return { optimizer = ax.optim.sgd { lr = 1 }, epochs = 1, batch = 8 } end }\n";

static ax_script *open_study(void)
{
    ax_script *s = ax_script_open(fuzz_file("u.lua", (const uint8_t *)study, sizeof study - 1), NULL, false);
    promise(s);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ax_script *script;
    if (!script) script = open_study();
    char *text = fuzz_text(data, size), *json = NULL;
    const char *const overrides[] = {text};
    bool table = strstr(text, ":8") || strstr(text, ":9") || strstr(text, ":10") || strstr(text, ":11");      /* slow, see spec.c */
    if (!table && !strstr(text, "c:") && fuzz_accepted(ax_script_summary(script, overrides, 1, &json))) ax_free(json);
    free(text);
    return 0;
}
