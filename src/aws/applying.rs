//! A recommendation applied, and taken away again: one thing after the other, each told when it is done.

use std::time::Duration;

use super::error::AwsError;
use super::session::Aws;
use crate::publish::recommend::{Change, Owner, There, Thing};

/// AWS takes three PutMetricAlarm a second of an account (aws-facts.md §2): others in it may want some, too.
const BETWEEN_PUTS: Duration = Duration::from_millis(400);

impl Aws {
    /// What is there of a load balancer's alarms, and its dashboard.
    ///
    /// # Errors
    /// What the calls brought.
    pub async fn things_there(&self, owner: &Owner) -> Result<There, AwsError> {
        let alarms = self.alarms_there(&owner.alarm_prefix()).await?;
        Ok(There { alarms, dashboard: self.dashboard_there(&owner.dashboard_name()).await? })
    }

    /// Creates, updates and removes what is to be; `done` hears of each, with what AWS found odd in it.
    ///
    /// # Errors
    /// What the first call brought that failed; what was told to `done` before stands.
    pub async fn apply(
        &self,
        wanted: &[(Thing, Change)],
        done: &mut dyn FnMut(&Thing, &[String]),
    ) -> Result<(), AwsError> {
        for (place, (thing, _)) in wanted.iter().filter(|(_, change)| change.is_due()).enumerate() {
            if place > 0 {
                tokio::time::sleep(BETWEEN_PUTS).await;
            }
            let odd = match thing {
                Thing::Alarm(alarm) => self.put_alarm(alarm).await.map(|()| Vec::new())?,
                Thing::Dashboard(dashboard) => self.put_dashboard(dashboard).await?,
                Thing::Outdated(name) => {
                    self.delete_alarms(std::slice::from_ref(name)).await.map(|()| Vec::new())?
                }
            };
            done(thing, &odd);
        }
        Ok(())
    }

    /// Takes away alarms and, where one is named, a dashboard.
    ///
    /// # Errors
    /// What the first call brought that failed; the dashboard goes last.
    pub async fn take_away(&self, alarms: &[String], dashboard: Option<&str>) -> Result<(), AwsError> {
        self.delete_alarms(alarms).await?;
        match dashboard {
            Some(name) => self.delete_dashboard(name).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ciborium::{Value, cbor};

    use super::super::canned::{Answer, Canned, Request};
    use super::super::session::tests::hasty;
    use super::*;
    use crate::publish::recommend::{
        Alarm, Comparison, Dashboard, Metric, MetricDimension, MetricStat, MissingData, Query,
    };

    fn alarm(name: &str) -> Alarm {
        let dimension = MetricDimension { name: "LoadBalancer".into(), value: "app/prod/1".into() };
        let metric = Metric {
            namespace: "AWS/ApplicationELB".into(),
            metric_name: "ActiveConnectionCount".into(),
            dimensions: vec![dimension],
        };
        let query = |id: &str, stat, expression, return_data| Query {
            id: id.into(),
            metric_stat: stat,
            expression,
            label: id.to_uppercase(),
            return_data,
        };
        let stat = MetricStat { metric, period: Some(60), stat: "Sum".into() };
        Alarm {
            alarm_name: name.into(),
            alarm_description: "why".into(),
            alarm_actions: vec!["arn:aws:sns:us-east-1:123456789012:on-call".into()],
            insufficient_data_actions: Vec::new(),
            metrics: vec![
                query("m1", Some(stat), None, false),
                query("e1", None, Some("m1 / 2".into()), true),
            ],
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
            threshold: 800,
            comparison_operator: Comparison::AtLeast,
            treat_missing_data: MissingData::NotBreaching,
        }
    }

    fn dashboard() -> Dashboard {
        Dashboard { dashboard_name: "albcap-prod-websockets".into(), dashboard_body: serde_json::json!({}) }
    }

    fn answer(status: u16, value: &Value) -> Answer {
        let mut body = Vec::new();
        ciborium::into_writer(value, &mut body).unwrap();
        let headers = vec![
            ("content-type", "application/cbor".to_owned()),
            ("smithy-protocol", "rpc-v2-cbor".to_owned()),
        ];
        Answer::Http { status, headers, body }
    }

    fn error(code: &str) -> Answer {
        answer(400, &cbor!({ "__type" => code, "message" => "no" }).unwrap())
    }

    fn decoded(request: &Request) -> Value {
        ciborium::from_reader(request.body.as_slice()).unwrap()
    }

    fn member(value: &Value, name: &str) -> Option<Value> {
        let members = value.as_map()?.iter();
        members.filter(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value.clone()).next()
    }

    /// What AWS keeps of an alarm is what it was sent, and a few members more.
    fn kept(put: &Value) -> Value {
        let mut members = put.as_map().unwrap().clone();
        for (name, value) in [("ActionsEnabled", true.into()), ("OKActions", Value::Array(Vec::new()))] {
            members.push((Value::from(name), value));
        }
        Value::Map(members)
    }

    fn owner() -> Owner {
        Owner { load_balancer: "app/prod/1".into(), region: "us-east-1".into() }
    }

    #[tokio::test]
    async fn what_was_put_is_read_back_the_same_over_all_pages() {
        let putting = Canned::serve(|_| answer(200, &Value::Map(Vec::new()))).await;
        for name in ["albcap-prod-a", "albcap-prod-b"] {
            hasty(&putting.url).await.put_alarm(&alarm(name)).await.unwrap();
        }
        let put: Vec<Value> = putting.seen().iter().map(|request| kept(&decoded(request))).collect();
        let reading = Canned::serve(move |request| match request.operation.as_str() {
            "DescribeAlarms" if member(&decoded(request), "NextToken").is_none() => {
                let page = cbor!({ "MetricAlarms" => [put[0].clone()], "NextToken" => "more" }).unwrap();
                answer(200, &page)
            }
            "DescribeAlarms" => answer(200, &cbor!({ "MetricAlarms" => [put[1].clone()] }).unwrap()),
            _ => error("DashboardNotFoundError"),
        })
        .await;
        let there = hasty(&reading.url).await.things_there(&owner()).await.unwrap();
        let found: Vec<Option<Alarm>> = there.alarms.into_iter().map(|found| found.alarm).collect();
        assert_eq!(found, [Some(alarm("albcap-prod-a")), Some(alarm("albcap-prod-b"))]);
        assert_eq!(there.dashboard, None);
        let asked = decoded(&reading.seen()[0]);
        assert_eq!(member(&asked, "AlarmNamePrefix"), Some("albcap-prod-".into()));
    }

    #[tokio::test]
    async fn pages_that_do_not_end_are_given_up() {
        let page = cbor!({ "MetricAlarms" => [], "NextToken" => "more" }).unwrap();
        let server = Canned::serve(move |_| answer(200, &page)).await;
        let error = hasty(&server.url).await.things_there(&owner()).await.unwrap_err();
        assert!(matches!(error, AwsError::Unreadable { .. }), "{error}");
    }

    #[tokio::test]
    async fn each_is_told_when_it_is_done_until_one_fails() {
        let server = Canned::serve(|request| match (request.operation.as_str(), request.earlier) {
            ("PutDashboard", _) => {
                let odd = cbor!({ "DataPath" => "/widgets/0", "Message" => "Should be wider" }).unwrap();
                answer(200, &cbor!({ "DashboardValidationMessages" => [odd] }).unwrap())
            }
            (_, 0) => answer(200, &Value::Map(Vec::new())),
            _ => error("LimitExceeded"),
        })
        .await;
        let aws = hasty(&server.url).await;
        let mut told: Vec<(String, Vec<String>)> = Vec::new();
        let mut done = |thing: &Thing, odd: &[String]| told.push((thing.name().to_owned(), odd.to_vec()));
        let alarm = |name: &str, change| (Thing::Alarm(Box::new(alarm(name))), change);
        let wanted = [
            alarm("kept", Change::Keep),
            alarm("new", Change::Create),
            (Thing::Dashboard(dashboard()), Change::Update(vec!["body"])),
            alarm("not ours", Change::LeaveAlone),
            alarm("too many", Change::Create),
        ];
        let error = aws.apply(&wanted, &mut done).await.unwrap_err();
        assert!(error.to_string().contains("LimitExceeded"), "{error}");
        let odd = vec!["/widgets/0: Should be wider".to_owned()];
        assert_eq!(told, [("new".to_owned(), vec![]), ("albcap-prod-websockets".to_owned(), odd)]);
    }

    #[tokio::test]
    async fn what_is_gone_already_is_taken_away() {
        let server = Canned::serve(|request| match request.operation.as_str() {
            "DeleteAlarms" => error("ResourceNotFound"),
            _ => error("DashboardNotFoundError"),
        })
        .await;
        let aws = hasty(&server.url).await;
        aws.take_away(&["albcap-prod-a".to_owned()], Some("albcap-prod-websockets")).await.unwrap();
        let asked: Vec<String> = server.seen().iter().map(|request| request.operation.clone()).collect();
        assert_eq!(asked, ["DeleteAlarms", "DeleteDashboards"]);
        let denying = Canned::serve(|_| error("AccessDenied")).await;
        let error = hasty(&denying.url).await.take_away(&["a".to_owned()], None).await.unwrap_err();
        assert!(matches!(error, AwsError::AccessDenied { .. }), "{error}");
    }
}
