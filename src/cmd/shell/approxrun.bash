# bash completion of approxrun. It asks the program, which knows its own verbs, options and values.

_approxrun() {
  local line=${COMP_LINE:0:COMP_POINT} kept="" word words answer what breaks=""
  read -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=${words[-1]}

  # bash breaks words at these characters too and replaces only what is behind the last of them.
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+="="
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
