//! A load balancer's DNS name, in whatever clothes.

/// Whether two names are the same DNS name of a load balancer: case, a trailing dot and the `dualstack.` that the AWS
/// console puts before it make no difference.
pub fn same_dns_name(one: &str, other: &str) -> bool {
    fn bare(name: &str) -> String {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name.strip_prefix("dualstack.").map(str::to_owned).unwrap_or(name)
    }
    let one = bare(one);
    !one.is_empty() && one == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_in_other_clothes() {
        let name = "prod-123.eu-west-1.elb.amazonaws.com";
        for other in [
            "PROD-123.EU-west-1.elb.amazonaws.com",
            "prod-123.eu-west-1.elb.amazonaws.com.",
            "dualstack.prod-123.eu-west-1.elb.amazonaws.com",
            "Dualstack.Prod-123.eu-west-1.elb.amazonaws.com.",
        ] {
            assert!(same_dns_name(name, other), "{other}");
            assert!(same_dns_name(other, name), "{other}");
        }
        for other in
            ["", ".", "prod-12.eu-west-1.elb.amazonaws.com", "prod-123.eu-west-1.elb.amazonaws.com.evil"]
        {
            assert!(!same_dns_name(name, other), "{other}");
        }
        assert!(!same_dns_name("", ""));
    }
}
