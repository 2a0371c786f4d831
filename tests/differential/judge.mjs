// Runs the cases through the independent judge @cloud-copilot/iam-simulate and writes its verdicts,
// one a line: {"id", "decision"} or {"id", "error"}. The package is AGPL-licensed: it is run here as
// an external program for comparison, and no part of it is linked or copied.
// Usage: node judge.mjs FOLDER-WITH-NODE_MODULES < cases > verdicts
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'

const folder = process.argv[2]
const require = createRequire(join(folder, 'package.json'))
const { runSimulation, anonymousPrincipal } = await import(
  pathToFileURL(require.resolve('@cloud-copilot/iam-simulate')).href
)
const decisions = { Allowed: 'allow', ExplicitlyDenied: 'explicit_deny', ImplicitlyDenied: 'implicit_deny' }
const administrator = {
  name: 'root',
  document: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
}
const levels = (chain) =>
  chain.map(({ target, policies }) => ({
    orgIdentifier: target,
    policies: policies.map(({ name, document }) => ({ name, policy: document })),
  }))

for await (const line of createInterface({ input: process.stdin })) {
  if (!line) continue
  const one = JSON.parse(line)
  const { request } = one
  const who = request.principal
  const contextVariables = { ...request.context }
  if (request.resource_account) contextVariables['aws:ResourceAccount'] ??= request.resource_account
  if (request.principal_organization) contextVariables['aws:PrincipalOrgID'] ??= request.principal_organization.id
  if (request.resource_organization) contextVariables['aws:ResourceOrgID'] ??= request.resource_organization.id
  const simulation = {
    request: {
      principal: who === '*' ? anonymousPrincipal : (who.service ?? who.federated ?? who),
      action: request.action,
      resource: { resource: request.resource, accountId: request.resource_account },
      contextVariables,
    },
    // This judge knows no root user: it gets the policy that an administrator would have.
    identityPolicies: (String(who).endsWith(':root') ? [administrator] : one.identity_policies).map(({ name, document }) => ({ name, policy: document })),
    serviceControlPolicies: levels(one.service_control_policies),
    resourceControlPolicies: levels(one.resource_control_policies),
    resourcePolicy: one.resource_policy ?? undefined,
    permissionBoundaryPolicies: one.permissions_boundary ? [{ name: 'boundary', policy: one.permissions_boundary }] : undefined,
    sessionPolicy: one.session_policies[0]?.document,
    vpcEndpointPolicies: one.vpc_endpoint_policy ? [{ name: 'endpoint', policy: one.vpc_endpoint_policy }] : undefined,
  }
  let answer
  try {
    const result = await runSimulation(simulation, { simulationMode: 'Strict' })
    answer = result.resultType === 'error'
      ? { id: one.id, error: result.errors }
      : { id: one.id, decision: decisions[result.overallResult] ?? result.overallResult }
  } catch (error) {
    answer = { id: one.id, error: String(error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
