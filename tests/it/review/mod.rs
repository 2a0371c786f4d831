//! `palisade review`: Terraform plans and CloudFormation templates judged over dumps of the accounts.

mod callers;
mod declared;
mod dumps;
mod every_type;
mod example;
mod forms;
mod growth;
mod hostile;
mod lab;
mod live;
mod live_policies;
mod nested_stacks;
mod one_policy;
mod places;
mod services;
mod stack_files;
mod stacks;
mod states;
mod types;
mod written;
