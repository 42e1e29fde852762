//! [`Reply`]: what a simulated server does with a request.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};

/// What a simulated server does with a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// Answers it.
    Whole(Response<Bytes>),
    /// Answers with the head and half of the body, then closes the connection.
    Half(Response<Bytes>),
    /// Closes the connection without an answer.
    Nothing,
}

impl Reply {
    /// A SOAP answer.
    pub(super) fn soap(status: u16, body: String) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(body));
        // Only constants of this room come in here, all of them statuses.
        if let Ok(status) = hyper::StatusCode::from_u16(status) {
            *response.status_mut() = status;
        }
        response.headers_mut().insert(
            hyper::header::CONTENT_TYPE,
            hyper::header::HeaderValue::from_static("text/xml; charset=utf-8"),
        );
        response
    }

    /// As hyper takes it.
    pub(super) fn into_response(self) -> Result<Response<ReplyBody>, NoReply> {
        match self {
            Self::Whole(response) => Ok(response.map(|bytes| ReplyBody {
                length: bytes.len(),
                rest: Some(bytes),
                end: End::Complete,
            })),
            Self::Half(response) => Ok(response.map(|bytes| ReplyBody {
                length: bytes.len(),
                rest: Some(bytes.slice(..bytes.len() / 2)),
                end: End::BreaksOff,
            })),
            Self::Nothing => Err(NoReply),
        }
    }
}

/// No answer on purpose: hyper closes the connection on it.
#[derive(Debug, thiserror::Error)]
#[error("no answer, on purpose")]
pub(super) struct NoReply;

/// A body that may break off.
#[derive(Debug)]
pub(super) struct ReplyBody {
    length: usize,
    rest: Option<Bytes>,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    BreaksOff,
    /// The half has been handed over and is on its way.
    BreaksOffNow,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = NoReply;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NoReply>>> {
        if let Some(bytes) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.end {
            End::Complete => Poll::Ready(None),
            End::BreaksOff => {
                // hyper sends what it has when a body is not ready, and drops it when one fails.
                self.end = End::BreaksOffNow;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End::BreaksOffNow => Poll::Ready(Some(Err(NoReply))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.length == 0 && self.end == End::Complete
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn half_an_answer_promises_the_whole_and_then_breaks_off() {
        let half = Reply::Half(Reply::soap(200, "answer".to_owned()));
        let mut body = half.into_response().expect("an answer").into_body();
        assert_eq!(body.size_hint().exact(), Some(6));
        let frame = body.frame().await.expect("a frame").expect("data");
        assert_eq!(frame.into_data().expect("data"), "ans");
        let error = body
            .frame()
            .await
            .expect("an end")
            .expect_err("it breaks off");
        assert_eq!(error.to_string(), "no answer, on purpose");
    }

    #[test]
    fn no_answer_is_an_error_to_hyper() {
        Reply::Nothing.into_response().expect_err("no answer");
    }
}
