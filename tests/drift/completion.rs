//! Completion for bash and zsh, written from the tables of the program, and what the shells make of it.
//!
//! Everything that may follow is in the files: completing asks no daemon.

use std::process::{Command, Stdio};

use bng::cli::args::{ACTIONS, OPTIONS};
use bng::cli::commands::{Article, articles, complete};
use bng::conf::{Candidate, Config, Kind, describe};

use crate::page::not_proved;

/// What may follow some words: the words as a pattern of the shell, and the candidates.
struct Rule {
    pattern: String,
    candidates: Vec<Candidate>,
}

/// What may follow `line`; without braces, and without what only says what belongs there.
fn offered(line: &str) -> Vec<Candidate> {
    let mut candidates = complete(line, &Config::default());
    candidates.retain(|c| !c.is_placeholder() && !["{", "}"].contains(&c.word.as_str()));
    candidates
}

/// The rules for control commands and statements. A pattern is the number of words and the words.
fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut rule = |pattern: &str, candidates: Vec<Candidate>| {
        if !candidates.is_empty() {
            let words = if pattern.is_empty() { 0 } else { pattern.split(' ').count() };
            // Only the star is a pattern.
            let quoted = format!("\"{words}:{pattern}\"").replace('*', "\"*\"").replace("\"\"", "");
            rules.push(Rule { pattern: quoted, candidates });
        }
    };
    rule("", offered(""));
    for Article { keyword, .. } in articles() {
        rule(keyword, offered(&format!("{keyword} ")));
        for second in offered(&format!("{keyword} ")) {
            rule(&format!("{keyword} {}", second.word), offered(&format!("{keyword} {} ", second.word)));
        }
    }
    for first in offered("").iter().filter(|c| articles().all(|article| article.keyword != c.word)) {
        let kind = Kind::ALL.into_iter().find(|kind| kind.keyword() == first.word);
        let Some(kind) = kind else {
            rule(&first.word, offered(&format!("{} ", first.word)));
            continue;
        };
        let (object, sample) = match kind.limit() {
            Some(_) => (format!("{} *", first.word), format!("{} 1", first.word)),
            None => (first.word.clone(), first.word.clone()),
        };
        rule(&object, offered(&format!("{sample} ")));
        rule(&format!("no {object}"), offered(&format!("no {sample} ")));
        for name in describe(kind).flat_map(|statement| statement.names()) {
            rule(&format!("{object} {name}"), offered(&format!("{sample} {name} ")));
        }
    }
    rules
}

/// The rules, those with the same candidates as one.
fn merged() -> Vec<(Vec<String>, Vec<Candidate>)> {
    let mut merged: Vec<(Vec<String>, Vec<Candidate>)> = Vec::new();
    for Rule { pattern, candidates } in rules() {
        match merged.iter_mut().find(|(_, same)| *same == candidates) {
            Some((patterns, _)) => patterns.push(pattern),
            None => merged.push((vec![pattern], candidates)),
        }
    }
    merged
}

/// `a|b|c` on lines that are not too long.
fn alternatives(patterns: &[String]) -> String {
    let mut lines = vec![String::new()];
    for (at, pattern) in patterns.iter().enumerate() {
        let bar = if at == 0 { "" } else { "|" };
        if lines.last().is_some_and(|line| line.len() + pattern.len() > 100) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&format!("{bar}{pattern}"));
        }
    }
    lines.join("\\\n        ")
}

fn keywords(wanted: impl Fn(Kind) -> bool) -> String {
    let kinds =
        Kind::ALL.into_iter().filter(|kind| *kind != Kind::Top && !kind.is_one_line() && wanted(*kind));
    kinds.map(Kind::keyword).collect::<Vec<_>>().join("|")
}

/// What both shells understand: the words that tell where the line stands.
fn common() -> String {
    let actions = ACTIONS.iter().map(|(word, ..)| *word).collect::<Vec<_>>().join("|");
    let with_value: String =
        OPTIONS.iter().filter(|(_, v, _)| v.is_some()).map(|(letter, ..)| *letter).collect();
    let files = articles().filter(|article| article.usage.contains("file")).map(|article| article.keyword);
    format!(
        r#"# The words before the one that is typed, without options and their values, go to `line`; the option that waits for
# its value goes to `option`.
_bng_line() {{
    local word
    line=() option=
    for word; do
        if [[ -n $option ]]; then
            option=
        elif [[ ${{#line[@]}} -eq 0 || $action ]]; then
            case $word in
                -*[{with_value}]) option=$word ;;
                -*) ;;
                {actions}) line+=("$word") action=1 ;;
                *) line+=("$word") ;;
            esac
        else
            line+=("$word")
        fi
    done
}}

# Whether a file may follow the words.
_bng_file() {{
    case $action$1 in
        1check|{}) true ;;
        *) false ;;
    esac
}}
"#,
        files.collect::<Vec<_>>().join("|")
    )
}

/// The function that prints or keeps what may follow its arguments, which are the words of a control command.
fn follow(arm: impl Fn(&[Candidate]) -> String) -> String {
    let mut text = format!(
        r#"# What may follow the words of a control command or of a statement.
_bng_follow() {{
    # Behind an object, keyword and argument alternate; only the last keyword counts.
    case $1 in
        {}) while [[ $# -gt 3 ]]; do set -- "$1" "$2" "${{@:5}}"; done ;;
        {}) while [[ $# -gt 2 ]]; do set -- "$1" "${{@:4}}"; done ;;
    esac
    case "$#:$*" in
"#,
        keywords(|kind| kind.limit().is_some()),
        keywords(|kind| kind.limit().is_none()),
    );
    for (patterns, candidates) in merged() {
        text.push_str(&format!("        {})\n{}            ;;\n", alternatives(&patterns), arm(&candidates)));
    }
    text + "    esac\n}\n"
}

const HEAD: &str = "# Written by `make man` from the tables of the program.";

/// `completion/bng.bash`
pub(crate) fn bash() -> String {
    let words = |words: Vec<&str>| {
        let mut lines = vec![String::new()];
        for word in words {
            match lines.last_mut() {
                Some(line) if line.len() + word.len() < 90 => line.push_str(&format!(" {word}")),
                _ => lines.push(format!(" {word}")),
            }
        }
        lines.iter().map(|line| format!("            printf '%s '{line}\n")).collect::<String>()
    };
    let follow = follow(|candidates| words(candidates.iter().map(|c| c.word.as_str()).collect()));
    let actions = ACTIONS.iter().map(|(word, ..)| *word).collect::<Vec<_>>().join(" ");
    let options = OPTIONS.iter().map(|(letter, ..)| format!("-{letter}")).collect::<Vec<_>>().join(" ");
    format!(
        r#"# bash completion for bng(8)
{HEAD}

{}
{follow}
_bng() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} action= option= words= IFS=$' \t\n'
    local -a line
    COMPREPLY=()
    _bng_line "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"
    case $option in
        *c) compopt -o filenames 2> /dev/null; COMPREPLY=($(compgen -f -- "$cur")); return ;;
        -*) return ;;
    esac
    if [[ ${{#line[@]}} -eq 0 ]]; then
        words="{actions} $(_bng_follow)"
    elif [[ ! $action ]]; then
        words=$(_bng_follow "${{line[@]}}")
    fi
    if [[ $cur == -* && ( $action || ${{#line[@]}} -eq 0 ) ]]; then
        words="{options}"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur" | sort -u))
    if _bng_file "${{line[0]}}"; then
        compopt -o filenames 2> /dev/null
        COMPREPLY+=($(compgen -f -- "$cur"))
    fi
}}
complete -F _bng bng
"#,
        common()
    )
}

/// A word and what it means as zsh's `_describe` reads them, in quotes.
fn described(word: &str, help: &str) -> String {
    format!("'{}'", format!("{}:{help}", word.replace(':', "\\:")).replace('\'', "'\\''"))
}

/// `completion/_bng`
pub(crate) fn zsh() -> String {
    let list = |words: Vec<String>, indent: &str| -> String {
        words.iter().map(|word| format!("{indent}{word}\n")).collect()
    };
    let follow = follow(|candidates| {
        let words = candidates.iter().map(|c| described(&c.word, &c.help)).collect();
        format!("            offer=(\n{}            )\n", list(words, "                "))
    });
    let actions = ACTIONS.iter().map(|(word, _, help)| described(word, help)).collect();
    let options = OPTIONS.iter().map(|(letter, _, help)| described(&format!("-{letter}"), help)).collect();
    format!(
        r#"#compdef bng
# zsh completion for bng(8)
{HEAD}

{}
{follow}
_bng() {{
    local cur=${{words[CURRENT]}} action= option=
    local -a line offer actions
    _bng_line "${{(@)words[2,CURRENT-1]}}"
    case $option in
        *c) _files; return ;;
        -*) _message 'instance, 0 to 127'; return ;;
    esac
    if [[ ${{#line[@]}} -eq 0 ]]; then
        _bng_follow
        actions=(
{}        )
        _describe 'action' actions
        [[ $cur == -* ]] || _describe 'control command' offer
    elif [[ ! $action ]]; then
        _bng_follow "${{line[@]}}"
        _describe 'word' offer
    fi
    if [[ $cur == -* && ( $action || ${{#line[@]}} -eq 0 ) ]]; then
        offer=(
{}        )
        _describe 'option' offer
    fi
    if _bng_file "${{line[1]}}"; then _files; fi
}}
_bng "$@"
"#,
        common(),
        list(actions, "            "),
        list(options, "            "),
    )
}

/// What `shell` prints for a script that reads its own completion file.
fn run(shell: &str, arguments: &[&str], script: &str) -> Option<String> {
    let mut command = Command::new(shell);
    command.args(arguments).args(["-c", script]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let Ok(output) = command.stdin(Stdio::null()).output() else {
        not_proved(&format!("completion in {shell}"), &format!("no program `{shell}`"));
        return None;
    };
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{shell}: {script}: {error}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// What Tab offers in bash behind `line`, one word each.
fn in_bash(line: &str) -> Option<Vec<String>> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let script = format!(
        ". completion/bng.bash; COMP_WORDS=({}); COMP_CWORD={}; _bng; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len() - 1
    );
    run("bash", &["--norc", "--noprofile"], &script).map(|text| text.lines().map(str::to_owned).collect())
}

/// The same in zsh; the functions of its completion system are replaced by ones that print.
fn in_zsh(line: &str) -> Option<Vec<String>> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let script = format!(
        "_describe() {{ local word; for word in \"${{(@P)2}}\"; do print -r -- ${{word%%:*}}; done }}
         _files() {{ print -l -- *(N) }}; _message() {{ : }}
         words=({}); CURRENT={}; . completion/_bng",
        words.join(" "),
        words.len()
    );
    let typed = line.rsplit(' ').next().unwrap_or_default();
    let text = run("zsh", &["-f"], &script)?;
    // What does not begin as typed is left out by the system.
    let mut words: Vec<String> =
        text.lines().filter(|word| word.starts_with(typed)).map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    Some(words)
}

#[test]
fn both_shells_offer_what_may_follow() {
    for (line, wanted) in [
        ("bng star", &["start"][..]),
        ("bng show ve", &["version"]),
        ("bng -i 3 show vr", &["vrrp"]),
        ("bng show vrrp ", &["json"]),
        ("bng clear s", &["sessions"]),
        ("bng register ser", &["server", "servers"]),
        ("bng server 1 port 80 meth", &["method"]),
        ("bng server 1 port 80 method maglev stime", &["stimeout"]),
        ("bng server 1 method rnd", &["rndagent", "rndbw", "rndsession"]),
        ("bng set local", &["localdsr", "localvirt"]),
        ("bng set localdsr ", &["0", "1"]),
        ("bng help set local", &["localdsr", "localvirt"]),
        ("bng no server 1 stime", &["stimeout"]),
        ("bng -c Cargo.t", &["Cargo.toml"]),
        ("bng -c x check Cargo.t", &["Cargo.toml"]),
        ("bng save Cargo.t", &["Cargo.toml"]),
        ("bng start -", &["-V", "-W", "-c", "-d", "-e", "-f", "-i", "-n"]),
        ("bng reload -", &["-V", "-W", "-c", "-d", "-e", "-f", "-i", "-n"]),
        ("bng source -", &["-n"]),
        ("bng start ", &[]),
        ("bng -i ", &[]),
    ] {
        for (shell, found) in [("bash", in_bash(line)), ("zsh", in_zsh(line))] {
            let Some(mut found) = found else { continue };
            found.retain(|word| !word.is_empty());
            found.sort_unstable();
            assert_eq!(found, wanted, "{shell}: {line}");
        }
    }
}
