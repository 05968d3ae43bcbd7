// Steps that cannot be done fail the case, with what is missing.
import { expect, test } from "vitest";
import { readScenario } from "../../src/scenario/read.js";
import { runCase } from "../../src/scenario/run-case.js";
import { fixture } from "../support/fixtures.js";

async function messagesOf(steps: string, rules = "", upstreams = "{ web: 200 }"): Promise<string[]> {
  const file = `defaults:
  plugin: { module: ${fixture("probe/probe.wasm")}, configuration: ${JSON.stringify(rules)} }
  upstreams: ${upstreams}
tests:
  - name: a
    steps: ${steps}
    expect: { noLogs: never }
`;
  const [one] = await readScenario(file, "file.pwh.yaml");
  return (await runCase(one!)).failures.map(({ message, where }) => `${where?.line}:${where?.column} ${message}`);
}

const calls = 'on_request_headers: http_call auth 5000 "" :method GET :path / :authority auth; return 1';

test.each([
  {
    claim: "a tick without a timer",
    steps: "[{ tick: 1 }]",
    message: "6:13 EXCHANGE_STUCK: Cannot let a timer tick: no plugin has set one",
  },
  {
    claim: "a queue that nobody registered",
    steps: "[{ queue: { name: jobs, items: a } }]",
    message: '6:13 OPTION_INVALID: Cannot put into queue "jobs": no plugin of VM id "" has registered it',
  },
  {
    claim: "an answer without a request",
    steps: "[{ answer: { upstream: auth, reply: 200 } }]",
    upstreams: "{ web: 200, auth: hold }",
    message: '6:13 Cannot answer: upstream "auth" has no request now',
  },
  {
    claim: "a request that is held to the end",
    steps: "[{ request: GET /, as: one }]",
    rules: calls,
    upstreams: "{ web: 200, auth: hold }",
    message: '3:26 Upstream "auth" still holds a request in the end: answer what it holds, or let it be silent',
  },
  {
    claim: "an upstream that is not defined",
    steps: "[{ request: GET / }]",
    rules: calls,
    message: '6:13 UPSTREAM_UNKNOWN: Upstream "auth" is not defined: defined are web',
  },
])("$claim", async ({ steps, rules, upstreams, message }) => {
  expect(await messagesOf(steps, rules, upstreams)).toEqual([message]);
});

test("a finished request whose upstream holds goes on as with a silent one", async () => {
  const steps = "[{ request: GET /, as: one }, { finish: one, expect: { calls: [], access: { code: 504 } } }]";
  expect(await messagesOf(steps, calls, "{ web: 200, auth: hold }")).toEqual([]);
});
