//! The evaluator: named values computed when they are first needed, kept, and computed
//! again only where something in them was unknown.
//!
//! Every named thing (a variable, a local, an output, the instances of a block, an attribute of an
//! instance) is a [`Node`]. Asking for a node that is being computed is a cycle, and the error
//! prints it. While a node is computed, the instances that its expressions refer to are recorded;
//! whoever refers to the node inherits them. That is where instance dependencies come from.

pub(in crate::eval) mod node;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::address::ResourceAddr;
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::evaluator::node::{Node, Stored};
use crate::eval::expr::meter::{MemoryMeter, WorkMeter};
use crate::eval::instances::object::{ExpandedInstance, MANY, ObjectIx};
use crate::eval::modules::instance::{ModuleInst, ModuleIx};
use crate::eval::value_source::ValueSource;
use crate::schema::data::Lookup;
use crate::value::Value;
use crate::value::convert::MAX_DEPTH;

/// How many references may lead from one to the next.
const MAX_REFERENCES: usize = 2_000;

enum Slot {
    Active,
    Done {
        result: Result<Stored, Diagnostics>,
        deps: Arc<BTreeSet<ObjectIx>>,
        unknown: bool,
        generation: u64,
    },
}

/// Most module instances of a configuration.
const MAX_INSTANCES: usize = 50_000;
/// Most instances of its blocks.
const MAX_OBJECTS: usize = 500_000;

/// A `data` block of a module instance: its type and its name.
pub(in crate::eval) type DataKey = (ModuleIx, String, String);

struct Active {
    /// Absent for the body of an instance, which nothing refers to.
    node: Option<Node>,
    loc: Option<Loc>,
    deps: BTreeSet<ObjectIx>,
    /// The large sets that are in `deps` already: a value with many is often referred to many times.
    whole: Vec<Arc<BTreeSet<ObjectIx>>>,
}

/// Evaluates one configuration. See [`crate::eval::estate`] for what comes out.
pub struct Evaluator<'c> {
    pub(in crate::eval) config: &'c Configuration,
    pub(in crate::eval) known: &'c dyn ValueSource,
    generation: AtomicU64,
    memo: Mutex<HashMap<Node, Slot>>,
    held: MemoryMeter,
    pub(in crate::eval) work: WorkMeter,
    active: Mutex<Vec<Active>>,
    modules: Mutex<Vec<Arc<ModuleInst<'c>>>>,
    objects: Mutex<Vec<Arc<ExpandedInstance<'c>>>>,
    by_address: Mutex<HashMap<ResourceAddr, ObjectIx>>,
    /// For nodes that refer to many instances, those by ARN and id.
    names: Mutex<HashMap<Node, Arc<HashMap<String, ObjectIx>>>>,
    /// Whether too many instances were asked for, which is told once.
    full: AtomicBool,
    /// What `data` blocks ask of AWS and nobody has read yet.
    pub(in crate::eval) unread: Mutex<BTreeSet<Lookup>>,
    /// What could not be looked up, where that is no error.
    pub(in crate::eval) missing: Mutex<BTreeMap<Lookup, Diagnostic>>,
    /// Attributes that could not be read of what was looked up, by block, each with the reason.
    pub(in crate::eval) unread_attributes: Mutex<BTreeMap<DataKey, BTreeMap<String, String>>>,
    /// Held by every public entry: cycle detection knows one evaluation at a time.
    turn: Mutex<()>,
}

impl fmt::Debug for Evaluator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evaluator({} instances)", lock(&self.objects).len())
    }
}

pub(in crate::eval) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'c> Evaluator<'c> {
    /// An evaluator of a loaded configuration; nothing is evaluated yet.
    #[must_use]
    pub fn new(config: &'c Configuration, known: &'c dyn ValueSource) -> Self {
        let evaluator = Self {
            config,
            known,
            generation: AtomicU64::new(0),
            memo: Mutex::default(),
            held: MemoryMeter::default(),
            work: WorkMeter::default(),
            active: Mutex::default(),
            modules: Mutex::default(),
            objects: Mutex::default(),
            by_address: Mutex::default(),
            names: Mutex::default(),
            full: AtomicBool::new(false),
            unread: Mutex::default(),
            missing: Mutex::default(),
            unread_attributes: Mutex::default(),
            turn: Mutex::default(),
        };
        evaluator.add_module(ModuleInst::root(config));
        evaluator
    }

    /// Tells that more is known now: whatever was unknown is computed again when next asked for.
    pub fn known_moved(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        lock(&self.names).clear();
    }

    pub(in crate::eval) fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.turn)
    }

    pub(in crate::eval) fn add_module(&self, module: ModuleInst<'c>) -> ModuleIx {
        let mut modules = lock(&self.modules);
        let ix = ModuleIx(modules.len());
        modules.push(Arc::new(ModuleInst { ix, ..module }));
        ix
    }

    /// Whether so many more module instances are more than a configuration may have; told once, at the call
    /// that asks for them. Each level of calls multiplies the one above, so this is asked before any is made.
    ///
    /// # Errors
    /// They are.
    pub(in crate::eval) fn room_for_modules(
        &self,
        more: usize,
        loc: &Loc,
    ) -> Result<(), Diagnostics> {
        self.room(lock(&self.modules).len(), more, MAX_INSTANCES, "module instances", loc)
    }

    /// The same for instances of blocks.
    ///
    /// # Errors
    /// There are more than a configuration may have.
    pub(in crate::eval) fn room_for_objects(
        &self,
        more: usize,
        loc: &Loc,
    ) -> Result<(), Diagnostics> {
        self.room(lock(&self.objects).len(), more, MAX_OBJECTS, "objects", loc)
    }

    fn room(
        &self,
        there: usize,
        more: usize,
        most: usize,
        what: &str,
        loc: &Loc,
    ) -> Result<(), Diagnostics> {
        if there.saturating_add(more) <= most {
            return Ok(());
        }
        if self.full.swap(true, Ordering::Relaxed) {
            return Err(Diagnostics::new());
        }
        Err(Diagnostic::error(format!("the configuration makes more than {most} {what}"))
            .at(loc.clone())
            .detail(format!("{there} are there already, and this makes {more} more"))
            .help("modules that call modules multiply, and so do `count` and `for_each` on each level")
            .into())
    }

    pub(in crate::eval) fn module(&self, ix: ModuleIx) -> Arc<ModuleInst<'c>> {
        let modules = lock(&self.modules);
        match modules.get(ix.0).or_else(|| modules.first()) {
            Some(module) => Arc::clone(module),
            None => Arc::new(ModuleInst::root(self.config)),
        }
    }

    pub(in crate::eval) fn add_object(&self, object: ExpandedInstance<'c>) -> ObjectIx {
        let mut by_address = lock(&self.by_address);
        if let Some(ix) = by_address.get(&object.address) {
            return *ix;
        }
        let mut objects = lock(&self.objects);
        let ix = ObjectIx(objects.len());
        by_address.insert(object.address.clone(), ix);
        objects.push(Arc::new(ExpandedInstance { ix, ..object }));
        ix
    }

    pub(in crate::eval) fn object(&self, ix: ObjectIx) -> Option<Arc<ExpandedInstance<'c>>> {
        lock(&self.objects).get(ix.0).cloned()
    }

    pub(in crate::eval) fn object_at(
        &self,
        address: &ResourceAddr,
    ) -> Option<Arc<ExpandedInstance<'c>>> {
        let ix = lock(&self.by_address).get(address).copied()?;
        self.object(ix)
    }

    pub(in crate::eval) fn all_objects(&self) -> Vec<Arc<ExpandedInstance<'c>>> {
        lock(&self.objects).clone()
    }

    /// Notes that what is being computed refers to an instance.
    pub(in crate::eval) fn refers_to(&self, object: ObjectIx) {
        if let Some(active) = lock(&self.active).last_mut() {
            active.deps.insert(object);
        }
    }

    /// Notes the same for many.
    pub(in crate::eval) fn refers_to_all(&self, objects: &BTreeSet<ObjectIx>) {
        if let Some(active) = lock(&self.active).last_mut() {
            active.deps.extend(objects.iter().copied());
        }
    }

    /// Notes the same for all that a node refers to.
    fn refers_to_those_of(&self, objects: &Arc<BTreeSet<ObjectIx>>) {
        if let Some(active) = lock(&self.active).last_mut() {
            if objects.len() > MANY {
                if active.whole.iter().any(|known| Arc::ptr_eq(known, objects)) {
                    return;
                }
                active.whole.push(Arc::clone(objects));
            }
            active.deps.extend(objects.iter().copied());
        }
    }

    /// Notes that what is being computed refers to a named value, or to one element of it.
    ///
    /// A value that is made of many instances (the ARNs of a policy in each of a thousand accounts)
    /// does not make every one of them a dependency of whoever takes one element: those that the
    /// element names are, by reference, by ARN or by id.
    pub(in crate::eval) fn refers_to_part(&self, node: &Node, element: Option<&Value>) {
        let deps = self.deps_of(node);
        if let (Some(element), true) = (element, deps.len() > MANY) {
            let mut named = self.mentioned(element);
            let index = self.names_of(node, &deps);
            element.visit(&mut |v| {
                if let Value::String(text) = v {
                    named.extend(index.get(text));
                }
            });
            if !named.is_empty() {
                return self.refers_to_all(&named);
            }
        }
        self.refers_to_those_of(&deps);
    }

    /// The instances that a node refers to, by ARN and id.
    fn names_of(&self, node: &Node, deps: &BTreeSet<ObjectIx>) -> Arc<HashMap<String, ObjectIx>> {
        if let Some(known) = lock(&self.names).get(node) {
            return Arc::clone(known);
        }
        let mut names = HashMap::new();
        for object in deps.iter().filter_map(|ix| self.object(*ix)) {
            let Ok(attrs) = self.identity(&object, None) else { continue };
            for text in ["arn", "id"].iter().filter_map(|name| attrs.get(name)?.as_str()) {
                names.insert(text.to_owned(), object.ix);
            }
        }
        let names = Arc::new(names);
        lock(&self.names).insert(node.clone(), Arc::clone(&names));
        names
    }

    /// Runs `work` and tells which instances it referred to, without passing them on.
    pub(in crate::eval) fn recorded<T>(&self, work: impl FnOnce() -> T) -> (T, BTreeSet<ObjectIx>) {
        lock(&self.active).push(Active {
            node: None,
            loc: None,
            deps: BTreeSet::new(),
            whole: Vec::new(),
        });
        let result = work();
        let deps = lock(&self.active).pop().map(|a| a.deps).unwrap_or_default();
        (result, deps)
    }

    /// The instances that a computed node refers to.
    pub(in crate::eval) fn deps_of(&self, node: &Node) -> Arc<BTreeSet<ObjectIx>> {
        match lock(&self.memo).get(node) {
            Some(Slot::Done { deps, .. }) => Arc::clone(deps),
            _ => Arc::default(),
        }
    }

    /// The value of a node, computed on first use. `loc` is the reference that asks for it.
    pub(in crate::eval) fn get(
        &self,
        node: Node,
        loc: Option<&Loc>,
        compute: impl FnOnce() -> Result<Stored, Diagnostics>,
    ) -> Result<Stored, Diagnostics> {
        let generation = self.generation.load(Ordering::Relaxed);
        {
            let mut memo = lock(&self.memo);
            match memo.get(&node) {
                Some(Slot::Active) => {
                    drop(memo);
                    return Err(self.cycle(&node, loc).into());
                }
                Some(Slot::Done { result, deps, unknown, generation: then })
                    if !unknown || *then == generation =>
                {
                    let (result, deps) = (result.clone(), Arc::clone(deps));
                    drop(memo);
                    if node.passes_dependencies() {
                        self.refers_to_those_of(&deps);
                    }
                    return result;
                }
                _ => {}
            }
            memo.insert(node.clone(), Slot::Active);
        }
        let depth = {
            let mut active = lock(&self.active);
            active.push(Active {
                node: Some(node.clone()),
                loc: loc.cloned(),
                deps: BTreeSet::new(),
                whole: Vec::new(),
            });
            active.len()
        };
        let result = if depth > MAX_REFERENCES {
            Err(Diagnostic::error(format!(
                "more than {MAX_REFERENCES} references lead from one to the next"
            ))
            .at_opt(loc.cloned())
            .help("collect the values in one object instead of a chain")
            .into())
        } else if self.held.is_full() {
            Err(self.too_much(&node, loc))
        } else {
            compute().and_then(|stored| match &stored {
                Stored::Value(value) if depth_exceeds(value, MAX_DEPTH) => {
                    Err(Diagnostic::error(format!(
                        "the value of `{}` nests deeper than {MAX_DEPTH} levels",
                        self.name(&node)
                    ))
                    .at_opt(loc.cloned())
                    .into())
                }
                Stored::Value(value) if !self.held.keep(value, generation) => {
                    Err(self.too_much(&node, loc))
                }
                _ => Ok(stored),
            })
        };
        let deps = Arc::new(lock(&self.active).pop().map(|a| a.deps).unwrap_or_default());
        if node.passes_dependencies() {
            self.refers_to_all(&deps);
        }
        let unknown = result.as_ref().map_or(true, Stored::has_unknown);
        let slot = Slot::Done { result: result.clone(), deps, unknown, generation };
        lock(&self.memo).insert(node, slot);
        result
    }

    fn too_much(&self, node: &Node, loc: Option<&Loc>) -> Diagnostics {
        Diagnostic::error("the values of the configuration grow beyond 512 MiB")
            .at_opt(loc.cloned())
            .detail(format!("`{}` is one too much", self.name(node)))
            .help("locals that hold copies of each other multiply")
            .into()
    }

    /// As [`Evaluator::get`], for nodes that hold a value.
    pub(in crate::eval) fn value(
        &self,
        node: Node,
        loc: Option<&Loc>,
        compute: impl FnOnce() -> Result<Value, Diagnostics>,
    ) -> Result<Arc<Value>, Diagnostics> {
        match self.get(node, loc, || compute().map(|v| Stored::Value(Arc::new(v))))? {
            Stored::Value(value) => Ok(value),
            _ => Ok(Arc::default()),
        }
    }

    fn cycle(&self, node: &Node, loc: Option<&Loc>) -> Diagnostic {
        let active = lock(&self.active);
        let start = active.iter().position(|a| a.node.as_ref() == Some(node)).unwrap_or(0);
        let members: Vec<(String, Option<Loc>)> = active
            .iter()
            .skip(start)
            .filter_map(|a| Some((a.node.clone()?, a.loc.clone())))
            .map(|(n, loc)| (self.name(&n), loc))
            .collect();
        drop(active);
        let mut names: Vec<&str> = members.iter().map(|(n, _)| n.as_str()).collect();
        names.dedup();
        let Some(first) = names.first().copied() else {
            return Diagnostic::error("a reference leads back to itself").at_opt(loc.cloned());
        };
        let error = if let [only] = names.as_slice() {
            Diagnostic::error(format!("`{only}` refers to itself"))
        } else {
            Diagnostic::error(format!("references form a cycle: {} -> {first}", names.join(" -> ")))
        };
        let mut error = error
            .at_opt(loc.cloned())
            .help("break it: one of these values must not need the others");
        for (name, at) in members.iter().skip(1).take(8) {
            if let Some(at) = at {
                error = error.related(at.clone(), format!("needs `{name}`"));
            }
        }
        error
    }

    /// How the language names a node.
    fn name(&self, node: &Node) -> String {
        let within = |module: ModuleIx, rest: String| {
            let addr = &self.module(module).addr;
            if addr.is_root() { rest } else { format!("{addr}.{rest}") }
        };
        let object =
            |ix: ObjectIx| self.object(ix).map_or_else(String::new, |o| o.address.to_string());
        match node {
            Node::Variable(m, name) => within(*m, format!("var.{name}")),
            Node::Local(m, name) => within(*m, format!("local.{name}")),
            Node::Output(m, name) => within(*m, format!("output.{name}")),
            Node::Call(m, name) => within(*m, format!("module.{name}")),
            Node::Data(m, ty, label) => within(*m, format!("data.{ty}.{label}")),
            Node::Block(m, kind, label) => within(*m, format!("{kind}.{label}")),
            Node::Identity(ix) | Node::Home(ix, _) => object(*ix),
            Node::Attr(ix, attr) => format!("{}.{attr}", object(*ix)),
            Node::Environment(name, attr) => format!("environment.{name}.{attr}"),
            Node::Declaration(ty, label, attr) => format!("{ty}.{label}.{attr}"),
        }
    }
}

fn depth_exceeds(value: &Value, limit: usize) -> bool {
    let mut stack = vec![(value, 0_usize)];
    while let Some((value, depth)) = stack.pop() {
        if depth > limit {
            return true;
        }
        match value {
            Value::List(list) => stack.extend(list.iter().map(|v| (v, depth + 1))),
            Value::Set(set) => stack.extend(set.iter().map(|v| (v, depth + 1))),
            Value::Map(map) => stack.extend(map.values().map(|v| (v, depth + 1))),
            Value::Sensitive(inner) => stack.push((inner, depth)),
            _ => {}
        }
    }
    false
}
