//! References to `data` blocks: `data.TYPE.NAME`.

use super::{ModuleScope, incomplete};
use crate::config::DataDecl;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::evaluator::lock;
use crate::eval::evaluator::node::Node;
use crate::eval::expr::scope::{RefPath, Resolved};
use crate::schema::blocks::DATA;

impl ModuleScope<'_, '_> {
    /// The attribute that a reference names, where it could not be read, and why.
    fn unread_attribute<'p>(
        &self,
        path: &'p RefPath<'_>,
        ty: &str,
        label: &str,
        decl: &DataDecl,
    ) -> Option<(&'p str, String)> {
        let is_repeated = decl.for_each.is_some() || decl.count.is_some();
        let attr = path.attr(if is_repeated { 3 } else { 2 })?;
        let unread = lock(&self.evaluator.unread_attributes);
        let key = (self.module.ix, ty.to_owned(), label.to_owned());
        Some((attr, unread.get(&key)?.get(attr)?.clone()))
    }

    pub(super) fn data_reference(&self, path: &RefPath<'_>) -> Result<Resolved, Diagnostics> {
        let (Some(ty), Some(label)) = (path.attr(0), path.attr(1)) else {
            return Err(incomplete(
                path,
                DATA,
                "a type and a name",
                "data.caller_identity.current.account_id",
            ));
        };
        let declared = self.module.module;
        let Some(decl) = declared.data.get(&(ty.to_owned(), label.to_owned())) else {
            return Err(declared.has_no_data(ty, label).at(path.step_loc(0)).certain().into());
        };
        let loc = path.loc_to(2);
        let value = self.evaluator.data(&self.module, ty, label, decl, Some(&loc))?;
        if let Some((attr, why)) = self.unread_attribute(path, ty, label, decl) {
            return Err(Diagnostic::error(format!(
                "`{attr}` of `{DATA}.{ty}.{label}` could not be read"
            ))
            .at(loc)
            .detail(why)
            .into());
        }
        let node = Node::Data(self.module.ix, ty.to_owned(), label.to_owned());
        self.named(node, value, path, 2)
    }
}
