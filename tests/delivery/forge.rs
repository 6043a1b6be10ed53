//! The workflows of a forge call what exists here, with no more rights than they need.

use std::collections::BTreeSet;
use std::fs;

use yaml_rust2::{Yaml, YamlLoader};

use crate::{read, root};

/// Name and content of every workflow.
fn workflows() -> Vec<(String, Yaml)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root().join(".github/workflows")).expect("the workflows").flatten() {
        let name = format!(".github/workflows/{}", entry.file_name().to_string_lossy());
        let mut documents = YamlLoader::load_from_str(&read(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(documents.len(), 1, "{name}");
        all.push((name, documents.remove(0)));
    }
    assert!(!all.is_empty());
    all
}

/// The jobs of a workflow with their names.
fn jobs(workflow: &Yaml) -> impl Iterator<Item = (&str, &Yaml)> {
    let jobs = workflow["jobs"].as_hash().expect("jobs");
    jobs.iter().map(|(name, job)| (name.as_str().expect("a name"), job))
}

fn steps(job: &Yaml) -> &[Yaml] {
    job["steps"].as_vec().expect("steps")
}

/// Whatever a step gives to a shell, here or in a virtual machine.
fn scripts(step: &Yaml) -> impl Iterator<Item = &str> {
    [&step["run"], &step["with"]["run"], &step["with"]["prepare"]].into_iter().filter_map(Yaml::as_str)
}

fn targets() -> BTreeSet<String> {
    let makefile = read("Makefile");
    let described = makefile.lines().filter(|line| line.contains(": ## "));
    described.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
}

#[test]
fn every_workflow_reads_only_ends_in_time_and_gives_way_to_the_next() {
    for (name, workflow) in workflows() {
        let rights = workflow["permissions"].as_hash().unwrap_or_else(|| panic!("{name}: no permissions"));
        let rights: Vec<_> = rights.iter().map(|(what, may)| (what.as_str(), may.as_str())).collect();
        assert_eq!(rights, [(Some("contents"), Some("read"))], "{name}");
        assert!(workflow["concurrency"]["group"].as_str().is_some(), "{name}: no concurrency");
        assert_eq!(workflow["concurrency"]["cancel-in-progress"].as_bool(), Some(true), "{name}");
        for (job, content) in jobs(&workflow) {
            let limit =
                content["timeout-minutes"].as_i64().unwrap_or_else(|| panic!("{name}: {job}: no limit"));
            assert!((1..=180).contains(&limit), "{name}: {job}: {limit} minutes");
            assert!(content["permissions"].is_badvalue(), "{name}: {job} has rights of its own");
            let runner = content["runs-on"].as_str().expect("a runner");
            assert!(!runner.contains("latest"), "{name}: {job}: {runner} changes under it");
        }
    }
}

#[test]
fn every_action_is_pinned_to_a_commit_and_says_which_version_that_is() {
    let mut seen = 0;
    for (name, workflow) in workflows() {
        let text = read(&name);
        for (job, content) in jobs(&workflow) {
            for step in steps(content) {
                let Some(action) = step["uses"].as_str() else { continue };
                let (_, commit) = action.split_once('@').unwrap_or_else(|| panic!("{name}: {job}: {action}"));
                let pinned = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
                assert!(pinned, "{name}: {job}: {action} is no commit");
                assert!(text.contains(&format!("{action} # v")), "{name}: {job}: {action} of which version?");
                if action.starts_with("actions/checkout@") {
                    assert_eq!(step["with"]["persist-credentials"].as_bool(), Some(false), "{name}: {job}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn workflows_call_targets_and_scripts_that_exist() {
    let targets = targets();
    let mut called = BTreeSet::new();
    for (name, workflow) in workflows() {
        for (job, content) in jobs(&workflow) {
            for line in steps(content).iter().flat_map(scripts).flat_map(str::lines) {
                let mut words = line.split_whitespace();
                while let Some(word) = words.next() {
                    if word == "make" || word == "gmake" {
                        let target = words.next().unwrap_or_else(|| panic!("{name}: {job}: make what?"));
                        assert!(targets.contains(target), "{name}: {job}: make {target}");
                        called.insert(target.to_owned());
                    } else if word.ends_with(".sh") {
                        assert!(root().join(word).is_file(), "{name}: {job}: {word}");
                    }
                }
            }
        }
    }
    for target in
        ["lint", "test", "check-pure", "check-solaris", "check-freebsd", "check-bigendian", "deb", "ips"]
    {
        assert!(called.contains(target), "no workflow does make {target}");
    }
}

#[test]
fn what_a_workflow_keeps_is_what_a_target_makes() {
    let (ips, svr4) = (read("packaging/ips/build.sh"), read("packaging/svr4/build.sh"));
    let deb = read("packaging/debian/build.sh");
    let mut kept = 0;
    for (name, workflow) in workflows() {
        for (job, content) in jobs(&workflow) {
            for step in steps(content) {
                if !step["uses"].as_str().is_some_and(|action| action.starts_with("actions/upload-artifact@"))
                {
                    continue;
                }
                let path = step["with"]["path"].as_str().expect("a path");
                assert_eq!(step["with"]["if-no-files-found"].as_str(), Some("error"), "{name}: {job}");
                let (folder, file) = path.rsplit_once('/').expect("a folder");
                let makes =
                    |script: &str| script.contains(&format!("work={folder}\n")) && script.contains(file);
                let packs = deb.contains(&format!("ls -l {path}\n"));
                assert!(makes(&ips) || makes(&svr4) || packs, "{name}: {job}: nobody makes {path}");
                kept += 1;
            }
        }
    }
    assert!(kept > 0);
}
