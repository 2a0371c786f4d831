//! Reads the templates of stacks, their parameters and their deployed state from files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::live::{LiveStack, LiveStacks};
use crate::diag::{Diagnostic, Diagnostics};
use crate::ids::AccountId;
use crate::provider::Stack;
use crate::review::cloudformation::{self, Deployed, NestedFile, StackFile, Template};

/// A template, and what the caller says of its stack.
#[derive(Clone, Debug, Default)]
pub struct StackRequest {
    /// The name of the stack in reports.
    pub name: String,
    /// Its name in AWS, where reports call it something else.
    pub name_in_aws: Option<String>,
    /// The new template.
    pub template: PathBuf,
    /// The account of the stack; by default, that of the deployed resources.
    pub account: Option<AccountId>,
    /// Its Region; by default, that of the deployed resources.
    pub region: Option<String>,
    /// Files with values of parameters.
    pub parameter_files: Vec<PathBuf>,
    /// Values of parameters, which override those of files.
    pub parameters: BTreeMap<String, String>,
    /// Output of the AWS CLI about the deployed stack: files, or folders of files.
    pub deployed: Vec<PathBuf>,
    /// Whether the stack does not exist yet.
    pub is_new: bool,
}

/// The templates with their stacks.
///
/// # Errors
/// Files that cannot be read, or are not what they are given as.
pub(super) fn read(
    requests: &[StackRequest],
    mut live: LiveStacks,
) -> Result<Vec<StackFile>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut stacks = Vec::new();
    for stack in requests {
        match stack_file(stack, live.remove(&stack.name)) {
            Ok(file) => stacks.push(file),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    diagnostics.into_result(stacks)
}

fn stack_file(
    stack: &StackRequest,
    live: Option<Result<LiveStack, String>>,
) -> Result<StackFile, Diagnostic> {
    let (name, text) = text_of(&stack.template)?;
    let template = Template::parse(&name, &text)?;
    let mut parameters = BTreeMap::new();
    for path in &stack.parameter_files {
        let (name, text) = text_of(path)?;
        parameters.extend(cloudformation::parameters::read(&name, &text)?);
    }
    parameters.extend(stack.parameters.clone());
    let mut is_new = stack.is_new;
    let mut unread = None;
    let (deployed, within) = match live {
        None => (deployed(&stack.deployed)?, DeployedWithin::Directories(stack.deployed.clone())),
        Some(Err(why)) => {
            unread = Some(why);
            (None, DeployedWithin::default())
        }
        Some(Ok(live)) => {
            is_new |= live.stack.is_none();
            (live.stack.map(as_deployed).transpose()?, DeployedWithin::Live(live.nested))
        }
    };
    let folder = stack.template.parent().unwrap_or(Path::new(""));
    let mut left = MOST_NESTED;
    let nested = nested(Some(&template), deployed.as_ref(), folder, within, &mut left)?;
    Ok(StackFile {
        name: stack.name.clone(),
        name_in_aws: stack.name_in_aws.clone(),
        template,
        account: stack.account.as_ref().map(ToString::to_string),
        region: stack.region.clone(),
        parameters,
        deployed,
        is_new,
        unread,
        nested,
    })
}

/// Where is said how stacks within one stand.
#[derive(Debug)]
enum DeployedWithin {
    /// In folders below these, which bear their logical ids.
    Directories(Vec<PathBuf>),
    /// As AWS tells.
    Live(LiveStacks),
}

impl Default for DeployedWithin {
    fn default() -> Self {
        Self::Directories(Vec::new())
    }
}

impl DeployedWithin {
    /// How one of them stands, and where is said how those within it do.
    fn take(&mut self, id: &str) -> Result<(Option<Deployed>, Self), Diagnostic> {
        match self {
            Self::Directories(around) => {
                let folders = around.iter().map(|path| path.join(id));
                let folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
                Ok((deployed(&folders)?, Self::Directories(folders)))
            }
            Self::Live(stacks) => match stacks.remove(id) {
                Some(Ok(live)) => {
                    Ok((live.stack.map(as_deployed).transpose()?, Self::Live(live.nested)))
                }
                Some(Err(_)) | None => Ok((None, Self::default())),
            },
        }
    }
}

/// A stack as AWS tells of it.
fn as_deployed(stack: Stack) -> Result<Deployed, Diagnostic> {
    let resources = stack.resources.iter();
    let resources = resources.map(|one| (one.logical.as_str(), one.physical.as_str()));
    Deployed::live(&stack.arn, &stack.template, stack.parameters.clone(), resources)
}

/// What is printed of a stack as it stands.
fn deployed(paths: &[PathBuf]) -> Result<Option<Deployed>, Diagnostic> {
    let mut deployed = (!paths.is_empty()).then(Deployed::default);
    for path in paths {
        let files = if path.is_dir() { files_in(path)? } else { vec![path.clone()] };
        for file in files {
            let (name, text) = text_of(&file)?;
            if let Some(deployed) = &mut deployed {
                deployed.read(&name, &text)?;
            }
        }
    }
    Ok(deployed)
}

/// Most stacks within one: a template that holds itself has an end.
const MOST_NESTED: u16 = 200;

/// The stacks within one: their templates lie where its template says, from its folder.
fn nested(
    template: Option<&Template>,
    around: Option<&Deployed>,
    folder: &Path,
    mut within: DeployedWithin,
    left: &mut u16,
) -> Result<BTreeMap<String, NestedFile>, Diagnostic> {
    let standing = around.into_iter().flat_map(Deployed::nested).map(|id| (id, None));
    let new = template.into_iter().flat_map(Template::nested);
    let new = new.map(|nested| (nested.id, Some(nested.file)));
    let ids: BTreeMap<String, Option<Option<String>>> = standing.chain(new).collect();
    let mut all = BTreeMap::new();
    for (id, file) in ids {
        *left = left.saturating_sub(1);
        let (deployed, within) = within.take(&id)?;
        let file = file.map(|file| at_hand(file.as_deref(), folder, *left));
        let (template, inner) = match file {
            None => (None, nested(None, deployed.as_ref(), folder, within, left)?),
            Some(Err(why)) => (Some(Err(why)), BTreeMap::new()),
            Some(Ok(path)) => {
                let (name, text) = text_of(&path)?;
                let template = Template::parse(&name, &text)?;
                let folder = path.parent().unwrap_or(Path::new(""));
                let inner = nested(Some(&template), deployed.as_ref(), folder, within, left)?;
                (Some(Ok(template)), inner)
            }
        };
        all.insert(id, NestedFile { template, deployed, nested: inner });
    }
    Ok(all)
}

/// The file of a nested template, or why there is none. A template says which file is read, and what cannot be read as one
/// is shown: no other files of the machine than templates are.
fn at_hand(file: Option<&str>, folder: &Path, left: u16) -> Result<PathBuf, String> {
    let file = file.ok_or("its `TemplateURL` is no path of a file")?;
    if left == 0 {
        return Err(format!("there are more than {MOST_NESTED} stacks within one"));
    }
    let path = Path::new(file);
    let ends = ["json", "yaml", "yml", "template"];
    let is_template = path.extension().is_some_and(|end| ends.iter().any(|e| end == *e));
    if path.is_absolute() || !is_template {
        return Err(format!("`{file}` is not the relative path of a JSON or YAML file"));
    }
    let path = folder.join(path);
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("there is no file `{}`", path.display())),
    }
}

fn text_of(path: &Path) -> Result<(String, String), Diagnostic> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(Diagnostic::error(format!("cannot read `{name}`: {error}"))),
    }
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let error = |error: std::io::Error| {
        Diagnostic::error(format!("cannot read `{}`: {error}", dir.display()))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(error)? {
        let path = entry.map_err(error)?.path();
        let is_read =
            path.extension().is_some_and(|end| ["json", "yaml", "yml"].iter().any(|e| end == *e));
        files.extend(Some(path).filter(|_| is_read));
    }
    files.sort();
    match files.is_empty() {
        false => Ok(files),
        true => Err(Diagnostic::error(format!(
            "there is no JSON or YAML file in `{}`",
            dir.display()
        ))
        .help("save the output of `aws cloudformation get-template` and `describe-stack-resources` there")),
    }
}
