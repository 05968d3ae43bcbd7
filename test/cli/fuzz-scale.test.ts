// Many threads, many machines: the same runs wherever they are played, and nothing shared but a directory or a bucket.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { fuzzDocumentCases } from "../../tools/fuzz-documents.mjs";
import { fixture } from "../support/fixtures.js";
import { pwh, root } from "../support/pwh.js";
import { s3Key, startS3 } from "../support/s3-server.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-scale-"));
afterAll(() => rmSync(folder, { recursive: true }));
const command = join(root, "dist/cli/main.js");
const faulty = fixture("buggy/empty-header-faulty.wasm");
const noTrap = ["--property", "no-trap"];

interface Event {
  readonly event: string;
  readonly [name: string]: unknown;
}
const events = (out: string): Event[] =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Event);
const findings = (out: string): Event[] => events(out).filter(({ event }) => event === "finding");
const summary = (out: string): Event => events(out).at(-1)!;

/** Runs the built command without waiting for others, and with an environment of its own. */
const started = (
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { cwd, env, timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });

describe("pwh fuzz --workers", () => {
  test("plays the runs of one thread among them, and tells one finding for a cause; it replays without them", () => {
    const { code, out, err } = pwh(["fuzz", faulty, ...noTrap, "--workers", "2", "--runs", "3001", "--json"]);
    expect([code, err]).toEqual([1, ""]);
    expect(findings(out)).toHaveLength(1);
    expect(summary(out)).toMatchObject({ runs: 3001, ended: "runs", findings: 1 });
    const { path, seed } = findings(out)[0]!;
    const again = pwh(["fuzz", faulty, ...noTrap, "--replay", `${String(seed)}:${String(path)}`, "--json"]);
    expect(findings(again.out)[0]).toMatchObject({ case: findings(out)[0]!["case"] });
  });

  test("follow coverage together, and what one made of another's case replays alone", () => {
    const guided = fixture("buggy/double-commit-faulty.wasm");
    const options = ["fuzz", guided, ...noTrap, "--coverage", "--json"];
    const { out } = pwh([...options, "--workers", "2", "--max-failures", "1", "--runs", "200000"], {
      timeoutMs: 60_000,
    });
    const [found] = findings(out);
    expect(found).toMatchObject({ property: "no-trap" });
    const again = pwh([...options, "--replay", `1:${String(found!["path"])}`]);
    expect(findings(again.out)[0]).toMatchObject({ case: found!["case"] });
  });

  test("end all when enough was found", () => {
    const { out } = pwh(["fuzz", faulty, "--workers", "2", "--max-failures", "1", "--runs", "1000000", "--json"]);
    expect(summary(out)).toMatchObject({ ended: "failures", findings: 1 });
  });

  test.each([
    [["--workers", "0"], /Cannot use --workers 0/],
    [["--workers", "two"], /Cannot use --workers two/],
    [["--shard", "4/3"], /there is no shard 4 of 3/],
    [["--shard", "0/3"], /there is no shard 0 of 3/],
    [["--shard", "half"], /Cannot use --shard "half"/],
    [["--shard", "job/3"], /JOB_COMPLETION_INDEX is not in the environment/],
    [["--share", "s3://bucket", "--corpus", "x"], /Cannot use --corpus with --share/],
    [["--share", "s3://Bucket"], /a bucket is named s3:/],
    [["--share", "s3://bucket/a"], /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
    [["--image", "a"], /Cannot use --image here/],
    [["-o", "a"], /Cannot use --output here/],
  ])("%j is refused", (args, message) => {
    const { code, err, out } = pwh(["fuzz", faulty, ...args], {
      env: { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" },
    });
    expect([code, out, err]).toEqual([2, "", expect.stringMatching(message)]);
  });
});

describe("pwh fuzz --shard --share", () => {
  const share = join(folder, "share");
  const shard = (i: number): string[] => [
    "fuzz",
    faulty,
    ...noTrap,
    "--shard",
    `${i}/3`,
    "--share",
    share,
    "--runs",
    "3000",
  ];

  test("each plays its runs; merge joins them, and says what is missing", () => {
    expect(pwh([...shard(1), "--json"]).code).toBeLessThan(2);
    expect(pwh([...shard(3), "--json"]).code).toBeLessThan(2);
    const part = pwh(["fuzz", "merge", share]);
    expect(part.out).toContain("missing: shard 2 of 3 wrote no result");
    pwh(shard(2));
    const all = pwh(["fuzz", "merge", share, "--json"]);
    expect(all.code).toBe(1);
    expect(summary(all.out)).toMatchObject({ runs: 3000, missing: [], unfinished: [], of: 3 });
    // the same as on one machine
    const alone = findings(pwh(["fuzz", faulty, ...noTrap, "--runs", "3000", "--json"]).out);
    expect(findings(all.out).map(({ cause }) => cause)).toEqual(alone.map(({ cause }) => cause));
    const text = pwh(["fuzz", "merge", share]).out;
    const [, line] = /again: pwh (.*)$/m.exec(text)!;
    expect(line).not.toMatch(/--shard|--share/);
    expect(pwh(line!.split(" ")).out.split("\n")[0]).toBe(text.split("\n")[0]);
  });

  test("merge copies several shares into one, which then has all of them", () => {
    const [one, two, both] = ["one", "two", "both"].map((name) => join(folder, name)) as [string, string, string];
    const run = (i: number, to: string) =>
      pwh([
        "fuzz",
        fixture("buggy/double-commit-right.wasm"),
        ...noTrap,
        "--coverage",
        "--runs",
        "1200",
        "--shard",
        `${i}/2`,
        "--share",
        to,
      ]);
    expect([run(1, one).code, run(2, two).code]).toEqual([0, 0]);
    const merged = pwh(["fuzz", "merge", one, two, "-o", both, "--json"]);
    expect(merged.code).toBe(0);
    expect(summary(merged.out)).toMatchObject({ runs: 1200, findings: 0 });
    expect(readdirSync(join(both, "shards")).sort()).toEqual(["1-of-2.json", "2-of-2.json"]);
    const cases = new Set([...readdirSync(join(one, "corpus")), ...readdirSync(join(two, "corpus"))]);
    expect(new Set(readdirSync(join(both, "corpus")))).toEqual(cases);
    expect(summary(pwh(["fuzz", "merge", both, "--json"]).out)).toMatchObject({
      runs: 1200,
      coverage: summary(merged.out)["coverage"],
    });
  });

  test.each([1, 2])("a signal that came before ends a search with %d workers before its first run", async (workers) => {
    // a thread begins with a built file
    const { fuzz } = (await import(`${root}dist/fuzz/index.js`)) as typeof import("../../src/fuzz/index.js");
    const module = `${root}fixtures/http-headers-c/http-headers.wasm`;
    const report = await fuzz({ module, workers, runs: 3000, signal: AbortSignal.abort() });
    expect(report).toMatchObject({ runs: 0, ended: "stopped" });
  });

  test("what was found is told although the share cannot be written to", () => {
    const file = join(folder, "no-share");
    writeFileSync(file, "");
    const { code, out, err } = pwh(["fuzz", faulty, ...noTrap, "--runs", "300", "--share", file]);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining("Cannot write") });
    expect(out).toContain("no-trap: Guest trapped");
  });

  test("merge copies a result again that went further since, and none of a different search", () => {
    const [from, to] = ["further", "further-copy"].map((name) => join(folder, name)) as [string, string];
    const result = join(from, "shards", "1-of-1.json");
    const run = (seed: number) =>
      pwh(["fuzz", faulty, ...noTrap, "--runs", "30", "--seed", `${seed}`, "--share", from]);
    run(1);
    const ended = readFileSync(result, "utf8");
    const early = { ...(JSON.parse(ended) as object), ended: "running", runs: 3 };
    writeFileSync(result, JSON.stringify(early));
    mkdirSync(join(from, "shards", "a folder"));
    const first = pwh(["fuzz", "merge", from, "-o", to]);
    expect(first.out).toContain("not ended: shard 1 of 1");
    writeFileSync(result, ended);
    expect(pwh(["fuzz", "merge", from, "-o", to]).out).toContain("1 files copied");
    expect(readFileSync(join(to, "shards", "1-of-1.json"), "utf8")).toBe(ended);
    expect(pwh(["fuzz", "merge", from, "-o", to]).out).toContain("0 files copied");
    // of one shard, the result of its end is taken, in whichever order shares are named
    writeFileSync(result, JSON.stringify({ ...early, runs: 30 }));
    for (const names of [
      [from, to],
      [to, from],
    ])
      expect(pwh(["fuzz", "merge", ...names]).out).not.toContain("not ended");
    run(9);
    expect(pwh(["fuzz", "merge", from, "-o", to])).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/results of a different search are there, with the seeds 1 and 9/),
    });
    expect(readFileSync(join(to, "shards", "1-of-1.json"), "utf8")).toBe(ended);
  });

  test("merge refuses what is none, and shards of different searches; what is no result is left alone", () => {
    const other = join(folder, "other");
    pwh(["fuzz", faulty, ...noTrap, "--seed", "9", "--shard", "1/3", "--share", other, "--runs", "30"]);
    writeFileSync(join(other, "shards", "notes.txt"), "x");
    const refused = pwh(["fuzz", "merge", share, other]);
    expect([refused.code, refused.err]).toEqual([
      2,
      expect.stringContaining("of different searches, with the seeds 1 and 9"),
    ]);
    expect(pwh(["fuzz", "merge", other]).err).toContain("notes.txt is left alone: it is not JSON");
    const written = readdirSync(join(other, "shards")).find((name) => name.endsWith(".json"));
    const result = JSON.parse(readFileSync(join(other, "shards", written!), "utf8")) as object;
    for (const broken of [
      { of: 1e15 },
      { shard: 4 },
      { elapsedMs: "1" },
      { findings: [{ property: "no-trap" }] },
      { coverage: { counters: 1e15, reached: "", entries: "" } },
    ]) {
      const many = join(folder, "broken");
      mkdirSync(join(many, "shards"), { recursive: true });
      writeFileSync(join(many, "shards", "1.json"), JSON.stringify({ ...result, ...broken }));
      const { code, err } = pwh(["fuzz", "merge", many]);
      expect({ broken, code, err }).toMatchObject({ code: 2, err: expect.stringContaining("not what a shard writes") });
    }
    expect(pwh(["fuzz", "merge", join(folder, "none")])).toMatchObject({
      code: 2,
      err: expect.stringContaining("no shard wrote a result"),
    });
    expect(pwh(["fuzz", "merge", faulty])).toMatchObject({
      code: 2,
      err: expect.stringContaining("it is a file, not a directory"),
    });
    expect(pwh(["fuzz", "merge"])).toMatchObject({ code: 2, err: expect.stringContaining("name the directories") });
  });
});

describe("a bucket", () => {
  let server: Awaited<ReturnType<typeof startS3>>;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(() => server.close());
  const env = (secret = s3Key.secret): Record<string, string> => ({
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_ACCESS_KEY_ID: s3Key.id,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_REGION: "eu-central-1",
  });

  test("is a share as a directory is: corpus, results, merge", async () => {
    const module = fixture("buggy/double-commit-right.wasm");
    const run = (i: number) =>
      started(
        ["fuzz", module, ...noTrap, "--coverage", "--runs", "1200", "--shard", `${i}/2`, "--share", "s3://bucket/a b"],
        folder,
        env(),
      );
    expect(await run(1)).toMatchObject({ code: 0, err: "" });
    const before = [...server.objects.keys()].filter((key) => key.startsWith("a b/corpus/")).length;
    expect(before).toBeGreaterThan(2); // more than a page of a listing
    expect(await run(2)).toMatchObject({ code: 0, err: "" });
    expect([...server.objects.keys()].filter((key) => key.startsWith("a b/shards/"))).toEqual([
      "a b/shards/1-of-2.json",
      "a b/shards/2-of-2.json",
    ]);
    const merged = await started(
      ["fuzz", "merge", "s3://bucket/a b", "-o", join(folder, "copy"), "--json"],
      folder,
      env(),
    );
    expect(summary(merged.out)).toMatchObject({ runs: 1200, missing: [] });
    expect(readdirSync(join(folder, "copy", "corpus"))).toHaveLength(
      [...server.objects.keys()].filter((key) => key.includes("/corpus/")).length,
    );
  });

  test("that refuses is told, without the key", async () => {
    const { code, err } = await started(["fuzz", "merge", "s3://bucket/a"], folder, env("wrong"));
    expect([code, err]).toEqual([2, expect.stringContaining("it answers 403 SignatureDoesNotMatch")]);
    expect(err).not.toContain("wrong");
    const missing = await started(["fuzz", "merge", "s3://no-bucket/a"], folder, env());
    expect(missing.err).toContain("Cannot list s3://no-bucket/a/shards: it answers 404 NoSuchBucket");
  });
});

describe("pwh fuzz k8s and github", () => {
  interface Recorded {
    readonly name: string;
    readonly oracle: string;
    readonly accepted: boolean;
    readonly text: string;
  }
  const recorded = readFileSync(fixture("../test/recordings/manifests/fuzz.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);

  test.each(fuzzDocumentCases)("writes what a validator was asked about: $name", ({ name, args, broken }) => {
    const one = recorded.find((given) => given.name === name)!;
    const { code, out } = pwh(["fuzz", ...args]);
    expect(code).toBe(0);
    const text = broken === undefined ? out : out.replace(broken[0], () => broken[1]);
    expect(text).toBe(one.text); // else: tools/fuzz-oracles.mjs
    expect([one.oracle, one.accepted]).toEqual([
      expect.stringMatching(/^(kubernetes-validate|actionlint)/),
      broken === undefined,
    ]);
  });

  test.each(fuzzDocumentCases.filter(({ args }) => args[0] === "k8s"))(
    "a Kubernetes API server said of them: $name",
    ({ name, broken }) => {
      const lines = readFileSync(fixture("../test/recordings/manifests/fuzz-jobs.jsonl"), "utf8").trim().split("\n");
      const line = lines.map((one) => JSON.parse(one)).find((one) => one.case === name);
      const text = recorded.find((given) => given.name === name)!.text;
      expect(line.sha256).toBe(createHash("sha256").update(text).digest("hex")); // else: npm run oracles
      const [errors] = Object.values(line.verdicts as Record<string, { errors: string[] }>).map((one) => one.errors);
      expect(errors!.length > 0).toBe(broken !== undefined);
    },
  );

  test("the Job's pods, each with nothing but its own files, its index and the share, find what one machine finds", async () => {
    const module = fixture("buggy/empty-header-faulty.wasm");
    const { out } = pwh([
      "fuzz",
      "k8s",
      module,
      ...noTrap,
      "--runs",
      "3000",
      "--shards",
      "3",
      "--image",
      "pwh",
      "--share-claim",
      "fuzz",
    ]);
    const [configMap, job] = parseAllDocuments(out).map((one) => one.toJS() as Record<string, any>);
    const [container] = job!["spec"].template.spec.containers;
    const { completions } = job!["spec"];
    const share = join(folder, "claim");
    mkdirSync(share);
    const pods = Array.from({ length: completions as number }, async (_, index) => {
      const pod = join(folder, `pod-${index}`);
      mkdirSync(join(pod, "module"), { recursive: true });
      for (const [name, value] of Object.entries(configMap!["binaryData"] as Record<string, string>))
        writeFileSync(join(pod, "module", name), Buffer.from(value, "base64"));
      const args = (container.args as string[]).map((one) =>
        one.replace(/^\/module/, join(pod, "module")).replace("=/share", `=${share}`),
      );
      return started(args, pod, { JOB_COMPLETION_INDEX: String(index) });
    });
    const ended = await Promise.all(pods);
    expect(ended.map(({ err }) => err)).toEqual(["", "", ""]);
    expect(new Set(ended.map(({ code }) => code))).toContain(1);
    const merged = pwh(["fuzz", "merge", share, "--json"]);
    expect(merged.code).toBe(1);
    expect(summary(merged.out)).toMatchObject({ runs: 3000, of: 3, missing: [], unfinished: [] });
    expect(findings(merged.out)).toHaveLength(1);
    // and it replays elsewhere, by the bytes alone
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    copyFileSync(module, join(elsewhere, basename(module)));
    const { path, seed } = findings(merged.out)[0]!;
    const again = await started(
      ["fuzz", basename(module), ...noTrap, "--replay", `${String(seed)}:${String(path)}`],
      elsewhere,
      {},
    );
    expect(again.code).toBe(1);
  });

  test.each([
    [["k8s"], /one module and the options of its run/],
    [["k8s", faulty], /give --image/],
    [["k8s", faulty, "--image", "a"], /share --share-claim NAME, or --share s3:/],
    [["k8s", faulty, "--image", "a b", "--share-claim", "x"], /"a b" is no image/],
    [["k8s", faulty, "--image", "a", "--share-claim", "X"], /--share-claim "X" makes no name that Kubernetes takes/],
    [["k8s", faulty, "--image", "a", "--share", "s3://bucket"], /give --share-secret/],
    [["k8s", faulty, "--image", "a", "--share-claim", "x", "--replay", "1:2"], /Cannot use --replay with pwh fuzz k8s/],
    [["k8s", "none.wasm", "--image", "a", "--share-claim", "x"], /Cannot read none.wasm/],
    [["github", faulty, "--image", "a"], /Cannot use --image with pwh fuzz github/],
    [["github", faulty, "--shards", "300"], /more than the 256 jobs of a matrix/],
  ])("%j is refused, and writes nothing", (args, message) => {
    const file = join(folder, "refused.yaml");
    const { code, err } = pwh(["fuzz", ...args, "-o", file]);
    expect([code, err, existsSync(file)]).toEqual([2, expect.stringMatching(message), false]);
  });
});
