//! boto3 as a client of the simulated AWS endpoint, for every operation, and its CBOR byte by byte.

use crate::harness::{Simulator, finish};
use crate::python;

#[test]
fn boto3_and_cbor2_find_aws_in_the_simulator() {
    let simulator = Simulator::start(&[]);
    let done = finish(python::script("boto3_check.py").arg(simulator.endpoint()));
    assert_eq!(done.code, 0, "{}", done.all());
    let checks: u32 = done.stdout.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!(checks > 200, "{}", done.stdout);
}
