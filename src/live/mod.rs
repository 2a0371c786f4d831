//! What is read of AWS for a plan, and what reading has to know: how accounts are reached and as whom, which part of
//! the estate a run is about, under which address state has an object, and which existing objects a block adopts.
//!
//! The engine reads by it, and plans are made of it. Nothing here waits or decides what happens to an object: that is
//! `plan`'s.

pub(crate) mod adoption;
pub(crate) mod moves;
mod principals;
mod reading;
pub(crate) mod selection;
mod targets;

pub use adoption::Adoptions;
pub(crate) use adoption::adoptions;
pub(crate) use principals::principals;
pub use principals::{AccountPrincipals, PlanPrincipals};
pub(crate) use reading::LiveLookup;
pub use reading::{Index, Live, Reading};
pub use selection::Selection;
pub use targets::Targets;
