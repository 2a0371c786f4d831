// Writes random cases for `palisade simulate`, one JSON object a line; the same seed gives the same
// bytes. Usage: node generate.mjs COUNT [SEED]
const count = Number(process.argv[2] ?? 1000)
let state = BigInt(process.argv[3] ?? 1)

// SplitMix64: short, well spread, and the same everywhere.
const mask = (1n << 64n) - 1n
function next() {
  state = (state + 0x9e3779b97f4a7c15n) & mask
  let z = state
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask
  return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53
}
const chance = (p) => next() < p
const int = (n) => Math.floor(next() * n)
const pick = (list) => list[int(list.length)]
const some = (list, p) => list.filter(() => chance(p))
const atLeastOne = (list, p) => {
  const out = some(list, p)
  return out.length ? out : [pick(list)]
}
const oneOrList = (list) => (list.length === 1 && chance(0.7) ? list[0] : list)

const A = '111122223333'
const B = '444455556666'
const ORG = 'o-abcdefghij'
const targets = [
  { action: 's3:GetObject', resource: () => `arn:aws:s3:::data/${pick(['a', 'team/x', 'jo/k', 'a:b'])}`, policy: 's3' },
  { action: 's3:PutObject', resource: () => 'arn:aws:s3:::data/team/x', policy: 's3' },
  { action: 's3:ListBucket', resource: () => 'arn:aws:s3:::data', policy: 's3' },
  { action: 'sqs:SendMessage', resource: (o) => `arn:aws:sqs:eu-west-1:${o}:jobs`, policy: 'sqs' },
  { action: 'sns:Publish', resource: (o) => `arn:aws:sns:eu-west-1:${o}:alerts`, policy: 'sns' },
  { action: 'kms:Decrypt', resource: (o) => `arn:aws:kms:eu-west-1:${o}:key/1234abcd-12ab-34cd-56ef-1234567890ab`, policy: 'kms' },
  { action: 'sts:AssumeRole', resource: (o) => `arn:aws:iam::${o}:role/deploy`, policy: 'trust' },
  { action: 'secretsmanager:GetSecretValue', resource: (o) => `arn:aws:secretsmanager:eu-west-1:${o}:secret:db-AbCdEf`, policy: 'secretsmanager' },
  { action: 'lambda:InvokeFunction', resource: (o) => `arn:aws:lambda:eu-west-1:${o}:function:work`, policy: 'lambda' },
  { action: 'iam:GetRole', resource: (o) => `arn:aws:iam::${o}:role/deploy`, policy: null },
  { action: 'ec2:DescribeInstances', resource: () => '*', policy: null },
]

const rcpServices = new Set(['s3', 'sqs', 'kms', 'trust', 'secretsmanager'])

function principal() {
  return pick([
    `arn:aws:sts::${A}:assumed-role/ci/run`,
    `arn:aws:sts::${A}:assumed-role/ci/run`,
    `arn:aws:iam::${A}:role/ci`,
    `arn:aws:iam::${A}:user/jo`,
    `arn:aws:iam::${A}:user/jo`,
    `arn:aws:sts::${A}:federated-user/fed`,
    `arn:aws:iam::${A}:root`,
    '*',
    { service: 'lambda.amazonaws.com' },
  ])
}

function context(principal, action) {
  const out = {}
  const set = (key, value, p = 0.5) => {
    if (chance(p)) out[key] = value
  }
  set('aws:SourceIp', pick(['203.0.113.7', '198.51.100.1', '2001:db8::1']))
  set('aws:SecureTransport', pick(['true', 'false']))
  set('aws:CurrentTime', pick(['2026-01-01T00:00:00Z', '2026-06-01T12:30:00Z']))
  set('aws:UserAgent', pick(['cli', 'Console*']))
  set('aws:SourceVpce', 'vpce-1a2b3c4d', 0.3)
  set('aws:RequestedRegion', pick(['eu-west-1', 'us-east-1']))
  set('aws:TagKeys', some(['team', 'cost', 'owner'], 0.5), 0.3)
  set('aws:CalledVia', atLeastOne(['athena.amazonaws.com', 'cloudformation.amazonaws.com'], 0.5), 0.3)
  if (typeof principal === 'string' && principal !== '*') {
    out['aws:PrincipalArn'] = principal.startsWith('arn:aws:sts::') && principal.includes('assumed-role')
      ? `arn:aws:iam::${A}:role/ci` : principal
    out['aws:PrincipalAccount'] = A
    set('aws:PrincipalOrgID', ORG, 0.8)
    set('aws:PrincipalOrgPaths', [pick([`${ORG}/r-ab12/ou-ab12-11111111/`, `${ORG}/r-ab12/ou-ab12-22222222/`])], 0.5)
    set('aws:MultiFactorAuthAge', pick(['10', '3600', '7200']))
    set('aws:MultiFactorAuthPresent', pick(['true', 'false']))
    set('aws:PrincipalTag/team', pick(['team', 'blue', '*']))
    if (principal.includes(':user/')) out['aws:username'] = 'jo'
  }
  if (action === 's3:ListBucket') set('s3:prefix', pick(['team/', 'jo/', '']))
  return out
}

const shuffleCase = (text) => (chance(0.1) ? text.toUpperCase() : chance(0.1) ? text.toLowerCase() : text)

function actions(action, bare = true) {
  const [service, name] = action.split(':')
  return oneOrList(
    atLeastOne(
      [action, `${service}:*`, `${service}:${name.slice(0, 3)}*`, `${service}:?${name.slice(1)}`, `${service}:Other*`, 'ec2:RunInstances', ...(bare ? ['*'] : [])],
      0.25
    ).map(shuffleCase)
  )
}

function resources(resource, incomplete = false) {
  const parts = resource.split(':')
  const pool = ['*', 'arn:aws:s3:::other/*', 'arn:aws:sqs:*:*:jobs*']
  if (resource !== '*') {
    pool.push(resource, resource, resource.slice(0, -1) + '*', resource.slice(0, -1) + '?')
    if (parts[2] !== 's3') pool.push([...parts.slice(0, 3), '*', '*', ...parts.slice(5)].join(':'))
    if (parts[2] === 's3' && resource.includes('/')) {
      pool.push('arn:aws:s3:::*/*', 'arn:aws:s3:::data/${aws:PrincipalTag/team}/*', 'arn:aws:s3:::data/${aws:username}/*', "arn:aws:s3:::data/${aws:PrincipalTag/team, 'jo'}/k")
    }
    if (chance(0.03)) pool.push(`arn:aws:${parts[2]}:*`)
    // Fewer fields than an ARN has, which only identity policies may hold.
    if (incomplete && chance(0.1)) pool.push(...[3, 4, 5].map((fields) => parts.slice(0, fields).join(':')))
  }
  return oneOrList(atLeastOne(pool, 0.25))
}

const conditionPool = [
  ['IpAddress', 'aws:SourceIp', ['203.0.113.0/24', '2001:db8::/32', '10.0.0.0/8']],
  ['NotIpAddress', 'aws:SourceIp', ['203.0.113.0/24', '198.51.100.1']],
  ['Bool', 'aws:SecureTransport', ['true', 'false']],
  ['Bool', 'aws:MultiFactorAuthPresent', ['true']],
  ['StringEquals', 'aws:PrincipalTag/team', ['team', 'blue', 'red']],
  ['StringNotEquals', 'aws:PrincipalTag/team', ['team', 'blue', 'red']],
  ['StringEqualsIgnoreCase', 'aws:PrincipalTag/Team', ['TEAM', 'Blue']],
  ['StringNotEqualsIgnoreCase', 'aws:UserAgent', ['CLI']],
  ['StringLike', 'aws:UserAgent', ['c?i', 'Console*', '*x*', 'Console${*}']],
  ['StringNotLike', 'aws:UserAgent', ['c*']],
  ['StringEquals', 'aws:PrincipalOrgID', [ORG]],
  ['StringNotEquals', 'aws:PrincipalOrgID', [ORG]],
  ['StringEquals', 'aws:RequestedRegion', ['eu-west-1', 'eu-central-1']],
  ['StringNotEquals', 'aws:RequestedRegion', ['eu-west-1']],
  ['StringEquals', 'aws:SourceVpce', ['vpce-1a2b3c4d']],
  ['ArnLike', 'aws:PrincipalArn', [`arn:aws:iam::${A}:role/*`, 'arn:aws:iam::*:user/jo', `arn:aws:iam::*:role/?i`]],
  ['ArnNotLike', 'aws:PrincipalArn', [`arn:aws:iam::${A}:role/*`]],
  ['ArnEquals', 'aws:PrincipalArn', [`arn:aws:iam::${A}:user/*`]],
  ['StringLike', 'aws:PrincipalArn', [`arn:aws:*:role/ci`]],
  ['NumericLessThan', 'aws:MultiFactorAuthAge', ['3600']],
  ['NumericGreaterThanEquals', 'aws:MultiFactorAuthAge', ['3600']],
  ['NumericEquals', 'aws:MultiFactorAuthAge', ['10', '3600.0']],
  ['NumericNotEquals', 'aws:MultiFactorAuthAge', ['10']],
  ['DateLessThan', 'aws:CurrentTime', ['2026-03-01T00:00:00Z']],
  ['DateGreaterThanEquals', 'aws:CurrentTime', ['2026-06-01T12:30:00Z']],
  ['DateNotEquals', 'aws:CurrentTime', ['2026-01-01T00:00:00Z']],
  ['Null', 'aws:SourceVpce', ['true', 'false']],
  ['Null', 'aws:MultiFactorAuthAge', ['true', 'false']],
  ['ForAllValues:StringEquals', 'aws:CalledVia', ['athena.amazonaws.com', 'x.amazonaws.com']],
  ['ForAnyValue:StringEquals', 'aws:CalledVia', ['athena.amazonaws.com']],
  ['ForAnyValue:StringNotEquals', 'aws:CalledVia', ['athena.amazonaws.com']],
  ['ForAllValues:StringNotEquals', 'aws:CalledVia', ['athena.amazonaws.com']],
  ['ForAnyValue:StringLike', 'aws:CalledVia', ['cloud*']],
  ['ForAllValues:StringEquals', 'aws:TagKeys', ['team', 'cost']],
  ['ForAnyValue:StringEquals', 'aws:TagKeys', ['team', 'Owner']],
  ['ForAllValues:StringNotLike', 'aws:TagKeys', ['c*']],
  ['ForAnyValue:StringNotEqualsIgnoreCase', 'aws:TagKeys', ['TEAM']],
  ['ForAnyValue:StringLike', 'aws:PrincipalOrgPaths', [`${ORG}/r-ab12/ou-ab12-1*`, `${ORG}/r-ab12/*`]],
  ['ForAllValues:StringNotLike', 'aws:PrincipalOrgPaths', [`${ORG}/r-ab12/ou-ab12-2*`]],
]

function conditions(action) {
  if (chance(0.55)) return undefined
  const out = {}
  const pool = action === 's3:ListBucket' ? [...conditionPool, ['StringLike', 's3:prefix', ['team/*', '${aws:username}/*']]] : conditionPool
  for (let n = 1 + int(2); n > 0; n--) {
    let [operator, key, values] = pick(pool)
    if (operator !== 'Null' && chance(0.2)) operator += 'IfExists'
    const list = operator === 'Null' ? [pick(values)] : atLeastOne(values, 0.5)
    out[operator] ??= {}
    out[operator][chance(0.1) ? key.toLowerCase() : key] = oneOrList(list)
  }
  return out
}

function principals() {
  const aws = [
    A, B, `arn:aws:iam::${A}:root`, `arn:aws:iam::${A}:role/ci`, `arn:aws:iam::${A}:role/ci`, `arn:aws:iam::${A}:user/jo`,
    `arn:aws:sts::${A}:assumed-role/ci/run`, `arn:aws:sts::${A}:federated-user/fed`, `arn:aws:iam::${B}:role/other`,
  ]
  if (chance(0.25)) return '*'
  if (chance(0.05)) return { AWS: '*' }
  if (chance(0.12)) return { Service: oneOrList(atLeastOne(['lambda.amazonaws.com', 'ec2.amazonaws.com'], 0.5)) }
  return { AWS: oneOrList(atLeastOne(aws, 0.2)) }
}

function document(target, resource, { effects, resourceSide = false, trust = false, simple = false, notPrincipal = false, rcp = false, everyone = false }) {
  const statements = []
  for (let n = 1 + int(3); n > 0; n--) {
    const statement = { Effect: chance(effects) ? 'Allow' : 'Deny' }
    if (chance(0.4)) statement.Sid = `s${statements.length}`
    if (rcp || everyone) statement.Principal = '*'
    else if (resourceSide) {
      if (notPrincipal && statement.Effect === 'Deny' && chance(0.15)) {
        statement.NotPrincipal = { AWS: atLeastOne([A, `arn:aws:iam::${A}:role/ci`, `arn:aws:sts::${A}:assumed-role/ci/run`, `arn:aws:iam::${A}:user/jo`], 0.6) }
      } else statement.Principal = principals()
    }
    if (chance(0.12) && !trust && !rcp) statement.NotAction = actions(target.action, false)
    else statement.Action = trust ? oneOrList(atLeastOne(['sts:AssumeRole', 'sts:TagSession'], 0.8)) : rcp ? actions(target.action, false) : actions(target.action)
    if (!trust) statement[chance(0.1) ? 'NotResource' : 'Resource'] = simple ? '*' : resources(resource, !resourceSide && !rcp && !everyone)
    const condition = conditions(target.action)
    if (condition) statement.Condition = condition
    statements.push(statement)
  }
  return { Version: rcp || chance(0.93) ? '2012-10-17' : '2008-10-17', Statement: statements.length === 1 && chance(0.3) ? statements[0] : statements }
}

const full = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }

for (let id = 0; id < count; id++) {
  const target = pick(targets)
  const who = principal()
  const owner = target.policy === null ? A : chance(0.6) ? A : B
  const resource = target.resource(owner)
  const signed = typeof who === 'string' && who !== '*'
  const limited = signed && !who.endsWith(':root')
  const make = (options) => document(target, resource, options)
  const named = (name, options) => ({ name, document: make(options) })
  const chain = (options, first) =>
    Array.from({ length: int(3) + 1 }, (_, level) => ({
      target: `level-${level}`,
      policies: [...first, ...(chance(0.4) ? [{ ...named(`p${level}`, options) }] : [])],
    }))
  const trust = target.policy === 'trust'
  const one = {
    id,
    request: {
      principal: who,
      principal_organization: signed && chance(0.7) ? { id: ORG, management_account: false } : null,
      action: shuffleCase(target.action),
      resource,
      resource_account: owner,
      resource_organization: chance(0.7) ? { id: ORG, management_account: false } : null,
      context: context(who, target.action),
    },
    identity_policies: limited ? Array.from({ length: int(3) }, (_, n) => named(`identity${n}`, { effects: 0.85 })) : [],
    permissions_boundary: limited && chance(0.3) && !who.includes('federated-user') ? make({ effects: 0.85 }) : null,
    session_policies: limited && !who.includes(':user/') && chance(who.includes('federated-user') ? 0.8 : 0.25) ? [named('session', { effects: 0.9 })] : [],
    service_control_policies: signed && chance(0.5) ? chain({ effects: 0.4 }, chance(0.85) ? [{ name: 'FullAWSAccess', document: full }] : []) : [],
    resource_control_policies: chance(rcpServices.has(target.policy) ? 0.5 : 0.05) ? chain({ effects: 0, rcp: true }, []) : [],
    resource_policy: target.policy && chance(trust || target.policy === 'kms' ? 0.9 : 0.6) ? make({ effects: 0.85, resourceSide: true, trust, notPrincipal: true }) : null,
    vpc_endpoint_policy: chance(0.12) && !trust ? make({ effects: 0.95, everyone: true }) : null,
  }
  process.stdout.write(JSON.stringify(one) + '\n')
}
