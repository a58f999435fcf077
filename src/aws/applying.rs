//! A recommendation applied, and taken away again: one thing after the other, each told when it is done.

use std::time::Duration;

use super::error::AwsError;
use super::session::Aws;
use crate::publish::recommend::{Basis, Change, There, Thing};

/// AWS takes three PutMetricAlarm a second of an account (aws-facts.md §2): others in it may want some, too.
const BETWEEN_PUTS: Duration = Duration::from_millis(400);

impl Aws {
    /// What is there of a load balancer's alarms, and of a dashboard of that name.
    ///
    /// # Errors
    /// What the calls brought.
    pub async fn survey(&self, basis: &Basis, dashboard: &str) -> Result<There, AwsError> {
        let alarms = self.alarms_there(&basis.alarm_prefix()).await?;
        Ok(There { alarms, dashboard: self.dashboard_there(dashboard).await? })
    }

    /// Creates and updates what is to be; `done` hears of each, with what AWS found odd in it.
    ///
    /// # Errors
    /// What the first call brought that failed; what was told to `done` before stands.
    pub async fn apply(
        &self,
        wanted: &[(Thing, Change)],
        done: &mut dyn FnMut(&Thing, &[String]),
    ) -> Result<(), AwsError> {
        let changing = |change: &Change| matches!(change, Change::Create | Change::Update(_));
        for (place, (thing, _)) in wanted.iter().filter(|(_, change)| changing(change)).enumerate() {
            if place > 0 {
                tokio::time::sleep(BETWEEN_PUTS).await;
            }
            let odd = match thing {
                Thing::Alarm(alarm) => self.put_alarm(alarm).await.map(|()| Vec::new())?,
                Thing::Dashboard(dashboard) => self.put_dashboard(dashboard).await?,
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
