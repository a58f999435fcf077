//! Names that AWS gives to a load balancer and its parts. They reach shell scripts, CloudFormation and Terraform
//! (`publish/recommend`), and a record or an endpoint may claim anything: only what AWS itself allows is taken, so that no
//! output has to escape them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};
use thiserror::Error;

/// What a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsName {
    /// The name of a load balancer or a target group: up to 32 letters, digits and hyphens, no hyphen at either end
    /// (elbv2 API, `CreateLoadBalancer` and `CreateTargetGroup`).
    Elb,
    /// The `LoadBalancer` dimension of its metrics: `app/NAME/ID`.
    LoadBalancer,
    /// The `TargetGroup` dimension of its metrics: `targetgroup/NAME/ID`.
    TargetGroup,
    /// An availability zone: `us-east-1a`, `us-west-2-lax-1a`.
    Zone,
    /// A DNS name; empty where none is known.
    Dns,
}

/// A text that AWS does not give as such a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{text}' is not {kind}")]
pub struct AwsNameError {
    /// What it should have been.
    kind: &'static str,
    /// Its beginning, escaped.
    text: String,
}

impl AwsName {
    /// Takes a name that AWS may have given.
    ///
    /// # Errors
    /// [`AwsNameError`] for all others.
    pub fn check(self, text: &str) -> Result<(), AwsNameError> {
        if self.allows(text) { Ok(()) } else { Err(AwsNameError { kind: self.shown(), text: quoted(text) }) }
    }

    fn allows(self, text: &str) -> bool {
        match self {
            AwsName::Elb => is_elb_name(text),
            AwsName::LoadBalancer => is_dimension(text, "app"),
            AwsName::TargetGroup => is_dimension(text, "targetgroup"),
            AwsName::Zone => (1..=MOST_OF_A_ZONE).contains(&text.len()) && text.chars().all(in_elb_name),
            AwsName::Dns => {
                text.len() <= MOST_OF_A_DNS_NAME
                    && text.chars().all(|c| in_elb_name(c) || matches!(c, '.' | '_'))
            }
        }
    }

    fn shown(self) -> &'static str {
        match self {
            AwsName::Elb => "a name of a load balancer or a target group",
            AwsName::LoadBalancer => "a load balancer's dimension (app/NAME/ID)",
            AwsName::TargetGroup => "a target group's dimension (targetgroup/NAME/ID)",
            AwsName::Zone => "an availability zone",
            AwsName::Dns => "a DNS name",
        }
    }
}

/// Longest name of a load balancer or a target group.
const MOST_OF_A_NAME: usize = 32;
/// Longer than any zone's name; AWS documents no limit.
const MOST_OF_A_ZONE: usize = 64;
/// RFC 1035 §2.3.4, with the trailing dot.
const MOST_OF_A_DNS_NAME: usize = 254;

fn in_elb_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

/// Whether elbv2 allows a load balancer or a target group of that name.
pub(super) fn is_elb_name(text: &str) -> bool {
    let length = (1..=MOST_OF_A_NAME).contains(&text.len());
    length && text.chars().all(in_elb_name) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether a text is an id that elbv2 puts behind a name: 16 hexadecimal digits at AWS, letters and digits at emulators.
pub(super) fn is_elb_id(text: &str) -> bool {
    (1..=MOST_OF_A_NAME).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_dimension(text: &str, kind: &str) -> bool {
    let parts: Vec<&str> = text.splitn(4, '/').collect();
    matches!(parts[..], [found, name, id] if found == kind && is_elb_name(name) && is_elb_id(id))
}

/// The beginning of a text that was refused, fit for a line of a message.
pub(super) fn quoted(text: &str) -> String {
    const MOST_CHARS: usize = 100;
    let mut shown: String = text.chars().take(MOST_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// The names in a field of a record.
pub(crate) trait Names {
    /// All of them.
    fn names(&self) -> impl Iterator<Item = &str>;
}

impl Names for String {
    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.as_str())
    }
}

impl<T: Names> Names for Option<T> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().flat_map(Names::names)
    }
}

impl Names for Vec<String> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(String::as_str)
    }
}

impl<V> Names for BTreeMap<String, V> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.keys().map(String::as_str)
    }
}

fn read<'de, D: Deserializer<'de>, T: Deserialize<'de> + Names>(
    kind: AwsName,
    from: D,
) -> Result<T, D::Error> {
    let read = T::deserialize(from)?;
    read.names().try_for_each(|name| kind.check(name)).map_err(de::Error::custom)?;
    Ok(read)
}

/// For serde's `deserialize_with`: names of load balancers or target groups.
pub(crate) fn elb<'de, D: Deserializer<'de>, T: Deserialize<'de> + Names>(from: D) -> Result<T, D::Error> {
    read(AwsName::Elb, from)
}

/// For serde's `deserialize_with`: dimensions of load balancers.
pub(crate) fn load_balancer<'de, D: Deserializer<'de>, T: Deserialize<'de> + Names>(
    from: D,
) -> Result<T, D::Error> {
    read(AwsName::LoadBalancer, from)
}

/// For serde's `deserialize_with`: dimensions of target groups.
pub(crate) fn target_group<'de, D: Deserializer<'de>, T: Deserialize<'de> + Names>(
    from: D,
) -> Result<T, D::Error> {
    read(AwsName::TargetGroup, from)
}

/// For serde's `deserialize_with`: availability zones.
pub(crate) fn zone<'de, D: Deserializer<'de>, T: Deserialize<'de> + Names>(from: D) -> Result<T, D::Error> {
    read(AwsName::Zone, from)
}

/// For serde's `deserialize_with`: DNS names.
pub(crate) fn dns<'de, D: Deserializer<'de>, T: Deserialize<'de> + Names>(from: D) -> Result<T, D::Error> {
    read(AwsName::Dns, from)
}

/// What acts on a terminal, a shell or a template.
#[cfg(test)]
pub(crate) const HOSTILE: [&str; 9] = [
    "a\u{1b}[31m",
    "a\nb",
    "$(id)",
    "`id`",
    "{{resolve:ssm:a}}",
    "a\u{9b}31m",
    "a\u{202e}b",
    "${AWS::AccountId}",
    "a'b",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_awss() {
        for (kind, good) in [
            (AwsName::Elb, "k8s-prod-ws-0a1b2c3d4e"),
            (AwsName::LoadBalancer, "app/prod-ws/50dc6c495c0c9188"),
            (AwsName::TargetGroup, "targetgroup/ws/73e2d6bc24d8a067"),
            (AwsName::Zone, "us-west-2-lax-1a"),
            (AwsName::Dns, "internal-prod-1.eu-west-1.elb.amazonaws.com."),
            (AwsName::Dns, ""),
        ] {
            assert_eq!(kind.check(good), Ok(()), "{kind:?} {good}");
        }
        for (kind, bad) in [
            (AwsName::Elb, ""),
            (AwsName::Elb, "-a"),
            (AwsName::Elb, "a-"),
            (AwsName::Elb, "my_alb"),
            (AwsName::Elb, "a23456789012345678901234567890123"),
            (AwsName::LoadBalancer, "app/prod/x-z"),
            (AwsName::LoadBalancer, "app/prod/50dc/6c49"),
            (AwsName::LoadBalancer, "net/prod/50dc6c49"),
            (AwsName::TargetGroup, "targetgroup/ws"),
            (AwsName::Zone, ""),
        ] {
            assert!(kind.check(bad).is_err(), "{kind:?} {bad}");
        }
        for kind in [AwsName::Elb, AwsName::Zone, AwsName::Dns] {
            for bad in HOSTILE {
                let said = kind.check(bad).expect_err(bad).to_string();
                assert!(!said.chars().any(|c| c.is_control() || c == '\u{202e}'), "{said:?}");
            }
        }
    }

    #[test]
    fn a_refused_name_is_quoted_in_part() {
        let said = AwsName::Zone.check(&"ä".repeat(200_000)).expect_err("too long").to_string();
        assert!(said.len() < 300 && said.contains('…'), "{said}");
    }
}
