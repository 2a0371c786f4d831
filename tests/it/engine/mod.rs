//! The engine alone, driven through its requests by a host that is no terminal, and judged by what the
//! sandbox's endpoint holds.

mod apply;
mod edit_state;
mod promotion;
mod trouble;
