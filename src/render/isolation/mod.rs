//! The walls between environments: a plan's isolation section in every format, and the rows and paths
//! that other reports show too.
//!
//! [`view`] says what is shown, without markup; [`text`], [`markdown`] and [`html`] say how.

pub(super) mod html;
pub(super) mod markdown;
pub(super) mod text;
pub(super) mod view;
