//! Whose everything is: the load balancer after which alarms and dashboard are named. A record without any limit knows
//! it, too.

use super::NothingToRecommend;
use crate::judge::Judged;

/// The load balancer that all is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The value of its metrics' `LoadBalancer` dimension, `app/NAME/ID`.
    pub load_balancer: String,
    /// Where it is, and where its alarms must be.
    pub region: String,
}

impl Owner {
    /// The load balancer of a judged run.
    ///
    /// # Errors
    /// [`NothingToRecommend::NoLoadBalancer`], where nobody found it.
    pub fn of(judged: &Judged<'_>) -> Result<Owner, NothingToRecommend> {
        let facts = judged.run.load_balancer();
        let arn = &facts.ok_or(NothingToRecommend::NoLoadBalancer)?.arn;
        Ok(Owner { load_balancer: arn.dimension().to_owned(), region: arn.region().to_owned() })
    }

    /// The load balancer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.load_balancer.split('/').nth(1).unwrap_or_default()
    }

    /// The name of something that is made for this load balancer, of no other letters than every name may hold.
    pub(super) fn name_of(&self, what: &str) -> String {
        let kept = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        // Load balancers and target groups have names of up to 32 letters; a record may claim any.
        format!("albcap-{:.32}-{what:.80}", self.name()).chars().map(kept).collect()
    }

    /// The name of its dashboard. Dashboards of all regions of an account share their names.
    #[must_use]
    pub fn dashboard_name(&self) -> String {
        self.name_of(&format!("websockets-{}", self.region))
    }

    /// What the names of all of this load balancer's alarms begin with; those of another may, too.
    #[must_use]
    pub fn alarm_prefix(&self) -> String {
        self.name_of("")
    }
}
