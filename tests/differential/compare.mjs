// Compares Palisade's verdicts with those of the independent judge. Every disagreement must fall
// under a rule below, which cites the AWS text that decides it; one that does not fails the run.
// With a fourth file, each disagreement is written there again without the features that the rules
// blame: on those, both judges must agree, or the rule was no explanation.
// Usage: node compare.mjs CASES OURS THEIRS [NEUTRAL | --all-must-agree]
import { createReadStream, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [, , casesFile, oursFile, theirsFile, neutralFile] = process.argv
const lines = (file) => createInterface({ input: createReadStream(file) })[Symbol.asyncIterator]()
const text = (value) => JSON.stringify(value ?? null)
const service = (one) => one.request.action.split(':')[0].toLowerCase()
const isArn = (one, part) => typeof one.request.principal === 'string' && one.request.principal.includes(part)

const rules = [
  {
    name: 'root users do not assume roles',
    text: 'STS API Reference, AssumeRole: root user credentials cannot be used to call AssumeRole. The other judge knows no root user.',
    when: (one) => isArn(one, ':root') && /^sts:assumerole$/i.test(one.request.action),
  },
  {
    name: 'no trust policy, no role',
    text: 'IAM User Guide, Roles terms and concepts: the trust policy is a required resource-based policy of every role. The other judge lets an identity policy suffice where none is given.',
    when: (one) => /^sts:assumerole$/i.test(one.request.action) && !one.resource_policy,
  },
  {
    name: 'a federation token has no permissions of its own',
    text: 'STS API Reference, GetFederationToken: without a session policy the federated session has no permissions, save those of resource policies that name the session.',
    when: (one) => isArn(one, ':federated-user/') && one.session_policies.length === 0,
  },
  {
    name: 'RCPs cover a list of services',
    text: 'Organizations User Guide, Resource control policies, List of AWS services that support RCPs: resources of other services are not affected. The other judge applies RCPs to every service.',
    when: (one) => one.resource_control_policies.length > 0 && !['s3', 'sqs', 'kms', 'sts', 'secretsmanager'].includes(service(one)),
  },
  {
    name: 'IfExists on a set operator',
    text: 'IAM User Guide, Condition operators, ...IfExists: "If the key is not present, evaluate the condition element as true", for any operator but Null. The other judge keeps ForAnyValue false.',
    when: (one) =>
      /"ForAnyValue:[A-Za-z]*IfExists"/.test(text(one)) &&
      ['aws:CalledVia', 'aws:TagKeys', 'aws:PrincipalOrgPaths'].some((key) => !one.request.context[key]?.length),
  },
  {
    name: 'IPv6 under NotIpAddress',
    text: 'IAM User Guide, IP address condition operators: NotIpAddress holds for "all IP addresses except the specified" ones; an IPv6 address is in no IPv4 range. The other judge finds neither IpAddress nor NotIpAddress true.',
    when: (one) => text(one).includes('"NotIpAddress') && String(one.request.context['aws:SourceIp']).includes(':'),
  },
  {
    name: 'variables need version 2012-10-17',
    text: 'IAM User Guide, Version: under 2008-10-17 "variables such as ${aws:username} are not recognized and are instead treated as literal strings". The other judge substitutes a default value.',
    when: (one) => text(one).includes('2008-10-17') && text(one).includes('${'),
  },
  {
    name: 'disputed',
    text: 'Palisade itself reports that the sources differ: an ARN with fewer than six fields outside of identity policies (IAM User Guide, IAM identifiers, says of "an identity-based policy" alone that AWS completes it); a star at the end of an ARN segment over a colon (IAM User Guide, Resource); NotPrincipal that lists the caller by some of its names only ("might deny"); a variable without value under negation ("might cause the entire statement to be invalid"); a direct grant against a silent session policy.',
    when: (one, ours) => ours.disputed.length > 0,
  },
]

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }

/** The case without anything that a rule blames. */
function neutral(one) {
  const account = '111122223333'
  const out = JSON.parse(
    text(one)
      .replaceAll('2008-10-17', '2012-10-17')
      .replace(/"(ForAnyValue:[A-Za-z]*)IfExists"/g, '"$1"')
      .replace(/"arn:aws:[a-z0-9-]*:\*"/g, '"*"')
      .replace(/"arn(:[^":]*){2,4}"/g, '"*"')
      .replace(/\$\{(aws:[^},]*)\}/g, "${$1, 'none'}")
      .replace(/"NotPrincipal":\{"AWS":[^}]*\}/g, `"NotPrincipal":{"AWS":["${account}","arn:aws:iam::${account}:role/ci","arn:aws:sts::${account}:assumed-role/ci/run","arn:aws:iam::${account}:user/jo","arn:aws:sts::${account}:federated-user/fed"]}`)
  )
  const { request } = out
  if (String(request.context['aws:SourceIp']).includes(':')) request.context['aws:SourceIp'] = '192.0.2.1'
  if (isArn(one, ':root') && service(one) === 'sts') {
    request.principal = `arn:aws:iam::${account}:user/jo`
    out.identity_policies = [{ name: 'all', document: everything }]
  }
  if (isArn(one, ':federated-user/')) out.session_policies = [{ name: 'all', document: everything }]
  else out.session_policies = []
  if (service(one) === 'sts') {
    out.resource_policy ??= { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' }] }
  }
  if (!['s3', 'sqs', 'kms', 'sts', 'secretsmanager'].includes(service(one))) out.resource_control_policies = []
  return out
}

const neutrals = []
const counts = new Map(rules.map((rule) => [rule.name, 0]))
const verdicts = {}
let total = 0
let same = 0
let refused = 0
const unexplained = []
const [cases, ours, theirs] = [lines(casesFile), lines(oursFile), lines(theirsFile)]
for (;;) {
  const [a, b, c] = [await cases.next(), await ours.next(), await theirs.next()]
  if (a.done || b.done || c.done) {
    if (!(a.done && b.done && c.done)) throw new Error('the files differ in length')
    break
  }
  const [one, mine, other] = [a.value, b.value, c.value].map((line) => JSON.parse(line))
  total += 1
  if (mine.error) unexplained.push([one, mine, other])
  else if (other.error) refused += 1
  else {
    verdicts[mine.decision] = (verdicts[mine.decision] ?? 0) + 1
    if (mine.decision === other.decision) same += 1
    else {
      const rule = rules.find((rule) => rule.when(one, mine))
      if (rule) counts.set(rule.name, counts.get(rule.name) + 1)
      else unexplained.push([one, mine, other])
      neutrals.push(JSON.stringify(neutral(one)) + '\n')
    }
  }
}
console.log(`${total} cases, ${same} the same, ${refused} refused by the other judge; verdicts ${JSON.stringify(verdicts)}`)
for (const rule of rules) console.log(`${String(counts.get(rule.name)).padStart(7)}  ${rule.name}\n         ${rule.text}`)
for (const [one, mine, other] of unexplained.slice(0, 10)) {
  console.log(`UNEXPLAINED ours ${mine.decision ?? mine.error} theirs ${other.decision}\n${JSON.stringify(one)}\n${JSON.stringify(mine)}`)
}
console.log(`${unexplained.length} unexplained`)
process.exitCode = unexplained.length ? 1 : 0
if (neutralFile === '--all-must-agree') process.exitCode = same === total ? 0 : 1
else if (neutralFile) writeFileSync(neutralFile, neutrals.join(''))
