//! All integration tests, in one binary.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, in its helpers too"
)]

mod advice;
mod answers;
mod apply;
mod aws_config;
mod bad_configs;
mod bounded;
mod changes;
mod circles;
mod cli;
mod corpus;
mod docs;
mod emulators;
mod engine;
mod examples;
mod fault_injection;
mod footholds;
mod gates;
mod guards;
mod interrupt;
mod kept;
mod key_grants;
mod kinds_docs;
mod kinds_live;
mod kinds_named;
mod kinds_pure;
mod kinds_tags;
mod kinds_taken;
mod language;
mod layers;
mod layers_json;
mod lifecycle;
mod log;
mod lookups;
mod mutants;
mod network;
mod outside;
mod partitions;
mod permissions;
mod pictures;
mod pipe;
mod promotion;
mod questions;
mod reads;
mod recovery;
mod refused_late;
mod remote_modules;
mod requests;
mod resource_walls;
mod resources;
mod review;
mod rounds;
mod scale;
mod screen;
mod secrets;
mod severed;
mod soundness;
mod state;
mod style;
mod support;
mod takeover;
mod templates;
mod true_to_aws;
mod unread;
mod wall_cases;
mod walls;
mod ways_in;
mod words;
