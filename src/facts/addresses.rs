//! The addresses of the target, and those of them to which there is a way.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The addresses that decide whether the target is the load balancer, of several look-ups together; ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Addresses {
    /// Where connections go.
    pub target: Vec<IpAddr>,
    /// Behind the load balancer's own name; empty where it was not looked up, or has none.
    pub load_balancer: Vec<IpAddr>,
}

/// How many addresses the target has, of each family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetAddresses {
    /// Of IPv4.
    pub ipv4: u32,
    /// Of IPv6.
    pub ipv6: u32,
}

impl TargetAddresses {
    /// Those of the families in which there is a way to them.
    pub fn within(self, families: Families) -> TargetAddresses {
        let counted = |count, has_way| if has_way { count } else { 0 };
        TargetAddresses { ipv4: counted(self.ipv4, families.ipv4), ipv6: counted(self.ipv6, families.ipv6) }
    }
}

/// Families of addresses; a name is resolved to both, whether or not a machine has both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Families {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

impl Families {
    /// Both.
    pub const BOTH: Families = Families { ipv4: true, ipv6: true };

    /// Whether an address is of one of them.
    pub fn have(self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.ipv4 } else { self.ipv6 }
    }
}
