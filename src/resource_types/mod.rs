//! AWS's resource types, as CloudFormation's registry describes them and Cloud Control serves them.
//!
//! The descriptions lie compressed in the program (`data/`, with their origin and the script that refreshes them). An index
//! tells names and handlers; the schemas of a service are unpacked when one of its types is used first, so that a plan
//! without such types pays nothing.
//!
//! A property is said to be at a *path*: its name, below it names and `*` for the elements of a list. Read-only properties are
//! AWS's to set, create-only ones can change only by replacing the object, write-only ones are never read back
//! (CloudFormation CLI User Guide, "Resource type schema").

mod access;
mod bundle;
mod check;
mod placement;
mod property_path;
mod resource_type;
mod shape;

pub use access::{TypeBearing, bearing, of_awscc};
pub use bundle::{TypeEntry, date, entries, find};
pub use check::{SchemaViolation, Segment, check};
pub use placement::{TypePlacement, placement};
pub use property_path::{PropertyPath, PropertyStep};
pub use resource_type::{Handler, Handlers, Replacement, Retirement, Tagging, TypeSchema};
pub use shape::{PropertyShape, PropertyType};
