# bash completion for bng(8)
# Written by `make man` from the tables of the program.

# The words before the one that is typed, without options and their values, go to `line`; the option that waits for
# its value goes to `option`.
_bng_line() {
    local word
    line=() option=
    for word; do
        if [[ -n $option ]]; then
            option=
        elif [[ ${#line[@]} -eq 0 || $action ]]; then
            case $word in
                -*[ci]) option=$word ;;
                -*) ;;
                start|stop|restart|reload|status|check|control|auxctl|cmdctl) line+=("$word") action=1 ;;
                *) line+=("$word") ;;
            esac
        else
            line+=("$word")
        fi
    done
}

# Whether a file may follow the words.
_bng_file() {
    case $action$1 in
        1check|check|dump|save|snapshot|source|load) true ;;
        *) false ;;
    esac
}

# What may follow the words of a control command or of a statement.
_bng_follow() {
    # Behind an object, keyword and argument alternate; only the last keyword counts.
    case $1 in
        interface|network|vip|server|target|tnat) while [[ $# -gt 3 ]]; do set -- "$1" "$2" "${@:5}"; done ;;
        set|vrrp|gateway) while [[ $# -gt 2 ]]; do set -- "$1" "${@:4}"; done ;;
    esac
    case "$#:$*" in
        "0:"|"1:help")
            printf '%s ' arp-insert benchmark check clear dump exit help ipdb-reload ping quit reload save show
            printf '%s ' snapshot source stop version load reset shutdown statreset hostname remark module modules
            printf '%s ' ipdb ipdb6 set interface vrrp network gateway vip lgrp server target tnat register
            printf '%s ' unregister enable disable no license
            ;;
        "1:benchmark")
            printf '%s ' stop
            ;;
        "1:clear")
            printf '%s ' arp counters log nat sessions
            ;;
        "1:dump")
            printf '%s ' start stop
            ;;
        "2:help set")
            printf '%s ' multithreading localdsr localvirt ipforwarding mssclamp tunnelsrc tunnelsrc6 outmtu
            printf '%s ' arplookup arprefresh arptimeout gratarpremind psvrelearn vrrppreempt backupalerts
            printf '%s ' hcportoffset sendprobes hashbits maglevsize sessionscan maxsessions synrate
            printf '%s ' sessionarefresh sessiondlog sessionautoresync sessionsyncack sessionsync sessionsynciv
            printf '%s ' sessionsyncetype maxsyncps natports gnatdefaultto gnatdnsto natscan natsync natsynciv
            printf '%s ' autosave syslogfacility debugscope debuglevel dumprotation dumprotsiz bmduration bmpsize
            printf '%s ' bmwsize
            ;;
        "2:help interface")
            printf '%s ' name access threads init mtu address trackval alert upalert
            ;;
        "2:help vrrp")
            printf '%s ' vrid priority network tracking
            ;;
        "2:help network")
            printf '%s ' name addr mask real virt mask6 real6 virt6 nat syncpeer syncpeer6 interface
            ;;
        "2:help gateway")
            printf '%s ' ipaddr ipaddr6 ping ping6 arp trackval alert upalert
            ;;
        "2:help vip"|"2:vip "*|"3:no vip "*)
            printf '%s ' name ipaddr ipaddr6
            ;;
        "2:help lgrp")
            printf '%s ' lgrp
            ;;
        "2:help server"|"3:no server "*)
            printf '%s ' name ipaddr ipaddr6 sessionid port protocol method stimeout ftimeout onepacket proxy prx
            printf '%s ' prx6 snat gslb gslbttl gslbname gslbzone gslbns target backup
            ;;
        "2:help target")
            printf '%s ' name ipaddr ipaddr6 via port protocol tcpopen tcpopen6 ping ping6 agent agent6 agentkey
            printf '%s ' ascale aoffset http httppath httphost httpstatus udp udpsend udpexpect dns dnsname
            printf '%s ' dnstype dnsanswer check rise fall script dsr tunnel weight state slowstart lgrp
            printf '%s ' maxsessions maxgrpsessions autodisable trackval alert upalert
            ;;
        "2:help tnat"|"3:no tnat "*)
            printf '%s ' name server port protocol target
            ;;
        "1:reload"|"1:source"|"1:load")
            printf '%s ' -n
            ;;
        "1:save")
            printf '%s ' force
            ;;
        "1:show")
            printf '%s ' arp benchmark commandlog conffile configuration counters drops dump gateway instance
            printf '%s ' interfaces ipdb lgrp license locations log modules nat networks nodeid parameters pools
            printf '%s ' servers sessions snapshots startuplog targets threads uptime version vips vrrp
            ;;
        "2:show arp"|"2:show benchmark"|"2:show commandlog"|"2:show conffile"|"2:show configuration"\
        |"2:show counters"|"2:show drops"|"2:show dump"|"2:show gateway"|"2:show instance"\
        |"2:show interfaces"|"2:show ipdb"|"2:show lgrp"|"2:show license"|"2:show locations"|"2:show log"\
        |"2:show modules"|"2:show nat"|"2:show networks"|"2:show nodeid"|"2:show parameters"|"2:show pools"\
        |"2:show servers"|"2:show sessions"|"2:show snapshots"|"2:show startuplog"|"2:show targets"\
        |"2:show threads"|"2:show uptime"|"2:show version"|"2:show vips"|"2:show vrrp")
            printf '%s ' json
            ;;
        "1:module"|"1:modules")
            printf '%s ' vrrp arp ping hc master slb tnat nat rt benchmark
            ;;
        "1:set"|"2:no set")
            printf '%s ' multithreading localdsr localvirt ipforwarding mssclamp tunnelsrc tunnelsrc6 outmtu
            printf '%s ' arplookup arprefresh arptimeout gratarpremind psvrelearn vrrppreempt backupalerts
            printf '%s ' hcportoffset sendprobes hashbits maglevsize sessionscan maxsessions synrate
            printf '%s ' sessionarefresh sessiondlog sessionautoresync sessionsyncack sessionsync sessionsynciv
            printf '%s ' sessionsyncetype maxsyncps natports gnatdefaultto gnatdnsto natscan natsync natsynciv
            printf '%s ' autosave syslogfacility debugscope debuglevel dumprotation dumprotsiz bmduration bmpsize
            printf '%s ' bmwsize
            ;;
        "2:set multithreading"|"2:set localdsr"|"2:set localvirt"|"2:set ipforwarding"|"2:set mssclamp"\
        |"2:set backupalerts"|"2:set sessionarefresh"|"2:set sessiondlog"|"2:set sessionautoresync"\
        |"2:set sessionsyncack")
            printf '%s ' 0 1
            ;;
        "2:set vrrppreempt"|"2:set sessionsync"|"2:set natsync")
            printf '%s ' 0 1
            ;;
        "2:set syslogfacility")
            printf '%s ' daemon user local0 local1 local2 local3 local4 local5 local6 local7
            ;;
        "2:interface "*|"3:no interface "*)
            printf '%s ' name access threads init mtu address trackval alert upalert
            ;;
        "3:interface "*" access")
            printf '%s ' auto raw tap pcap dlpi xdp mmap pfring
            ;;
        "1:vrrp"|"2:no vrrp")
            printf '%s ' vrid priority network tracking
            ;;
        "2:vrrp tracking"|"3:server "*" onepacket"|"3:server "*" proxy"|"3:server "*" snat"\
        |"3:server "*" gslb"|"3:target "*" dsr")
            printf '%s ' enable disable
            ;;
        "2:network "*)
            printf '%s ' name addr mask real virt mask6 real6 virt6 nat syncpeer syncpeer6 interface interfaces
            ;;
        "3:no network "*)
            printf '%s ' name addr mask real virt mask6 real6 virt6 nat syncpeer syncpeer6 interface
            ;;
        "3:network "*" nat")
            printf '%s ' inside outside
            ;;
        "1:gateway"|"2:no gateway")
            printf '%s ' ipaddr ipaddr6 ping ping6 arp trackval alert upalert
            ;;
        "2:server "*)
            printf '%s ' name ipaddr ipaddr6 sessionid port ports protocol method stimeout ftimeout onepacket
            printf '%s ' proxy prx prx6 snat gslb gslbttl gslbname gslbzone gslbns target targets backup backups
            ;;
        "3:server "*" sessionid")
            printf '%s ' src src+port dst both both+port sip at
            ;;
        "3:server "*" protocol"|"3:target "*" protocol"|"3:tnat "*" protocol")
            printf '%s ' tcp udp
            ;;
        "3:server "*" method")
            printf '%s ' rr random hash maglev first session bw agent rndagent rndsession rndbw
            ;;
        "2:target "*|"3:no target "*)
            printf '%s ' name ipaddr ipaddr6 via port protocol tcpopen tcpopen6 ping ping6 agent agent6 agentkey
            printf '%s ' ascale aoffset http httppath httphost httpstatus udp udpsend udpexpect dns dnsname
            printf '%s ' dnstype dnsanswer check rise fall script dsr tunnel weight state slowstart lgrp
            printf '%s ' maxsessions maxgrpsessions autodisable trackval alert upalert
            ;;
        "3:target "*" dnstype")
            printf '%s ' a aaaa ns soa mx txt srv
            ;;
        "3:target "*" dnsanswer")
            printf '%s ' noerror nxdomain any
            ;;
        "3:target "*" check")
            printf '%s ' own vip
            ;;
        "3:target "*" tunnel")
            printf '%s ' ipip gue gre
            ;;
        "3:target "*" state")
            printf '%s ' active drain maintenance
            ;;
        "2:tnat "*)
            printf '%s ' name server port protocol target targets
            ;;
        "1:register"|"1:unregister"|"1:enable"|"1:disable")
            printf '%s ' interface interfaces network networks vip vips server servers target targets tnat tnats
            ;;
        "1:no")
            printf '%s ' hostname remark module modules ipdb ipdb6 set interface vrrp network gateway vip lgrp
            printf '%s ' server target tnat
            ;;
    esac
}

_bng() {
    local cur=${COMP_WORDS[COMP_CWORD]} action= option= words= IFS=$' \t\n'
    local -a line
    COMPREPLY=()
    _bng_line "${COMP_WORDS[@]:1:COMP_CWORD-1}"
    case $option in
        *c) compopt -o filenames 2> /dev/null; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        -*) return ;;
    esac
    if [[ ${#line[@]} -eq 0 ]]; then
        words="start stop restart reload status check control auxctl cmdctl $(_bng_follow)"
    elif [[ ! $action ]]; then
        words=$(_bng_follow "${line[@]}")
    fi
    if [[ $cur == -* && ( $action || ${#line[@]} -eq 0 ) ]]; then
        words="-c -d -e -f -i -n -V -W"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur" | sort -u))
    if _bng_file "${line[0]}"; then
        compopt -o filenames 2> /dev/null
        COMPREPLY+=($(compgen -f -- "$cur"))
    fi
}
complete -F _bng bng
