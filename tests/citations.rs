//! What comments cite must be there: every page that is named, every `aws-facts.md §N` and every `contract, "…"` is held
//! against `docs`, and the contract's flags and commands against the binary's own.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files of the project in which something may be cited.
fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path
                .extension()
                .is_some_and(|ending| ["rs", "py", "md"].iter().any(|known| ending == *known))
            {
                found.push(path);
            }
        }
    }
    let mut found = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    for folder in ["src", "tests", "docs"] {
        walk(&root().join(folder), &mut found);
    }
    // What this file says of citations is not one.
    found.retain(|file| !file.ends_with("tests/citations.rs"));
    found
}

/// Text with its comment marks and line breaks taken out, so that a citation may run over a line's end.
fn flowing(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!']).trim());
    lines.collect::<Vec<_>>().join(" ")
}

/// A page of `docs`, flowing.
fn page(name: &str) -> String {
    flowing(&std::fs::read_to_string(root().join("docs").join(name)).unwrap())
}

/// The sections of aws-facts.md: `2`, and `0.7` for a numbered item of one.
fn sections() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/aws-facts.md")).unwrap();
    let number = |text: &str| -> Option<String> {
        let (number, _) = text.split_once(". ")?;
        (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit())).then(|| number.to_owned())
    };
    let mut sections: Vec<String> = Vec::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(section) = line.strip_prefix("## ").map(number) {
            current = section.unwrap_or_default();
            sections.push(current.clone());
        } else if let Some(item) = number(line) {
            sections.push(format!("{current}.{item}"));
        }
    }
    sections
}

/// The numbers behind the `§`s of a citation: `§2, §5` are two.
fn numbers(citation: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    let mut rest = citation.trim_start_matches([' ', ')', ']']);
    while let Some(after) = rest.strip_prefix('§') {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        numbers.push(after[..end].trim_end_matches('.').to_owned());
        rest = after[end..].trim_start_matches([',', ' ']);
    }
    numbers
}

/// The names of pages in a text, without the folders before them.
fn pages(text: &str) -> Vec<&str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let ends =
        text.match_indices(".md").filter(|(at, ending)| !text[at + ending.len()..].starts_with(is_of_name));
    let names = ends.map(|(at, ending)| {
        let start = text[..at].trim_end_matches(is_of_name).len();
        &text[start..at + ending.len()]
    });
    names.filter(|name| *name != ".md").collect()
}

/// What stands in quotation marks at the start of a text, behind a comma or a colon.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim_start_matches([',', ':']).trim_start().trim_start_matches('\\').strip_prefix('"')?;
    text.split('"').next().map(|quoted| quoted.trim_end_matches('\\'))
}

#[test]
fn every_cited_section_is_there() {
    let (sections, facts) = (sections(), page("aws-facts.md"));
    let mut cited = 0;
    for file in files() {
        let text = flowing(&std::fs::read_to_string(&file).unwrap());
        for (at, name) in text.match_indices("aws-facts.md") {
            let citation = &text[at + name.len()..];
            for number in numbers(citation) {
                assert!(sections.contains(&number), "{}: there is no §{number}", file.display());
                cited += 1;
            }
            let end = citation.find(|c: char| !" §.,0123456789".contains(c)).unwrap_or(0);
            if let Some(subject) = quoted(citation[end..].trim_start()) {
                let there = facts.to_lowercase().contains(&subject.to_lowercase());
                assert!(there, "{}: aws-facts.md does not say \"{subject}\"", file.display());
            }
        }
    }
    assert!(cited > 50, "the citations are found at all: {cited}");
}

#[test]
fn every_page_that_is_named_is_there() {
    let mut named = 0;
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        for name in pages(&text) {
            let there =
                ["README.md", "CHANGELOG.md"].contains(&name) || root().join("docs").join(name).exists();
            assert!(there, "{}: there is no page {name}", file.display());
            named += 1;
        }
    }
    assert!(named > 100, "the names are found at all: {named}");
}

#[test]
fn every_quotation_of_the_contract_is_there() {
    let contract = page("contract.md");
    let mut cited = 0;
    for file in files() {
        let text = flowing(&std::fs::read_to_string(&file).unwrap());
        for (at, word) in text.match_indices("contract") {
            if let Some(quotation) = quoted(&text[at + word.len()..]) {
                assert!(
                    contract.contains(quotation),
                    "{}: contract.md does not say \"{quotation}\"",
                    file.display()
                );
                cited += 1;
            }
        }
    }
    assert!(cited > 3, "the quotations are found at all: {cited}");
}

#[test]
fn citations_are_read_as_they_are_written() {
    assert_eq!(numbers(" §2, §5, §6): x"), ["2", "5", "6"]);
    assert_eq!(numbers(" §0.7. More"), ["0.7"]);
    assert_eq!(quoted(", \"Exit codes\")."), Some("Exit codes"));
    assert_eq!(quoted(": \"within 1 s\")"), Some("within 1 s"));
    assert_eq!(quoted(" of something"), None);
    assert_eq!(pages("see docs/a-b.md, C.md#d; .md and x.mdx"), ["a-b.md", "C.md"]);
    assert_eq!(flowing("/// one\n/// two"), "one two");
}

/// What `albcap WORDS --help` prints.
fn help(words: &[&str]) -> String {
    let done =
        std::process::Command::new(env!("CARGO_BIN_EXE_albcap")).args(words).arg("--help").output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

/// Every `--flag` of a text.
fn flags(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
    let names =
        text.match_indices("--").map(|(at, _)| text[at..].chars().take_while(|c| is_name(*c)).collect());
    names.filter(|name: &String| name.len() > 2).collect()
}

#[test]
fn the_contract_has_every_flag_of_run_and_no_other() {
    let contract = std::fs::read_to_string(root().join("docs/contract.md")).unwrap();
    let listed = contract.split("## Flags of `run`").nth(1).unwrap().split("\n\n").next().unwrap();
    let defined: String = help(&["run"])
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-') && !line.starts_with("-h, --help"))
        .map(|line| line.split(['<', '.']).next().unwrap().to_owned() + "\n")
        .collect();
    assert_eq!(flags(listed), flags(&defined));
}

#[test]
fn the_contract_has_every_command_and_no_other() {
    let contract = std::fs::read_to_string(root().join("docs/contract.md")).unwrap();
    let table = contract.split("## Commands").nth(1).unwrap().split("##").next().unwrap();
    let first_cells =
        table.lines().filter(|line| line.starts_with("| `")).map(|line| line.split(" | ").next().unwrap());
    let word = |rest: &str| -> String { rest.chars().take_while(char::is_ascii_lowercase).collect() };
    let listed: BTreeSet<String> =
        first_cells.flat_map(|cell| cell.split("`albcap ").skip(1)).map(word).collect();
    let text = help(&[]);
    let commands = text.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    let defined: BTreeSet<String> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| word(line.trim()))
        .filter(|name| name != "help")
        .collect();
    assert_eq!(listed, defined);
}

/// That each does what the page says is proved by the tests of the failures.
#[test]
fn the_simulators_page_has_every_fault_and_no_other_flag() {
    let page = std::fs::read_to_string(root().join("docs/simulator.md")).unwrap();
    let quoted: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let words: BTreeSet<&str> = quoted.iter().flat_map(|code| code.split([' ', ',', '\n'])).collect();
    let help = help(&["simulate"]);
    // --cacert is `run`'s.
    for flag in words.iter().filter(|word| word.starts_with("--") && **word != "--cacert") {
        assert!(help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")), "no {flag}");
    }
    let heading = "What the simulated ALB and its targets do wrong:";
    let faults = help.split(heading).nth(1).unwrap().split("\n\nThe ").next().unwrap();
    for line in faults.lines().map(str::trim_start).filter(|line| line.starts_with("--")) {
        let flag = line.split_whitespace().next().unwrap();
        assert!(words.contains(flag), "docs/simulator.md does not have {flag}");
    }
    for flag in ["--kill-by", "--upgrade-answer", "--certificate", "--reject-by", "--reject-for"] {
        let refused = std::process::Command::new(env!("CARGO_BIN_EXE_albcap"))
            .args(["simulate", flag, "nonsense"])
            .output()
            .unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        let known = said.split("is not one of ").nth(1).unwrap().lines().next().unwrap();
        for word in known.split(", ") {
            assert!(words.contains(word), "docs/simulator.md does not have {flag} {word}");
        }
    }
}

#[test]
fn the_readme_leads_to_every_page() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for name in ["docs/contract.md", "docs/aws-facts.md", "docs/simulator.md"] {
        assert!(readme.contains(&format!("]({name})")), "{name}");
        assert!(root().join(name).exists());
    }
}
