//! A bearer token in a file, as every pod has one.
//!
//! The kubelet puts a new token in its place long before the old one expires. The file is small and in memory,
//! so it is read for every request: there is no moment at which an old token is used, and nothing to refresh.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Request, header};

use super::ConfigError;

/// Puts the token into requests.
#[derive(Clone, Debug)]
pub(super) struct TokenFile {
    path: PathBuf,
    /// What was read last. Some clusters take the file away after the start (kubernetes#68164).
    last: Arc<Mutex<HeaderValue>>,
}

impl TokenFile {
    /// Fails where there is no token to begin with.
    pub(super) fn open(path: PathBuf) -> Result<Self, ConfigError> {
        let last = read(&path).map_err(|source| ConfigError::Token { path: path.clone(), source })?;
        Ok(Self { path, last: Arc::new(Mutex::new(last)) })
    }

    /// The same request with the token as it is now.
    pub(super) fn authorize<B>(&self, mut request: Request<B>) -> Request<B> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(now) = read(&self.path) {
            *last = now;
        }
        request.headers_mut().insert(header::AUTHORIZATION, last.clone());
        request
    }
}

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It cannot be sent in a header.
    #[error("it holds something that is no token")]
    Invalid(#[from] header::InvalidHeaderValue),
}

fn read(path: &PathBuf) -> Result<HeaderValue, TokenError> {
    let text = std::fs::read_to_string(path)?;
    // client-go trims it too (transport/token_source.go): many a file ends with a newline.
    let token = text.trim();
    if token.is_empty() {
        return Err(TokenError::Empty);
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(token: &TokenFile) -> String {
        let request = token.authorize(Request::new(()));
        request.headers()[header::AUTHORIZATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_new_token_is_used_at_once_and_the_last_good_one_until_there_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "first\n").unwrap();
        let token = TokenFile::open(path.clone()).unwrap();
        assert_eq!(sent(&token), "Bearer first");
        std::fs::write(&path, "second").unwrap();
        assert_eq!(sent(&token), "Bearer second");
        std::fs::write(&path, "").unwrap();
        assert_eq!(sent(&token), "Bearer second");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(sent(&token), "Bearer second");
        std::fs::write(&path, "third").unwrap();
        assert_eq!(sent(&token), "Bearer third");
    }

    #[test]
    fn without_a_token_there_is_no_connection() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let said = |path: &PathBuf| TokenFile::open(path.clone()).unwrap_err().to_string();
        assert!(said(&path).contains("No such file"), "{}", said(&path));
        for (text, why) in [(" \n", "it is empty"), ("a\nb", "it holds something that is no token")] {
            std::fs::write(&path, text).unwrap();
            assert!(said(&path).ends_with(why), "{}", said(&path));
        }
    }
}
