#compdef approxrun
# zsh completion of approxrun. It asks the program, which knows its own verbs, options and values.

_approxrun() {
  local answer text what tab=$'\t'
  local -a answers open closed
  answers=(${(f)"$(${~${(Q)words[1]}} completion words -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)"})
  for answer in $answers; do
    text=${answer%%$tab*} what=${answer#*$tab}
    case $text in
      :*) compset -p $#what ;|
      :file\ *) _files -g "*.${text#:file }(-.)" ;;
      :file) _files ;;
      :dir) _files -/ ;;
      *[:=]) open+=(${text//:/\\:}:$what) ;;
      *) closed+=(${text//:/\\:}:$what) ;;
    esac
  done
  (( $#open )) && _describe -V approxrun open -S ''
  (( $#closed )) && _describe -V approxrun closed
}

if [[ $funcstack[1] == _approxrun ]]; then _approxrun "$@"; else compdef _approxrun approxrun; fi
