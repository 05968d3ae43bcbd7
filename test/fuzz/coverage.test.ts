// What coverage adds to fuzzing: faults behind several steps, a corpus of files, replay of what was made from others.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FuzzCase } from "../../src/fuzz/index.js";
import { fuzz, minimizeCorpus } from "../../src/fuzz/index.js";
import { caseFromJson, caseToJson } from "../../src/fuzz/corpus/case-json.js";
import { readCorpus, writeEntry } from "../../src/fuzz/corpus/corpus.js";
import { DirectoryStore } from "../../src/fuzz/corpus/store.js";
import { Draw, numbersOf } from "../../src/fuzz/generate/draw.js";
import { drawCase } from "../../src/fuzz/generate/messages.js";
import { Vocabulary } from "../../src/fuzz/generate/vocabulary.js";
import { isLine, isPath } from "../../src/fuzz/field-rules.js";
import { mutateCase } from "../../src/fuzz/guided/mutate.js";
import { fixture } from "../support/fixtures.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pwh-corpus-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const plain: FuzzCase = {
  exchanges: [
    {
      request: {
        method: "GET",
        path: "/",
        authority: "example.com",
        protocol: "HTTP/1.1",
        headers: [["x-batch", "open"]],
      },
      reply: { status: 200, headers: [] },
    },
  ],
  repeat: 1,
  callReply: {},
};
const withHeader = (name: string, value: string): FuzzCase => ({
  ...plain,
  exchanges: [{ ...plain.exchanges[0]!, request: { ...plain.exchanges[0]!.request, headers: [[name, value]] } }],
});
const words = new Vocabulary({ words: ["open", "x-batch"] });
const drawn = (run: number): FuzzCase =>
  drawCase(new Draw(numbersOf(5, run)), words, { faulty: [{ hostcall: "proxy_log", statuses: [1] }] });

describe("fuzz({ coverage: true })", () => {
  test("finds what four requests in the right order break, and plays it again from its path alone", async () => {
    const module = fixture("buggy/double-commit-faulty.wasm");
    const options = { module, seed: 3, property: ["no-trap"] };
    const report = await fuzz({ ...options, coverage: true, maxFailures: 1, runs: 50_000, timeMs: 60_000 });
    const [found] = report.findings;
    expect(found).toMatchObject({ property: "no-trap" });
    const batches = found!.case!.exchanges.map(({ request }) => request.headers);
    expect(batches).toEqual(["open", "fill", "commit", "commit"].map((step) => [["x-batch", step]]));
    const again = await fuzz({ ...options, path: found!.path });
    expect(again.ended).toBe("replayed");
    expect(again.findings[0]!.case).toEqual(found!.case);
    const { functions, edges, corpus } = report.coverage!;
    expect(functions.reached).toBeLessThanOrEqual(functions.all);
    expect(edges.reached).toBeGreaterThan(0);
    expect(corpus).toBeGreaterThan(0);
  });

  test("makes the same cases again: same findings, same corpus", async () => {
    const run = () =>
      fuzz({
        module: fixture("buggy/nested-template-right.wasm"),
        coverage: true,
        seed: 4,
        runs: 1500,
        property: ["no-trap"],
      });
    const [one, other] = [await run(), await run()];
    expect(one.coverage).toEqual(other.coverage);
    expect([one.runs, one.findings]).toEqual([1500, []]);
  });

  test("without coverage there is none in the report", async () => {
    const report = await fuzz({ module: fixture("buggy/nested-template-right.wasm"), runs: 10, property: ["no-trap"] });
    expect(report).not.toHaveProperty("coverage");
  });

  test("writes a corpus, begins with it, and refuses to replay from a file that is not there", async () => {
    const options = { module: fixture("buggy/double-commit-right.wasm"), corpus: directory, property: ["no-trap"] };
    const first = await fuzz({ ...options, runs: 1500 });
    const files = readdirSync(directory);
    expect(files.length).toBe(first.coverage!.corpus);
    for (const file of files) expect(file).toMatch(/^[0-9a-f]{16}\.json$/);
    const second = await fuzz({ ...options, seed: 9, runs: files.length });
    expect(second.coverage!.edges.reached).toBe(first.coverage!.edges.reached);
    await expect(fuzz({ ...options, path: "g@0123456789abcdef.4" })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining("0123456789abcdef.json"),
    });
  });

  test.each(["g", "g1.", "g-1", "g1+2", "gx"])("refuses the path %j", async (path) => {
    await expect(fuzz({ module: fixture("buggy/double-commit-right.wasm"), path })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });
});

/** A Buffer and a Uint8Array of the same bytes are the same. */
const withPlainBytes = (given: FuzzCase): object => ({
  ...given,
  exchanges: given.exchanges.map(({ request, reply }) => [
    { ...request, body: request.body?.map((piece) => [...piece]) },
    { ...reply, body: reply.body?.map((piece) => [...piece]) },
  ]),
});

describe("a corpus", () => {
  test("gives back what was written, each byte of it", async () => {
    for (let run = 0; run < 300; run++) {
      const given = drawn(run);
      const read = caseFromJson(JSON.parse(JSON.stringify(caseToJson(given)))) as FuzzCase;
      expect(withPlainBytes(read)).toEqual(withPlainBytes(given));
    }
    await writeEntry(new DirectoryStore(directory), plain);
    await writeEntry(new DirectoryStore(directory), plain);
    const { entries, foreign } = await readCorpus(new DirectoryStore(directory));
    expect([entries.map((one) => one.case), foreign]).toEqual([[plain], []]);
  });

  test("is written by several processes of one number, as pods have them, and a write that fails leaves nothing", async () => {
    const apart = async () => {
      vi.resetModules();
      return new (await import("../../src/fuzz/corpus/store.js")).DirectoryStore(directory);
    };
    const stores = [await apart(), await apart()];
    await Promise.all(stores.map((one) => one.write("a.json", "x")));
    mkdirSync(join(directory, "b.json"));
    await expect(stores[0]!.write("b.json", "x")).rejects.toThrow(/Cannot write .*b\.json/);
    expect(readdirSync(directory).sort()).toEqual(["a.json", "b.json"]);
  });

  test("that does not exist is empty", async () => {
    expect(await readCorpus(new DirectoryStore(join(directory, "none")))).toEqual({ entries: [], foreign: [] });
  });

  const message = (changes: object): string =>
    JSON.stringify({
      exchanges: [{ request: { ...plain.exchanges[0]!.request, ...changes }, reply: { status: 200, headers: [] } }],
    });
  test.each([
    ["notes.txt", "hello", "its name does not end in .json"],
    ["half.json", '{"exchanges":', "it is not JSON"],
    ["list.json", "[]", "the file is []: it has to be an object"],
    ["empty.json", "{}", 'the file has no "exchanges"'],
    ["none.json", '{"exchanges":[]}', "exchanges is []: it has to be a list of 1 to 100"],
    ["path.json", message({ path: "a" }), 'exchanges[0].request.path is "a"'],
    ["split.json", message({ headers: [["a", "b\r\nc: d"]] }), "exchanges[0].request.headers[0][1]"],
    ["framing.json", message({ headers: [["content-length", "5"]] }), "exchanges[0].request.headers[0][0]"],
    ["other.json", message({ metod: "GET" }), '"metod", which is nothing (did you mean "method"?)'],
  ])("names %s and leaves it alone", async (file, content, reason) => {
    await writeEntry(new DirectoryStore(directory), plain);
    writeFileSync(join(directory, file), content);
    const options = { module: fixture("buggy/double-commit-right.wasm"), corpus: directory };
    const { foreignFiles, coverage } = await fuzz({ ...options, runs: 1, property: ["no-trap"] });
    expect(foreignFiles).toEqual([{ file: join(directory, file), reason: expect.stringContaining(reason) }]);
    expect(coverage!.corpus).toBe(1);
    expect((await minimizeCorpus(options)).foreignFiles).toEqual(foreignFiles);
    expect(readFileSync(join(directory, file), "utf8")).toBe(content);
  });

  test("minimized keeps what reaches something of its own, the smallest of each", async () => {
    const module = fixture("buggy/double-commit-right.wasm");
    await writeEntry(new DirectoryStore(directory), plain);
    await writeEntry(new DirectoryStore(directory), { ...plain, exchanges: [...plain.exchanges, ...plain.exchanges] });
    await writeEntry(new DirectoryStore(directory), withHeader("x-batch", "fill"));
    await writeEntry(new DirectoryStore(directory), withHeader("x-other", "of no use to it"));
    mkdirSync(join(directory, "folder"));
    const names = readdirSync(directory);
    copyFileSync(
      join(
        directory,
        names.find((one) => one.endsWith(".json"))!,
      ),
      join(directory, "copy.json"),
    );
    const before = await fuzz({ module, corpus: directory, runs: 4, property: ["no-trap"], seed: 2 });
    const { kept, removed, coverage } = await minimizeCorpus({ module, corpus: directory });
    expect(coverage.edges.reached).toBe(before.coverage!.edges.reached);
    expect(kept.length + removed.length).toBe(5);
    expect(removed.length).toBeGreaterThan(0);
    const left = (await readCorpus(new DirectoryStore(directory))).entries;
    expect(left.map(({ file }) => file).sort()).toEqual([...kept].sort());
    expect((await minimizeCorpus({ module, corpus: directory })).removed).toEqual([]);
  });
});

test("mutateCase() makes requests that a client may send, and leaves the case it is given as it was", () => {
  const hints = { words, own: ["open"], characters: ["{"], numbers: ["48271"], settings: {} };
  for (let run = 0; run < 500; run++) {
    const given = drawn(run);
    const before = JSON.stringify(caseToJson(given));
    let made = given;
    for (let step = 0; step < 5; step++) made = mutateCase(new Draw(numbersOf(step, run)), made, hints);
    expect(JSON.stringify(caseToJson(given))).toBe(before);
    expect(typeof caseFromJson(JSON.parse(JSON.stringify(caseToJson(made))))).toBe("object");
    for (const { request } of made.exchanges) {
      expect(isPath(request.path!)).toBe(true);
      expect(request.headers.every(([name, value]) => isLine(name, value))).toBe(true);
    }
  }
});
