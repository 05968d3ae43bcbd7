// Suites of GoogleCloudPlatform/service-extensions: google-suites.md. The files beside this are written from the schema.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isSuiteFile } from "../../src/suites/suite-file.js";
import { readSuite } from "../../src/suites/suite-tests.js";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const folder = `${import.meta.dirname}/files`;
const suites = readdirSync(folder).filter((name) => /\.(textpb|textproto|txtpb|yaml)$/.test(name));

/** A test whose name begins so has to fail, with what follows in one of its messages. */
const mark = "fails: ";

for (const name of suites) {
  const { tests } = await readSuite(join(folder, name));
  describe(name, () => {
    test.each(tests.map((one, i) => [`${i + 1}: ${one.name}`, one] as const))("%s", async (_, one) => {
      const { outcome, failures } = await one.run();
      const messages = failures.map(({ message }) => message);
      if (!one.name.startsWith(mark)) {
        expect(messages).toEqual([]);
        expect(outcome).toBe("passed");
        return;
      }
      expect(outcome).toBe("failed");
      expect(messages.filter((message) => message.includes(one.name.slice(mark.length)))).not.toEqual([]);
      for (const { where } of failures) expect(where?.file).toContain(name);
    });
  });
}

test("sixty cases at the least", async () => {
  const read = await Promise.all(suites.map((name) => readSuite(join(folder, name))));
  expect(read.flatMap(({ tests }) => tests).length).toBeGreaterThanOrEqual(60);
});

test.each([
  ["a.textpb", true],
  ["a.textproto", true],
  ["tests.yaml", true],
  ["a.pwh.yaml", false],
  ["a.wasm", false],
])("%s is a suite: %s", (name, wanted) => {
  expect(isSuiteFile(name)).toBe(wanted);
});

describe("what cannot be read or represented is refused, with its place", () => {
  const made = mkdtempSync(join(tmpdir(), "pwh-suites-"));
  afterAll(() => rmSync(made, { recursive: true, force: true }));
  const plugin = fixture("http-headers/http-headers.wasm");
  let count = 0;
  const refused = async (text: string, ending: string): Promise<string> => {
    const file = join(made, `${++count}.${ending}`);
    writeFileSync(file, text);
    return await readSuite(file, { plugin }).then(
      () => "read",
      (thrown: Error) => thrown.message.replace(file, "FILE"),
    );
  };

  test.each([
    ["", "FILE:1:1: There is no test in this suite"],
    ["# nothing\n", "FILE:1:1: There is no test in this suite"],
    ["test { name: 'a' ", "FILE:1:18: The file ends, and } is missing"],
    ["test { name 'a' }", "FILE:1:13: A colon is missing behind name"],
    ["test { name: }", 'FILE:1:14: A value is wanted, not "}"'],
    ["test { name: 'a }", "FILE:1:14: The string that begins here has no ' at its end"],
    ["test { name: '\\q' }", "FILE:1:15: \\q is no escape"],
    ["test { name: '\\777' }", "FILE:1:15: \\777 is no byte: the highest is \\377"],
    ["test { name: '\\uD800' }", "FILE:1:15: \\uD800 is no character"],
    ["test { name: ['a' 'b' 'c'; ] }", 'FILE:1:26: A comma or ] is wanted, not "; ] }"'],
    ["test { name: 'a' name: 'b' }", "FILE:1:18: A test has name a second time"],
    ["test { 7: 'a' }", "FILE:1:8: A field name is wanted, not \"7: 'a' }\""],
    ["test { [a.b/C] { } }", "FILE:1:8: Extensions and Any are not part of a suite's schema"],
    [
      "\ntest {\n  request_header { }\n}",
      'FILE:3:3: A test has no field request_header (did you mean "request_headers"?)',
    ],
    ["tests { }", 'FILE:1:1: A suite has no field tests (did you mean "test"?): fields are env, test'],
    ["test: 'a'", "FILE:1:7: A test is a message, not a string"],
    ["test { name: 3 }", "FILE:1:14: name is a string, not 3"],
    ["test { benchmark: maybe }", "FILE:1:19: benchmark is true or false, not maybe"],
    [
      "test { num_chunks: 2 chunk_size: 3 }",
      "FILE:1:22: A test has num_chunks already: only one of num_chunks, chunk_size can be",
    ],
    ["test { num_chunks: 0 }", "FILE:1:20: num_chunks is at least 1, not 0"],
    ["test { num_chunks: 1.5 }", "FILE:1:20: num_chunks is a whole number, not 1.5"],
    [
      "test { num_chunks: 2 request_body { } request_body { } }",
      "FILE:1:39: request_body is cut into chunks: one invocation is wanted, not 2",
    ],
    ["test { request_headers { } request_headers { } }", "FILE:1:28: A test has request_headers a second time"],
    [
      "test { request_body { input { header { key: 'a' } } } }",
      "FILE:1:31: A body has no header: content or file is wanted",
    ],
    [
      "test { request_headers { input { header { } content: 'a' } } }",
      "FILE:1:45: input has header already: only one of header, content, file can be",
    ],
    [
      "test { request_headers { input { content: 'nonsense' } } }",
      'FILE:1:26: request_headers: this is no HTTP/1 text: "nonsense"',
    ],
    [
      "test { response_headers { input { content: 'GET / HTTP/1.1\\n\\n' } } }",
      "FILE:1:27: response_headers: this is no HTTP/1 text",
    ],
    ["test { request_headers { result { headers { } } } }", "FILE:1:43: A matcher wants one of exact, regex, file"],
    [
      "test { request_headers { result { headers { exact: 'a' regex: 'b' } } } }",
      "FILE:1:56: A matcher has exact already: only one of exact, regex, file can be",
    ],
    ["test { request_headers { result { headers { regex: '(' } } } }", 'FILE:1:45: RE2 refuses the pattern "("'],
    [
      "test { request_headers { result { headers { regex: '(?=a)' } } } }",
      'FILE:1:45: RE2 refuses the pattern "(?=a)"',
    ],
    [
      "test { plugin_init { body { exact: 'a' } } }",
      "FILE:1:22: plugin_init can expect log only: nobody looks at body there",
    ],
    ["env { log_level: LOUD } test { }", "FILE:1:18: log_level LOUD is unknown"],
    ["env { log_level: 9 } test { }", "FILE:1:18: log_level 9 is unknown"],
    [
      "env { num_additional_streams: 3 } test { }",
      "FILE:1:7: env's num_additional_streams cannot be represented: tests run one stream at a time",
    ],
    ["env { log_path: 'x' } test { }", "FILE:1:7: env's log_path cannot be represented"],
    ["env { test_path: 'x' } test { }", "FILE:1:7: env's test_path cannot be represented"],
    ["env { } env { } test { }", "FILE:1:9: A suite has env a second time"],
  ])("%s", async (text, message) => {
    expect(await refused(text, "textpb")).toContain(message);
  });

  test.each([
    ["", "FILE:1:1: There is no test in this suite"],
    ["- a", "FILE:1:1: A mapping of fields is wanted"],
    ["test:\n  - nam: a", 'FILE:2:5: A test has no field nam (did you mean "name"?)'],
    ["test:\n  - name: [", "FILE:2:"],
    ["test:\n  - a", "FILE:2:5: A test is a message, not a string"],
  ])("YAML %j", async (text, message) => {
    expect(await refused(text, "yaml")).toContain(message);
  });

  test("a file that it names and that is not there", async () => {
    expect(await refused("test { request_headers { input { file: 'gone.txt' } } }", "textpb")).toMatch(
      /^Cannot read .*gone\.txt/,
    );
  });
});

describe("pwh test suite.textpb", () => {
  const suite = "test/suites/files/headers.textpb";

  test("runs the module that the suite names, or --plugin with --config", () => {
    const named = pwh(["test", suite, "--filter", "has_header: the value"]);
    expect(named).toMatchObject({ code: 0, err: "" });
    expect(named.out).toContain("✓ test/suites/files/headers.textpb has_header: the value that the plugin added");
    const plugin = "fixtures/http-headers-c/http-headers.wasm";
    const other = pwh([
      "test",
      suite,
      "--plugin",
      plugin,
      "-c",
      '{"header":"x-filter","value":"off"}',
      "--filter",
      "x-filter is not",
    ]);
    expect(other.code).toBe(0); // the test that fails with "on" passes with "off"
  });

  test("a failure has its line, both sides and the log; JUnit has every test", () => {
    const { code, out } = pwh(["test", suite, "--filter", "/header accept is not/"]);
    expect(code).toBe(1);
    expect(out).toContain("at test/suites/files/headers.textpb:");
    expect(out).toContain("- accept: a");
    expect(out).toContain("+ accept: a, b");
    expect(pwh(["test", suite, "--reporter", "junit"]).out.match(/<testcase /g)?.length).toBe(33);
  });

  test("without a module: what to do", () => {
    const file = join(mkdtempSync(join(tmpdir(), "pwh-suite-")), "a.textpb");
    writeFileSync(file, "test { }");
    const { code, err } = pwh(["test", file]);
    rmSync(join(file, ".."), { recursive: true });
    expect(code).toBe(2);
    expect(err).toContain("The suite names no module: give one with --plugin FILE.wasm");
  });
});
