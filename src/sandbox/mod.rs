//! An in-process Kubernetes API for rehearsal, demonstrations and tests.
