/* A Lua state per experiment: embedded modules, the FFI declarations, and the entry points into lua/host.lua.
 * Invariant: Lua runs only under lua_pcall with nothing held by C but the state, so an error can jump over no owner. */
#include "script/script.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "script/embedded.h"

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ax_script {
    lua_State *L;
    int host;            /* registry reference of the table that lua/host.lua returns */
};

static const char *embedded(const char *name)
{
    for (const ax_embedded_text *e = ax_embedded; e->name; e++)
        if (!strcmp(e->name, name)) return e->text;
    return NULL;
}

/* ---- loading our own modules: a worker opens a state for each trial, so what was parsed once is kept as bytecode ---- */

enum { PARSED_MAX = 128 };

static struct {
    const char *text;
    ax_buf bytecode;
} parsed[PARSED_MAX];

static int keep(lua_State *L, const void *bytes, size_t n, void *bytecode)
{
    (void)L;
    ax_buf_add(bytecode, bytes, n);
    return 0;
}

static int load_text(lua_State *L, const char *text, const char *name)
{
    int i = 0;
    while (i < PARSED_MAX && parsed[i].text && parsed[i].text != text) i++;
    if (i < PARSED_MAX && parsed[i].text) return luaL_loadbufferx(L, parsed[i].bytecode.data, parsed[i].bytecode.len, name, "b");
    int status = luaL_loadbufferx(L, text, strlen(text), name, "t");
    if (status != 0 || i == PARSED_MAX) return status;
    ax_buf_init(&parsed[i].bytecode);
    if (lua_dump(L, keep, &parsed[i].bytecode) != 0 || parsed[i].bytecode.failed) {
        ax_buf_release(&parsed[i].bytecode);
        return lua_pushliteral(L, "not enough memory"), LUA_ERRMEM;
    }
    parsed[i].text = text;
    return 0;
}

/* A searcher for package.loaders: module name -> its chunk, or a text saying why not. */
static int search(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1), *dir = getenv("APPROXRUN_LUA");
    int status;
    if (dir && *dir) {
        const char *file = luaL_gsub(L, name, ".", "/");
        status = luaL_loadfilex(L, lua_pushfstring(L, "%s/%s.lua", dir, file), "t");
    } else {
        const char *text = embedded(name);
        if (!text) return lua_pushfstring(L, "\n\tno module '%s' in the program", name), 1;
        status = load_text(L, text, lua_pushfstring(L, "@lua/%s", name));
    }
    return status == 0 ? 1 : lua_error(L);
}

/* The declarations of api.h between its markers, as module "api.h". */
static void push_declarations(lua_State *L)
{
    static const char begin[] = "/* cdef begin */", end[] = "/* cdef end */";
    const char *text = embedded("api.h"), *from = text ? strstr(text, begin) : NULL, *to = from ? strstr(from, end) : NULL;
    if (to) lua_pushlstring(L, from, (size_t)(to - from));
    else lua_pushliteral(L, "");
}

/* Protected: libraries, searcher, declarations, then the host table, which is returned. */
static int start(lua_State *L)
{
    luaL_openlibs(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "ffi");
    lua_call(L, 1, 0);
    lua_getglobal(L, "package");
    lua_newtable(L);
    lua_pushcfunction(L, search);
    lua_rawseti(L, -2, 1);
    lua_setfield(L, -2, "loaders");
    lua_getfield(L, -1, "loaded");
    push_declarations(L);
    lua_setfield(L, -2, "api.h");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "host");
    lua_call(L, 1, 1);
    return 1;
}

/* ---- calling the host ---- */

/* An error that the host could not explain: out of memory, an error while explaining. */
static int unexplained(lua_State *L)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1);
    int status = ax_fail(strstr(text, "not enough memory") ? AX_ENOMEM : AX_ESCRIPT, "script host: %s", text);
    lua_settop(L, 0);
    return status;
}

/* Every host function returns its result, or nil, a kind, a message, and whether a line of the script is to blame. Kind: a
 * status, "usage" or "script". What would be a usage error on the command line is a script error in a script. */
static int explained(lua_State *L)
{
    enum { KIND = 2, MESSAGE, LOCATED };
    const char *text = lua_type(L, MESSAGE) == LUA_TSTRING ? lua_tostring(L, MESSAGE) : "an error without a message";
    int status = AX_ESCRIPT;
    if (lua_type(L, KIND) == LUA_TNUMBER) status = (int)lua_tointeger(L, KIND);
    else if (lua_type(L, KIND) == LUA_TSTRING && !strcmp(lua_tostring(L, KIND), "usage")) status = AX_EARG;
    if (lua_toboolean(L, LOCATED) && (status == AX_EARG || status == AX_ENOENT)) status = AX_ESCRIPT;
    status = ax_fail(status, "%s", text);
    lua_settop(L, 0);
    return status;
}

typedef struct {
    const ax_script *script;
    const char *function;
    const char *const *texts;       /* n arguments; NULL entries become nil */
    int n;
    void *object;                   /* a last argument, light userdata, if not NULL */
} ax_call;

/* Protected: host[function](texts..., object). */
static int call_host(lua_State *L)
{
    const ax_call *c = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->script->host);
    lua_getfield(L, -1, c->function);
    luaL_checkstack(L, c->n + 4, "too many arguments");
    for (int i = 0; i < c->n; i++) {
        if (c->texts[i]) lua_pushstring(L, c->texts[i]);
        else lua_pushnil(L);
    }
    if (c->object) lua_pushlightuserdata(L, c->object);
    lua_call(L, c->n + (c->object != NULL), 4);
    return 4;
}

/* Calls a host function; its text result goes to *result (the caller frees) if that is wanted. */
static int call(const ax_call *c, char **result)
{
    lua_State *L = c->script->L;
    lua_settop(L, 0);
    lua_pushcfunction(L, call_host);
    lua_pushlightuserdata(L, (void *)c);
    if (lua_pcall(L, 1, 4, 0) != 0) return unexplained(L);
    if (lua_isnil(L, 1)) return explained(L);
    if (result && !(*result = ax_strdup(lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : ""))) return AX_ENOMEM;
    lua_settop(L, 0);
    return AX_OK;
}

/* ---- the interface ---- */

static int open_state(ax_script *s)
{
    const char *jit = getenv("APPROXRUN_JIT");
    if (!(s->L = luaL_newstate())) return ax_fail(AX_ENOMEM, "out of memory for a Lua state");
    if (jit && !strcmp(jit, "off")) luaJIT_setmode(s->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_pushcfunction(s->L, start);
    if (lua_pcall(s->L, 0, 1, 0) != 0) return unexplained(s->L);
    s->host = luaL_ref(s->L, LUA_REGISTRYINDEX);
    return AX_OK;
}

ax_script *ax_script_open(const char *path, const char *sources, bool verbose)
{
    if (!sources && ax_file_is_dir(path)) {
        ax_fail(AX_EARG, "%s: a directory, wanted an experiment file such as experiments/mnist.lua", path);
        return NULL;
    }
    ax_script *s = ax_alloc(1, sizeof *s);
    if (!s) return NULL;
    int status = open_state(s);
    if (status == AX_OK) {
        const char *const texts[] = {path, sources, verbose ? "verbose" : NULL};
        status = call(&(ax_call){.script = s, .function = "open", .texts = texts, .n = 3}, NULL);
    }
    if (status == AX_OK) return s;
    ax_script_close(s);
    return NULL;
}

void ax_script_close(ax_script *s)
{
    if (!s) return;
    if (s->L) lua_close(s->L);
    ax_free(s);
}

int ax_script_know(ax_script *s, const char *results)
{
    return call(&(ax_call){.script = s, .function = "know", .texts = &results, .n = 1}, NULL);
}

int ax_script_plan(ax_script *s, const char *const *overrides, int n, bool strict, char **json)
{
    return call(&(ax_call){.script = s, .function = strict ? "plan_strict" : "plan", .texts = overrides, .n = n}, json);
}

int ax_script_run(ax_script *s, const char *params, const char *config, struct ax_trial *t)
{
    const char *const texts[] = {params, config};
    return call(&(ax_call){.script = s, .function = "run", .texts = texts, .n = 2, .object = t}, NULL);
}

int ax_script_summary(ax_script *s, const char *const *overrides, int n, char **json)
{
    return call(&(ax_call){.script = s, .function = "summary", .texts = overrides, .n = n}, json);
}

int ax_script_bench(ax_script *s, const char *params, int steps, int warm_up, bool cpu, struct ax_engine *e, char **json)
{
    char number[2][16];
    snprintf(number[0], sizeof number[0], "%d", steps);
    snprintf(number[1], sizeof number[1], "%d", warm_up);
    const char *const texts[] = {params, number[0], number[1], cpu ? "cpu_now" : "now"};
    return call(&(ax_call){.script = s, .function = "bench", .texts = texts, .n = 4, .object = e}, json);
}

int ax_script_capture(ax_script *s, const char *params, const char *config, const char *layer, const char *pass, struct ax_capture *c)
{
    const char *const texts[] = {params, config, layer, pass};
    return call(&(ax_call){.script = s, .function = "capture", .texts = texts, .n = 4, .object = c}, NULL);
}
