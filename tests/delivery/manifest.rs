//! The service manifest has the elements and attributes of service bundles, in their order.
//!
//! The rules below say in our own words what the document type of service bundles (version 1) says about the elements
//! that the manifest uses; an element that has no rule here fails the test.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

use crate::read;

/// How often an element may come.
#[derive(Clone, Copy)]
enum Times {
    AtMostOnce,
    Once,
    Any,
    AtLeastOnce,
}

use Times::{Any, AtLeastOnce, AtMostOnce, Once};

/// What an attribute may be.
#[derive(Clone, Copy)]
enum Value {
    Text,
    Number,
    OneOf(&'static [&'static str]),
}

use Value::{Number, OneOf, Text};

const BOOLEAN: Value = OneOf(&["true", "false"]);
const RESTARTS: Value = OneOf(&["error", "restart", "refresh", "none"]);
const GROUPINGS: Value = OneOf(&["require_all", "require_any", "exclude_all", "optional_all"]);

/// What stands in an element: groups of children, one after the other; within a group in any order.
struct Rule {
    children: &'static [(&'static [&'static str], Times)],
    required: &'static [(&'static str, Value)],
    optional: &'static [(&'static str, Value)],
    /// Contains text.
    text: bool,
}

const NOTHING: Rule = Rule { children: &[], required: &[], optional: &[], text: false };

fn rule(element: &str) -> Option<Rule> {
    Some(match element {
        "service_bundle" => Rule {
            children: &[(&["service"], Any)],
            required: &[("type", OneOf(&["manifest"])), ("name", Text)],
            ..NOTHING
        },
        "service" => Rule {
            children: &[
                (&["create_default_instance"], AtMostOnce),
                (&["single_instance"], AtMostOnce),
                (&["restarter"], AtMostOnce),
                (&["dependency"], Any),
                (&["dependent"], Any),
                (&["method_context"], AtMostOnce),
                (&["exec_method"], Any),
                (&["property_group"], Any),
                (&["instance"], Any),
                (&["stability"], AtMostOnce),
                // Manifests must have one, says the comment of the format.
                (&["template"], Once),
            ],
            required: &[
                ("name", Text),
                ("version", Number),
                ("type", OneOf(&["service", "restarter", "milestone"])),
            ],
            ..NOTHING
        },
        "create_default_instance" => Rule { required: &[("enabled", BOOLEAN)], ..NOTHING },
        "single_instance" => NOTHING,
        "dependency" => Rule {
            children: &[
                (&["service_fmri"], Any),
                (&["stability"], AtMostOnce),
                (&["propval", "property"], Any),
            ],
            required: &[("name", Text), ("grouping", GROUPINGS), ("restart_on", RESTARTS), ("type", Text)],
            optional: &[("delete", BOOLEAN)],
            ..NOTHING
        },
        "service_fmri" => Rule { required: &[("value", Text)], ..NOTHING },
        "exec_method" => Rule {
            children: &[
                (&["method_context"], AtMostOnce),
                (&["stability"], AtMostOnce),
                (&["propval", "property"], Any),
            ],
            required: &[
                ("type", OneOf(&["method", "monitor"])),
                ("name", Text),
                ("exec", Text),
                ("timeout_seconds", Number),
            ],
            optional: &[("delete", BOOLEAN)],
            ..NOTHING
        },
        "method_context" => Rule {
            children: &[
                (&["method_profile", "method_credential"], AtMostOnce),
                (&["method_environment"], AtMostOnce),
            ],
            optional: &[("working_directory", Text), ("project", Text), ("resource_pool", Text)],
            ..NOTHING
        },
        "method_credential" => Rule {
            required: &[("user", Text)],
            optional: &[
                ("group", Text),
                ("supp_groups", Text),
                ("privileges", Text),
                ("limit_privileges", Text),
            ],
            ..NOTHING
        },
        "property_group" => Rule {
            children: &[(&["stability"], AtMostOnce), (&["propval", "property"], Any)],
            required: &[("name", Text), ("type", Text)],
            optional: &[("delete", BOOLEAN)],
            ..NOTHING
        },
        "propval" => Rule {
            required: &[
                ("name", Text),
                ("type", OneOf(&["count", "integer", "astring", "ustring", "boolean", "fmri", "time"])),
                ("value", Text),
            ],
            optional: &[("override", BOOLEAN)],
            ..NOTHING
        },
        "instance" => Rule {
            children: &[
                (&["restarter"], AtMostOnce),
                (&["dependency"], Any),
                (&["dependent"], Any),
                (&["method_context"], AtMostOnce),
                (&["exec_method"], Any),
                (&["property_group"], Any),
                (&["template"], AtMostOnce),
            ],
            required: &[("name", Text), ("enabled", BOOLEAN)],
            ..NOTHING
        },
        "stability" => Rule {
            required: &[(
                "value",
                OneOf(&["Standard", "Stable", "Evolving", "Unstable", "External", "Obsolete"]),
            )],
            ..NOTHING
        },
        "template" => Rule {
            children: &[
                (&["common_name"], Once),
                (&["description"], AtMostOnce),
                (&["documentation"], AtMostOnce),
                (&["pg_pattern"], Any),
            ],
            ..NOTHING
        },
        "common_name" | "description" => Rule { children: &[(&["loctext"], AtLeastOnce)], ..NOTHING },
        "loctext" => {
            Rule { required: &[("{http://www.w3.org/XML/1998/namespace}lang", Text)], text: true, ..NOTHING }
        }
        "documentation" => Rule { children: &[(&["doc_link", "manpage"], Any)], ..NOTHING },
        "manpage" => Rule {
            required: &[("title", Text), ("section", Text)],
            optional: &[("manpath", Text)],
            ..NOTHING
        },
        _ => return None,
    })
}

/// What is wrong with `node` and everything in it.
fn faults(node: Node<'_, '_>, faults_: &mut Vec<String>) {
    let name = node.tag_name().name();
    let mut fault = |text: String| faults_.push(format!("<{name}>: {text}"));
    let Some(rule) = rule(name) else { return fault("no rule for it".into()) };
    for attribute in node.attributes() {
        let full = match attribute.namespace() {
            Some(space) => format!("{{{space}}}{}", attribute.name()),
            None => attribute.name().to_owned(),
        };
        let known = rule.required.iter().chain(rule.optional).find(|(known, _)| *known == full);
        match (known.map(|(_, value)| value), attribute.value()) {
            (None, _) => fault(format!("attribute {full} is not of it")),
            (Some(OneOf(values)), value) if !values.contains(&value) => fault(format!("{full}='{value}'")),
            (Some(Number), value) if value.parse::<i64>().is_err() => fault(format!("{full}='{value}'")),
            _ => {}
        }
    }
    for (required, _) in rule.required {
        let plain = required.rsplit('}').next().expect("a name");
        if !node.attributes().any(|attribute| attribute.name() == plain) {
            fault(format!("attribute {plain} is missing"));
        }
    }
    let texts = node.children().filter(Node::is_text).filter_map(|child| child.text());
    let has_text = texts.map(str::trim).any(|text| !text.is_empty());
    if has_text != rule.text {
        fault(format!("text: {has_text}"));
    }
    let children: Vec<_> = node.children().filter(Node::is_element).collect();
    let mut rest = &children[..];
    for (names, times) in rule.children {
        let count = rest.iter().take_while(|child| names.contains(&child.tag_name().name())).count();
        let fits = match times {
            AtMostOnce => count <= 1,
            Once => count == 1,
            Any => true,
            AtLeastOnce => count >= 1,
        };
        if !fits {
            fault(format!("{count} times {}", names.join(" or ")));
        }
        rest = &rest[count..];
    }
    if let Some(child) = rest.first() {
        fault(format!("<{}> does not belong there", child.tag_name().name()));
    }
    for child in children {
        faults(child, faults_);
    }
}

fn faults_of(text: &str) -> Vec<String> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(e) => return vec![e.to_string()],
    };
    let mut found = Vec::new();
    if document.root_element().tag_name().name() != "service_bundle" {
        found.push("no service bundle".to_owned());
    }
    faults(document.root_element(), &mut found);
    found
}

fn manifest() -> String {
    read("packaging/smf/bng.xml")
}

#[test]
fn the_manifests_obey_the_rules_of_service_bundles() {
    for package in ["bng", "bngagent"] {
        let text = read(&format!("packaging/smf/{package}.xml"));
        assert_eq!(faults_of(&text), Vec::<String>::new(), "{package}");
        let format = "<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>";
        assert!(text.contains(format), "{package}");
    }
}

#[test]
fn what_breaks_a_rule_is_found() {
    let cases = [
        ("enabled='false'", "enabled='no'", "enabled='no'"),
        (" grouping='optional_all'", "", "attribute grouping is missing"),
        ("<single_instance/>", "<single/>", "does not belong there"),
        ("timeout_seconds='180'", "timeout_seconds='3 minutes'", "timeout_seconds='3 minutes'"),
        ("privileges='basic'", "privilege='basic'", "attribute privilege is not of it"),
        ("<stability value='Evolving'/>", "<stability value='Evolving'/>why", "text: true"),
        ("</service_bundle>", "", "root node was opened but never closed"),
    ];
    for (sound, broken, says) in cases {
        let text = manifest();
        assert!(text.contains(sound), "{sound}");
        let found = faults_of(&text.replacen(sound, broken, 1));
        assert!(found.iter().any(|fault| fault.contains(says)), "{broken}: {found:?}");
    }
}

/// Of the service that has the name of its package: its methods that are programs, with their privileges. The service
/// is disabled, its methods are those of the package's user, and what it names exists.
fn methods(package: &str) -> BTreeMap<String, String> {
    let text = read(&format!("packaging/smf/{package}.xml"));
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, options).expect("XML");
    let name = format!("network/{package}");
    let is = |node: &Node<'_, '_>| node.has_tag_name("service") && node.attribute("name") == Some(&name);
    let service = document.descendants().find(is).unwrap_or_else(|| panic!("no service {name}"));

    let instances: Vec<_> = service.children().filter(|node| node.has_tag_name("instance")).collect();
    let state = instances.iter().map(|one| (one.attribute("name"), one.attribute("enabled")));
    assert_eq!(state.collect::<Vec<_>>(), [(Some("default"), Some("false"))], "{package}");

    let list = read("packaging/files.txt");
    for place in [format!("/lib/svc/method/{package}"), format!("/lib/svc/manifest/network/{package}.xml")] {
        assert!(list.contains(&format!(" {place} ")), "{place}");
    }
    for page in document.descendants().filter(|node| node.has_tag_name("manpage")) {
        let word = |name| page.attribute(name).expect("of every page");
        let file = format!("man/{}.{}", word("title"), word("section"));
        assert!(crate::root().join(&file).is_file(), "{file}");
    }

    let mut methods = BTreeMap::new();
    for method in service.children().filter(|node| node.has_tag_name("exec_method")) {
        let word = |name| method.attribute(name).expect("of every method");
        let exec = word("exec");
        if exec == ":kill" {
            continue;
        }
        assert_eq!(exec.split(' ').next(), Some(format!("/lib/svc/method/{package}").as_str()), "{package}");
        let credential = method.descendants().find(|node| node.has_tag_name("method_credential"));
        let credential = credential.unwrap_or_else(|| panic!("{exec} runs as root"));
        assert_eq!(credential.attribute("user"), Some(package), "{exec}");
        let privileges =
            credential.attribute("privileges").unwrap_or_else(|| panic!("{exec}: all privileges"));
        methods.insert(word("name").to_owned(), privileges.to_owned());
    }
    methods
}

#[test]
fn nothing_runs_before_it_is_enabled_and_no_daemon_is_ever_root() {
    let of = |methods: &[(&str, &str)]| -> BTreeMap<String, String> {
        methods.iter().map(|(name, privileges)| ((*name).to_owned(), (*privileges).to_owned())).collect()
    };
    assert_eq!(
        methods("bng"),
        of(&[("refresh", "basic"), ("start", "basic,net_rawaccess"), ("stop", "basic")])
    );
    assert_eq!(methods("bngagent"), of(&[("start", "basic,net_privaddr")]));
    // The run directory is made by a service of the same file.
    let text = manifest();
    assert!(text.contains("<service name='network/bng-rundir' "));
    assert!(text.contains("<service_fmri value='svc:/network/bng-rundir:default'/>"));
}
