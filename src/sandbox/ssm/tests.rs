//! Tests of Parameter Store through the SDK.
