//! References to `data` blocks: `data.TYPE.NAME`.

use super::{ModuleScope, incomplete};
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::evaluator::node::Node;
use crate::eval::expr::scope::{RefPath, Resolved, suggest};
use crate::schema::blocks::DATA;

impl ModuleScope<'_, '_> {
    pub(super) fn data_reference(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        let (Some(ty), Some(label)) = (path.attr(0), path.attr(1)) else {
            return Err(incomplete(
                path,
                DATA,
                "a type and a name",
                "data.caller_identity.current.account_id",
            ));
        };
        let declared = &self.module.module.data;
        let Some(decl) = declared.get(&(ty.to_owned(), label.to_owned())) else {
            let known: Vec<String> =
                declared.keys().map(|(ty, label)| format!("{DATA}.{ty}.{label}")).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let name = format!("{DATA}.{ty}.{label}");
            return Err(Diagnostic::error(format!("there is no `{name}`"))
                .at(path.step_loc(0))
                .help(if known.is_empty() {
                    format!("this module has no `{DATA}` blocks")
                } else {
                    suggest(&name, &known)
                })
                .into());
        };
        let loc = path.loc_to(2);
        let value = self.evaluator.data(&self.module, ty, label, decl, Some(&loc))?;
        let node = Node::Data(self.module.ix, ty.to_owned(), label.to_owned());
        self.named(node, value, path, 2)
    }
}
