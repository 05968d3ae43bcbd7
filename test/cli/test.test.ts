import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixture } from "../support/fixtures.js";
import { pwh, root } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function scenario(name: string, ...tests: string[]): string {
  const file = join(folder, name);
  const head = `defaults:\n  plugin: ${fixture("http-headers/http-headers.wasm")}\n  configuration: { header: x-team, value: edge }\n  upstreams: { web: 200 }\n`;
  writeFileSync(file, `${head}tests:\n${tests.join("")}`);
  return file;
}

const passes = "  - { name: passes, tags: smoke, request: GET /, expect: { response: { status: 200 } } }\n";
const fails = "  - { name: fails, request: GET /, expect: { upstreamRequest: { headers: { x-team: core } } } }\n";

describe("pwh test", () => {
  const good = scenario("good.pwh.yaml", passes);
  const bad = scenario("bad.pwh.yaml", fails, passes);

  test("0: all passed", () => {
    const { code, out } = pwh(["test", good]);
    expect(out).toMatch(/✓ .*good\.pwh\.yaml passes\n\n1 passed in [\d.]+ s\n$/);
    expect(code).toBe(0);
  });

  test("1: some failed; the failure has its line, both values and the log", () => {
    const { code, out } = pwh(["test", bad]);
    expect(code).toBe(1);
    expect(out).toContain('Expected upstream request header x-team to be "core", got "edge"');
    expect(out).toMatch(/at .*bad\.pwh\.yaml:6:76\n/);
    expect(out).toContain("finished");
    expect(out).toContain("1 failed, 1 passed");
  });

  test("--bail leaves the others, --filter and --tag choose", () => {
    expect(pwh(["test", bad, "--bail"]).out).toContain("1 failed, 0 passed, 1 not run");
    expect(pwh(["test", bad, "--filter", "passes"])).toMatchObject({ code: 0 });
    expect(pwh(["test", bad, "--tag", "smoke"]).out).toContain("1 passed, 1 left out");
    expect(pwh(["test", bad, "--tag", "!smoke"])).toMatchObject({ code: 1 });
    expect(pwh(["test", bad, "--list"]).out).toMatch(/bad\.pwh\.yaml:6 {2}fails\n.*:7 {2}passes {2}\(smoke\)\n$/);
  });

  test("2: what is wrong with the command or a file, with what to do", () => {
    const claims: [string[], RegExp][] = [
      [[join(folder, "none.pwh.yaml")], /Cannot read .*none\.pwh\.yaml: there is no such file/],
      [[join(folder, "no*.yaml")], /Cannot test .*no\*\.yaml: no file matches; pwh init FILE.wasm writes a first one/],
      [[good, "--filter", "nothing"], /Cannot run any of 1 tests: none fits filter \/nothing\//],
      [[good, "--tag", "smok"], /none fits tags smok; tags are smoke/],
      [[good, "--reporter", "junitt"], /Cannot use --reporter "junitt" \(did you mean "junit"\?\)/],
      [[good, "--reporter", "tap", "--reporter", "json"], /Cannot print two reports/],
      [[good, "--reporter", "junit=/nowhere/out.xml"], /Cannot write the report to \/nowhere\/out\.xml/],
      [["test/scenario/broken/bad-regex.pwh.yaml"], /bad-regex\.pwh\.yaml:8:42: Cannot use the regular expression/],
    ];
    for (const [args, message] of claims) {
      const { code, out, err } = pwh(["test", ...args]);
      expect(err).toMatch(message);
      expect([code, args, out.includes("✗")]).toEqual([2, args, false]);
    }
  });

  test("--jobs: the same results in the same order, suites too", () => {
    const files = [good, bad, "test/suites/files/headers.textpb", "test/fixtures"];
    const report = (jobs: string): unknown => {
      const { out } = pwh(["test", ...files, "--jobs", jobs, "--json"]);
      const { tests } = JSON.parse(out) as { tests: { name: string; outcome: string; failures: unknown }[] };
      return tests.map(({ name, outcome, failures }) => ({ name, outcome, failures }));
    };
    expect(report("3")).toEqual(report("1"));
    const stopped = pwh(["test", bad, good, "--jobs", "2", "--bail"]);
    expect(stopped.code).toBe(1);
    expect(stopped.out).toContain("1 failed, 0 passed");
    expect(pwh(["test", good, "--jobs", "0"]).code).toBe(2);
  });

  test("binary bodies, obs-text and headers of 1 MB survive run --save, and a scenario file", () => {
    const [fields, body, saved] = ["fields.txt", "body.bin", "saved.pwh.yaml"].map((name) => join(folder, name));
    writeFileSync(fields!, Buffer.from(`x-obs: caf\xe9\xff\nx-big: ${"v".repeat(1024 * 1024)}\n`, "latin1"));
    writeFileSync(body!, Buffer.from([0, 255, 0, 128]));
    const module = "fixtures/http-headers-rust/http-headers.wasm";
    expect(pwh(["run", module, "-H", `@${fields}`, "--body", `@${body}`, "--save", saved!]).code).toBe(0);
    const text = readFileSync(saved!, "utf8");
    expect(text).toContain("base64: Y2Fm6f8="); // caf, e9, ff
    expect(text).toContain("base64: AP8AgA=="); // 00, ff, 00, 80
    expect(pwh(["test", saved!])).toMatchObject({ code: 0, err: "" });
  });

  test("--envoy and --istio choose a release; one that nobody recorded is said to be", () => {
    const old = pwh(["test", good, "--istio", "1.11"]);
    expect(old.code).toBe(0);
    expect(old.err).toMatch(/^pwh: Envoy 1\.19 is not recorded: .*\n$/);
    expect(pwh(["test", good, "--envoy", "1.38"]).err).toBe("");
    const unknown = pwh(["test", good, "--envoy", "1.99"]);
    expect(unknown.code).toBe(2);
    expect(unknown.err).toMatch(/^pwh: Cannot be Envoy "1\.99".*there are 1\.19 to 1\.40/);
  });

  test("several reports at once", () => {
    const [xml, tap] = [join(folder, "out.xml"), join(folder, "out.tap")];
    const { out } = pwh(["test", bad, "--reporter", `junit=${xml}`, "--reporter", `tap=${tap}`, "--reporter", "json"]);
    expect(JSON.parse(out)).toMatchObject({ passed: 1, failed: 1 });
    expect(readFileSync(xml, "utf8")).toContain('tests="2" failures="1"');
    expect(readFileSync(tap, "utf8")).toContain("not ok 1 - fails");
  });

  test("--update writes snapshots, without what differs from run to run; a change of them fails", () => {
    const file = scenario("snap.pwh.yaml", "  - { name: all, request: GET /, expect: { snapshot: everything } }\n");
    expect(pwh(["test", file]).out).toContain('There is no snapshot "all: everything"');
    expect(pwh(["test", file, "--update"])).toMatchObject({ code: 0 });
    const written = readFileSync(`${file}.snap`, "utf8");
    expect(written).toContain("x-team: edge");
    expect(written).toContain("x-request-id: <x-request-id>");
    expect(pwh(["test", file])).toMatchObject({ code: 0 });
    writeFileSync(`${file}.snap`, written.replace("x-team: edge", "x-team: core"));
    const { code, out } = pwh(["test", file]);
    expect(code).toBe(1);
    expect(out).toMatch(/- +x-team: core\n/);
    expect(out).toMatch(/\+ +x-team: edge\n/);
  });

  test("--list writes nothing, with --update neither", () => {
    const file = scenario("list.pwh.yaml", "  - { name: one, request: GET /, expect: { snapshot: all } }\n");
    expect(pwh(["test", file, "--update"])).toMatchObject({ code: 0 });
    const before = readFileSync(`${file}.snap`, "utf8");
    scenario("list.pwh.yaml", "  - { name: two, request: GET /, expect: { snapshot: all } }\n");
    expect(pwh(["test", file, "--list", "--update"])).toMatchObject({ code: 0 });
    expect(readFileSync(`${file}.snap`, "utf8")).toBe(before);
  });

  test("--update drops snapshots that no case names any more, and a file without any; --filter drops none", () => {
    const both = ["one", "two"].map((name) => `  - { name: ${name}, request: GET /, expect: { snapshot: seen } }\n`);
    const file = scenario("drop.pwh.yaml", both.join(""));
    expect(pwh(["test", file, "--update"])).toMatchObject({ code: 0 });
    const written = readFileSync(`${file}.snap`, "utf8");
    expect(pwh(["test", file, "--update", "--filter", "one"])).toMatchObject({ code: 0 });
    expect(readFileSync(`${file}.snap`, "utf8")).toBe(written);
    scenario("drop.pwh.yaml", both[1]!);
    expect(pwh(["test", file])).toMatchObject({ code: 0 });
    expect(readFileSync(`${file}.snap`, "utf8")).toBe(written);
    expect(pwh(["test", file, "--update"])).toMatchObject({ code: 0 });
    const left = readFileSync(`${file}.snap`, "utf8");
    expect(left).not.toContain("one: seen");
    expect(left).toContain("two: seen");
    scenario("drop.pwh.yaml", "  - { name: two, request: GET /, expect: { response: { status: 200 } } }\n");
    expect(pwh(["test", file, "--update"])).toMatchObject({ code: 0 });
    expect(existsSync(`${file}.snap`)).toBe(false);
  });

  test("a plugin that loops is stopped, and the next case is well", () => {
    const file = join(folder, "loop.pwh.yaml");
    writeFileSync(
      file,
      `defaults: { plugin: ${fixture("probe/probe.wasm")}, upstreams: { web: 200 }, budget: 100, configuration: "on_request_headers@1: forever" }
tests:
  - { name: loops, request: GET /, expect: { response: { status: 200 } } }
  - { name: loops as expected, request: GET /, expect: { failure: { code: GUEST_TIMEOUT } } }
`,
    );
    const { code, out } = pwh(["test", file]);
    expect(code).toBe(1);
    expect(out).toContain("GUEST_TIMEOUT");
    expect(out).toContain("1 failed, 1 passed");
  });
});

describe("pwh test --watch", () => {
  test("runs again when the file changes, tells what is wrong with it, and ends when it is asked to", async () => {
    const file = scenario("watched.pwh.yaml", passes);
    const child = spawn(process.execPath, [join(root, "dist/cli/main.js"), "test", file, "--watch"], { cwd: root });
    let seen = "";
    child.stdout.on("data", (data: Buffer) => (seen += data.toString()));
    child.stderr.on("data", (data: Buffer) => (seen += data.toString()));
    const until = async (wanted: string): Promise<void> => {
      for (let i = 0; i < 400 && !seen.includes(wanted); i++) await new Promise((done) => setTimeout(done, 25));
      expect(seen).toContain(wanted);
      seen = seen.slice(seen.indexOf(wanted) + wanted.length);
    };
    await until("1 passed");
    await until("waiting for a change of");
    scenario("watched.pwh.yaml", passes, fails);
    await until("watched.pwh.yaml changed");
    await until("1 failed, 1 passed");
    await until("waiting for a change of");
    scenario("watched.pwh.yaml", passes, passes);
    await until('Name "passes" is taken by the case at line 6');
    await until("waiting for a change of");
    child.kill("SIGTERM");
    expect(await new Promise((done) => child.on("exit", (code) => done(code)))).toBe(0);
  });
});
