#!/usr/bin/env bash
# Completion as bash, zsh and fish do it, with keys typed at the first two, and the man pages as mandoc and groff read them: all that
# --help says stands in them.
. "${ROOT:?}/tests/cli/lib.inc" || exit 1
for tool in fish groff mandoc scdoc script zsh; do command -v $tool >/dev/null || skip "no $tool (tools/deps.sh test)"; done
mkdir home bin && ln -s "$APPROXRUN" bin/approxrun && cp -r "$ROOT/experiments" .
export HOME=$SCRATCH/home ZDOTDIR=$SCRATCH/home XDG_CONFIG_HOME=$SCRATCH/home XDG_DATA_HOME=$SCRATCH/home PATH=$SCRATCH/bin:$PATH
export TERM=dumb
approxrun sweep experiments/quickstart.lua multiplier=fp32,mbm:7 seed=1 epochs=1 -o study -q || exit 1
id=$(approxrun ls study --json | grep -m1 '"id"' | grep -oE '[0-9a-f]{16}')
cp -r study "a study" && mkdir folder && touch folder/one.lua folder/two.txt

# ---- what the program answers ----

expect_exit 0 approxrun completion words -- nosuch ''
expect_out ""
expect_exit 0 approxrun completion words -- mult errors mbm:7 --study study --trial mb
expect_match "^mbm:7/1	"
expect_exit 2 approxrun completion fihs
expect_err "unknown shell 'fihs' (did you mean 'fish'?), wanted bash, zsh or fish"
for shell in bash zsh fish; do
  expect_exit 0 approxrun completion $shell
  check "the script of $shell is the one that is installed" cmp "$ROOT/src/cmd/shell/approxrun.$shell" "$KEPT/out"
done

# ---- keys ----
# A shell on a terminal of its own, with the script where `completion --help` says. Its Ctrl-O adds the line as it stands to a file, and
# its Ctrl-T completes with all that fits.

mkdir -p home/functions home/fish/completions
approxrun completion zsh >home/functions/_approxrun
approxrun completion fish >home/fish/completions/approxrun.fish
START_bash='eval "$(approxrun completion bash)"
bind "\C-t":insert-completions
bind -x "\"\C-o\":printf %s\\\\n \"\$READLINE_LINE\" >>\$LINES_TYPED"'
START_zsh='fpath=($HOME/functions $fpath) && autoload -Uz compinit && compinit -u
zle -C all complete-word _generic && bindkey "^T" all
zstyle ":completion:all:*" completer _all_matches _complete
zstyle ":completion:all:*" insert true
dump() print -r -- "$BUFFER" >>$LINES_TYPED
zle -N dump && bindkey "^O" dump'
RUN_bash="bash --noprofile --norc -i" RUN_zsh="zsh -f -i"
TAB=$'\t' ALL=$'\024' DUMP=$'\017' CLEAR=$'\025'
export LINES_TYPED=$SCRATCH/lines

begin() {  # shell
  local start=START_$1 run=RUN_$1
  SHELL_NAME=$1
  : >"$LINES_TYPED"
  coproc TERMINAL { script -qfec "${!run}" "$KEPT/terminal" >/dev/null; }
  printf '%s\necho >>"$LINES_TYPED"\n' "${!start}" >&"${TERMINAL[1]}"
  await 1
}

leave() { printf 'exit\n' >&"${TERMINAL[1]}"; wait "$TERMINAL_PID"; }

await() {  # number of lines
  for _ in $(seq 400); do [ "$(wc -l <"$LINES_TYPED")" -ge "$1" ] && return; sleep 0.05; done
}

line_after() {  # keys
  local n
  n=$(($(wc -l <"$LINES_TYPED") + 1))
  printf '%s' "$1$DUMP$CLEAR" >&"${TERMINAL[1]}"
  await "$n"
  sed -n "$n,\$s/ *\$//p" "$LINES_TYPED"
}

same() {  # keys, wanted, found
  if [ "$2" = "$3" ]; then passed; else failed "$SHELL_NAME: '$1'" "wanted '$2', found '$3'"; fi
}

typed() { same "$1" "$2" "$(line_after "$1$TAB")"; }      # beginning of a line, what a tab makes of it

offered() {  # beginning of a line, the words that fit behind it, sorted
  local line
  line=$(line_after "$1$ALL")
  same "$1" "$2" "$(tr ' ' '\n' <<<"${line#"${1% *} "}" | sort -u | xargs)"
}

for shell in bash zsh; do
  begin $shell
  FOLDER_QUOTED='"a study/'
  [ $shell = bash ] && FOLDER_QUOTED='"a study"/'      # as bash completes any folder
  typed "approxrun swe" "approxrun sweep"
  typed "approxrun nosuch x" "approxrun nosuch x"
  offered "approxrun mult " "compare errors list plot"
  typed "true && A=1 ./bin/approxrun swe" "true && A=1 ./bin/approxrun sweep"
  typed "approxrun sweep --max-t" "approxrun sweep --max-time"
  typed "approxrun sweep --launcher=sl" "approxrun sweep --launcher=slurm"
  offered "approxrun sweep --launcher " "local slurm srun"
  typed "approxrun sweep folder/" "approxrun sweep folder/one.lua"
  typed "approxrun export study -o fold" "approxrun export study -o folder/"
  typed "approxrun ls a\\ stu" "approxrun ls a\\ study/"
  typed "approxrun show a\\ study mb" "approxrun show a\\ study mbm:7/1"
  typed "approxrun show 'a study' mb" "approxrun show 'a study' mbm:7/1"
  typed 'approxrun show "a study" mb' 'approxrun show "a study" mbm:7/1'
  typed 'approxrun ls "a stu' "approxrun ls $FOLDER_QUOTED"
  typed "approxrun sweep 'x y.lua' --output=fold" "approxrun sweep 'x y.lua' --output=folder/"
  typed "approxrun sweep x.lua multiplier=fp32,mb" "approxrun sweep x.lua multiplier=fp32,mbm:"
  typed "approxrun sweep x.lua --output=fold" "approxrun sweep x.lua --output=folder/"
  typed "approxrun sweep x.lua multiplier=fp32,lut:folder/t" "approxrun sweep x.lua multiplier=fp32,lut:folder/two.txt"
  typed "approxrun mul c:folder/o" "approxrun mul c:folder/one.lua"
  typed "approxrun mul mi" "approxrun mul mit:"
  typed "approxrun mul fp3" "approxrun mul fp32"
  typed "approxrun show study mb" "approxrun show study mbm:7/1"
  typed "approxrun show study ${id:0:6}" "approxrun show study $id"
  offered "approxrun compare study.h5 fp32 " "fp32 mbm mbm:7"
  leave
done

# ---- fish, which says itself what it would offer ----

fish_offers() {  # line, what is offered, without descriptions
  SHELL_NAME=fish
  same "$1" "$2" "$(fish -c 'complete -C $argv[1]' -- "$1" | cut -f1 | sort | xargs)"
}

fish_offers "approxrun swe" "sweep"
fish_offers "approxrun mult " "compare errors list plot"
fish_offers "approxrun sweep --max-t" "--max-time"
fish_offers "approxrun sweep --launcher=sl" "--launcher=slurm"
fish_offers "approxrun sweep --launcher " "local slurm srun"
fish_offers "approxrun sweep folder/" "folder/one.lua"
fish_offers "approxrun export study -o fold" "folder/"
fish_offers "approxrun sweep x.lua multiplier=fp32,mb" "multiplier=fp32,mbm:"
fish_offers "approxrun sweep x.lua --output=fold" "--output=folder/"
fish_offers "approxrun sweep x.lua multiplier=fp32,lut:folder/t" "multiplier=fp32,lut:folder/two.txt"
fish_offers "approxrun mul c:folder/o" "c:folder/one.lua"
fish_offers "approxrun show study mb" "mbm:7/1"
fish_offers "approxrun compare study.h5 fp32 " "fp32 mbm mbm:7"

# ---- man pages ----

verbs=$(approxrun completion words -- '' | cut -f1 | grep -v '^-')

# Without the two warnings that every page of scdoc's gets, its own included: it begins sections with an empty paragraph.
lint() { mandoc -T lint -W warning "$1" | grep -vE 'skipping paragraph macro: PP (after SH|empty)$'; }
quiet() { [ -z "$("$@" 2>&1)" ]; }
page_text() { mandoc -T ascii -O width=200 "$1" | sed 's/.\x08//g' | tr -s ' \n' ' '; }
option_rows() { sed -nE '/^(common )?options:$/,$s/^  (-., |    )(--.*)/\2/p' | tr -s ' '; }      # "--name UNIT help"

second_words() {  # verb
  approxrun "$1" --help | grep -q 'WORD \[ARGUMENTS\]' && approxrun completion words -- "$1" '' | cut -f1
}

holds_all_help() {  # page, verb and perhaps a second word
  local text row
  text=$(page_text "$1"); shift
  approxrun "$@" --help >"$KEPT/help" && [ "$(option_rows <"$KEPT/help" | wc -l)" -ge 5 ] || return 1
  while IFS= read -r row; do
    [[ $text == *"$row"* ]] || { echo "not in the page: $row"; return 1; }
  done < <(option_rows <"$KEPT/help")
  [[ $text == *"$(sed -n '1s/^usage: //p' "$KEPT/help" | sed 's/ *$//')"* ]] || { echo "no usage of $*"; return 1; }
}

for verb in "" $verbs; do
  page=approxrun${verb:+-$verb}.1
  approxrun completion scdoc $verb | scdoc >"$page"
  check "mandoc finds nothing in $page" quiet lint "$page"
  check "groff finds nothing in $page" quiet groff -man -Tutf8 -ww -z "$page"
done
for verb in $verbs; do
  words=$(second_words "$verb")
  for word in ${words:--}; do
    check "the page holds all that --help says: $verb $word" holds_all_help "approxrun-$verb.1" "$verb" ${words:+"$word"}
  done
done

text=$(page_text approxrun.1)
holds() { [[ $text == *"$1"* ]]; }
for verb in $verbs; do check "approxrun(1) names $verb" holds "approxrun-$verb(1)"; done
for variable in $(grep -rhoE 'getenv\("APPROXRUN_[A-Z_]+' "$ROOT/src" "$ROOT/lut" "$ROOT/kernels" | cut -d'"' -f2 | sort -u); do
  check "approxrun(1) explains $variable" holds "$variable "
done
expect_exit 2 approxrun completion scdoc nosuch
expect_err "unknown verb 'nosuch'"
