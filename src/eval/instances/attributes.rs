//! What expressions can read of an instance: what names it, what is configured, what AWS assigns.

use std::sync::Arc;

use crate::address::{ACCOUNT, InstanceKey, Placement, ResourceAddr};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::body::evaluate_attr;
use crate::eval::environments::reference::environment_value;
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::{Node, Stored};
use crate::eval::expr::scope::suggest;
use crate::eval::instances::object::{ExpandedInstance, InstancePlace, ObjectIx};
use crate::eval::modules::scope::ModuleScope;
use crate::schema::{self, Attr, Body, KindContext, Spanned, Ty};
use crate::value::{Attrs, BlockRef, Sorted, Unknown, Value};

impl<'c> Evaluator<'c> {
    /// The name of an instance whose block gives none. An object that was made before `count` was added to its block,
    /// or taken away, keeps the name that it has: another one would be another object.
    pub(super) fn default_name(&self, object: &ExpandedInstance<'c>) -> String {
        let address = &object.address;
        let usual = default_name(address);
        let beside = match &address.key {
            None => format!("{}-0", address.name),
            Some(InstanceKey::Index(0)) => address.name.clone(),
            Some(InstanceKey::Index(_) | InstanceKey::Name(_)) => return usual,
        };
        let Some(attr) = object.kind.schema().meaning.naming.label else { return usual };
        let recorded = self.known.recorded_text(address, attr).or_else(|| {
            let others = address.beside_count();
            others.iter().find_map(|other| self.known.recorded_text(other, attr))
        });
        if recorded.as_ref() == Some(&beside) { beside } else { usual }
    }

    /// A reference to an instance as a value.
    pub(in crate::eval) fn block_value(
        &self,
        ix: ObjectIx,
        loc: Option<&Loc>,
    ) -> Result<Value, Diagnostics> {
        let Some(object) = self.object(ix) else { return Ok(Value::Null) };
        let attrs = self.identity(&object, loc)?;
        Ok(Value::Block(BlockRef { address: object.address.clone(), attrs }))
    }

    pub(super) fn scope_of(&self, object: &Arc<ExpandedInstance<'c>>) -> ModuleScope<'_, 'c> {
        ModuleScope::new(self, self.module(object.module), Some(Arc::clone(object)))
    }

    /// The attributes that name an instance, and those that AWS assigns as far as they are known.
    pub(in crate::eval) fn identity(
        &self,
        object: &Arc<ExpandedInstance<'c>>,
        loc: Option<&Loc>,
    ) -> Result<Arc<Attrs>, Diagnostics> {
        let stored = self.get(Node::Identity(object.ix), loc, || {
            let scope = self.scope_of(object);
            let mut body =
                Body { loc: object.decl.loc.clone(), attrs: Sorted::new(), blocks: Vec::new() };
            let mut errors = Diagnostics::new();
            let naming = object.kind.schema().meaning.naming;
            for name in naming.identity {
                let Some(raw) = object.decl.body.get(name) else { continue };
                let ty = object.kind.schema().block.attr(name).map_or(Ty::Any, |a| a.ty);
                match evaluate_attr(&scope, &object.names(), raw, ty) {
                    Ok(Value::Null) => {}
                    Ok(value) => {
                        body.attrs.insert((*name).to_owned(), Spanned { value, loc: raw.loc() });
                    }
                    Err(more) => errors.extend(more),
                }
            }
            if !errors.is_empty() {
                return Err(errors);
            }
            let context = self.context(object, false)?;
            let mut attrs: Attrs =
                body.attrs.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
            if let Some(name) = naming.label.filter(|name| !attrs.contains_key(name)) {
                attrs.insert(name.to_owned(), context.default_name.as_str().into());
            }
            for (name, value) in naming.defaults {
                if !attrs.contains_key(name) {
                    attrs.insert((*name).to_owned(), (*value).into());
                }
            }
            // Where the identity alone makes a whole block, its canonical form counts.
            if let Ok((desired, _)) = schema::desired(object.kind, &body, &context) {
                for name in naming.identity {
                    if let Some(value) = desired.get(name) {
                        attrs.insert((*name).to_owned(), value.clone());
                    }
                }
            }
            let computed = self.computed_attrs(object, self.computed(object, &attrs, &context));
            // What the user reads is what the user wrote, where it was written.
            for (name, spanned) in &body.attrs {
                attrs.insert(name.clone(), spanned.value.clone());
            }
            attrs.extend(computed);
            if let Some(handle) = &object.handle {
                attrs.insert("handle".to_owned(), handle.as_str().into());
            }
            Ok(Stored::Attrs(Arc::new(attrs)))
        })?;
        match stored {
            Stored::Attrs(attrs) => Ok(attrs),
            _ => Ok(Arc::default()),
        }
    }

    /// Computed attributes: the kind's own, and where those are unknown, what is known by now.
    pub(super) fn computed(
        &self,
        object: &ExpandedInstance<'c>,
        desired: &Attrs,
        context: &KindContext,
    ) -> Attrs {
        let mut computed = object.kind.computed(desired, context);
        let schema = object.kind.schema();
        let missing = |computed: &Attrs, name: &str| {
            computed.get(name).is_none_or(Value::has_unknown) && !desired.contains_key(name)
        };
        if schema.computed.iter().any(|c| missing(&computed, c.name))
            && let Some(known) = self.known.attrs(&object.address)
        {
            for attr in schema.computed {
                if missing(&computed, attr.name)
                    && let Some(value) = known.get(attr.name).filter(|v| !v.is_null())
                {
                    computed.insert(attr.name.to_owned(), value.clone());
                }
            }
        }
        for attr in schema.computed {
            if !computed.contains_key(attr.name) && !desired.contains_key(attr.name) {
                let unknown = Unknown::attr(object.address.clone(), attr.name);
                computed.insert(attr.name.to_owned(), Value::Unknown(unknown));
            }
        }
        computed
    }

    /// Computed attributes as expressions read them: a kind tells what AWS gives a new object where the block says
    /// nothing, and an object that exists may have something else there.
    pub(super) fn computed_attrs(
        &self,
        object: &ExpandedInstance<'c>,
        mut computed: Attrs,
    ) -> Attrs {
        let assigned = object.kind.schema().computed;
        let is_given = |name: &&String| assigned.iter().all(|c| c.name != name.as_str());
        let given: Vec<String> = computed.keys().filter(is_given).cloned().collect();
        if !given.is_empty()
            && let Some(known) = self.known.attrs(&object.address)
        {
            for name in given {
                if let Some(value) = known.get(&name).filter(|value| !value.is_null()) {
                    computed.insert(name, value.clone());
                }
            }
        }
        computed
    }

    /// One attribute of an instance, as expressions read it.
    pub(in crate::eval) fn object_attr(
        &self,
        object: &Arc<ExpandedInstance<'c>>,
        attr: &str,
        loc: &Loc,
    ) -> Result<Value, Diagnostics> {
        self.refers_to(object.ix);
        let schema = object.kind.schema();
        let declared: Option<&Attr> = schema.block.attr(attr);
        if !schema.meaning.naming.identity.contains(&attr)
            && let (Some(declared), Some(raw)) = (declared, object.decl.body.get(attr))
        {
            let value = self.value(Node::Attr(object.ix, attr.to_owned()), Some(loc), || {
                evaluate_attr(&self.scope_of(object), &object.names(), raw, declared.ty)
            })?;
            if !value.is_null() {
                return Ok((*value).clone());
            }
        }
        match (attr, &object.place) {
            (ACCOUNT, Some(place)) => return self.block_value(place.account, Some(loc)),
            (
                "environment",
                Some(InstancePlace {
                    placement: Placement { environment: Some(name), .. }, ..
                }),
            ) => {
                return Ok(environment_value(name));
            }
            _ => {}
        }
        let identity = self.identity(object, Some(loc))?;
        if let Some(value) = identity.get(attr) {
            return Ok(value.clone());
        }
        if declared.is_some() {
            return Ok(Value::Null);
        }
        let mut known: Vec<&str> = schema
            .block
            .attrs
            .iter()
            .map(|a| a.name)
            .chain(schema.computed.iter().map(|c| c.name))
            .chain(object.handle.is_some().then_some("handle"))
            .collect();
        known.sort_unstable();
        known.dedup();
        let what = if schema.block.nested(attr).is_some() {
            format!("`{attr}` blocks of `{}` cannot be read", object.address)
        } else {
            format!("`{}` has no attribute `{attr}`", object.address)
        };
        Err(Diagnostic::error(what).at(loc.clone()).help(suggest(attr, &known)).into())
    }
}

/// The label, and the key under `for_each` or `count`.
pub(in crate::eval) fn default_name(address: &ResourceAddr) -> String {
    match &address.key {
        None => address.name.clone(),
        Some(InstanceKey::Name(key)) => format!("{}-{key}", address.name),
        Some(InstanceKey::Index(index)) => format!("{}-{index}", address.name),
    }
}
