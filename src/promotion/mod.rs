//! Promotion: releases move along declared edges, through gates.
//!
//! [`gate`] judges whether a release may pass now, and keeps what it saw as evidence.

pub mod gate;
