//! CloudWatch: metrics, alarms and dashboards, the same behind `rpc-v2-cbor` and `awsJson1_0`.
//! `store` keeps samples (`distribution`, `metric_key`, `unit`), `window` and `statistic` say how they are read,
//! `metric_query` and `math` are shared by GetMetricData and alarms; then one file or folder an operation.
//! Alarms are kept but never evaluated. Not simulated, and refused: Metrics Insights, SEARCH, anomaly detection,
//! composite alarms, trimmed statistics (`tm`, `wm`, ...), entities.

mod alarms;
mod dashboards;
mod distribution;
mod get_metric_data;
mod limits;
mod list_metrics;
mod math;
mod metric_key;
mod metric_query;
mod put_metric_data;
mod statistic;
mod store;
mod unit;
mod window;

use alarms::Alarms;
use dashboards::Dashboards;
use store::MetricStore;

use super::operation::{Dialect, Operation, Service};

/// What CloudWatch keeps for the account.
#[derive(Debug, Default)]
pub(crate) struct CloudWatch {
    /// The samples of all metrics.
    pub(crate) metrics: MetricStore,
    /// Alarms by name.
    pub(crate) alarms: Alarms,
    /// Dashboards by name.
    pub(crate) dashboards: Dashboards,
}

/// The service and its operations.
pub(crate) const SERVICE: Service = Service {
    prefix: "cloudwatch",
    dialect: Dialect::Query,
    operations: &[
        Operation { name: "GetMetricData", run: get_metric_data::run },
        Operation { name: "PutMetricData", run: put_metric_data::run },
        Operation { name: "ListMetrics", run: list_metrics::run },
        Operation { name: "PutMetricAlarm", run: alarms::put },
        Operation { name: "DescribeAlarms", run: alarms::describe },
        Operation { name: "DeleteAlarms", run: alarms::delete },
        Operation { name: "PutDashboard", run: dashboards::put },
        Operation { name: "GetDashboard", run: dashboards::get },
        Operation { name: "ListDashboards", run: dashboards::list },
        Operation { name: "DeleteDashboards", run: dashboards::delete },
    ],
};
