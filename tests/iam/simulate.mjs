// Decides requests by policies, one JSON document a line: {policies, principal, action, resource, context} in,
// {allowed, why} out.
import { createInterface } from "node:readline";
import { runSimulation } from "@cloud-copilot/iam-simulate";

// A key's own policy decides too; the stacks' gives the account's roles what their policies allow (the CDK's default).
function keyPolicy(accountId) {
  const Principal = { AWS: `arn:aws:iam::${accountId}:root` };
  return { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal, Action: "kms:*", Resource: "*" }] };
}

async function decide({ policies, principal, action, resource, context }) {
  const accountId = principal.split(":")[4];
  const answer = await runSimulation(
    {
      identityPolicies: policies.map((policy, number) => ({ name: `policy${number}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: action.startsWith("kms:") ? keyPolicy(accountId) : undefined,
      request: { principal, action, resource: { resource, accountId }, contextVariables: context },
    },
    {},
  );
  if (answer.resultType === "error") {
    return { allowed: false, why: `error: ${JSON.stringify(answer.errors)}` };
  }
  return { allowed: answer.overallResult === "Allowed", why: answer.overallResult };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    // The simulator loses condition keys that hold a variable behind a second colon; a tag's key keeps the comparison.
    answer = await decide(JSON.parse(line.replaceAll("kms:EncryptionContext:", "aws:RequestTag/EncryptionContext-")));
  } catch (error) {
    answer = { allowed: false, why: `error: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
