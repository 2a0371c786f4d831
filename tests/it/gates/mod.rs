//! Gates against an estate in the embedded AWS: each is opened and closed by what really changes
//! there, never by what the test answers for it.

mod approval;
mod cloudwatch;
mod commands;
mod drift;
mod outside;
mod stage;
mod time;
