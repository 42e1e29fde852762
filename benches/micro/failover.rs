//! Which side a request goes to, and what its answer tells.

use std::sync::Arc;

use crmgate::model::{Clock, Side};
use crmgate::requests::Sides;
use crmgate::requests::failover::Watch;
use divan::Bencher;

use crate::ground::Ground;

#[divan::bench]
fn choose_a_side_and_hear_its_answer(bencher: Bencher<'_, '_>) {
    let ground = Ground::new();
    let system = ground.settings.systems.first().expect("a system");
    let requests = system.requests.as_ref().expect("requests");
    let sides = Sides::new(
        system.name.clone(),
        (&requests.failover, true, Watch::Probes),
        Clock::system(),
        Arc::default(),
        Box::new(|_| {}),
    );
    sides.answered(Side::A, sides.elapsed());
    bencher.bench_local(|| {
        let (side, other) = divan::black_box(&sides).candidates();
        sides.answered(side, sides.elapsed());
        other
    });
}
