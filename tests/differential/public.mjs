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

const STRINGS = ['StringEquals', 'StringEqualsIgnoreCase', 'StringLike', 'ForAnyValue:StringEquals', 'ForAnyValue:StringLike', 'ForAllValues:StringEquals', 'ForAllValues:StringLike', 'StringEqualsIfExists', 'StringNotEquals', 'StringNotLike']
const ARNS = ['ArnEquals', 'ArnLike', 'StringEquals', 'StringLike', 'ArnNotEquals', 'ArnLikeIfExists', 'ForAnyValue:ArnLike']
const PATHS = ['o-abcdefghij/r-ab12/ou-ab12-11111111/', 'o-abcdefghij/r-ab12/*', 'o-*/r-ab12/*', 'o-abcdefghij/*']
// Keys that the page lists or that are of their kind, with values fixed and not, and some that it does not mean.
const keys = [
  ['aws:PrincipalOrgID', STRINGS, ['o-abcdefghij', 'o-*', '*', '${aws:PrincipalOrgID}']],
  ['aws:PrincipalAccount', STRINGS, [A, B, '*', '${aws:ResourceAccount}']],
  ['aws:PrincipalArn', ARNS, [`arn:aws:iam::${B}:role/x`, `arn:aws:iam::${B}:role/*`, 'arn:aws:iam::*:role/x', '*']],
  ['aws:PrincipalOrgPaths', STRINGS, PATHS],
  ['aws:PrincipalIsAWSService', ['Bool', 'StringEquals', 'BoolIfExists'], ['true', 'false']],
  ['aws:PrincipalServiceName', STRINGS, ['cloudtrail.amazonaws.com', '*.amazonaws.com', '*']],
  ['aws:PrincipalServiceNamesList', STRINGS, ['delivery.logs.amazonaws.com', '*.amazonaws.com']],
  ['aws:PrincipalTag/team', STRINGS, ['data', '*']],
  ['aws:username', STRINGS, ['reader', '*']],
  ['aws:userid', STRINGS, ['AIDAEXAMPLEEXAMPLE12', 'AROAEXAMPLEEXAMPLE12:*', 'AROAEXAMPLEEXAMPLE12:one', '*']],
  ['aws:SourceVpce', STRINGS, ['vpce-1a2b3c4d', 'vpce-*']],
  ['aws:SourceVpc', STRINGS, ['vpc-1a2b3c4d', 'vpc-*']],
  ['aws:SourceVpcArn', ARNS, [`arn:aws:ec2:eu-west-1:${A}:vpc/vpc-1a2b3c4d`, `arn:aws:ec2:*:*:vpc/vpc-1a2b3c4d`]],
  ['aws:VpceAccount', STRINGS, [A, '*']],
  ['aws:VpceOrgID', STRINGS, ['o-abcdefghij', 'o-*']],
  ['aws:VpceOrgPaths', STRINGS, PATHS],
  ['aws:SourceIp', ['IpAddress', 'NotIpAddress', 'IpAddressIfExists'], ['203.0.113.0/24', '203.0.113.9', '10.0.0.0/8', '10.0.0.0/7', '172.16.0.0/5', '0.0.0.0/0', '0.0.0.0/1', '2001:db8::/32', '2001::/16', '::/0']],
  ['aws:SourceArn', ARNS, [`arn:aws:sns:eu-west-1:${A}:alerts`, `arn:aws:sns:eu-west-1:${A}:*`, 'arn:aws:sns:*:*:alerts', 'arn:aws:s3:::data']],
  ['aws:SourceAccount', STRINGS, [A, '*']],
  ['aws:SourceOwner', STRINGS, [A, '*']],
  ['aws:SourceOrgID', STRINGS, ['o-abcdefghij', 'o-*']],
  ['aws:SourceOrgPaths', STRINGS, PATHS],
  ['aws:SecureTransport', ['Bool'], ['true']],
  ['s3:prefix', STRINGS, ['a/', '*']],
  ['aws:Referer', STRINGS, ['https://example.com/*', 'x']],
  ['s3:DataAccessPointAccount', STRINGS, [A, '*']],
  ['s3:DataAccessPointArn', ARNS, [`arn:aws:s3:eu-west-1:${A}:accesspoint/*`, 'arn:aws:s3:*:*:accesspoint/*', `arn:aws:s3:eu-west-1:${A}:accesspoint/one`]],
  ['s3:x-amz-server-side-encryption-aws-kms-key-id', ['StringEquals', 'ArnLike'], [`arn:aws:kms:eu-west-1:${A}:key/one`, 'arn:aws:kms:*:*:key/*']],
]

function cases(count, seed) {
  const next = generator(seed)
  const pick = (list) => list[Math.floor(next() * list.length)]
  const statement = () => {
    const statement = { Effect: next() < 0.95 ? 'Allow' : 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::data/*' }
    const who = next()
    if (who < 0.6) statement.Principal = '*'
    else if (who < 0.72) statement.Principal = { AWS: '*' }
    else if (who < 0.78) statement.Principal = { AWS: [ROLE, A] }
    else if (who < 0.82) statement.Principal = { AWS: [ROLE, '*'] }
    else if (who < 0.86) statement.Principal = { AWS: A, Service: 'cloudtrail.amazonaws.com' }
    else if (who < 0.9) statement.Principal = { Service: 'cloudtrail.amazonaws.com' }
    else if (who < 0.94) statement.Principal = { Federated: 'cognito-identity.amazonaws.com' }
    else statement.NotPrincipal = { AWS: `arn:aws:iam::${A}:root` }
    const conditions = next() < 0.15 ? 0 : next() < 0.8 ? 1 : 2
    for (let n = 0; n < conditions; n += 1) {
      const [key, operators, values] = pick(keys)
      const chosen = next() < 0.75 ? [pick(values)] : [pick(values), pick(values)]
      const operator = pick(operators)
      statement.Condition = { ...statement.Condition, [operator]: { ...statement.Condition?.[operator], [key]: chosen.length === 1 ? chosen[0] : chosen } }
    }
    return statement
  }
  const write = (id, statements) => {
    const reader = { Sid: 'Reader', Effect: 'Allow', Principal: { AWS: ROLE }, Action: 's3:ListBucket', Resource: 'arn:aws:s3:::data' }
    const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
    process.stdout.write(JSON.stringify({
      id,
      request: {
        principal: `arn:aws:sts::${B}:assumed-role/reader/run`, action: 's3:ListBucket', resource: 'arn:aws:s3:::data',
        resource_account: A, principal_organization: null, resource_organization: null,
        context: { 'aws:PrincipalArn': ROLE, 'aws:PrincipalAccount': B },
      },
      identity_policies: [{ name: 'all', document: everything }],
      permissions_boundary: null, session_policies: [], service_control_policies: [], resource_control_policies: [],
      vpc_endpoint_policy: null, restrict_public_buckets: true,
      resource_policy: { Version: '2012-10-17', Statement: [...statements, reader] },
    }) + '\n')
  }
  for (let id = 0; id < count; id += 1) {
    const statements = Array.from({ length: pick([1, 1, 2, 3]) }, statement)
    write(String(id), statements)
    // The statements one by one, so that a disagreement is blamed on one of them and on nothing beside it.
    if (statements.length > 1) statements.forEach((one, n) => write(`${id}.${n}`, [one]))
  }
}

// What a rule excuses is a condition that one judge counts and the other does not.
const conditions = (statement) => Object.entries(statement.Condition ?? {}).flatMap(([operator, block]) =>
  Object.entries(block).map(([key, values]) => ({ operator, key, values: [values].flat() })))
const some = (statement, test) => conditions(statement).some(test)
const fixed = (c) => c.values.every((value) => !/[*?]|\$\{/.test(value) || /^arn:[^:]*:[^:]*:[^:]*:[0-9]{12}:/.test(value) || (c.key.endsWith('OrgPaths') && /^o-[a-z0-9]+[/]/.test(value)) || /StringEquals(IgnoreCase)?$/.test(c.operator))
const positive = (c) => !/IfExists|Not|^ForAllValues/.test(c.operator)
const page = 'S3 User Guide, Blocking public access, The meaning of "public"'

const rules = [
  {
    name: 'NotPrincipal with a condition',
    public: false,
    text: `${page}: "grants access only to fixed values" of the keys that it lists; a condition on one of them does so, whatever the principal element says. The other judge takes every Allow with NotPrincipal for public.`,
    when: (statement) => statement.NotPrincipal && some(statement, (c) => c.key !== 's3:prefix' && c.key !== 'aws:Referer' && !/IfExists|Not/.test(c.operator)),
  },
  {
    name: 'keys that the other judge does not count',
    public: false,
    text: `${page}: it lists aws:SourceOwner, s3:DataAccessPointArn (there "this value can contain a wildcard for the access point name") and s3:DataAccessPointAccount, and listed the KMS key once; "an AWS principal, user, role" may be an aws:username; aws:SourceOrgID and aws:SourceOrgPaths are newer than the list. Read so that more gets in.`,
    when: (statement) => some(statement, (c) => positive(c) && (/^s3:DataAccessPoint|^s3:x-amz|^aws:Source(Owner|OrgID|OrgPaths)$|^aws:username$/.test(c.key)) && fixed(c)),
  },
  {
    name: 'ForAllValues of a multivalued key',
    public: false,
    text: `${page}: "When using multivalued context keys, you must use the ForAllValues or ForAnyValue set operators", and no word on requests without the key. Read so that more gets in.`,
    when: (statement) => some(statement, (c) => c.operator.startsWith('ForAllValues:') && /OrgPaths$|NamesList$/.test(c.key) && fixed(c)),
  },
  {
    name: 'one address',
    public: false,
    text: `${page}: "A set of CIDR blocks, using aws:SourceIp"; IAM reads an address without a prefix as a /32. The other judge wants the prefix.`,
    when: (statement) => some(statement, (c) => c.operator === 'IpAddress' && c.values.some((value) => !value.includes('/'))),
  },
  {
    name: 'operators that the page does not speak of',
    public: false,
    text: `${page} names keys and values and no operators: values fixed by StringEqualsIgnoreCase, StringLike without a wildcard, ForAnyValue, or an ARN under another operator are fixed, and so are the account of an ARN and the organization of a path. Read so that more gets in. The other judge lists the operators that it counts, by key.`,
    when: (statement) => some(statement, (c) => positive(c) && /^aws:(Principal(?!Tag)|Source|Vpce|userid)/.test(c.key) && c.key !== 'aws:SourceIp' && fixed(c)),
  },
  {
    name: 'a role id with any session',
    public: true,
    text: `${page}: "aws:userid, outside the pattern AROLEID:*". The other judge takes that pattern for fixed.`,
    when: (statement) => some(statement, (c) => c.key === 'aws:userid' && c.operator === 'StringLike' && c.values.every((value) => value.endsWith(':*'))),
  },
  {
    name: 'services of any name',
    public: true,
    text: `${page}: "fixed values (values that don't contain a wildcard ...)"; *.amazonaws.com contains one. The other judge takes it for fixed.`,
    when: (statement) => some(statement, (c) => c.key.startsWith('aws:PrincipalServiceName') && /StringLike$/.test(c.operator) && c.values.some((value) => value.startsWith('*.'))),
  },
  {
    name: 'ranges that only begin in a private block',
    public: true,
    text: `${page}: "values broader than /8 for IPv4 ... (excluding RFC1918 private ranges)": 172.16.0.0/5 is 168.0.0.0 to 175.255.255.255, nearly all of it public. The other judge looks at the first two numbers.`,
    when: (statement) => some(statement, (c) => c.operator === 'IpAddress' && c.values.includes('172.16.0.0/5')),
  },
  {
    name: 'policy variables',
    public: true,
    text: `${page}: "values that don't contain a wildcard or an AWS Identity and Access Management Policy Variable". The other judge looks for wildcards alone.`,
    when: (statement) => some(statement, (c) => positive(c) && c.values.some((value) => value.includes('\${'))),
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
  const unexplained = []
  const judged = new Map(cases.map((one, at) => {
    if (verdicts[at].error) unexplained.push([one.id, verdicts[at].error])
    const ours = verdicts[at].decision !== 'allow'
    return [one.id, { ours, theirs: classifyS3RuntimePublicBucketPolicy(loadPolicy(one.resource_policy)).result === 'public', statements: one.resource_policy.Statement.slice(0, -1) }]
  }))
  const counts = new Map(rules.map((rule) => [rule.name, 0]))
  let [policies, same, open] = [0, 0, 0]
  for (const [id, { ours, theirs, statements }] of judged) {
    if (!id.includes('.')) {
      policies += 1
      open += ours
      same += ours === theirs
    }
    if (statements.length > 1) {
      // A policy is public if one of its statements makes it so.
      const alone = statements.map((_, n) => judged.get(`${id}.${n}`))
      for (const who of ['ours', 'theirs']) {
        if (judged.get(id)[who] !== alone.some((one) => one[who])) unexplained.push([id, `${who}: more than its statements`])
      }
    } else if (ours !== theirs) {
      const rule = rules.find((rule) => rule.public === ours && rule.when(statements[0]))
      if (rule) counts.set(rule.name, counts.get(rule.name) + 1)
      else unexplained.push([id, { ours, theirs, statement: statements[0] }])
    }
  }
  const blamed = [...counts.values()].reduce((sum, count) => sum + count)
  console.log(`${policies} bucket policies, ${open} of them public, ${same} classified alike; of their statements ${blamed} classified differently:`)
  for (const rule of rules) console.log(`${String(counts.get(rule.name)).padStart(7)}  ${rule.public ? 'public' : 'not public'}: ${rule.name}\n         ${rule.text}`)
  for (const [id, what] of unexplained.slice(0, 10)) console.log(`UNEXPLAINED ${id} ${JSON.stringify(what)}`)
  console.log(`${unexplained.length} unexplained`)
  // Among many, a rule that excuses nothing is not needed, or is not looked for.
  process.exitCode = unexplained.length || open === 0 || open === policies || (policies >= 5000 && [...counts.values()].includes(0)) ? 1 : 0
}

const [, , what, ...rest] = process.argv
if (what === 'cases') cases(Number(rest[0]), rest[1])
else await compare(...rest)
