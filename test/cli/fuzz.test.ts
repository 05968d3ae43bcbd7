import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const directory = mkdtempSync(join(tmpdir(), "pwh-fuzz-"));
afterAll(() => rmSync(directory, { recursive: true }));
const right = fixture("buggy/double-commit-right.wasm");

test("the line that replays a finding has the options it was found with, and does so", () => {
  const faulty = fixture("buggy/empty-header-faulty.wasm");
  const options = ["--property", "no-trap", "-c", "it's"];
  const { code, out } = pwh(["fuzz", faulty, ...options, "--runs=3000", "--max-failures", "1", "--seed", "7"]);
  expect(code).toBe(1);
  const [, line, path] = /again: pwh (fuzz .* --replay (7:[\d:]+))$/m.exec(out)!;
  expect(line).toBe(`fuzz ${faulty} --property no-trap -c 'it'\\''s' --replay ${path}`);
  const again = pwh(["fuzz", faulty, ...options, "--replay", path!]);
  expect(again.code).toBe(1);
  expect(again.out.split("\n")[0]).toBe(out.split("\n")[0]);
});

describe("pwh fuzz --corpus", () => {
  test("writes cases, says how far it came, and names what is none on stderr", () => {
    const corpus = join(directory, "made");
    const first = pwh(["fuzz", right, "--corpus", corpus, "--runs", "400", "--property", "no-trap"]);
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toMatch(/reached: \d of 3 functions, \d+ of 57 edges; \d+ cases in the corpus/);
    const cases = readdirSync(corpus);
    expect(cases.length).toBeGreaterThan(3);
    writeFileSync(join(corpus, "broken.json"), "{");
    const minimized = pwh(["fuzz", right, "--minimize-corpus", corpus]);
    expect(minimized.code).toBe(0);
    expect(minimized.err).toContain(`${join(corpus, "broken.json")} is left alone: it is not JSON`);
    expect(minimized.out).toMatch(/^\d+ cases stay in .*, \d+ removed; they reach \d of 3 functions/);
    expect(readFileSync(join(corpus, "broken.json"), "utf8")).toBe("{");
  });

  test.each([
    [["--corpus", right], /Cannot read the directory .*: it is a file, not a directory/],
    [["--minimize-corpus", join(directory, "none")], /Cannot minimize the corpus .*: there is no such directory/],
    [["--replay", "1:g4.x"], /Cannot use --replay "1:g4.x"/],
    [["--replay", "1:g@0123.4"], /it began with the corpus file 0123.json/],
  ])("%j is refused", (args, message) => {
    const { code, err } = pwh(["fuzz", right, ...args]);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });
});
