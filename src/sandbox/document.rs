//! Answers.

use serde_json::Value;

use super::failure::Failure;

/// An answer that is complete.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) code: u16,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Document {
    pub(crate) fn json(code: u16, body: &Value) -> Self {
        let mut bytes = body.to_string().into_bytes();
        bytes.push(b'\n');
        Self { code, content_type: "application/json".to_owned(), headers: Vec::new(), body: bytes }
    }

    pub(crate) fn text(code: u16, text: &str) -> Self {
        let content_type = "text/plain; charset=utf-8".to_owned();
        Self { code, content_type, headers: Vec::new(), body: text.as_bytes().to_vec() }
    }

    pub(crate) fn failure(failure: &Failure) -> Self {
        let mut document = if failure.plain {
            Self::text(failure.code, &failure.message)
        } else {
            Self::json(failure.code, &failure.status())
        };
        if let Some(seconds) = failure.retry_after {
            document.headers.push(("Retry-After".to_owned(), seconds.to_string()));
        }
        document
    }
}
