//! The guards that users count on: protection, ownership, and flags that mean what they say.

mod before_apply;
mod evidence;
mod flags;
mod output;
mod ownership;
mod protected;
