//! Judging the client of a session that is resumed, with a revocation list in force.

use divan::Bencher;

use crate::ground::Ground;

/// As it is for all resumptions but the first after a reload.
#[divan::bench]
fn judge_a_client_that_is_known(bencher: Bencher<'_, '_>) {
    let ground = Ground::new();
    let (acceptor, client) = (ground.acceptor(), ground.client());
    bencher.bench_local(|| acceptor.admits(Some(&client)).expect("let in"));
}

/// As it is for the first one after a reload: its chain is proven from the certificates up.
#[divan::bench]
fn judge_a_client_anew(bencher: Bencher<'_, '_>) {
    let ground = Ground::new();
    let client = ground.client();
    bencher
        .with_inputs(|| ground.acceptor())
        .bench_local_refs(|acceptor| acceptor.admits(Some(&client)).expect("let in"));
}
