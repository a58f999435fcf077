//! Load balancer capacity units: of several dimensions the highest is charged (aws-facts.md §4).

/// New connections a second in one unit.
const NEW_CONNECTIONS_A_SECOND: f64 = 25.0;
/// Active connections in one unit.
const ACTIVE_CONNECTIONS: f64 = 3_000.0;
/// The same where clients show certificates.
const ACTIVE_CONNECTIONS_WITH_MUTUAL_TLS: f64 = 1_500.0;
/// Bytes an hour in one unit.
const BYTES_AN_HOUR: f64 = 1e9;

/// What a load balancer carries over some time. Only the clients' connections are charged for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Carried {
    /// Connections opened.
    pub opened: f64,
    /// Open connections times hours.
    pub connection_hours: f64,
    /// Bytes in both directions.
    pub bytes: f64,
    /// Whether clients show certificates.
    pub mutual_tls: bool,
}

/// What decides how many units are charged. Rule evaluations are none: the first ten a request are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Connections opened.
    NewConnections,
    /// Connections open.
    ActiveConnections,
    /// Bytes.
    Bytes,
}

impl std::fmt::Display for Dimension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Dimension::NewConnections => "new connections",
            Dimension::ActiveConnections => "active connections",
            Dimension::Bytes => "bytes",
        })
    }
}

impl Carried {
    /// Units times hours by each dimension.
    pub fn by_dimension(&self) -> [(Dimension, f64); 3] {
        let active = if self.mutual_tls { ACTIVE_CONNECTIONS_WITH_MUTUAL_TLS } else { ACTIVE_CONNECTIONS };
        [
            (Dimension::NewConnections, self.opened / NEW_CONNECTIONS_A_SECOND / 3_600.0),
            (Dimension::ActiveConnections, self.connection_hours / active),
            (Dimension::Bytes, self.bytes / BYTES_AN_HOUR),
        ]
    }

    /// Units times hours that are charged, and the dimension that decides; of equal ones the first.
    pub fn lcu_hours(&self) -> (f64, Dimension) {
        let [first, rest @ ..] = self.by_dimension();
        let (dimension, hours) =
            rest.into_iter().fold(first, |most, next| if next.1 > most.1 { next } else { most });
        (hours, dimension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_dimension_is_charged() {
        let quiet = Carried::default();
        for (carried, hours, dimension) in [
            (quiet, 0.0, Dimension::NewConnections),
            (Carried { opened: 90_000.0, ..quiet }, 1.0, Dimension::NewConnections),
            (Carried { connection_hours: 10_000.0, ..quiet }, 10.0 / 3.0, Dimension::ActiveConnections),
            (
                Carried { connection_hours: 3_000.0, mutual_tls: true, ..quiet },
                2.0,
                Dimension::ActiveConnections,
            ),
            (Carried { bytes: 4e9, connection_hours: 3_000.0, ..quiet }, 4.0, Dimension::Bytes),
        ] {
            let (charged, decides) = carried.lcu_hours();
            assert!((charged - hours).abs() < 1e-9, "{carried:?}: {charged}");
            assert_eq!(decides, dimension, "{carried:?}");
        }
    }
}
