use crate::tests;
tests! { Sandbox: nothing }
async fn nothing(_: crate::harness::Lab) {}
