//! The forms of awsQuery: `Names.member.1=a&PageSize=2` becomes a tree whose leaves are texts.

use std::collections::BTreeMap;

use url::form_urlencoded;

use crate::sim::aws::value::Value;

/// How deep a name may nest; the deepest that the model knows is four.
const MAX_DEPTH: usize = 16;

#[derive(Debug, Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

/// Reads a form. Of a repeated name the last wins.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut root = Node::default();
    for (name, text) in form_urlencoded::parse(bytes) {
        let mut node = &mut root;
        for (depth, part) in name.split('.').enumerate() {
            if depth == MAX_DEPTH {
                return Err(format!("A name nests deeper than {MAX_DEPTH}"));
            }
            node = node.children.entry(part.to_owned()).or_default();
        }
        node.text = Some(text.into_owned());
    }
    Ok(value(root))
}

fn value(node: Node) -> Value {
    let Node { text, mut children } = node;
    if children.is_empty() {
        return text.map_or(Value::Map(Vec::new()), Value::Text);
    }
    if children.len() == 1
        && let Some(members) = children.remove("member")
    {
        return list(members);
    }
    Value::Map(children.into_iter().map(|(name, child)| (name, value(child))).collect())
}

/// A list's members are numbered from 1; gaps close up, as on AWS.
fn list(members: Node) -> Value {
    let mut numbered: Vec<(u32, Node)> = members
        .children
        .into_iter()
        .filter_map(|(number, node)| Some((number.parse().ok()?, node)))
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    Value::List(numbered.into_iter().map(|(_, node)| value(node)).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sim::aws::value::Structure;

    #[test]
    fn lists_and_structures_are_told_apart() {
        let form = b"Action=X&Names.member.2=b&Names.member.1=a%2Fc&Names.member.10=j\
                     &Targets.member.1.Id=i-1&Targets.member.1.Port=80&Note=a+b";
        assert_eq!(
            decode(form).unwrap(),
            Value::from(
                Structure::new()
                    .with("Action", "X")
                    .with("Names", vec!["a/c", "b", "j"])
                    .with("Note", "a b")
                    .with("Targets", vec![Structure::new().with("Id", "i-1").with("Port", "80")])
            )
        );
    }

    #[test]
    fn a_name_can_not_nest_without_end() {
        let form = format!("{}=1", vec!["a"; 10_000].join("."));
        assert!(decode(form.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
