# Completion of bngagent(8) for bash.
_bngagent() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    case $before in
        -k|-p|-s) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        -u) mapfile -t COMPREPLY < <(compgen -u -- "$word") ;;
        -a|-i|-t) COMPREPLY=() ;;
        *) mapfile -t COMPREPLY < <(compgen -W "-6 -a -f -h -i -k -p -s -t -u -V" -- "$word") ;;
    esac
}
complete -F _bngagent bngagent
