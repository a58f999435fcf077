//! The log group and the log stream that a run's events go to.

use super::error::AwsError;
use super::sdk_error::Call;
use super::session::Aws;

const CREATE_LOG_GROUP: Call = Call { service: "logs", operation: "CreateLogGroup" };
const PUT_RETENTION_POLICY: Call = Call { service: "logs", operation: "PutRetentionPolicy" };
const CREATE_LOG_STREAM: Call = Call { service: "logs", operation: "CreateLogStream" };

/// Whether a log group, or a log stream's group, was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// It is there, and so is the stream.
    Ready,
    /// It is not.
    Missing,
}

impl Aws {
    /// Makes a log stream, if it is not there already.
    ///
    /// # Errors
    /// What the call brought, but for a missing group.
    pub async fn create_log_stream(&self, group: &str, stream: &str) -> Result<Group, AwsError> {
        let request = self.logs.create_log_stream().log_group_name(group).log_stream_name(stream);
        let answer = CREATE_LOG_STREAM.timed(request.send()).await;
        match answer.map_err(|error| CREATE_LOG_STREAM.error(&self.logs_endpoint, &error)) {
            Ok(_) => Ok(Group::Ready),
            Err(error) if error.has_code("ResourceAlreadyExistsException") => Ok(Group::Ready),
            Err(error) if error.has_code("ResourceNotFoundException") => Ok(Group::Missing),
            Err(error) => Err(error),
        }
    }

    /// Makes a log group. Somebody else may have done so meanwhile.
    ///
    /// # Errors
    /// What the call brought.
    pub async fn create_log_group(&self, group: &str) -> Result<(), AwsError> {
        let request = self.logs.create_log_group().log_group_name(group);
        let answer = CREATE_LOG_GROUP.timed(request.send()).await;
        match answer.map_err(|error| CREATE_LOG_GROUP.error(&self.logs_endpoint, &error)) {
            Err(error) if !error.has_code("ResourceAlreadyExistsException") => Err(error),
            _ => Ok(()),
        }
    }

    /// How long a group keeps its events, days; one of those that AWS takes (aws-facts.md §7).
    ///
    /// # Errors
    /// What the call brought.
    pub async fn set_retention(&self, group: &str, days: i32) -> Result<(), AwsError> {
        let request = self.logs.put_retention_policy().log_group_name(group).retention_in_days(days);
        let answer = PUT_RETENTION_POLICY.timed(request.send()).await;
        answer.map(drop).map_err(|error| PUT_RETENTION_POLICY.error(&self.logs_endpoint, &error))
    }

    /// A group that was made a moment ago, and is not there yet.
    pub fn group_is_late(&self, group: &str) -> AwsError {
        AwsError::Service {
            action: CREATE_LOG_STREAM.to_string(),
            code: "OperationAbortedException".to_owned(),
            message: format!("the log group {group} was made and is not there yet"),
        }
    }
}
