// Arguments are read as curl reads its own: curl(1), "options".
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { curlArguments } from "../../src/cli/arguments.js";
import { pwh } from "../support/pwh.js";

const probe = "fixtures/probe/probe.wasm";
const folder = mkdtempSync(join(tmpdir(), "pwh-arguments-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options = {
  method: { type: "string", alias: ["X", "request"] },
  header: { type: "string", array: true, alias: "H" },
  trace: { type: "boolean" },
} as const;

describe("curlArguments()", () => {
  test.each([
    { given: ["-XPOST"], read: ["--method=POST"] },
    { given: ["-X", "POST"], read: ["--method=POST"] },
    { given: ["--request", "POST"], read: ["--method=POST"] },
    { given: ["--request=POST"], read: ["--method=POST"] },
    { given: ["-Hx: y"], read: ["--header=x: y"] },
    { given: ["-H", "-x: y"], read: ["--header=-x: y"] },
    { given: ["-H", "a: b=c", "-Hd: --e"], read: ["--header=a: b=c", "--header=d: --e"] },
    { given: ["--header", ""], read: ["--header="] },
    { given: ["f.wasm", "--trace"], read: ["f.wasm", "--trace"] },
    { given: ["--trace=true", "--trace=false"], read: ["--trace=true", "--trace=false"] },
    { given: ["--", "-f.wasm", "g.wasm"], read: ["./-f.wasm", "g.wasm"] },
    { given: ["--unknown", "-Z"], read: ["--unknown", "-Z"] },
  ])("$given is read as $read", ({ given, read }) => {
    expect(curlArguments(given, options)).toEqual(read);
  });

  test.each([
    { given: ["-X"], says: "Cannot use -X: a value is missing; write -XVALUE" },
    { given: ["--request", "--trace"], says: "Cannot use --request: a value is missing; write --request=VALUE" },
    { given: ["-H", "-XPOST"], says: "Cannot use -H: a value is missing" },
    { given: ["--trace=maybe"], says: "Cannot use --trace=maybe: --trace is on or off and takes no value" },
  ])("$given is refused", ({ given, says }) => {
    expect(() => curlArguments(given, options)).toThrow(says);
  });
});

interface Report {
  readonly upstream: { headers: [string, string][]; body: { text: string } };
}
const sent = (...args: string[]): Report["upstream"] => {
  const { out, err } = pwh(["run", ...args, "--json"]);
  if (out === "") throw new Error(err);
  return (JSON.parse(out) as Report).upstream;
};

describe("pwh run", () => {
  test("takes joined short options, a value with a dash, and a file after --", () => {
    const { headers, body } = sent("-XPUT", "-Hx-a: 1", "-H", "-odd: 2", "-dhello", "--path=/a=b", probe);
    expect(headers).toContainEqual([":method", "PUT"]);
    expect(headers).toContainEqual([":path", "/a=b"]);
    expect(headers).toContainEqual(["x-a", "1"]);
    expect(headers).toContainEqual(["-odd", "2"]);
    expect(body.text).toBe("hello");
    expect(pwh(["run", "--", probe]).code).toBe(0);
  });

  test("-d@file is the file's bytes", () => {
    const path = join(folder, "body");
    writeFileSync(path, "from a file");
    expect(sent(probe, `-d@${path}`).body.text).toBe("from a file");
  });

  test("-H @file has a header on each line, its bytes kept", () => {
    const path = join(folder, "headers");
    writeFileSync(path, Buffer.from("X-A: 1\r\n\r\nx-b: caf\xe9\naccept:\n", "latin1"));
    const { headers } = sent(probe, "-H", `@${path}`, "-Hx-c: 3");
    expect(headers.filter(([name]) => /^(x-[abc]|accept)$/.test(name))).toEqual([
      ["x-a", "1"],
      ["x-b", "caf\xe9"],
      ["x-c", "3"],
    ]);
  });
});
