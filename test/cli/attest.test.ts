import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-attest-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const module = join(folder, "filter.wasm");
const config = join(folder, "config.json");
const attestation = `${module}.attestation.json`;
copyFileSync(fixture("http-headers/http-headers.wasm"), module);
writeFileSync(config, '{\n  "header": "x-team",\n  "value": "edge"\n}\n');

const sha256 = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const get = (status: number): string =>
  `{ name: answers ${status}, request: GET /, expect: { response: { status: ${status} } } }`;

function scenario(name: string, ...tests: string[]): string {
  const file = join(folder, name);
  const defaults = `plugins: [{ module: ${module}, configurationBytes: { file: config.json } }], upstreams: { web: 200 }`;
  writeFileSync(file, `defaults: { ${defaults} }\ntests:\n${tests.map((one) => `  - ${one}\n`).join("")}`);
  return file;
}
const good = scenario("good.pwh.yaml", get(200));
const out = join(folder, "out");
const deploy = (...more: string[]) => pwh(["deploy", "all", module, "--deployment", "shop", "-o", out, ...more]);

describe("pwh test --attest", () => {
  test("writes the digests that sha256sum prints, the same each time, and nothing of the machine or the time", () => {
    const run = pwh(["test", good, "--attest", attestation]);
    expect(run).toMatchObject({ code: 0, err: `attested passed: ${attestation}\n` });
    const text = readFileSync(attestation, "utf8");
    expect(pwh(["test", good, "--attest", attestation, "--jobs", "2"])).toMatchObject({ code: 0 });
    expect(readFileSync(attestation, "utf8")).toBe(text);
    expect(JSON.parse(text)).toMatchObject({
      schema: 1,
      result: "passed",
      modules: [
        {
          sha256: sha256(readFileSync(module)),
          bytes: readFileSync(module).length,
          result: "passed",
          cases: [{ name: "answers 200", outcome: "passed", configuration: sha256(readFileSync(config)) }],
        },
      ],
    });
    expect(text).not.toMatch(/x-team|"time|"date|:\d\d:/);
  });

  test("a failed run overwrites what passed before", () => {
    const file = join(folder, "failed.json");
    expect(pwh(["test", good, "--attest", file]).code).toBe(0);
    expect(pwh(["test", scenario("bad.pwh.yaml", get(200), get(404)), "--attest", file]).code).toBe(1);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ result: "failed", modules: [{ result: "failed" }] });
    const { code, err } = deploy("-c", `@${config}`, "--attestation", file);
    expect(err).toContain('1 of 2 cases with this module failed, the first is "answers 404"');
    expect(code).toBe(1);
  });

  test.each([["--filter", "x"], ["--tag", "x"], ["--update"], ["--watch"], ["--list"]])("not with %s", (...more) => {
    const { code, err } = pwh(["test", good, "--attest", join(folder, "none.json"), ...more]);
    expect(err).toContain(`Cannot use --attest with ${more[0]}`);
    expect([code, existsSync(join(folder, "none.json"))]).toEqual([2, false]);
  });

  test("suites of Google's are attested, too", () => {
    const file = join(folder, "suite.json");
    pwh(["test", "test/suites/files/headers.textpb", "--attest", file]);
    const { modules } = JSON.parse(readFileSync(file, "utf8")) as { modules: { cases: { file: string }[] }[] };
    expect(modules[0]!.cases[0]!.file).toBe("test/suites/files/headers.textpb");
  });
});

describe("pwh deploy", () => {
  beforeAll(() => void pwh(["test", good, "--attest", attestation]));

  test("finds the attestation beside the module and writes the digests into each file", () => {
    expect(deploy("-c", `@${config}`)).toMatchObject({ code: 0 });
    for (const file of readdirSync(out)) {
      const text = readFileSync(join(out, file), "utf8");
      expect(text).toContain(`# module sha256: ${sha256(readFileSync(module))}\n`);
      expect(text).toContain(`# configuration sha256: ${sha256(readFileSync(config))}\n`);
      expect(text).toContain("# tests with both: 1 passed");
    }
    expect(pwh(["deploy", "all", module, "--deployment", "shop", "--check", out, "-c", `@${config}`]).code).toBe(0);
    expect(pwh(["deploy", "oci", module, "-o", join(folder, "image")]).code).toBe(0);
    rmSync(out, { recursive: true });
  });

  test("says when the tests ran as another release than the one it is for", () => {
    const note = "and Istio 1.11 has 1.19"; // deployment reference, section 10
    expect(deploy("-c", `@${config}`, "--istio", "1.11").err).toContain(note);
    const file = join(folder, "1.11.json");
    expect(pwh(["test", good, "--istio", "1.11", "--attest", file]).code).toBe(0);
    const { code, err } = deploy("-c", `@${config}`, "--istio", "1.11", "--attestation", file);
    expect([code, err.includes(note)]).toEqual([0, false]);
    rmSync(out, { recursive: true });
  });

  test.each<[string, string[], string]>([
    ["no configuration", [], "no case passed without a configuration"],
    ["the same JSON in other bytes", ["-c", '{"header":"x-team","value":"edge"}'], "very bytes of this configuration"],
    ["another root id", ["-c", `@${config}`, "--root-id", "other"], 'cases passed with root id "", not with "other"'],
  ])("refuses %s, and writes nothing", (_, more, message) => {
    const { code, err } = deploy(...more);
    expect(err).toContain(message);
    expect(err).toContain("say --untested");
    expect([code, existsSync(out)]).toEqual([1, false]);
  });

  test("refuses a module that differs in one byte, for an image too; --untested is said in the files", () => {
    const other = join(folder, "other.wasm");
    const custom = Buffer.from([0, 2, 1, 0x78]); // a custom section named "x", with nothing in it
    writeFileSync(other, Buffer.concat([readFileSync(module), custom]));
    const args = ["deploy", "all", other, "--deployment", "shop", "-o", out, "-c", `@${config}`];
    expect(pwh(args).err).toContain(`there is no ${other}.attestation.json`);
    const { code, err } = pwh([...args, "--attestation", attestation]);
    expect(err).toContain(`it is about other modules: this one is ${sha256(readFileSync(other)).slice(0, 12)}`);
    expect(code).toBe(1);
    expect(pwh(["deploy", "oci", other, "-o", join(folder, "none"), "--attestation", attestation]).code).toBe(1);
    expect(pwh([...args, "--untested"]).code).toBe(0);
    expect(readFileSync(join(out, "envoyfilter.yaml"), "utf8")).toContain("# tests with both: none");
    rmSync(out, { recursive: true });
  });

  test("a configuration that the tests expect to be refused is not one that passed", () => {
    writeFileSync(join(folder, "broken.json"), "{");
    const refused = "plugins: [{ module: filter.wasm, configurationBytes: { file: broken.json } }]";
    const file = scenario(
      "refused.pwh.yaml",
      get(200),
      `{ name: refused, ${refused}, upstreams: { web: 200 }, request: GET /, expect: { failure: { code: CONFIGURE_REFUSED } } }`,
    );
    expect(pwh(["test", file, "--attest", join(folder, "refused.json")])).toMatchObject({ code: 0 });
    const { code, err } = deploy(
      "-c",
      `@${join(folder, "broken.json")}`,
      "--attestation",
      join(folder, "refused.json"),
    );
    expect(err).toContain("no case passed with the very bytes");
    expect(code).toBe(1);
    expect(deploy("-c", `@${config}`, "--attestation", join(folder, "refused.json")).code).toBe(0);
    rmSync(out, { recursive: true });
  });

  test.each([
    ["{}", "it is no attestation of schema 1"],
    ["", "it is no attestation of schema 1"],
    ['{"schema":1,"modules":[null]}', "it is no attestation of schema 1"],
  ])("an attestation %j is refused", (text, message) => {
    const file = join(folder, "wrong.json");
    writeFileSync(file, text);
    const { code, err } = deploy("--attestation", file);
    expect(err).toContain(message);
    expect([code, existsSync(out)]).toEqual([2, false]);
  });

  test("--attestation of no file, and beside --untested", () => {
    expect(deploy("--attestation", join(folder, "nowhere.json"))).toMatchObject({ code: 2 });
    expect(deploy("--attestation", attestation, "--untested").err).toContain("choose one");
  });
});
