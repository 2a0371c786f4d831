//! What is known of stacks before their resources are looked at: where they lie, their templates on both sides, and the
//! values of parameters.

use std::collections::BTreeMap;

use super::between::Between;
use super::deployed::{Deployed, PhysicalResource};
use super::evaluate::{Arguments, Exports, StackPlace, TemplateEvaluator};
use super::node::TemplateNode;
use super::parameters;
use super::side::StackSide;
use super::template::{Declaration, NESTED, Template};
use super::value::TemplateValue;
use crate::diag::{Diagnostic, Diagnostics};
use crate::iam::Placeholder;
use crate::review::AccountsSnapshot;

/// A template with what is said of its stack.
#[derive(Debug)]
pub(crate) struct StackFile {
    /// By what reports call the stack.
    pub(crate) name: String,
    /// Its name in AWS, where that is another one.
    pub(crate) name_in_aws: Option<String>,
    /// The new template.
    pub(crate) template: Template,
    /// The account, where it is given.
    pub(crate) account: Option<String>,
    /// The Region, where it is given.
    pub(crate) region: Option<String>,
    /// Values of parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The stack as it stands.
    pub(crate) deployed: Option<Deployed>,
    /// Whether none stands yet.
    pub(crate) is_new: bool,
    /// Why it could not be read as it stands.
    pub(crate) unread: Option<String>,
    /// Stacks within it by their logical ids, those of the new template and of the deployed one.
    pub(crate) nested: BTreeMap<String, NestedFile>,
}

/// A stack within another one.
#[derive(Debug)]
pub(crate) struct NestedFile {
    /// Its new template; why there is none at hand. `None` where the stack around it drops it.
    pub(crate) template: Option<Result<Template, String>>,
    /// The stack as it stands.
    pub(crate) deployed: Option<Deployed>,
    /// Stacks within it.
    pub(crate) nested: BTreeMap<String, NestedFile>,
}

/// What is known of a stack before its resources are looked at.
pub(super) struct PreparedStack {
    pub(super) place: StackPlace,
    /// The new template's and, where one stands, that one's.
    templates: (Template, Option<Template>),
    arguments: (Arguments, Arguments),
    pub(super) physical: Option<BTreeMap<String, PhysicalResource>>,
    is_new: bool,
    /// Why it could not be read as it stands.
    pub(super) unread: Option<String>,
    /// The stack around it, by its place in the list, and its logical id there.
    pub(super) within: Option<(usize, String)>,
    /// Stacks within it, by their logical ids: their places in the list.
    pub(super) nested: BTreeMap<String, usize>,
    /// Why the templates of others within it are not at hand.
    pub(super) not_at_hand: BTreeMap<String, String>,
    /// What a side without the stack holds.
    nothing: Template,
}

/// The stacks of a review, those within others after those around them.
pub(super) fn prepared(
    files: Vec<StackFile>,
    before: &AccountsSnapshot,
    diagnostics: &mut Diagnostics,
) -> Vec<PreparedStack> {
    let mut all = Vec::new();
    for mut file in files {
        let nested = std::mem::take(&mut file.nested);
        if let Some(stack) = prepare(file, before, diagnostics) {
            add(stack, nested, &mut all, before, diagnostics);
        }
    }
    all
}

/// Adds a stack and those within it.
fn add(
    mut stack: PreparedStack,
    nested: BTreeMap<String, NestedFile>,
    all: &mut Vec<PreparedStack>,
    before: &AccountsSnapshot,
    diagnostics: &mut Diagnostics,
) {
    let at = all.len();
    let mut within = Vec::new();
    for (id, file) in nested {
        let template = match file.template {
            Some(Ok(template)) => template,
            Some(Err(why)) => {
                stack.not_at_hand.insert(id, why);
                continue;
            }
            // What a dropped stack held has to be known.
            None if file.deployed.as_ref().is_none_or(|d| d.template.is_none()) => continue,
            None => Template::empty(),
        };
        let file = NestedFile { template: None, ..file };
        if let Some(inner) = stack.within_it(at, &id, template, file.deployed, before, diagnostics)
        {
            within.push((id, inner, file.nested));
        }
    }
    all.push(stack);
    for (id, inner, nested) in within {
        let place = all.len();
        if let Some(stack) = all.get_mut(at) {
            stack.nested.insert(id, place);
        }
        add(inner, nested, all, before, diagnostics);
    }
}

fn prepare(
    file: StackFile,
    before: &AccountsSnapshot,
    diagnostics: &mut Diagnostics,
) -> Option<PreparedStack> {
    let label = file.name;
    let deployed = file.deployed.unwrap_or_default();
    let name = file.name_in_aws.unwrap_or_else(|| label.clone());
    let mut place = StackPlace { label: label.clone(), name, ..StackPlace::default() };
    place.take(&deployed);
    if let Some(region) = file.region {
        place.region = Some(region);
    }
    match file.account {
        Some(account) if !place.account.is_empty() && place.account != account => {
            let message = format!(
                "the stack `{label}` is said to lie in {account}, and what is deployed of it lies in {}",
                place.account
            );
            diagnostics.push(Diagnostic::error(message).help("give the files of the right stack"));
        }
        Some(account) => place.account = account,
        None => {}
    }
    if place.account.is_empty() {
        diagnostics.push(
            Diagnostic::error(format!("whose account the stack `{label}` lies in cannot be told")).help(
                format!("give it with `--stack {label}=111111111111/REGION`, or give its deployed resources with `--deployed`"),
            ),
        );
        return None;
    }
    let partition = before.accounts.get(&place.account).map(|a| a.partition).unwrap_or_default();
    place.partition = partition.to_string();
    let previous = deployed.parameters.as_ref();
    let mut after =
        parameters::arguments(&file.template, &label, &file.parameters, previous, diagnostics);
    let kept = |name: &str| {
        TemplateValue::unknown(format!(
            "which value the deployed stack has for the parameter `{name}` is not known"
        ))
    };
    if let Some(template) = deployed.template.as_ref().filter(|_| previous.is_none()) {
        // A deployment keeps the value that it does not set.
        for name in template.parameters.keys().filter(|name| !file.parameters.contains_key(*name)) {
            if let Some(value) = after.values.get_mut(name) {
                *value = kept(name);
            }
            after.secrets.remove(name);
        }
    }
    let standing = deployed.template.as_ref().map(|template| {
        let none = BTreeMap::new();
        let mut arguments =
            parameters::arguments(template, &label, &none, previous, &mut Diagnostics::new());
        if previous.is_none() {
            // What the stack was deployed with may be something else than its defaults.
            for (name, value) in &mut arguments.values {
                *value = kept(name);
            }
            arguments.secrets.clear();
        }
        arguments
    });
    let standing = standing.unwrap_or_default();
    let template = unroll(file.template, &after, diagnostics)?;
    let old = match deployed.template {
        Some(template) => Some(unroll(template, &standing, diagnostics)?),
        None => None,
    };
    Some(PreparedStack {
        place,
        templates: (template, old),
        arguments: (after, standing),
        physical: deployed.physical,
        is_new: file.is_new,
        unread: file.unread,
        within: None,
        nested: BTreeMap::new(),
        not_at_hand: BTreeMap::new(),
        nothing: Template::empty(),
    })
}

/// A template with its loops unrolled.
fn unroll(
    template: Template,
    arguments: &Arguments,
    diagnostics: &mut Diagnostics,
) -> Option<Template> {
    let collection = |node: &TemplateNode| parameters::collection(node, arguments);
    match template.unrolled(&collection) {
        Ok(template) => Some(template),
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            None
        }
    }
}

impl StackPlace {
    /// What is deployed of the stack tells its name, its Region and its account.
    fn take(&mut self, deployed: &Deployed) {
        let Some(arn) = &deployed.arn else { return };
        // arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        if let [_, _, _, region, account, rest] = parts.as_slice() {
            self.region = Some((*region).to_owned());
            (*account).clone_into(&mut self.account);
            if let Some(name) = rest.split('/').nth(1) {
                name.clone_into(&mut self.name);
            }
        }
        self.arn = Some(arn.clone());
    }
}

impl PreparedStack {
    /// A stack within this one, which is to have that place in the list.
    fn within_it(
        &self,
        at: usize,
        id: &str,
        template: Template,
        deployed: Option<Deployed>,
        before: &AccountsSnapshot,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let label = format!("{}/{id}", self.place.label);
        let mut deployed = deployed.unwrap_or_default();
        let known = || Some(self.physical.as_ref()?.get(id)?.id.clone());
        deployed.arn = deployed.arn.take().or_else(known);
        // AWS makes its name up.
        let name = Placeholder::new(format!("{label}.StackName")).to_string();
        let mut place = StackPlace { label, name, arn: None, ..self.place.clone() };
        place.take(&deployed);
        let none = TemplateValue::unknown("what is passed to the stack is not known");
        let passed = |side: Option<&StackSide<'_>>| {
            let resource =
                side.and_then(|side| Some((side, side.evaluator.template.resource(id)?)));
            resource.map_or_else(|| none.clone(), |(side, one)| side.property(one, "Parameters"))
        };
        let (is, was) = self.sides(&Between::default(), at, before, |standing, after| {
            (passed(Some(after)), passed(standing))
        });
        let is = parameters::passed(&template, &is);
        let template = unroll(template, &is, diagnostics)?;
        let mut was_passed = Arguments::default();
        let old = match deployed.template {
            Some(old) => {
                was_passed = parameters::passed(&old, &was);
                Some(unroll(old, &was_passed, diagnostics)?)
            }
            None => None,
        };
        Some(Self {
            place,
            templates: (template, old),
            arguments: (is, was_passed),
            physical: deployed.physical,
            is_new: self.is_new,
            unread: None,
            within: Some((at, id.to_owned())),
            nested: BTreeMap::new(),
            not_at_hand: BTreeMap::new(),
            nothing: Template::empty(),
        })
    }

    /// Whether nothing stands of the stack.
    pub(super) fn is_new(&self, between: &Between, at: usize) -> bool {
        self.is_new || between.is_there(false, at) == Ok(false)
    }

    /// The templates with their loops unrolled: the new one's, and that of the stack that stands.
    pub(super) fn template(&self, new: bool) -> Option<&Template> {
        if new { Some(&self.templates.0) } else { self.templates.1.as_ref() }
    }

    /// Whether a resource is a stack within this one whose templates are read.
    pub(super) fn is_nested(&self, one: Declaration<'_>) -> bool {
        one.kind == NESTED && self.nested.contains_key(one.id)
    }

    /// Does something with both sides.
    pub(super) fn sides<R>(
        &self,
        between: &Between,
        at: usize,
        before: &AccountsSnapshot,
        then: impl FnOnce(Option<&StackSide<'_>>, &StackSide<'_>) -> R,
    ) -> R {
        let none = Exports::new();
        let account = before.accounts.get(&self.place.account).map(AsRef::as_ref);
        let nested = |new: bool| {
            let all = self.nested.iter();
            all.filter_map(|(id, at)| Some((id.as_str(), between.outputs(new, *at)?))).collect()
        };
        let side = |new: bool, template, arguments, standing| StackSide {
            evaluator: TemplateEvaluator::new(
                template,
                &self.place,
                between.arguments(new, at).unwrap_or(arguments),
                between.exports(new, &self.place).unwrap_or(&none),
            ),
            physical: self.physical.as_ref(),
            stands: !new,
            deployed: standing,
            account,
            nested: nested(new),
            continuities: Default::default(),
        };
        let (new, old) = &self.templates;
        let old = old.as_ref().filter(|_| between.is_there(false, at) != Ok(false));
        let new = if between.is_there(true, at) == Ok(false) { &self.nothing } else { new };
        let standing = old.map(|template| side(false, template, &self.arguments.1, None));
        let after = side(true, new, &self.arguments.0, standing.as_ref());
        then(standing.as_ref(), &after)
    }
}
