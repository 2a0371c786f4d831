//! The embedded AWS emulation: one set of services per account, in process.
