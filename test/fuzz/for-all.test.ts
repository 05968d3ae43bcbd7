// What a scenario says of all requests that match: header-order lets a cookie through only with an authorization (its first line
// says so), and with the fault only when that comes first.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readScenario } from "../../src/scenario/read.js";
import { readTests } from "../../src/scenario/run-tests.js";
import { fixture } from "../support/fixtures.js";
import { pwh, root } from "../support/pwh.js";

const directory = mkdtempSync(join(tmpdir(), "pwh-for-all-"));
afterAll(() => rmSync(directory, { recursive: true }));
const [right, faulty] = [fixture("buggy/header-order-right.wasm"), fixture("buggy/header-order-faulty.wasm")];

const guarded = `tests:
  - name: a cookie alone never reaches the upstream
    forAll: { headers: { cookie: { present: true }, authorization: { absent: true } } }
    expect: { upstreamRequest: none }
  - name: with an authorization it does
    forAll:
      method: { regex: "^(GET|POST)$" }
      headers: { cookie: { present: true }, authorization: { regex: "^Bearer " } }
      runs: 2000
    expect: { upstreamRequest: {}, noLogs: { level: error } }
`;

function written(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

const outcomes = (module: string, text: string) => outcomesOf(`defaults: { plugin: { module: ${module} } }\n${text}`);

async function outcomesOf(text: string) {
  const file = written("a.pwh.yaml", text);
  const { tests, close } = await readTests(file);
  const found = [];
  for (const one of tests) found.push(await one.run());
  close();
  return found.map(({ failures }) => failures.map(({ message }) => message));
}

describe("forAll in pwh test", () => {
  test("holds for the right filter, and is broken by the faulty one", async () => {
    expect(await outcomes(right, guarded)).toEqual([[], []]);
    const [alone, both] = await outcomes(faulty, guarded);
    expect(alone).toEqual([]);
    expect(both).toEqual([
      "with an authorization it does: Expected a request upstream, but none came there (the client got 401)",
    ]);
  });

  test("the smallest request is told, in which the cookie comes first", () => {
    const file = written("b.pwh.yaml", `defaults: { plugin: { module: ${faulty} } }\n${guarded}`);
    const { code, out } = pwh(["test", file]);
    expect(code).toBe(1);
    expect(out).toMatch(/cookie: *\n +authorization: Bearer/);
  });

  test("fails when nothing matched: nothing was tested", async () => {
    const none = `tests:\n  - name: a\n    forAll: { method: NONE, path: { regex: "(x)\\\\1{40}" }, runs: 20 }\n    expect: { upstreamRequest: none }\n`;
    expect(await outcomes(right, none)).toEqual([
      [expect.stringMatching(/^None of 20 cases had a request that matches/)],
    ]);
  });

  test("meets a path, a method and a header that no generator would find", async () => {
    const far = `tests:
  - name: a
    forAll: { method: PURGE, path: { startsWith: /internal/v7/keys }, headers: { x-very-own: secret-17 } }
    expect: { response: { status: 299 } }
`;
    const [messages] = await outcomes(right, far);
    expect(messages![0]).toMatch(/^a: Expected status 299, got \d+$/);
  });
});

test("the scenarios of docs/fuzzing.md are right", async () => {
  const page = readFileSync(join(root, "docs/fuzzing.md"), "utf8");
  const texts = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text!);
  expect(texts).toHaveLength(2);
  const played = texts[0]!.replace("../filter.wasm", fixture("buggy/context-leak-right.wasm"));
  const faulty = texts[0]!.replace("../filter.wasm", fixture("buggy/context-leak-faulty.wasm"));
  expect(await outcomesOf(played)).toEqual([[]]);
  expect(await outcomesOf(faulty)).toEqual([[expect.stringMatching(/^isolated: after others and alone/)]]);
  const own = await readScenario(texts[1]!, "a.pwh.yaml");
  expect(own.map(({ forAll }) => forAll === undefined)).toEqual([false, false]);
  expect(await outcomesOf(texts[1]!)).toEqual([
    [expect.stringMatching(/^Cannot run it without a plugin/)],
    [expect.stringMatching(/^Cannot run it without a plugin/)],
  ]);
});

describe("a wrong forAll", () => {
  const head = `defaults: { plugin: { module: ${right} } }\ntests:\n  - name: a\n    `;
  test.each([
    [
      "forAll: { paths: /a }\n    expect: { upstreamRequest: none }",
      /Unknown key "paths" in requests \(did you mean "path"/,
    ],
    ["forAll: {}", /Case "a" expects nothing/],
    ["forAll: {}\n    request: GET /\n    expect: { upstreamRequest: none }", /Expected forAll or request, found both/],
    ["forAll: {}\n    holds: no-trap\n    expect: { upstreamRequest: none }", /Expected forAll or holds, found both/],
    ["forAll: {}\n    expect: { metrics: { a: 1 } }", /Cannot expect metrics of all requests/],
    ["forAll: { path: { regex: '(' } }\n    expect: { upstreamRequest: none }", /Cannot use the regular expression/],
  ])("%j is refused", async (text, message) => {
    await expect(readScenario(head + text, "a.pwh.yaml")).rejects.toMatchObject({
      code: "SCENARIO_INVALID",
      message: expect.stringMatching(message),
    });
  });
});

describe("pwh fuzz --properties", () => {
  test("checks them besides, and the line that it prints replays the finding", () => {
    const file = written("own.pwh.yaml", guarded); // without a plugin: that is the command's
    const options = ["--properties", file, "--property", "no-trap", "--max-failures", "1"];
    const { code, out, err } = pwh(["fuzz", faulty, ...options]);
    expect([code, err]).toEqual([1, ""]);
    expect(out).toMatch(/^with an authorization it does: Expected a request upstream/);
    expect(out).toMatch(
      /^checked: no-trap, a cookie alone never reaches the upstream, with an authorization it does$/m,
    );
    const [, path] = /--replay (\S+)$/m.exec(out)!;
    const again = pwh(["fuzz", faulty, ...options, "--replay", path!]);
    expect(again.code).toBe(1);
    expect(again.out.split("\n")[0]).toBe(out.split("\n")[0]);
    expect(pwh(["fuzz", right, ...options, "--runs", "500"])).toMatchObject({ code: 0, err: "" });
    const threads = pwh(["fuzz", faulty, ...options, "--workers", "2"]);
    expect(threads.code).toBe(1);
    expect(threads.out).toMatch(/^with an authorization it does: Expected a request upstream/);
  });

  test("names a file without such a case, and one that is none", () => {
    const other = written(
      "other.pwh.yaml",
      `tests: [{ name: a, plugin: { module: ${right} }, request: GET /, expect: { noLogs: x } }]`,
    );
    expect(pwh(["fuzz", right, "--properties", other])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no case has forAll/),
    });
    expect(pwh(["fuzz", right, "--properties", "nowhere.yaml"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/nowhere/),
    });
  });

  test("says when no request matched", () => {
    const file = written(
      "none.pwh.yaml",
      `tests: [{ name: far, forAll: { body: { size: 77777 } }, expect: { upstreamRequest: none } }]`,
    );
    const { code, err } = pwh(["fuzz", right, "--properties", file, "--runs", "50", "--property", "no-trap"]);
    expect([code, err]).toEqual([0, "pwh: far: no request matched in 50 runs\n"]);
    const options = ["--properties", file, "--runs", "50", "--property", "no-trap", "--workers", "2"];
    expect(pwh(["fuzz", right, ...options])).toMatchObject({ code: 0, err });
  });
});

test("reporters tell each property as a test, and findings as its failures", () => {
  const module = fixture("buggy/empty-header-faulty.wasm");
  const junit = pwh([
    "fuzz",
    module,
    "--property",
    "no-trap",
    "--property",
    "no-hang",
    "--max-failures",
    "1",
    "-r",
    "junit",
  ]);
  expect(junit.code).toBe(1);
  expect(junit.out).toMatch(/<testsuites name="pwh fuzz" tests="2" failures="1"/);
  expect(junit.out).toMatch(
    /<testcase name="no-trap"[^>]*>\n +<failure message="no-trap: Guest trapped[^>]*type="no-trap">/,
  );
  expect(junit.out).toMatch(/again: pwh fuzz \S+ --property no-trap --property no-hang --replay 1:/);
  expect(junit.out).toMatch(/<testcase name="no-hang"[^>]*\/>/);
  const github = pwh(["fuzz", module, "--property", "no-trap", "--max-failures", "1", "--reporter", "github"]);
  expect(github.out).toMatch(
    /^::error title=no-trap,file=\S*empty-header-faulty\.wasm,line=1,col=1::no-trap: Guest trapped/,
  );
  expect(pwh(["fuzz", module, "-r", "junti"])).toMatchObject({
    code: 2,
    err: expect.stringContaining('did you mean "junit"'),
  });
});
