//! Applying plans: order, guards, retries, races, and a crash at every request.

mod crash;
mod estate;
mod fake;
mod moves;
mod races;
mod store;
mod walk;
