//! The arrows between the rooms: who may know whom. Each room's `use crate::` lines and paths are held against one
//! table, so that a new arrow is a decision, seen in review, and not an accident.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Room → the rooms it may use (besides itself).
const MAY_USE: &[(&str, &[&str])] = &[
    ("plan", &[]),
    ("prices", &[]),
    ("facts", &["plan", "prices"]),
    ("record", &["plan", "facts"]),
    ("preflight", &["plan", "facts", "prices"]),
    ("load", &["plan", "record"]),
    ("machine", &["facts"]),
    ("aws", &["facts", "record", "publish"]),
    (
        "conduct",
        &["plan", "facts", "record", "preflight", "load", "machine", "aws", "judge", "prices", "publish"],
    ),
    ("judge", &["plan", "facts", "record", "prices"]),
    ("report", &["judge", "record", "plan", "facts"]),
    ("publish", &["judge", "record", "prices", "report"]),
    ("live", &["record", "judge", "plan"]),
    ("sim", &[]),
    (
        "cli",
        &[
            "plan",
            "facts",
            "record",
            "preflight",
            "prices",
            "load",
            "machine",
            "aws",
            "conduct",
            "judge",
            "report",
            "publish",
            "live",
            "sim",
        ],
    ),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// The files and folders (without ending) that a `#[cfg(test)] mod NAME;` takes in: a test may use what a room may not.
fn test_modules(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut modules = Vec::new();
    for file in files {
        let code = std::fs::read_to_string(file).unwrap();
        for after in code.split("#[cfg(test)]").skip(1) {
            let Some(line) = after.lines().find(|line| line.trim_end().ends_with(';') || line.contains('{'))
            else {
                continue;
            };
            let words: Vec<&str> = line.trim_end().trim_end_matches(';').split_whitespace().collect();
            let Some(at) =
                words.iter().position(|word| *word == "mod").filter(|_| line.trim_end().ends_with(';'))
            else {
                continue;
            };
            let folder = match file.file_stem().unwrap().to_str().unwrap() {
                "mod" | "lib" => file.parent().unwrap().to_owned(),
                stem => file.with_file_name(stem),
            };
            modules.push(folder.join(words[at + 1]));
        }
    }
    modules
}

/// The room of a file: the first part of its path under `src`.
fn room(src: &Path, file: &Path) -> String {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Every room named behind `crate::` in code, grouped imports included.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let name = |text: &str| -> String {
            text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
        };
        match rest.strip_prefix('{') {
            None => drop(used.insert(name(rest))),
            Some(group) => {
                let mut depth = 1;
                let mut start = 0;
                for (i, c) in group.char_indices() {
                    depth += match c {
                        '{' => 1,
                        '}' => -1,
                        _ => 0,
                    };
                    let item_ends = (c == ',' && depth == 1) || depth == 0;
                    if item_ends {
                        used.insert(name(&group[start..i]));
                        start = i + 1;
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    used.remove("");
    used
}

/// Code without what only tests have: each item under `#[cfg(test)]`, from there to the line that ends it. That is the
/// first one as far to the left as the attribute which closes a brace or a statement, the way rustfmt lays code out.
fn product(code: &str) -> String {
    let left = |line: &str| line.len() - line.trim_start().len();
    let mut product = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let ends = |item: &str| left(item) == left(line) && item.ends_with([';', '}']);
            lines.by_ref().find(|item| ends(item));
        } else {
            product.push_str(line);
            product.push('\n');
        }
    }
    product
}

#[test]
fn every_arrow_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in sources(&src) {
        let room = room(&src, &file);
        if room == "lib" || room == "main" {
            continue;
        }
        let allowed = MAY_USE.iter().find(|(name, _)| *name == room);
        let Some((_, allowed)) = allowed else {
            wrong.push(format!("{room}: no such room in the table"));
            continue;
        };
        for used in rooms_used(&std::fs::read_to_string(&file).unwrap()) {
            if used != room && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", file.strip_prefix(&src).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that are not in the table:\n  {}", wrong.join("\n  "));
}

#[test]
fn only_load_knows_tungstenite_and_only_cli_and_live_print() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all = sources(&src);
    let tests = test_modules(&all);
    for file in all.iter().filter(|file| {
        !tests.iter().any(|test| file.starts_with(test) || *file == &test.with_extension("rs"))
    }) {
        let room = room(&src, file);
        let code = std::fs::read_to_string(file).unwrap();
        let product = product(&code);
        let shown = file.strip_prefix(&src).unwrap().display().to_string();
        if room != "load" {
            assert!(!product.contains("tungstenite::"), "{shown} uses tungstenite");
        }
        if !["cli", "live"].contains(&room.as_str()) {
            for printing in ["println!", "print!", "io::stdout()", "io::stderr()"] {
                // The record may be streamed to standard output: that is a file's place, not a print.
                let journal = shown.ends_with("journal.rs") && printing == "io::stdout()";
                assert!(!product.contains(printing) || journal, "{shown} prints by {printing}");
            }
        }
        if room != "aws" {
            assert!(!product.contains("aws_sdk_"), "{shown} uses an SDK");
        }
    }
}

#[test]
fn the_reader_of_imports_sees_groups_and_paths() {
    let code = "use crate::plan::{A, B};\nuse crate::{judge::{X, Y}, record};\n// use crate::sim;\nfn f() { crate::facts::g() }";
    let used: Vec<String> = rooms_used(code).into_iter().collect();
    assert_eq!(used, ["facts", "judge", "plan", "record"]);
}

#[test]
fn the_reader_of_products_leaves_out_what_only_tests_have_and_nothing_else() {
    let code = "\
mod a;
#[cfg(test)]
mod b;
use c;
#[cfg(test)]
use d::{
    e,
};
impl F {
    #[cfg(test)]
    #[allow(unused)]
    fn g(
        &self,
    ) -> bool {
        h();
    }
    fn i() {}
}
#[cfg(test)]
mod tests {
    fn j() {
    }
}
fn k() {}";
    assert_eq!(product(code), "mod a;\nuse c;\nimpl F {\n    fn i() {}\n}\nfn k() {}\n");
}
