//! HTTP: connections, requests and answers, with a limit on everything. Knows nothing of jobs.
//!
//! The vocabulary and the answers are tiny_http's ([`Method`](tiny_http::Method), [`Header`](tiny_http::Header),
//! [`StatusCode`](tiny_http::StatusCode)); listening, reading, limiting and writing are our own, on `httparse`.
