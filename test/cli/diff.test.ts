import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-diff-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const tinygo = fixture("http-headers/http-headers.wasm");
const c = fixture("http-headers-c/http-headers.wasm");
const probe = fixture("probe/probe.wasm");
const config = ["-c", '{"header":"x-team","value":"edge"}'];

describe("pwh diff", () => {
  test("two builds of the same filter: no difference but size", () => {
    const { code, out } = pwh(["diff", tinygo, c, ...config]);
    expect(out).toContain("= a request without a body");
    expect(out).toContain("no difference in 2 cases");
    expect(out).toContain(`(${statSync(c).size - statSync(tinygo).size})`);
    expect(code).toBe(0);
  });

  test("a build that does something else: outcome, headers and log on both sides", () => {
    const file = join(folder, "tags.pwh.yaml");
    writeFileSync(
      file,
      `defaults: { plugin: ${tinygo}, configuration: { header: x-team, value: edge }, upstreams: { web: 200 } }
tests:
  - { name: tags, request: GET /, expect: { upstreamRequest: { headers: { x-team: edge } } } }
`,
    );
    const { code, out } = pwh(["diff", tinygo, probe, file]);
    expect(code).toBe(1);
    expect(out).toContain("≠ tags");
    expect(out).toContain("passed, now failed");
    expect(out).toContain('now: Expected upstream request header x-team to be "edge", but there is none');
    expect(out).toMatch(/^ +- +x-team: edge$/m);
    expect(out).toMatch(/^ +\+ +info "CB on_request_headers/m);
    expect(out).toContain("1 of 1 case differ");
    const { cases } = JSON.parse(pwh(["diff", tinygo, probe, file, "--json"]).out) as { cases: object[] };
    expect(cases[0]).toMatchObject({
      name: "tags",
      same: false,
      old: { outcome: "passed" },
      new: { outcome: "failed" },
    });
  });

  test("a build that does not start is a difference", () => {
    const { code, out } = pwh(["diff", tinygo, fixture("probe/probe-start-trap.wasm"), ...config]);
    expect(code).toBe(1);
    expect(out).toContain("does not start: GUEST_TRAPPED");
  });

  test("a case without either build is refused", () => {
    const file = join(folder, "chain.pwh.yaml");
    writeFileSync(
      file,
      `defaults: { plugins: [${probe}, ${probe}], upstreams: { web: 200 } }
tests:
  - { name: a, request: GET /, expect: { response: { status: 200 } } }
`,
    );
    const { code, err } = pwh(["diff", tinygo, c, file]);
    expect(code).toBe(2);
    expect(err).toContain('chain.pwh.yaml:3:5: Cannot compare builds in case "a"');
  });
});
