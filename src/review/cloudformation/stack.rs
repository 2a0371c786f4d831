//! The changes of a stack: what its new template makes, changes and drops, as edits of its account.
//!
//! Claim: every resource that differs between the standing template and the new one is carried out by edits, bears no
//! access by the table of types, or is said not to be judged. Without the standing template nothing is known of what the
//! new one drops or renames: the walls of the account are undetermined.

use std::collections::{BTreeMap, BTreeSet};

use super::between::Between;
use super::organization::{self, is_of_organization};
use super::pieces::{StackPiece, StackPieces, pieces};
use super::places::TemplatePlaces;
use super::prepared::{PreparedStack, StackFile, prepared};
use super::side::{Continuity, StackSide, resource_type};
use super::template::{Declaration, NESTED};
use super::value::TemplateValue;
use crate::diag::Diagnostics;
use crate::resource_types::{TypeBearing, bearing};
use crate::review::change_set::{ApplyNotes, ApplyStep, ChangeSet, NotJudged, add_account};
use crate::review::edit::{AccountEdit, HolderEdit, PolicyHolder, stale};
use crate::review::tree_edit::TreeEdit;
use crate::review::{AccountSnapshot, AccountsSnapshot, PolicyText, Tree};

/// One stack on its way.
#[derive(Debug, Default)]
pub(crate) struct StackWork {
    account: String,
    labels: Vec<Label>,
    edits: Vec<AccountEdit>,
    tree_edits: Vec<TreeEdit>,
    unclear: Vec<NotJudged>,
    judged: usize,
    harmless: usize,
    /// Whether it is known what the stack holds now.
    is_known: bool,
    /// Where its template writes what it opens.
    pub(crate) places: TemplatePlaces,
}

/// How reports call something that stands.
#[derive(Debug)]
enum Label {
    Principal(PolicyHolder, String),
    Policy(String, String),
    Resource { arn: String, address: String, policy: Option<PolicyText> },
    Guardrail(String, String),
}

/// The changes of stacks that are reviewed together: what one exports, the others may import.
pub(crate) fn works(
    files: Vec<StackFile>,
    before: &AccountsSnapshot,
    diagnostics: &mut Diagnostics,
) -> Vec<StackWork> {
    let stacks = prepared(files, before, diagnostics);
    if diagnostics.has_errors() {
        return Vec::new();
    }
    let between = Between::of(&stacks, before);
    let stacks = stacks.iter().enumerate();
    stacks.map(|(at, stack)| work(at, stack, &between, before, diagnostics)).collect()
}

fn work(
    at: usize,
    stack: &PreparedStack,
    between: &Between,
    before: &AccountsSnapshot,
    diagnostics: &mut Diagnostics,
) -> StackWork {
    stack.sides(between, at, before, |standing, after| {
        let is_new = stack.is_new(between, at);
        let mut work = StackWork {
            account: stack.place.account.clone(),
            is_known: standing.is_some() || is_new,
            places: TemplatePlaces::of(&stack.place.label, after.evaluator.template),
            ..StackWork::default()
        };
        if between.is_kept_by_aws(at) {
            return work;
        }
        for new in [false, true] {
            if let Err(why) = between.is_there(new, at) {
                let label = &stack.place.label;
                work.say(format!("whether `{label}` is there is not known: {why}"));
                return work;
            }
        }
        work.frame(stack, is_new, standing, after);
        let Ok(id) = stack.place.account.parse::<crate::ids::AccountId>() else { return work };
        let none = AccountSnapshot::new(&id, crate::ids::Handle::from(&id));
        let account = after.account.unwrap_or(&none);
        let resources = standing.into_iter().flat_map(|side| side.evaluator.template.resources());
        let resources = resources.chain(after.evaluator.template.resources());
        // A stack within this one has a work of its own.
        let ids = resources.filter(|one| !stack.is_nested(*one)).map(|resource| resource.id);
        let mut seen = BTreeSet::new();
        for id in ids.filter(|id| seen.insert(id.to_string())) {
            work.resource(id, stack, standing, after, account);
        }
        for side in standing.into_iter().chain([after]) {
            diagnostics.extend(side.evaluator.wrong());
        }
        work
    })
}

impl StackWork {
    fn say(&mut self, why: impl Into<String>) {
        self.unclear.push(NotJudged { account: Some(self.account.clone()), why: why.into() });
    }

    /// What the stack leaves open as a whole.
    fn frame(
        &mut self,
        stack: &PreparedStack,
        is_new: bool,
        standing: Option<&StackSide<'_>>,
        after: &StackSide<'_>,
    ) {
        let label = &stack.place.label;
        let template = after.evaluator.template;
        if let Some((_, id)) = stack.within.as_ref().filter(|_| !is_new)
            && (standing.is_none() || stack.physical.is_none())
        {
            let outer = label.strip_suffix(&format!("/{id}")).unwrap_or(label);
            self.say(format!(
                "what the nested stack `{label}` holds now is not known: put its template and resources into the folder `{id}` of what is given with `--deployed` for `{outer}`"
            ));
        }
        match (standing, is_new || stack.within.is_some()) {
            (None, false) if stack.unread.is_some() => self.say(format!(
                "what the stack `{label}` holds now could not be read: {}",
                stack.unread.as_deref().unwrap_or_default()
            )),
            (None, false) if stack.physical.is_some() => self.say(format!(
                "the deployed template of the stack `{label}` is not known: pass the output of `aws cloudformation get-template` with `--deployed {label}=FILE`"
            )),
            (None, false) => self.say(format!(
                "the deployed state of the stack `{label}` is not known: pass its template and resources with `--deployed {label}=FILE`, or add `--new-stack={label}` if it does not exist yet"
            )),
            (Some(_), false) if stack.physical.is_none() => self.say(format!(
                "the physical ids of the resources of the stack `{label}` are not known: pass the output of `aws cloudformation describe-stack-resources` with `--deployed {label}=FILE`"
            )),
            _ => {}
        }
        let is_same = standing.is_some_and(|side| side.evaluator.template.root == template.root);
        if is_same {
            return;
        }
        let globals = |side: &StackSide<'_>| side.evaluator.template.root.get("Globals").cloned();
        if standing.is_some_and(|side| globals(side) != globals(after)) {
            self.say(format!(
                "`Globals` changes in the stack `{label}`, and only the SAM transform knows what that does"
            ));
        }
        for name in template.macros() {
            if name == "AWS::LanguageExtensions" || name == "AWS::Serverless-2016-10-31" {
                // The first is evaluated; what the second makes has types of its own, each of which is reported.
                continue;
            }
            self.say(format!(
                "the macro `{name}` rewrites the template of the stack `{label}`: pass the processed template, as a change set shows it"
            ));
        }
        let calls =
            template.section("Resources").iter().filter(|member| member.key.starts_with("Fn::"));
        for call in calls {
            self.say(format!(
                "the resources that `{}` adds to the stack `{label}` are not known",
                call.key
            ));
        }
    }

    fn resource(
        &mut self,
        id: &str,
        stack: &PreparedStack,
        standing: Option<&StackSide<'_>>,
        after: &StackSide<'_>,
        account: &AccountSnapshot,
    ) {
        let address = after.address(id);
        let not_nested = |one: &Declaration<'_>| !stack.is_nested(*one);
        let of = |side: &StackSide<'_>| {
            side.evaluator
                .template
                .resource(id)
                .filter(not_nested)
                .map(|one| (one.kind.to_owned(), side.is_there(one)))
        };
        let (old, new) = (standing.and_then(of), of(after));
        let open = [&old, &new].into_iter().flatten().find_map(|(kind, there)| {
            let why = there.as_ref().err()?;
            let bears = !matches!(bearing(kind), TypeBearing::None | TypeBearing::Named);
            bears.then(|| why.clone())
        });
        if let Some(why) = open {
            self.say(format!("it is not known whether `{address}` exists: {why}"));
            return;
        }
        let is_there = |one: &Option<(String, Result<bool, String>)>| {
            one.as_ref().is_some_and(|(_, there)| *there != Ok(false))
        };
        let was = standing.filter(|_| is_there(&old)).and_then(|side| {
            Some((side, side.evaluator.template.resource(id).filter(not_nested)?))
        });
        let is = Some(after).filter(|_| is_there(&new)).and_then(|side| {
            Some((side, side.evaluator.template.resource(id).filter(not_nested)?))
        });
        let continuity = is.map(|(side, one)| side.continuity(one));
        if let (Some((old, was)), Some((new, is)), Some(Continuity::Stays)) = (was, is, &continuity)
        {
            self.label(old, was);
            // Policies may have conditions on tags.
            let tags = |side: &StackSide<'_>, one: Declaration<'_>| side.property(one, "Tags");
            let same_tags =
                bearing(is.kind) != TypeBearing::Judged || tags(old, was) == tags(new, is);
            if old.properties(was) == new.properties(is) && same_tags {
                // CloudFormation reads the template behind the same address again.
                if is.kind == NESTED && !is_named_by_content(&new.property(is, "TemplateURL")) {
                    self.not_at_hand(&address, stack, is);
                }
                return;
            }
        } else if let Some((old, was)) = was {
            self.label(old, was);
        }
        let kinds: BTreeSet<&str> = was.into_iter().chain(is).map(|(_, one)| one.kind).collect();
        if kinds.is_empty() {
            return;
        }
        let said = self.unclear.len();
        for (side, one) in was.into_iter().chain(is) {
            if one.kind == NESTED {
                self.not_at_hand(&address, stack, one);
                continue;
            }
            self.not_judged(&address, side, one, is.is_some_and(|(_, is)| is.kind == one.kind));
        }
        match kinds.iter().any(|kind| bearing(kind) == TypeBearing::Judged) {
            true => self.judged += 1,
            false => self.harmless += usize::from(self.unclear.len() == said),
        }
        if let Some(Continuity::Unknown(why)) = &continuity
            && kinds.iter().any(|kind| bearing(kind) == TypeBearing::Judged)
        {
            self.say(why.clone());
        }
        self.carry_out(&address, was, is, continuity.as_ref(), account);
    }

    /// Says that what a stack within this one makes is not known.
    fn not_at_hand(&mut self, address: &str, stack: &PreparedStack, one: Declaration<'_>) {
        let place = self.places.resource(address).map_or_else(String::new, |at| format!(" ({at})"));
        let why = match stack.not_at_hand.get(one.id) {
            Some(why) => {
                format!("the template of the nested stack `{address}`{place} is not at hand: {why}")
            }
            None => format!("what the nested stack `{address}`{place} holds now is not known"),
        };
        let advice = match stack.not_at_hand.get(one.id) {
            Some(_) => "give the template as it is before `aws cloudformation package` uploads its parts, or the folder that `cdk synth` writes".to_owned(),
            None => format!("put its template and resources into the folder `{}` of what is given with `--deployed`", one.id),
        };
        let why = format!("{why}; {advice}");
        if !self.unclear.iter().any(|unclear| unclear.why == why) {
            self.say(why);
        }
    }

    /// Says why what a resource does cannot be passed over; nothing where it can.
    fn not_judged(
        &mut self,
        address: &str,
        side: &StackSide<'_>,
        one: Declaration<'_>,
        stays: bool,
    ) {
        let kind = one.kind;
        let why = match bearing(kind) {
            TypeBearing::Judged => return self.parts_not_judged(address, side, one),
            TypeBearing::Named | TypeBearing::None => return,
            TypeBearing::Policy(property) => {
                // Deleting a resource deletes its policy too, which opens nothing.
                let set = one.node.get("Properties").is_some_and(|all| holds(all, property));
                if !set || side.stands {
                    return;
                }
                format!("`{address}` has a policy of a type that is not judged yet (`{kind}`)")
            }
            _ if side.stands && stays => return,
            TypeBearing::Bears => {
                format!("`{address}` bears access that is not judged yet (`{kind}`)")
            }
            TypeBearing::Runs if kind.starts_with("AWS::Serverless::") => format!(
                "what `{address}` becomes is known to the transform of SAM alone (`{kind}`): give the template as processed, as `aws cloudformation get-template --template-stage Processed --change-set-name NAME` prints it for a change set"
            ),
            TypeBearing::Runs => {
                format!(
                    "`{address}` runs a template or program, which may make anything (`{kind}`)"
                )
            }
            TypeBearing::Unknown => {
                format!("`{address}` is of a type that is not known (`{kind}`)")
            }
        };
        self.say(why);
    }

    /// Says which settings of a judged type grant access that is not in the model.
    fn parts_not_judged(&mut self, address: &str, side: &StackSide<'_>, one: Declaration<'_>) {
        if holds(one.node, "Fn::Transform") {
            self.say(format!("a macro generates part of `{address}`"));
        }
        if one.kind != "AWS::S3::Bucket" || side.stands {
            return;
        }
        let harmless = ["Private", "BucketOwnerRead", "BucketOwnerFullControl", "LogDeliveryWrite"];
        match side.property(one, "AccessControl") {
            TemplateValue::Absent | TemplateValue::Null => {}
            TemplateValue::Text(acl) if harmless.contains(&acl.as_str()) => {}
            _ => self.say(format!("the access control list of `{address}` is not judged yet")),
        }
        if !side.property(one, "ReplicationConfiguration").is_absent() {
            self.say(format!(
                "`{address}` replicates its objects to another bucket, which is not judged yet"
            ));
        }
    }

    fn carry_out(
        &mut self,
        address: &str,
        was: Option<(&StackSide<'_>, Declaration<'_>)>,
        is: Option<(&StackSide<'_>, Declaration<'_>)>,
        continuity: Option<&Continuity>,
        account: &AccountSnapshot,
    ) {
        let is_made = continuity.is_none_or(organization::is_made);
        let goes = match (was, is) {
            (Some((old, was)), None) => !self.is_retained(address, old, was, "DeletionPolicy"),
            (Some(_), Some((new, is))) if is_made => {
                !self.is_retained(address, new, is, "UpdateReplacePolicy")
            }
            _ => false,
        };
        if let Some((old, was)) = was.filter(|_| goes) {
            self.drop_object(address, old, was);
        }
        let judged = |side: Option<(&StackSide<'_>, Declaration<'_>)>| match side {
            Some((side, one)) if bearing(one.kind) == TypeBearing::Judged => pieces(side, one),
            _ => StackPieces::default(),
        };
        let (mut before, after) = (judged(was), judged(is));
        // A retained resource keeps its policies.
        if was.is_some() && !goes && (is.is_none() || is_made) {
            before = StackPieces::default();
        }
        for why in after.unclear.into_iter().chain(before.unclear) {
            self.say(why);
        }
        if let Some((new, is)) = is {
            self.put_object(address, was.filter(|_| !is_made), new, is, account);
        }
        for gone in &before.all {
            let taken = |piece: &StackPiece| piece.has_the_place_of(gone);
            if after.all.iter().any(taken) {
                continue;
            }
            if let StackPiece::Statement { arn, sid, .. } = gone {
                let policy = account.resources.get(arn).and_then(|r| r.policy.as_ref());
                if policy.is_some_and(|policy| policy.has_statement(sid) == Some(false)) {
                    self.say(stale(address));
                }
            }
            self.edits.push(gone.gone(address));
        }
        // Policies that are deleted with their principal are created again with the new one.
        let stays: &[StackPiece] = if goes { &[] } else { &before.all };
        for piece in after.all.iter().filter(|piece| !stays.contains(piece)) {
            self.edits.extend(piece.put(address, account));
        }
    }

    /// Whether a resource that leaves the stack stays in AWS.
    fn is_retained(
        &mut self,
        address: &str,
        side: &StackSide<'_>,
        one: Declaration<'_>,
        attribute: &str,
    ) -> bool {
        let Some(node) = one.node.get(attribute) else { return false };
        match side.evaluator.value(node, side) {
            TemplateValue::Text(text) => text.starts_with("Retain"),
            TemplateValue::Unknown(unknown) => {
                self.say(format!(
                    "it is not known whether `{address}` is retained: {}",
                    unknown.why
                ));
                true
            }
            _ => false,
        }
    }

    fn drop_object(&mut self, address: &str, side: &StackSide<'_>, one: Declaration<'_>) {
        if bearing(one.kind) != TypeBearing::Judged {
            return;
        }
        let mut unclear = Vec::new();
        if is_of_organization(one.kind) {
            self.tree_edits.extend(organization::dropped(side, one, &mut unclear));
        } else {
            let entity = side.entity(one);
            let value = match one.kind {
                "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" => entity.name,
                "AWS::IAM::ManagedPolicy" => entity.arn,
                kind if resource_type(kind).is_some() => entity.arn,
                _ => return,
            };
            match value {
                TemplateValue::Text(text) => self.edits.push(match one.kind {
                    "AWS::IAM::Role" => drop_holder(PolicyHolder::Role(text), address),
                    "AWS::IAM::User" => drop_holder(PolicyHolder::User(text), address),
                    "AWS::IAM::Group" => drop_holder(PolicyHolder::Group(text), address),
                    "AWS::IAM::ManagedPolicy" => AccountEdit::DropPolicy { arn: text },
                    _ => AccountEdit::DropResource { arn: text },
                }),
                TemplateValue::Unknown(unknown) => {
                    unclear.push(format!(
                        "it is not known what is deleted with `{address}`: {}",
                        unknown.why
                    ));
                }
                _ => {}
            }
        }
        unclear.into_iter().for_each(|why| self.say(why));
    }

    fn put_object(
        &mut self,
        address: &str,
        was: Option<(&StackSide<'_>, Declaration<'_>)>,
        side: &StackSide<'_>,
        one: Declaration<'_>,
        account: &AccountSnapshot,
    ) {
        if bearing(one.kind) != TypeBearing::Judged {
            return;
        }
        if is_of_organization(one.kind) {
            let mut unclear = Vec::new();
            self.tree_edits.extend(organization::put(side, one, was, &mut unclear));
            unclear.into_iter().for_each(|why| self.say(why));
            return;
        }
        let holder: Option<fn(String) -> PolicyHolder> = match one.kind {
            "AWS::IAM::Role" => Some(PolicyHolder::Role),
            "AWS::IAM::User" => Some(PolicyHolder::User),
            "AWS::IAM::Group" => Some(PolicyHolder::Group),
            _ => None,
        };
        // The other types only put pieces into resources, which `carry_out` compares.
        let is_policy = one.kind == "AWS::IAM::ManagedPolicy";
        if holder.is_none() && !is_policy && resource_type(one.kind).is_none() {
            return;
        }
        let entity = side.entity(one);
        let (name, arn) = match (entity.name, entity.arn) {
            (TemplateValue::Text(name), TemplateValue::Text(arn)) => (name, arn),
            (TemplateValue::Unknown(unknown), _) | (_, TemplateValue::Unknown(unknown)) => {
                return self.say(format!("the name of `{address}` is not known: {}", unknown.why));
            }
            _ => return,
        };
        let label = address.to_owned();
        let is_new = was.is_none();
        let edit = match (holder, one.kind) {
            (Some(holder), kind) => {
                let stands_already = match holder(name.clone()) {
                    PolicyHolder::Role(name) => account.roles.contains_key(&name),
                    PolicyHolder::User(name) => account.users.contains_key(&name),
                    PolicyHolder::Group(name) => account.groups.contains_key(&name),
                };
                let mut edit = HolderEdit::new(holder(name), arn, label);
                let differs = |property: &str| {
                    was.is_none_or(|(old, was)| {
                        old.property(was, property) != side.property(one, property)
                    })
                };
                if kind == "AWS::IAM::Role" && differs("AssumeRolePolicyDocument") {
                    edit.trust =
                        Some(side.property(one, "AssumeRolePolicyDocument").policy(address));
                }
                if differs("PermissionsBoundary") {
                    let boundary = side.property(one, "PermissionsBoundary");
                    edit.unreadable |= boundary.first_unknown().is_some();
                    edit.boundary = Some(boundary.as_text().map(str::to_owned));
                }
                if differs("Tags") {
                    match tags(&side.property(one, "Tags")) {
                        Some(tags) => edit.tags = Some(tags),
                        None => edit.unreadable = true,
                    }
                }
                if is_new && stands_already && self.is_known {
                    // CloudFormation fails if the name is taken; the object with that name is not the stack's.
                    self.say(format!(
                        "`{address}` is created under a name that is already taken in the account"
                    ));
                }
                AccountEdit::PutHolder(Box::new(edit))
            }
            (None, "AWS::IAM::ManagedPolicy") => {
                let document = side.property(one, "PolicyDocument");
                if was.is_some_and(|(old, was)| old.property(was, "PolicyDocument") == document) {
                    return;
                }
                let Some(content) = document.policy(address) else { return };
                AccountEdit::PutPolicy { arn, label, content }
            }
            (None, kind) => {
                let Some(of) = resource_type(kind) else { return };
                AccountEdit::PutResource { arn, of, label, is_new }
            }
        };
        self.edits.push(edit);
    }

    /// Notes the logical id as the name of an existing object in reports.
    fn label(&mut self, side: &StackSide<'_>, one: Declaration<'_>) {
        if bearing(one.kind) != TypeBearing::Judged {
            return;
        }
        let address = side.address(one.id);
        let entity = side.entity(one);
        match (one.kind, entity.name.as_text(), entity.arn.as_text()) {
            ("AWS::IAM::Role", Some(name), _) => {
                self.labels.push(Label::Principal(PolicyHolder::Role(name.to_owned()), address));
            }
            ("AWS::IAM::User", Some(name), _) => {
                self.labels.push(Label::Principal(PolicyHolder::User(name.to_owned()), address));
            }
            ("AWS::IAM::Group", Some(name), _) => {
                self.labels.push(Label::Principal(PolicyHolder::Group(name.to_owned()), address));
            }
            ("AWS::IAM::ManagedPolicy", _, Some(arn)) => {
                self.labels.push(Label::Policy(arn.to_owned(), address));
            }
            ("AWS::Organizations::Policy", _, Some(id)) => {
                self.labels.push(Label::Guardrail(id.to_owned(), address));
            }
            _ => {}
        }
        let own = entity.arn.as_text().filter(|_| resource_type(one.kind).is_some());
        if let Some(arn) = own {
            let (arn, address) = (arn.to_owned(), side.address(one.id));
            self.labels.push(Label::Resource { arn, address, policy: None });
        }
        for piece in pieces(side, one).all {
            let address = side.address(one.id);
            match piece {
                StackPiece::Policy { arn, document, .. } => {
                    let policy = document.policy(&address);
                    self.labels.push(Label::Resource { arn, address, policy });
                }
                StackPiece::Statement { arn, .. } => {
                    self.labels.push(Label::Resource { arn, address, policy: None });
                }
                StackPiece::Inline { .. }
                | StackPiece::Attached { .. }
                | StackPiece::Member { .. }
                | StackPiece::BlockPublic { .. }
                | StackPiece::Ownership { .. } => {}
            }
        }
    }
}

fn drop_holder(holder: PolicyHolder, address: &str) -> AccountEdit {
    let symbol = crate::iam::Placeholder::new(format!("{address}.unique_id")).to_string();
    AccountEdit::DropHolder { holder, symbol }
}

/// Whether a property of that name is set at any depth.
fn holds(node: &super::node::TemplateNode, property: &str) -> bool {
    let members = node.members().iter();
    members.clone().any(|member| member.key == property)
        || members
            .map(|member| &member.value)
            .chain(node.elements())
            .any(|inner| holds(inner, property))
}

/// Whether what lies at an address cannot change: its name is a hash, as `cdk deploy` and `aws cloudformation package`
/// give it.
fn is_named_by_content(url: &TemplateValue) -> bool {
    let name = url.as_text().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
    let hash = name.split('.').next().unwrap_or_default();
    hash.len() >= 32 && hash.chars().all(|c| c.is_ascii_hexdigit())
}

/// Tags of a resource; `None` where one is not known.
fn tags(value: &TemplateValue) -> Option<BTreeMap<String, String>> {
    let read = |tag: &TemplateValue| {
        let text = |key: &str| tag.get(key).and_then(super::evaluate::scalar);
        Some((text("Key")?, text("Value")?))
    };
    value.elements().into_iter().map(read).collect()
}

impl ChangeSet for StackWork {
    fn prepare(&self, before: &mut AccountsSnapshot) {
        // One that changes the organization alone says nothing of the account that it lies in.
        let only_organization = self.edits.is_empty()
            && self.unclear.is_empty()
            && self.labels.iter().all(|label| matches!(label, Label::Guardrail(..)));
        if !only_organization {
            add_account(&self.account, before);
        }
        for label in &self.labels {
            if let Label::Guardrail(id, address) = label {
                if let Tree::Read(tree) = &mut before.tree
                    && let Some(policy) = tree.policies.get_mut(id)
                {
                    policy.label.clone_from(address);
                }
                continue;
            }
            let Some(account) = before.account(&self.account) else { continue };
            label.put(account);
        }
    }

    fn apply_step(&self, step: ApplyStep, after: &mut AccountsSnapshot, notes: &mut ApplyNotes) {
        let of_tree = self.tree_edits.iter().filter(|edit| edit.step() == step);
        match &mut after.tree {
            Tree::Read(tree) => {
                of_tree.for_each(|edit| edit.clone().carry_out(tree, &mut notes.not_judged))
            }
            _ if of_tree.count() > 0 => {
                let why = "a stack changes an organization that was not read (organization.json)";
                notes.not_judged.push(NotJudged { account: None, why: why.to_owned() });
            }
            _ => {}
        }
        let mut edits = self.edits.iter().filter(|edit| edit.step() == step).peekable();
        if edits.peek().is_none() {
            return;
        }
        let Some(account) = after.account(&self.account) else { return };
        edits.for_each(|edit| edit.clone().carry_out(account, notes));
    }

    fn not_judged(&self) -> &[NotJudged] {
        &self.unclear
    }

    fn judged(&self) -> usize {
        self.judged
    }

    fn harmless(&self) -> usize {
        self.harmless
    }
}

impl Label {
    fn put(&self, account: &mut AccountSnapshot) {
        let put = match self {
            Self::Principal(PolicyHolder::Role(name), address) => {
                account.roles.get_mut(name).map(|role| role.label.clone_from(address))
            }
            Self::Principal(PolicyHolder::User(name), address) => {
                account.users.get_mut(name).map(|user| user.label.clone_from(address))
            }
            Self::Principal(PolicyHolder::Group(name), address) => {
                account.groups.get_mut(name).map(|group| group.label.clone_from(address))
            }
            Self::Policy(arn, address) => {
                account.policies.get_mut(arn).map(|policy| policy.label.clone_from(address))
            }
            Self::Resource { arn, address, policy, .. } => {
                self.put_resource(arn, address, policy.as_ref(), account);
                Some(())
            }
            Self::Guardrail(..) => Some(()),
        };
        let address = match self {
            Self::Principal(_, address)
            | Self::Policy(_, address)
            | Self::Guardrail(_, address) => address,
            Self::Resource { address, .. } => address,
        };
        // An account that was not read holds nothing that could disagree.
        if put.is_none() && account.unread.is_empty() {
            account.mark_unread(stale(address));
        }
    }

    /// A dump may hold only the policies of buckets: those of other resources are known from the deployed template.
    fn put_resource(
        &self,
        arn: &str,
        address: &str,
        policy: Option<&PolicyText>,
        account: &mut AccountSnapshot,
    ) {
        let Some(of) = crate::access::ResourceType::of_arn(arn) else { return };
        if let Some(resource) = account.resources.get_mut(arn) {
            if policy.is_some() || resource.label.is_empty() {
                address.clone_into(&mut resource.label);
            }
            if !resource.is_dumped && resource.policy.is_none() {
                resource.policy = policy.cloned();
            }
            return;
        }
        account.resources.insert(
            arn.to_owned(),
            crate::review::Resource {
                label: address.to_owned(),
                policy: policy.cloned(),
                ..crate::review::Resource::new(of)
            },
        );
    }
}
