//! [`ask_and_close`]: two ends of which each closes its half once it has said all.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::message::Stream;

/// The caller says all that it has to say and closes its half, and only then is answered by the far
/// end. Every byte has to arrive. Says how many go each way.
pub async fn ask_and_close(caller: &mut impl Stream, far_end: &mut impl Stream) -> u64 {
    let said = "said ".repeat(100_000);
    let answer = async {
        let mut heard = String::new();
        far_end.read_to_string(&mut heard).await.expect("all of it");
        let answer = heard.to_uppercase();
        far_end.write_all(answer.as_bytes()).await.expect("written");
        far_end.shutdown().await.expect("closed");
    };
    let ask = async {
        caller.write_all(said.as_bytes()).await.expect("written");
        caller.shutdown().await.expect("half closed");
        let mut heard = String::new();
        caller.read_to_string(&mut heard).await.expect("all of it");
        heard
    };
    let ((), heard) = tokio::join!(answer, ask);
    assert_eq!(heard, said.to_uppercase());
    said.len() as u64
}
