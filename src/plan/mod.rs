//! Planning: configuration, state and live AWS become a [`model::Plan`].

pub mod model;
