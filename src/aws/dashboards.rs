//! The dashboard made, read back and taken away.

use aws_sdk_cloudwatch::error::ProvideErrorMetadata;

use super::error::AwsError;
use super::foreign_text::foreign_text;
use super::sdk_error::Call;
use super::session::Aws;
use crate::publish::recommend::Dashboard;

const GET: Call = Call { service: "cloudwatch", operation: "GetDashboard" };
const PUT: Call = Call { service: "cloudwatch", operation: "PutDashboard" };
const DELETE: Call = Call { service: "cloudwatch", operation: "DeleteDashboards" };

impl Aws {
    /// The body of the dashboard of that name; `None` where there is none.
    pub(super) async fn dashboard_there(&self, name: &str) -> Result<Option<String>, AwsError> {
        let request = self.cloudwatch.get_dashboard().dashboard_name(name);
        match GET.timed(request.send()).await {
            Ok(found) => Ok(found.dashboard_body),
            Err(error) if is_absent(error.code()) => Ok(None),
            Err(error) => Err(GET.error(&self.cloudwatch_endpoint, &error)),
        }
    }

    /// Makes the dashboard, or replaces the one of its name; what AWS found odd in what it took all the same.
    pub(super) async fn put_dashboard(&self, dashboard: &Dashboard) -> Result<Vec<String>, AwsError> {
        let request = self
            .cloudwatch
            .put_dashboard()
            .dashboard_name(&dashboard.dashboard_name)
            .dashboard_body(dashboard.body_text());
        let put = PUT.timed(request.send()).await;
        let put = put.map_err(|error| PUT.error(&self.cloudwatch_endpoint, &error))?;
        let odd = put.dashboard_validation_messages();
        Ok(odd.iter().map(|odd| oddity(odd.data_path(), odd.message())).collect())
    }

    /// Takes the dashboard away. That it is not there any more is as good.
    pub(super) async fn delete_dashboard(&self, name: &str) -> Result<(), AwsError> {
        let request = self.cloudwatch.delete_dashboards().dashboard_names(name);
        match DELETE.timed(request.send()).await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(error.code()) => Ok(()),
            Err(error) => Err(DELETE.error(&self.cloudwatch_endpoint, &error)),
        }
    }
}

/// Whether that code says that there is no such dashboard: by the shape's name, or as the query protocol had it.
fn is_absent(code: Option<&str>) -> bool {
    matches!(code, Some("DashboardNotFoundError" | "ResourceNotFound"))
}

/// What AWS finds odd, as a line: where, and what.
fn oddity(path: Option<&str>, message: Option<&str>) -> String {
    foreign_text(&format!("{}: {}", path.unwrap_or("the body"), message.unwrap_or("no reason is told")))
}
