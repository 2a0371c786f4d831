//! The five-environment example on the real provider and an embedded AWS: cut off at any request,
//! with credentials that expire and a state bucket that goes away; and plan files nobody should trust.

mod apart;
mod every_kind;
mod faults;
mod judge;
pub(crate) mod lab;
mod planbytes;
mod planfile;
mod power;
mod sweep;
