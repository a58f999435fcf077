//! What an alarm tells when it goes off, by its ARN.

use std::str::FromStr;

use thiserror::Error;

/// The services of which an alarm takes an action: a topic, a function, a scaling policy, an incident or ops item, an
/// instance.
const SERVICES: [&str; 8] =
    ["sns", "lambda", "autoscaling", "ssm", "ssm-incidents", "automate", "swf", "aiops"];

/// The most characters of an ARN that PutMetricAlarm takes.
const MOST: usize = 1_024;

/// The ARN of an alarm's action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmAction(String);

/// Why it can't be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AlarmActionError {
    /// No ARN at all.
    #[error("{0:?} is not an ARN; an alarm's action looks like arn:aws:sns:REGION:ACCOUNT:TOPIC")]
    NotAnArn(String),
    /// An ARN of something that alarms can't tell.
    #[error("an alarm can't tell {0:?}: its actions are of {list}", list = SERVICES.join(", "))]
    OtherService(String),
}

impl FromStr for AlarmAction {
    type Err = AlarmActionError;

    fn from_str(text: &str) -> Result<AlarmAction, AlarmActionError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let readable = text.len() <= MOST && text.bytes().all(|byte| byte.is_ascii_graphic());
        match parts[..] {
            ["arn", partition, service, region, _, resource]
                if readable
                    && partition.starts_with("aws")
                    && (!region.is_empty() || service == "ssm-incidents")
                    && !resource.is_empty() =>
            {
                match SERVICES.contains(&service) {
                    true => Ok(AlarmAction(text.to_owned())),
                    false => Err(AlarmActionError::OtherService(text.to_owned())),
                }
            }
            _ => Err(AlarmActionError::NotAnArn(text.to_owned())),
        }
    }
}

impl AlarmAction {
    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it may be told that there is no data; an investigation only begins when an alarm goes off.
    #[must_use]
    pub fn takes_silence(&self) -> bool {
        self.0.split(':').nth(2) != Some("aiops")
    }

    /// Its region, which must be the alarm's; empty for what is of all regions, as response plans are.
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_alarms_can_tell() {
        for (arn, region) in [
            ("arn:aws:sns:eu-west-1:123456789012:on-call", "eu-west-1"),
            ("arn:aws-cn:sns:cn-north-1:123456789012:on-call.fifo", "cn-north-1"),
            ("arn:aws:ssm-incidents::123456789012:response-plan/on-call", ""),
            ("arn:aws:automate:us-east-1:ec2:reboot", "us-east-1"),
            ("arn:aws:lambda:us-east-1:123456789012:function:f", "us-east-1"),
        ] {
            assert_eq!(
                arn.parse::<AlarmAction>().map(|action| action.region().to_owned()),
                Ok(region.into())
            );
        }
    }

    #[test]
    fn what_they_can_not() {
        let long = format!("arn:aws:sns:eu-west-1:123456789012:{}", "t".repeat(1_000));
        for bad in ["", "on-call", "arn:aws:sns:eu-west-1:1", "arn:aws:sns::1:t", "arn:x:sns:r:1:t", &long] {
            assert!(matches!(bad.parse::<AlarmAction>(), Err(AlarmActionError::NotAnArn(_))), "{bad}");
        }
        for bad in ["arn:aws:sns:eu-west-1:1:a b", "arn:aws:sns:eu-west-1:1:a\n", "arn:aws:sns:r:1:t'\u{e9}"]
        {
            assert!(matches!(bad.parse::<AlarmAction>(), Err(AlarmActionError::NotAnArn(_))), "{bad}");
        }
        let bucket = "arn:aws:s3:eu-west-1:1:bucket".parse::<AlarmAction>().unwrap_err();
        assert!(matches!(bucket, AlarmActionError::OtherService(_)), "{bucket}");
    }
}
