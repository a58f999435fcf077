//! The arrows between the rooms: who may know whom. Each room's `use crate::` lines and paths are held against one
//! table, so that a new arrow is a decision, seen in review, and not an accident. What a room lends to others by a
//! `pub use` stays what it was: who takes it there uses both.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
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
    ("aws", &["plan", "facts", "record", "publish", "machine"]),
    (
        "conduct",
        &["plan", "facts", "record", "preflight", "load", "machine", "aws", "judge", "prices", "publish"],
    ),
    ("judge", &["plan", "facts", "record", "prices"]),
    ("report", &["judge", "record", "plan", "facts", "prices"]),
    ("publish", &["judge", "record", "plan", "facts", "prices", "report"]),
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

/// Every path behind `crate::` in code, as the words in it: the room, and all that its group names. A group of rooms is
/// several paths.
fn paths(code: &str) -> Vec<Vec<String>> {
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let behind = code.match_indices("crate::").map(|(at, name)| path(&code[at + name.len()..]));
    let paths =
        behind.flat_map(|path| match path.strip_prefix('{').and_then(|group| group.strip_suffix('}')) {
            None => vec![path],
            Some(group) => items(group),
        });
    let words = |path: &str| -> Vec<String> {
        let words = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    paths.map(words).filter(|words| !words.is_empty()).collect()
}

/// The path at the beginning of a text, with its group.
fn path(text: &str) -> &str {
    let mut depth = 0_i32;
    let end = text.find(|c: char| {
        depth += depth_of(c);
        depth < 0 || (depth == 0 && !c.is_ascii_alphanumeric() && !"_:}".contains(c))
    });
    &text[..end.unwrap_or(text.len())]
}

/// The items of a group.
fn items(group: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let between = |c: char| {
        depth += depth_of(c);
        depth == 0 && c == ','
    };
    group.split(between).collect()
}

fn depth_of(c: char) -> i32 {
    match c {
        '{' => 1,
        '}' => -1,
        _ => 0,
    }
}

/// What rooms let others use under their own name: (room, name) → whose it is.
fn lent(src: &Path, files: &[PathBuf]) -> BTreeMap<(String, String), String> {
    let mut lent = BTreeMap::new();
    for file in files {
        let code = std::fs::read_to_string(file).unwrap();
        for line in ["\npub use ", "\npub(crate) use "] {
            for (at, _) in code.match_indices(&format!("{line}crate::")) {
                let statement = code[at + line.len()..].split(';').next().unwrap();
                for path in paths(statement) {
                    let names = path[1..].iter();
                    lent.extend(names.map(|name| ((room(src, file), name.clone()), path[0].clone())));
                }
            }
        }
    }
    lent
}

/// Every room that code uses, also where another room lends what is its own.
fn rooms_used(code: &str, lent: &BTreeMap<(String, String), String>) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for path in paths(code) {
        for name in &path {
            let mut of = path[0].clone();
            while let Some(owner) = lent.get(&(of.clone(), name.clone())) {
                used.insert(std::mem::replace(&mut of, owner.clone()));
            }
            used.insert(of);
        }
    }
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
    let all = sources(&src);
    let lent = lent(&src, &all);
    for file in all {
        let room = room(&src, &file);
        if room == "lib" || room == "main" {
            continue;
        }
        let allowed = MAY_USE.iter().find(|(name, _)| *name == room);
        let Some((_, allowed)) = allowed else {
            wrong.push(format!("{room}: no such room in the table"));
            continue;
        };
        for used in rooms_used(&std::fs::read_to_string(&file).unwrap(), &lent) {
            if used != room && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", file.strip_prefix(&src).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that are not in the table:\n  {}", wrong.join("\n  "));
}

#[test]
fn only_load_knows_tungstenite_and_only_the_console_prints() {
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
        // A write anywhere else would wait for a terminal that takes nothing, and hold up the run.
        if shown != "cli/console.rs" {
            let asked = ["io::stdout().is_terminal()", "io::stderr().is_terminal()"];
            let product = asked.iter().fold(product.clone(), |product, asked| product.replace(asked, ""));
            for printing in ["println!", "print!", "io::stdout()", "io::stderr()"] {
                // The record may be streamed to standard output: that is a file's place, not a print.
                let journal = shown == "record/journal.rs" && printing == "io::stdout()";
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
    let code = "use crate::plan::{A, B::{C}};\nuse crate::{judge::{X, y::Y}, record};\n// use crate::sim;\nfn f() { crate::facts::g() }";
    let used = |lent: &[(&str, &str, &str)]| -> Vec<String> {
        let lent =
            lent.iter().map(|(room, name, owner)| ((room.to_string(), name.to_string()), owner.to_string()));
        rooms_used(code, &lent.collect()).into_iter().collect()
    };
    assert_eq!(used(&[]), ["facts", "judge", "plan", "record"]);
    assert_eq!(used(&[("judge", "Z", "a"), ("live", "X", "b"), ("plan", "a", "c")]), used(&[]));
    let through = [("judge", "Y", "report"), ("report", "Y", "prices"), ("plan", "C", "facts")];
    assert_eq!(used(&through), ["facts", "judge", "plan", "prices", "record", "report"]);
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
