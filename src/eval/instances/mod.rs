//! Managed instances: what a block expands to, what others can read of an instance, and its evaluated whole.

pub(in crate::eval) mod ownership;
pub(in crate::eval) mod placement;
pub(in crate::eval) mod surroundings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{ACCOUNT, AddrParts, InstanceKey, Placement, ResourceAddr};
use crate::config::{IgnoreChanges, ResourceDecl};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::engine::{Engine, ModuleIx, Node, ObjectIx, Stored};
use crate::eval::estate::{Instance, Lifecycle};
use crate::eval::expr::scope::suggest;
use crate::eval::instances::placement::Place;
use crate::eval::modules::body::{evaluate_attr, evaluate_body};
use crate::eval::modules::scope::ModuleScope;
use crate::eval::modules::{Keyed, ModuleInst};
use crate::ids::Handle;
use crate::schema::{
    AccessPart, Attr, Body, Context, Home, Kind, POLICY_BLOCKS, Spanned, Ty, kind,
};
use crate::value::{Attrs, BlockRef, Sorted, Unknown, Value};

/// Above this many, the instances that a collection refers to are not all dependencies of whoever
/// gets one element of it: those in the element are.
pub(in crate::eval) const MANY: usize = 64;

/// One managed instance before its body is evaluated.
pub(in crate::eval) struct Object<'c> {
    pub(in crate::eval) ix: ObjectIx,
    pub(in crate::eval) address: ResourceAddr,
    pub(in crate::eval) module: ModuleIx,
    pub(in crate::eval) decl: &'c ResourceDecl,
    pub(in crate::eval) kind: &'static dyn Kind,
    /// `each` or `count`, as its body sees them.
    pub(in crate::eval) names: Vec<(&'static str, Value)>,
    pub(in crate::eval) place: Option<Place>,
    /// An account's handle.
    pub(in crate::eval) handle: Option<Handle>,
    /// What its `for_each` element refers to.
    pub(in crate::eval) deps: BTreeSet<ObjectIx>,
}

/// The instances of a block.
pub(in crate::eval) struct Expansion {
    pub(in crate::eval) keyed: Keyed,
    pub(in crate::eval) placed: bool,
    /// By key, then by place.
    pub(in crate::eval) instances:
        BTreeMap<Option<InstanceKey>, BTreeMap<Option<Placement>, ObjectIx>>,
}

impl<'c> Engine<'c> {
    /// The instances of a block.
    pub(in crate::eval) fn expand_block(
        &self,
        module: &Arc<ModuleInst<'c>>,
        kind_name: &str,
        label: &str,
        loc: Option<&Loc>,
    ) -> Result<Arc<Expansion>, Diagnostics> {
        let key = (kind_name.to_owned(), label.to_owned());
        let (Some(decl), Some(kind)) = (module.module.resources.get(&key), kind(kind_name)) else {
            return Err(Diagnostic::error(format!("there is no `{kind_name}` block `{label}`"))
                .at_opt(loc.cloned())
                .into());
        };
        let stored = self.get(Node::Block(module.ix, key.0, key.1), loc, || {
            self.expansion(module, decl, kind).map(|e| Stored::Objects(Arc::new(e)))
        })?;
        match stored {
            Stored::Objects(objects) => Ok(objects),
            _ => Err(Diagnostics::new()),
        }
    }

    fn expansion(
        &self,
        module: &Arc<ModuleInst<'c>>,
        decl: &'c ResourceDecl,
        kind: &'static dyn Kind,
    ) -> Result<Expansion, Diagnostics> {
        let scope = ModuleScope::new(self, Arc::clone(module), None);
        let (elements, for_each_deps) = self.recorded(|| {
            self.elements(&scope, decl.meta.for_each.as_ref(), decl.meta.count.as_ref())
        });
        let (keyed, elements) = elements?;
        let placed = kind.schema().home == Home::Account;
        let label = &decl.label.value;
        if let (false, Some(expr)) =
            (placed, decl.meta.accounts.as_ref().or(decl.meta.environments.as_ref()))
        {
            return Err(Diagnostic::error(format!(
                "{} lives in the organization, so it is not placed in accounts",
                kind.schema().what
            ))
            .at(expr.loc())
            .help("remove the argument")
            .into());
        }
        let mut instances: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        let mut errors = Diagnostics::new();
        for element in elements {
            let own = element.name.map(|(name, map)| (name, Value::Map(map)));
            let deps = if for_each_deps.len() > MANY {
                own.as_ref().map(|(_, v)| self.mentioned(v)).unwrap_or_default()
            } else {
                for_each_deps.clone()
            };
            let places: Vec<Option<Place>> = if placed {
                let names: Vec<(&str, &Value)> = own.iter().map(|(n, v)| (*n, v)).collect();
                match self.recorded(|| self.placed_at(&scope, decl, &names)).0 {
                    Ok(places) => places.into_iter().map(Some).collect(),
                    Err(more) => {
                        errors.extend(more);
                        continue;
                    }
                }
            } else {
                vec![None]
            };
            let mut per_account: BTreeMap<Handle, usize> = BTreeMap::new();
            for place in places.iter().flatten() {
                *per_account.entry(place.placement.account.clone()).or_default() += 1;
            }
            let by_place = instances.entry(element.key.clone()).or_default();
            for place in places {
                let placement = place.as_ref().map(|p| p.placement.clone());
                let address = ResourceAddr::from(AddrParts {
                    module: module.addr.clone(),
                    kind: decl.kind.clone(),
                    name: label.clone(),
                    key: element.key.clone(),
                    short: placement
                        .as_ref()
                        .is_some_and(|p| per_account.get(&p.account).is_some_and(|n| *n == 1)),
                    placement: placement.clone(),
                });
                let handle = match kind.schema().meaning.access {
                    AccessPart::Account => match account_handle(label, element.key.as_ref()) {
                        Ok(handle) => Some(handle),
                        Err(error) => {
                            errors.push(
                                Diagnostic::error(error.to_string()).at(decl.label.loc.clone()).help(
                                    "an account's handle is its label, and its key under `for_each`",
                                ),
                            );
                            continue;
                        }
                    },
                    _ => None,
                };
                let names = self.instance_names(own.as_ref(), place.as_ref());
                let ix = self.add_object(Object {
                    ix: ObjectIx(0),
                    address,
                    module: module.ix,
                    decl,
                    kind,
                    names,
                    place,
                    handle,
                    deps: deps.clone(),
                });
                by_place.insert(placement, ix);
            }
        }
        errors.into_result(Expansion { keyed, placed, instances })
    }

    /// `each` (with `account` and `environment` where the block is placed) or `count`.
    fn instance_names(
        &self,
        own: Option<&(&'static str, Value)>,
        place: Option<&Place>,
    ) -> Vec<(&'static str, Value)> {
        let mut names = Vec::with_capacity(2);
        let mut each = Attrs::new();
        match own {
            Some(("each", Value::Map(map))) => each = map.clone(),
            Some((name, value)) => names.push((*name, value.clone())),
            None => {}
        }
        if let Some(place) = place {
            if let Ok(account) = self.block_value(place.account, None) {
                each.insert(ACCOUNT.to_owned(), account);
            }
            if let Some(environment) = &place.placement.environment {
                each.insert(
                    "environment".to_owned(),
                    crate::eval::environments::environment_value(environment),
                );
            }
        }
        if !each.is_empty() {
            names.push(("each", Value::Map(each)));
        }
        names
    }

    /// The instances that a value itself mentions: blocks, and what its unknowns wait for.
    pub(in crate::eval) fn mentioned(&self, value: &Value) -> BTreeSet<ObjectIx> {
        let mut found = BTreeSet::new();
        value.visit(&mut |v| match v {
            Value::Block(block) => {
                found.extend(self.object_at(&block.address).map(|o| o.ix));
            }
            Value::Unknown(unknown) => {
                for waits in &unknown.waits_for {
                    found.extend(self.object_at(&waits.address).map(|o| o.ix));
                }
            }
            _ => {}
        });
        found
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

    fn scope_of(&self, object: &Arc<Object<'c>>) -> ModuleScope<'_, 'c> {
        ModuleScope::new(self, self.module(object.module), Some(Arc::clone(object)))
    }

    /// The attributes that name an instance, and those that AWS assigns as far as they are known.
    pub(in crate::eval) fn identity(
        &self,
        object: &Arc<Object<'c>>,
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
            let cx = self.context(object, false)?;
            let mut attrs: Attrs =
                body.attrs.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
            if let Some(name) = naming.label.filter(|name| !attrs.contains_key(name)) {
                attrs.insert(name.to_owned(), default_name(&object.address).into());
            }
            for (name, value) in naming.defaults {
                if !attrs.contains_key(name) {
                    attrs.insert((*name).to_owned(), (*value).into());
                }
            }
            // Where the identity alone makes a whole block, its canonical form counts.
            if let Ok((desired, _)) = object.kind.desired(&body, &cx) {
                for name in naming.identity {
                    if let Some(value) = desired.get(name) {
                        attrs.insert((*name).to_owned(), value.clone());
                    }
                }
            }
            let computed = self.computed(object, &attrs, &cx);
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
    fn computed(&self, object: &Object<'c>, desired: &Attrs, cx: &Context) -> Attrs {
        let mut computed = object.kind.computed(desired, cx);
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

    /// One attribute of an instance, as expressions read it.
    pub(in crate::eval) fn object_attr(
        &self,
        object: &Arc<Object<'c>>,
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
                Some(Place { placement: Placement { environment: Some(name), .. }, .. }),
            ) => {
                return Ok(crate::eval::environments::environment_value(name));
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

    /// The whole of an instance: its body, its canonical attributes, what it depends on; and what
    /// is doubtful in it.
    pub(in crate::eval) fn instance(
        &self,
        object: &Arc<Object<'c>>,
    ) -> Result<(Instance, Diagnostics), Diagnostics> {
        let decl = object.decl;
        let mut errors = Diagnostics::new();
        let (parts, mut deps) = self.recorded(|| {
            let scope = self.scope_of(object);
            let names = object.names();
            let schema = object.kind.schema();
            let body = evaluate_body(&scope, &names, &decl.body, &schema.block, &mut errors);
            for expr in &decl.meta.depends_on {
                match scope.whole_reference(expr) {
                    Ok(objects) => self.refers_to_all(&objects),
                    Err(more) => errors.extend(more),
                }
            }
            let mut triggers = BTreeSet::new();
            for expr in &decl.meta.lifecycle.replace_triggered_by {
                match self.recorded(|| scope.whole_reference(expr)).0 {
                    Ok(objects) => triggers.extend(objects),
                    Err(more) => errors.extend(more),
                }
            }
            self.refers_to_all(&triggers);
            for condition in &decl.meta.lifecycle.preconditions {
                crate::eval::modules::conditions::require(
                    &scope,
                    &names,
                    condition,
                    "precondition",
                    &mut errors,
                );
            }
            (body, triggers)
        });
        let (mut body, triggers) = parts;
        deps.extend(object.deps.iter().copied());
        deps.extend(object.place.as_ref().map(|p| p.account));
        self.module_deps(object.module, &mut deps, &mut errors);
        deps.remove(&object.ix);
        if errors.has_errors() {
            return Err(errors);
        }
        let (context, _) = self.recorded(|| self.context(object, true));
        let cx = context?;
        let (desired, warnings) = object.kind.desired(&body, &cx)?;
        errors.extend(warnings);
        let computed = self.computed(object, &desired, &cx);
        if !decl.meta.lifecycle.postconditions.is_empty() {
            let mut whole: Attrs =
                body.attrs.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
            // What the block leaves out is what AWS gets, or null.
            for attr in object.kind.schema().block.attrs {
                if !whole.contains_key(attr.name) {
                    let given = desired.get(attr.name);
                    let given = given.filter(|v| v.elements().is_none() && v.as_map().is_none());
                    whole.insert(attr.name.to_owned(), given.cloned().unwrap_or_default());
                }
            }
            whole.extend(computed.clone());
            let itself = Value::Map(whole);
            let mut names = object.names();
            names.push(("self", &itself));
            let scope = self.scope_of(object);
            let ((), found) = self.recorded(|| {
                for condition in &decl.meta.lifecycle.postconditions {
                    crate::eval::modules::conditions::require(
                        &scope,
                        &names,
                        condition,
                        "postcondition",
                        &mut errors,
                    );
                }
            });
            deps.extend(found.into_iter().filter(|ix| *ix != object.ix));
        }
        let addresses = |set: BTreeSet<ObjectIx>| -> BTreeSet<ResourceAddr> {
            set.into_iter().filter_map(|ix| Some(self.object(ix)?.address.clone())).collect()
        };
        // What these say stands in the attributes now, and of large estates it is half the memory.
        body.empty(&POLICY_BLOCKS);
        let lifecycle = &decl.meta.lifecycle;
        errors.with_warnings(Instance {
            address: object.address.clone(),
            loc: decl.loc.clone(),
            body,
            desired,
            computed,
            depends_on: addresses(deps),
            lifecycle: Lifecycle {
                prevent_destroy: lifecycle.prevent_destroy,
                create_before_destroy: lifecycle.create_before_destroy,
                ignore_changes: match &lifecycle.ignore_changes {
                    IgnoreChanges::None => Vec::new(),
                    IgnoreChanges::All(_) => vec!["all".to_owned()],
                    IgnoreChanges::Some(names) => names.iter().map(|n| n.value.clone()).collect(),
                },
                replace_triggered_by: addresses(triggers),
            },
            environments: object
                .place
                .as_ref()
                .and_then(|p| p.placement.environment.clone())
                .into_iter()
                .collect(),
        })
    }

    /// What the calls of the module instances around an instance depend on.
    fn module_deps(
        &self,
        module: ModuleIx,
        deps: &mut BTreeSet<ObjectIx>,
        errors: &mut Diagnostics,
    ) {
        let mut at = self.module(module);
        while let Some((parent, call)) = at.call {
            let outer = self.module(parent);
            if !call.depends_on.is_empty() {
                let scope = ModuleScope::new(self, Arc::clone(&outer), None);
                for expr in &call.depends_on {
                    match self.recorded(|| scope.whole_reference(expr)).0 {
                        Ok(objects) => deps.extend(objects),
                        Err(more) => errors.extend(more),
                    }
                }
            }
            at = outer;
        }
    }

    /// All instances in a module instance and below it.
    pub(in crate::eval) fn objects_within(
        &self,
        ix: ModuleIx,
    ) -> Result<BTreeSet<ObjectIx>, Diagnostics> {
        let mut all = BTreeSet::new();
        let mut queue = vec![ix];
        while let Some(ix) = queue.pop() {
            let module = self.module(ix);
            for (kind_name, label) in module.module.resources.keys() {
                let expansion = self.expand_block(&module, kind_name, label, None)?;
                all.extend(expansion.instances.values().flat_map(|p| p.values().copied()));
            }
            for name in module.module.calls.keys() {
                queue.extend(self.expand_call(&module, name, None)?.instances.values().copied());
            }
        }
        Ok(all)
    }
}

impl Object<'_> {
    /// What its body sees besides its module's names.
    pub(in crate::eval) fn names(&self) -> Vec<(&str, &Value)> {
        self.names.iter().map(|(n, v)| (*n, v)).collect()
    }
}

fn account_handle(label: &str, key: Option<&InstanceKey>) -> Result<Handle, crate::ids::IdError> {
    match key {
        None => label.parse(),
        Some(InstanceKey::Name(key)) => format!("{label}.{key}").parse(),
        Some(InstanceKey::Index(index)) => format!("{label}.{index}").parse(),
    }
}

/// The label, and the key under `for_each` or `count`.
fn default_name(address: &ResourceAddr) -> String {
    match &address.key {
        None => address.name.clone(),
        Some(InstanceKey::Name(key)) => format!("{}-{key}", address.name),
        Some(InstanceKey::Index(index)) => format!("{}-{index}", address.name),
    }
}
