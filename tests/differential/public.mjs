// Compares what Palisade and an independent judge call a public bucket policy, as `RestrictPublicBuckets` of S3 reads it.
// Palisade is asked through `palisade simulate`: beside the policy under test stands a grant to one role of another
// account, which that setting cuts off if and only if the policy is public. The other judge's own classifier is called.
// Every disagreement must fall under a rule below, which cites AWS's text.
// Usage: node public.mjs cases COUNT SEED > cases   |   node public.mjs compare FOLDER-WITH-NODE_MODULES CASES OURS
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { createRequire } from 'node:module'

const A = '111122223333'
const B = '444455556666'
const ROLE = `arn:aws:iam::${B}:role/reader`

function generator(seed) {
  // SplitMix64, as in generate.mjs.
  let state = BigInt(seed)
  const mask = (1n << 64n) - 1n
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & mask
    let z = state
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask
    return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53
  }
}

const STRINGS = ['StringEquals', 'StringEqualsIgnoreCase', 'StringLike', 'ForAnyValue:StringEquals', 'ForAnyValue:StringLike', 'ForAllValues:StringEquals', 'StringEqualsIfExists', 'StringNotEquals']
const ARNS = ['ArnEquals', 'ArnLike', 'StringEquals', 'StringLike', 'ArnNotEquals']
const keys = [
  ['aws:PrincipalOrgID', STRINGS, ['o-abcdefghij', 'o-*', '*']],
  ['aws:PrincipalAccount', STRINGS, [A, B, '*']],
  ['aws:PrincipalArn', ARNS, [`arn:aws:iam::${B}:role/x`, `arn:aws:iam::${B}:role/*`, 'arn:aws:iam::*:role/x', '*']],
  ['aws:PrincipalOrgPaths', STRINGS, ['o-abcdefghij/r-ab12/ou-ab12-11111111/', 'o-abcdefghij/r-ab12/*', 'o-*/r-ab12/*']],
  ['aws:PrincipalIsAWSService', ['Bool', 'StringEquals'], ['true', 'false']],
  ['aws:PrincipalServiceName', STRINGS, ['cloudtrail.amazonaws.com', '*.amazonaws.com', '*']],
  ['aws:userid', STRINGS, ['AIDAEXAMPLEEXAMPLE12', 'AROAEXAMPLEEXAMPLE12:*', '*']],
  ['aws:SourceVpce', STRINGS, ['vpce-1a2b3c4d', 'vpce-*']],
  ['aws:SourceVpc', STRINGS, ['vpc-1a2b3c4d', 'vpc-*']],
  ['aws:SourceIp', ['IpAddress', 'NotIpAddress', 'IpAddressIfExists'], ['203.0.113.0/24', '10.0.0.0/8', '10.0.0.0/7', '0.0.0.0/0', '0.0.0.0/1', '2001:db8::/32', '2001::/16', '::/0']],
  ['aws:SourceArn', ARNS, [`arn:aws:sns:eu-west-1:${A}:alerts`, `arn:aws:sns:eu-west-1:${A}:*`, 'arn:aws:sns:*:*:alerts', 'arn:aws:s3:::data']],
  ['aws:SourceAccount', STRINGS, [A, '*']],
  ['aws:SourceOrgID', STRINGS, ['o-abcdefghij', 'o-*']],
  ['s3:prefix', STRINGS, ['a/', '*']],
  ['aws:Referer', STRINGS, ['https://example.com/*', 'x']],
  ['s3:DataAccessPointAccount', STRINGS, [A, '*']],
  ['s3:DataAccessPointArn', ARNS, [`arn:aws:s3:eu-west-1:${A}:accesspoint/*`, 'arn:aws:s3:*:*:accesspoint/*']],
]

function cases(count, seed) {
  const next = generator(seed)
  const pick = (list) => list[Math.floor(next() * list.length)]
  for (let id = 0; id < count; id += 1) {
    const statement = { Sid: 'Tested', Effect: next() < 0.95 ? 'Allow' : 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::data/*' }
    const who = next()
    if (who < 0.6) statement.Principal = '*'
    else if (who < 0.75) statement.Principal = { AWS: '*' }
    else if (who < 0.82) statement.Principal = { AWS: [ROLE, A] }
    else if (who < 0.88) statement.Principal = { AWS: [ROLE, '*'] }
    else if (who < 0.94) statement.Principal = { Service: 'cloudtrail.amazonaws.com' }
    else statement.NotPrincipal = { AWS: `arn:aws:iam::${A}:root` }
    const conditions = next() < 0.15 ? 0 : next() < 0.8 ? 1 : 2
    for (let n = 0; n < conditions; n += 1) {
      const [key, operators, values] = pick(keys)
      const chosen = next() < 0.75 ? [pick(values)] : [pick(values), pick(values)]
      statement.Condition = { ...statement.Condition, [pick(operators)]: { [key]: chosen.length === 1 ? chosen[0] : chosen } }
    }
    const reader = { Sid: 'Reader', Effect: 'Allow', Principal: { AWS: ROLE }, Action: 's3:ListBucket', Resource: 'arn:aws:s3:::data' }
    const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
    process.stdout.write(JSON.stringify({
      id: String(id),
      request: {
        principal: `arn:aws:sts::${B}:assumed-role/reader/run`, action: 's3:ListBucket', resource: 'arn:aws:s3:::data',
        resource_account: A, principal_organization: null, resource_organization: null,
        context: { 'aws:PrincipalArn': ROLE, 'aws:PrincipalAccount': B },
      },
      identity_policies: [{ name: 'all', document: everything }],
      permissions_boundary: null, session_policies: [], service_control_policies: [], resource_control_policies: [],
      vpc_endpoint_policy: null, restrict_public_buckets: true,
      resource_policy: { Version: '2012-10-17', Statement: [statement, reader] },
    }) + '\n')
  }
}

const conditions = (one) => Object.entries(one.resource_policy.Statement[0].Condition ?? {}).flatMap(([operator, block]) =>
  Object.entries(block).map(([key, values]) => ({ operator, key, values: [values].flat() })))
const some = (one, test) => conditions(one).some(test)
const page = 'S3 User Guide, Blocking public access, The meaning of "public"'

const rules = [
  {
    name: 'NotPrincipal with a condition',
    text: `${page}: "grants access only to fixed values" of the keys that it lists; a condition on one of them does so, whatever the principal element says. The other judge takes every Allow with NotPrincipal for public.`,
    when: (one, ours) => !ours && one.resource_policy.Statement[0].NotPrincipal && conditions(one).length > 0,
  },
  {
    name: 'the page lists keys that the other judge does not count',
    text: `${page}: fixed values of s3:DataAccessPointArn and s3:DataAccessPointAccount make a policy not public; aws:SourceOrgID is newer than the list and read so that more gets in.`,
    when: (one, ours) => !ours && some(one, (c) => c.key.startsWith('s3:DataAccessPoint') || c.key === 'aws:SourceOrgID'),
  },
  {
    name: 'a wildcard is no fixed value',
    text: `${page}: "fixed values (values that don't contain a wildcard)", whatever the operator. The other judge takes any value of StringEquals for fixed.`,
    when: (one, ours) => ours && some(one, (c) => c.operator.endsWith('StringEquals') || c.operator === 'StringEqualsIgnoreCase' ? c.values.some((v) => v.includes('*')) : false),
  },
  {
    name: 'a role id with any session',
    text: `${page}: "aws:userid, outside the pattern AROLEID:*". The other judge takes that pattern for fixed.`,
    when: (one, ours) => ours && some(one, (c) => c.key === 'aws:userid' && c.values.some((v) => v.includes(':*'))),
  },
  {
    name: 'a service of whatever name',
    text: `${page}: *.amazonaws.com is a wildcard. The other judge takes it for fixed.`,
    when: (one, ours) => ours && some(one, (c) => c.key === 'aws:PrincipalServiceName'),
  },
  {
    name: 'private addresses',
    text: `${page}: values of aws:SourceIp broader than /8 are public, of whatever block. The other judge takes every range that begins in a private block for narrow.`,
    when: (one, ours) => ours && some(one, (c) => c.key === 'aws:SourceIp'),
  },
  {
    name: 'operators that the page does not speak of, read so that more gets in',
    text: `${page} names keys and values and no operators: a test of fixed values by StringEqualsIgnoreCase, StringLike without wildcard, ForAnyValue or an ARN under a string operator fixes them too. The other judge lists the operators that it counts, by key.`,
    when: (one, ours) => !ours && some(one, (c) => ['StringEqualsIgnoreCase', 'StringLike', 'StringEquals', 'ForAnyValue:StringEquals', 'ForAnyValue:StringLike', 'ArnLike', 'ArnEquals'].includes(c.operator)),
  },
]

async function compare(folder, casesFile, oursFile) {
  const main = createRequire(join(folder, 'package.json')).resolve('@cloud-copilot/iam-simulate')
  const root = main.slice(0, main.indexOf('iam-simulate') + 'iam-simulate'.length)
  const load = (path) => import(pathToFileURL(join(root, path)).href)
  const { classifyS3RuntimePublicBucketPolicy } = await load('dist/esm/services/s3/s3BlockPublicAccess.js')
  const { loadPolicy } = await import(pathToFileURL(createRequire(main).resolve('@cloud-copilot/iam-policy')).href)
  const lines = (file) => readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  const [cases, verdicts] = [lines(casesFile), lines(oursFile)]
  const counts = new Map(rules.map((rule) => [rule.name, 0]))
  let same = 0
  let open = 0
  const unexplained = []
  cases.forEach((one, at) => {
    if (verdicts[at].error) return unexplained.push([one, verdicts[at]])
    const ours = verdicts[at].decision !== 'allow'
    const theirs = classifyS3RuntimePublicBucketPolicy(loadPolicy(one.resource_policy)).result === 'public'
    if (ours) open += 1
    if (ours === theirs) same += 1
    else {
      const rule = rules.find((rule) => rule.when(one, ours))
      if (rule) counts.set(rule.name, counts.get(rule.name) + 1)
      else unexplained.push([one, { ours, theirs }])
    }
  })
  console.log(`${cases.length} bucket policies, ${open} of them public, ${same} classified alike`)
  for (const rule of rules) console.log(`${String(counts.get(rule.name)).padStart(7)}  ${rule.name}\n         ${rule.text}`)
  for (const [one, what] of unexplained.slice(0, 10)) console.log(`UNEXPLAINED ${JSON.stringify(what)}\n${JSON.stringify(one.resource_policy.Statement[0])}`)
  console.log(`${unexplained.length} unexplained`)
  process.exitCode = unexplained.length || open === 0 || open === cases.length ? 1 : 0
}

const [, , what, ...rest] = process.argv
if (what === 'cases') cases(Number(rest[0]), rest[1])
else await compare(...rest)
