# fish completion of approxrun. It asks the program, which knows its own verbs, options and values.

function __approxrun_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for answer in ($words[1] completion words -- $words[2..-1] "$word" 2>/dev/null)
        set -l parts (string split \t -- $answer)
        switch $answer
            case ':*'
                set -l path (string sub --start (math 1 + (string length -- $parts[2])) -- $word)
                printf '%s\n' $parts[2](__approxrun_paths $parts[1] "$path")
            case '*'
                echo $answer
        end
    end
end

function __approxrun_paths --argument-names question path
    switch $question
        case ':file *'
            set -l ending (string replace ':file ' '' -- $question)
            __fish_complete_path $path | string match -r "^.*(?:/|\.$ending)(?:\t.*)?\$"
        case ':file'
            __fish_complete_path $path
        case ':dir'
            __fish_complete_directories $path
    end
end

complete -c approxrun -f -a '(__approxrun_complete)'
