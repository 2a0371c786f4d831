//! Accounts: the calls. Creation is asynchronous: asked for here, waited for in a step of its own.

use async_trait::async_trait;
use aws_sdk_organizations::types::{self, CreateAccountState, CreateAccountStatus};

use super::organization;
use crate::ids::AccountId;
use crate::provider::aws::actions::{ConditionalActions, KindActions, strings};
use crate::provider::aws::errors;
use crate::provider::aws::kind::{Bulk, KindProvider, OrAbsent, Wanted, attrs, live, optional};
use crate::provider::aws::organization_read::{self, node_id, node_name};
use crate::provider::aws::organization_tags::{self, to_tags};
use crate::provider::aws::session::Session;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep, REQUEST};
use crate::schema::{self, AccountState};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "account";

/// Account Management, as errors call it.
pub(in crate::provider::aws) const SERVICE: &str = KIND;

/// The AWS half.
pub(in crate::provider::aws) struct Account;

/// Looks at a creation before the step gives up (the executor may look again later).
const POLLS: u32 = 400;

#[async_trait]
impl KindProvider for Account {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Tree
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&[]),
            reads: strings(&["organizations:DescribeAccount", "organizations:ListParents"]),
            marks: strings(&[]),
            changes: strings(&[
                "account:PutAccountName",
                "organizations:CreateAccount",
                "organizations:DescribeCreateAccountStatus",
                "organizations:ListCreateAccountStatus",
                "organizations:MoveAccount",
                "organizations:TagResource",
                "organizations:UntagResource",
            ]),
            conditional: &[
                ConditionalActions {
                    attr: "on_destroy",
                    value: Some("close"),
                    actions: &["organizations:CloseAccount"],
                },
                ConditionalActions {
                    attr: "on_destroy",
                    value: Some("remove_from_organization"),
                    actions: &["organizations:RemoveAccountFromOrganization"],
                },
            ],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        if want.after("endpoint_url").as_str().is_some() {
            // An emulated account stands outside the organization: there is nothing to create.
            return Ok(want.done([]));
        }
        if let Some(id) = want.after("id").as_str() {
            return Err(errors::refuse(
                "organizations",
                "CreateAccount",
                &session.account,
                format!("the account `{id}` is not in the organization"),
            ));
        }
        let role =
            step.meta.get("access_role").and_then(Value::as_str).unwrap_or(&session.access_role);
        // CreateAccount makes a role without a path; another kind of name is the user's own affair.
        let role = (!role.contains(['/', ':'])).then(|| role.to_owned());
        let answer = session
            .organizations()
            .create_account()
            .account_name(want.text("name")?)
            .email(want.text("email")?)
            .set_role_name(role)
            .set_tags(to_tags(want.after("tags")))
            .send()
            .await
            .map_err(session.error("organizations", "CreateAccount"))?;
        let request = answer.create_account_status().and_then(|s| s.id());
        Ok(want.done([(REQUEST, optional(request)), ("parent", crate::provider::aws::ROOT.into())]))
    }

    async fn wait(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let request = match &step.target {
            Some(request) => request.as_str(),
            None => want.text(REQUEST)?,
        };
        let mut looks = 0;
        let id = loop {
            let answer = session
                .organizations()
                .describe_create_account_status()
                .create_account_request_id(request)
                .send()
                .await
                .map_err(session.error("organizations", "DescribeCreateAccountStatus"))?;
            match outcome(session, answer.create_account_status())? {
                Some(id) => break id,
                None if looks < POLLS => {
                    looks += 1;
                    tokio::time::sleep(session.options.poll).await;
                }
                None => {
                    return Err(ProviderError {
                        failure: Failure::NoAnswer,
                        message: "AWS has not finished creating the account".to_owned(),
                        ..errors::refuse(
                            "organizations",
                            "DescribeCreateAccountStatus",
                            &session.account,
                            "",
                        )
                    });
                }
            }
        };
        let described = session
            .settle(|| async {
                session
                    .organizations()
                    .describe_account()
                    .account_id(&id)
                    .send()
                    .await
                    .map_err(session.error("organizations", "DescribeAccount"))
            })
            .await?;
        let parent = want.after("parent").as_str().unwrap_or(crate::provider::aws::ROOT);
        if parent != crate::provider::aws::ROOT {
            // A run that was interrupted here may have moved it already.
            let from = session.settle(|| organization_read::parent(session, &id)).await?;
            if from != parent {
                session.settle(|| relocate(session, &id, &from, parent)).await?;
            }
        }
        let account = described.account();
        let mut attrs = want.done([
            ("arn", optional(account.and_then(|a| a.arn()))),
            ("state", optional(account.and_then(state))),
            ("parent", parent.into()),
            ("id", id.as_str().into()),
        ]);
        attrs.remove(REQUEST);
        Ok(attrs)
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let id = want.text("id")?;
        let both = |name: &str| want.before(name).as_str().zip(want.after(name).as_str());
        let mut kept = Attrs::new();
        if let Some((is, says)) = both("email") {
            if !is.eq_ignore_ascii_case(says) {
                return Err(errors::refuse(
                    "organizations",
                    "UpdateAccount",
                    &session.account,
                    format!(
                        "the email of the account `{id}` is `{is}`, not `{says}`, and is not changed here: make the block match"
                    ),
                ));
            }
            kept.insert("email".to_owned(), is.into());
        }
        if let Some((_, says)) = both("name").filter(|(is, says)| is != says) {
            rename(session, id, says).await?;
        }
        organization_tags::change(session, id, &want).await?;
        let mut attrs = want.done([]);
        attrs.extend(kept);
        Ok(attrs)
    }

    async fn relocate(
        &self,
        session: &Session,
        step: &ProviderStep,
    ) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let to = match &step.target {
            Some(target) => target.as_str(),
            None => want.text("parent")?,
        };
        let id = want.text("id")?;
        let from = match want.before("parent").as_str() {
            Some(parent) => parent.to_owned(),
            None => organization_read::parent(session, id).await?,
        };
        if from != to {
            relocate(session, id, &from, to).await?;
        }
        // The rest is as it was: the update that may follow goes by it.
        let mut attrs = step.before.clone().unwrap_or_default();
        attrs.insert("parent".to_owned(), to.into());
        Ok(attrs)
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        let id = want.text("id")?;
        match step.meta.get("on_destroy").and_then(Value::as_str) {
            Some("close") => session
                .organizations()
                .close_account()
                .account_id(id)
                .send()
                .await
                .map_err(session.error("organizations", "CloseAccount"))
                .map(|_| ())
                .or_else(|error| match error.code.as_deref() {
                    Some("AccountAlreadyClosedException") => Ok(()),
                    _ => Err(error),
                }),
            Some("remove_from_organization") => session
                .organizations()
                .remove_account_from_organization()
                .account_id(id)
                .send()
                .await
                .map_err(session.error("organizations", "RemoveAccountFromOrganization"))
                .absent()
                .map(|_| ()),
            _ => Err(errors::refuse(
                "organizations",
                "CloseAccount",
                &session.account,
                format!(
                    "`{}` is retained: nothing in the state says that it may be closed or removed",
                    step.address
                ),
            )),
        }
    }

    async fn find_creation(
        &self,
        session: &Session,
        after: &Attrs,
        since: i64,
    ) -> Result<Option<Attrs>, ProviderError> {
        let name = after.get("name").and_then(Value::as_str);
        let pages = session
            .organizations()
            .list_create_account_status()
            .states(CreateAccountState::InProgress)
            .states(CreateAccountState::Succeeded)
            .into_paginator()
            .send()
            .try_collect()
            .await
            .map_err(session.error("organizations", "ListCreateAccountStatus"))?;
        let mut candidates: Vec<&CreateAccountStatus> = pages
            .iter()
            .flat_map(|page| page.create_account_statuses())
            .filter(|s| s.account_name() == name)
            // AWS rounds, and clocks differ by a little.
            .filter(|s| s.requested_timestamp().is_none_or(|t| t.secs() + 300 >= since))
            .collect();
        candidates.sort_by_key(|s| s.requested_timestamp().map(|t| t.secs()));
        for status in candidates.into_iter().rev() {
            // Names are not unique: a finished request counts only for the account with this e-mail.
            if let Some(id) = status.account_id() {
                let email = by_key(session, id).await?;
                let email =
                    email.as_ref().and_then(|a| a.attrs.get("email")).and_then(Value::as_str);
                let wanted = after.get("email").and_then(Value::as_str);
                let same = email.zip(wanted).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
                if !same {
                    continue;
                }
            }
            if let Some(request) = status.id() {
                let mut attrs = after.clone();
                attrs.insert(REQUEST.to_owned(), request.into());
                return Ok(Some(attrs));
            }
        }
        Ok(None)
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        by_key(session, key).await
    }
}

/// Gives an account another name. The management account leaves its own id out
/// (Account Management API Reference, `PutAccountName`).
async fn rename(session: &Session, id: &str, name: &str) -> Result<(), ProviderError> {
    let organization = organization::describe(session).await?;
    let management = organization.as_ref().and_then(|o| o.master_account_id());
    let member = (management != Some(id)).then(|| id.to_owned());
    let done = session
        .accounts()
        .put_account_name()
        .account_name(name)
        .set_account_id(member.clone())
        .send()
        .await
        .map_err(session.error("account", "PutAccountName"));
    match done {
        Err(error) if error.failure == Failure::AccessDenied && member.is_some() => {
            Err(ProviderError {
                message: format!(
                    "{} (it takes `account:PutAccountName` in the management account, and `{}` among `trusted_services` of the organization)",
                    error.message,
                    schema::RENAMES_ACCOUNTS,
                ),
                ..error
            })
        }
        done => done.map(|_| ()),
    }
}

/// The new account's id; `None` while it is being created.
fn outcome(
    session: &Session,
    status: Option<&CreateAccountStatus>,
) -> Result<Option<String>, ProviderError> {
    match status.and_then(|s| s.state()) {
        Some(CreateAccountState::Failed) => {
            let reason =
                status.and_then(|s| s.failure_reason()).map_or("no reason given", |r| r.as_str());
            let told = match reason {
                "ACCOUNT_LIMIT_EXCEEDED" => {
                    "the organization has as many accounts as its quota allows"
                }
                "EMAIL_ALREADY_EXISTS" | "GOVCLOUD_ACCOUNT_ALREADY_EXISTS" => {
                    "another AWS account uses this e-mail address"
                }
                "INVALID_EMAIL" => "AWS does not accept the e-mail address",
                "CONCURRENT_ACCOUNT_MODIFICATION" => "another account operation was in progress",
                "INTERNAL_FAILURE" => "an internal failure of AWS; try again",
                _ => "AWS gave up",
            };
            Err(ProviderError {
                failure: if reason == "EMAIL_ALREADY_EXISTS" {
                    Failure::AlreadyExists
                } else {
                    Failure::Refused
                },
                code: Some(reason.to_owned()),
                ..errors::refuse("organizations", "CreateAccount", &session.account, told)
            })
        }
        Some(CreateAccountState::Succeeded) => {
            Ok(status.and_then(|s| s.account_id()).map(str::to_owned))
        }
        _ => Ok(None),
    }
}

async fn relocate(session: &Session, id: &str, from: &str, to: &str) -> Result<(), ProviderError> {
    let done = session
        .organizations()
        .move_account()
        .account_id(id)
        .source_parent_id(node_id(session, from).await?)
        .destination_parent_id(node_id(session, to).await?)
        .send()
        .await
        .map_err(session.error("organizations", "MoveAccount"));
    match done {
        Err(e) if e.code.as_deref() == Some("DuplicateAccountException") => Ok(()),
        done => done.map(|_| ()),
    }
}

/// An account as AWS lists it, with what it does not list.
pub(in crate::provider::aws) fn object(
    account: &types::Account,
    parent: &str,
    tags: Value,
) -> Option<LiveObject> {
    let mut object = live(
        KIND,
        attrs([
            ("name", optional(account.name())),
            ("email", optional(account.email())),
            ("parent", node_name(parent).into()),
            ("tags", tags),
            ("id", optional(account.id())),
            ("arn", optional(account.arn())),
            ("state", optional(state(account))),
        ]),
    )?;
    object.reserved = match schema::account_state(&object.attrs) {
        Some(AccountState::Closed) => Some("the account is closed"),
        Some(AccountState::PendingClosure) => Some("the account is being closed"),
        _ => None,
    };
    Some(object)
}

/// How an account stands. Organizations sends `State`; emulators and copies of its API may still send the
/// `Status` alone that it had before.
fn state(account: &types::Account) -> Option<&str> {
    let state = account.state().map(|state| state.as_str());
    let status = || AccountState::of_status(account.status()?.as_str()).map(AccountState::name);
    state.or_else(status)
}

/// An account's id, and how it stands.
pub(in crate::provider::aws) fn listed(
    account: &types::Account,
) -> Option<(AccountId, AccountState)> {
    Some((account.id()?.parse().ok()?, AccountState::of_name(state(account)?)?))
}

/// An account by its id or its e-mail address.
async fn by_key(session: &Session, key: &str) -> Result<Option<LiveObject>, ProviderError> {
    let found = if key.contains('@') {
        let accounts = session
            .organizations()
            .list_accounts()
            .into_paginator()
            .send()
            .try_collect()
            .await
            .map_err(session.error("organizations", "ListAccounts"))?;
        accounts
            .into_iter()
            .flat_map(|page| page.accounts.unwrap_or_default())
            .find(|a| a.email().is_some_and(|e| e.eq_ignore_ascii_case(key)))
    } else {
        session
            .organizations()
            .describe_account()
            .account_id(key)
            .send()
            .await
            .map_err(session.error("organizations", "DescribeAccount"))
            .absent()?
            .and_then(|a| a.account)
    };
    let Some(found) = found else { return Ok(None) };
    let id = found.id().unwrap_or_default();
    let (parent, tags) = futures::try_join!(
        organization_read::parent(session, id),
        organization_tags::read(session, id)
    )?;
    Ok(object(&found, &parent, tags))
}
