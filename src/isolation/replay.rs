//! Every opening is played again before it is believed: allowed as its witness says, and denied
//! with each of its conditions unmet.

use super::crossing::Asked;
use crate::iam::ContextValue;
use crate::iam::symbolic::Opening;

/// Plays an opening again.
///
/// # Errors
/// What did not come out as it was told, as a message. That is a fault of the analysis, and the step
/// counts as undecided.
pub(super) fn replay(asked: &Asked, opening: &Opening) -> Result<(), String> {
    let request = &opening.witness;
    if let Some(why) = request.contradiction() {
        return Err(format!("no request is like the witness: {why}"));
    }
    if !asked.judge(request).is_allowed() {
        return Err(format!("the witness {} on {} is denied", request.action, request.resource));
    }
    for requirement in &opening.requirements {
        let mut unmet = request.clone();
        let was_many = matches!(request.context.get(&requirement.key), Some(ContextValue::Many(_)));
        match &requirement.unmet {
            None => unmet.context.remove(&requirement.key),
            Some(values) => match values.as_slice() {
                [one] if !was_many => unmet.context.set(&requirement.key, one.as_str()),
                many => unmet.context.set(&requirement.key, many.to_vec()),
            },
        }
        if asked.judge(&unmet).is_allowed() {
            return Err(format!(
                "{} on {} is allowed although `{}` does not hold",
                request.action, request.resource, requirement.text
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::asked_and_opened;
    use super::*;
    use crate::iam::symbolic::Requirement;

    #[test]
    fn a_false_condition_or_witness_is_found() {
        let (asked, opening) =
            asked_and_opened(&json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}));
        assert_eq!(opening.requirements.len(), 1);
        assert_eq!(replay(&asked, &opening), Ok(()));
        let mut false_condition = opening.clone();
        false_condition.requirements = vec![Requirement {
            key: "aws:UserAgent".to_owned(),
            text: "aws:UserAgent = x".to_owned(),
            unmet: Some(vec!["y".to_owned()]),
        }];
        assert!(replay(&asked, &false_condition).is_err_and(|why| why.contains("does not hold")));
        let mut elsewhere = opening.clone();
        elsewhere.witness.resource = "arn:aws:sqs:eu-west-1:333333333333:jobs".to_owned();
        elsewhere.witness.context.set("aws:RequestedRegion", "eu-central-1");
        assert!(replay(&asked, &elsewhere).is_err_and(|why| why.contains("lies in eu-west-1")));
        let mut false_witness = opening;
        false_witness.witness.context.set("aws:SourceIp", "192.0.2.1");
        assert!(replay(&asked, &false_witness).is_err_and(|why| why.contains("is denied")));
    }
}
