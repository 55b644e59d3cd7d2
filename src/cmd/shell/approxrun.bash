# bash completion of approxrun. It asks the program, which knows its own verbs, options and values.

# The words of a line without their quotes, in `words`; in `quote` the one that is still open.
_approxrun_split() {
  local word="" begun="" c i
  quote="" words=()
  for ((i = 0; i < ${#1}; i++)); do
    c=${1:i:1}
    if [[ $c == \\ && $quote != "'" ]]; then word+=${1:i + 1:1} begun=1 i=$((i + 1))
    elif [[ $c == "$quote" ]]; then quote=""
    elif [[ -n $quote ]]; then word+=$c
    elif [[ $c == [\'\"] ]]; then quote=$c begun=1
    elif [[ $c != [[:space:]] ]]; then word+=$c begun=1
    elif [[ -n $begun ]]; then words+=("$word") word="" begun=""
    fi
  done
  words+=("$word")
}

_approxrun() {
  local kept="" word words quote answer what breaks=""
  _approxrun_split "${COMP_LINE:0:COMP_POINT}"
  word=${words[-1]}

  # bash breaks words that are not quoted at these characters too and replaces only what is behind the last of them.
  [[ -z $quote && $COMP_WORDBREAKS == *:* ]] && breaks+=:
  [[ -z $quote && $COMP_WORDBREAKS == *=* ]] && breaks+="="
  [[ -n $breaks && $word == *[$breaks]* ]] && kept=${word%"${word##*[$breaks]}"}

  while IFS=$'\t' read -r answer what; do
    case $answer in
      :*) compopt -o filenames; _approxrun_paths "${answer#:}" "${word#"$what"}" "${what#"$kept"}" ;;
      *) [[ $answer == *[:=] ]] && compopt -o nospace; COMPREPLY+=("${answer#"$kept"}") ;;
    esac
  done < <("${words[0]/#\~/$HOME}" completion words -- "${words[@]:1}" 2>/dev/null)
}

# dir, file or file EXT; the beginning of a path; what leads it where bash does not break its word.
_approxrun_paths() {
  local ending=${1#file} path
  ending=${ending# }
  while IFS= read -r path; do COMPREPLY+=("$3$path"); done < <(
    compgen -d -- "$2"
    [[ $1 == dir ]] || compgen -f ${ending:+-X "!*.$ending"} -- "$2" |
      while IFS= read -r path; do [[ -d ${path/#\~/$HOME} ]] || printf '%s\n' "$path"; done)
}

complete -F _approxrun approxrun
