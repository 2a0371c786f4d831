//! Releases on their way through five environments, judged by what SSM holds.

mod approve;
mod audit;
mod cut;
mod figures;
mod flow;
mod forged;
mod refused;
mod rotated;
mod stage;
