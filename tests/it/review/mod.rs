//! `palisade review`: Terraform plans judged over dumps of the accounts.

mod dumps;
mod lab;
mod types;
