import { isUtf8 } from "node:buffer";
import { basename, dirname, relative, resolve } from "node:path";
import type { Document, Node, ParsedNode } from "yaml";
import { LineCounter, parseDocument } from "yaml";
import { textOf } from "../abi/bytes.js";
import { didYouMean } from "../abi/nearest.js";
import { HarnessError } from "../errors.js";
import { readNamedFile } from "../harness/source.js";
import { notForAll } from "./for-all.js";
import type { CaseFields, FileFields, MatrixFields } from "./file-shape.js";
import { fileShape } from "./file-shape.js";
import type { Setup } from "./merge.js";
import { filtersOf, merged, proxyOptions, upstreamsOf } from "./merge.js";
import type { Problem } from "./reader.js";
import { Reader } from "./reader.js";
import { placeless } from "./shape.js";
import type { Case, Expectations, Step, Where } from "./types.js";

/** `file:line:column: what`, a line for each. */
export const problemLine = ({ where, message }: Problem): string =>
  `${where.file}:${where.line}:${where.column}: ${message}`;

/** The error for a file with something wrong in it: the first is its message, the others are its details. */
export function scenarioError(problems: readonly Problem[]): HarnessError {
  const sorted = [...problems].sort((a, b) => a.where.line - b.where.line || a.where.column - b.where.column);
  const lines = [...new Set(sorted.map(problemLine))];
  return new HarnessError("SCENARIO_INVALID", lines[0]!, { details: lines.slice(1) });
}

/**
 * Reads a scenario file.
 *
 * @throws {HarnessError} FILE_UNREADABLE; SCENARIO_INVALID with file, line and column of everything that is wrong.
 */
export async function readScenarioFile(file: string): Promise<Case[]> {
  const bytes = await readNamedFile(file);
  const text = textOf(bytes);
  if (isUtf8(bytes)) return readScenario(text, file);
  const before = text.slice(0, text.indexOf("\ufffd")).split("\n");
  const where = { file, line: before.length, column: before.at(-1)!.length + 1 };
  const message = "The file is not UTF-8: write other bytes as base64, hex or latin1";
  throw scenarioError([{ where, message }]);
}

/**
 * Reads the text of a scenario file; paths in it are seen from the folder of `file`.
 *
 * @throws {HarnessError} As `readScenarioFile`.
 */
export async function readScenario(source: string, file: string): Promise<Case[]> {
  const { reader, fields, node } = parsed(source, file);
  const problem = (at: Node | undefined, message: string): void => {
    reader.problems.push({ where: at ? reader.where(at) : { file, line: 1, column: 1 }, message });
  };
  if (fields === undefined) {
    if (reader.problems.length === 0)
      problem(undefined, "The file is empty: it needs a list of cases behind the key tests");
    throw scenarioError(reader.problems);
  }
  const defaults = await defaultsOf(fields, reader, [resolve(file)]);
  if (fields.tests === undefined && reader.problems.length === 0)
    problem(node, "The file has no tests: it needs a list behind the key tests");
  const cases = (fields.tests ?? []).flatMap((one) => casesOf(one, defaults, fields.matrix, reader));
  checkNames(cases, reader);
  if (reader.problems.length > 0) throw scenarioError(reader.problems);
  return cases;
}

interface Parsed {
  readonly reader: Reader;
  readonly fields: FileFields | undefined;
  readonly node: Node | undefined;
}

function parsed(source: string, file: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const reader = new Reader(file, dirname(resolve(file)), document as Document<ParsedNode>, lines);
  reader.files.add(resolve(file));
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    const { line, col } = lines.linePos(pos[0]);
    const where = { file, line: Math.max(1, line), column: Math.max(1, col) };
    reader.problems.push({
      where,
      message: `Cannot read the YAML: ${message.replace(/; please use YAML\.\w+\(\)/, "")}`,
    });
  }
  const node = (document.contents ?? undefined) as Node | undefined;
  if (reader.problems.length > 0 || node === undefined || isNothing(node)) return { reader, fields: undefined, node };
  return { reader, fields: reader.read(node, fileShape), node };
}

const isNothing = (node: Node): boolean => "value" in node && node.value === null;

/** Defaults of the file over those of the files it includes. */
async function defaultsOf(fields: FileFields, reader: Reader, above: readonly string[]): Promise<Setup> {
  let setup: Setup = {};
  for (const given of fields.include ?? []) {
    const path = reader.path(given);
    reader.files.add(path);
    const where = fields.where;
    if (above.includes(path)) {
      reader.problems.push({ where, message: `Cannot include ${given}: it includes this file, directly or not` });
      continue;
    }
    const shown = relative(process.cwd(), path) || path;
    let source: string;
    try {
      source = textOf(await readNamedFile(path));
    } catch (thrown) {
      if (!(thrown instanceof HarnessError)) throw thrown;
      reader.problems.push({ where, message: `Cannot include ${given}: ${thrown.message}` });
      continue;
    }
    const included = parsed(source, shown);
    if (included.fields !== undefined) {
      setup = merged(setup, await defaultsOf(included.fields, included.reader, [...above, path]));
    }
    reader.problems.push(...included.reader.problems);
    for (const one of included.reader.files) reader.files.add(one);
  }
  if (fields.defaults === undefined) return setup;
  checkPairs(fields.defaults, reader);
  return merged(setup, placeless(fields.defaults));
}

/** Two keys for one thing. */
function checkPairs(fields: Setup & { readonly where: Where }, reader: Reader): void {
  for (const [a, b] of [
    ["plugin", "plugins"],
    ["route", "routes"],
  ] as const) {
    if (fields[a] !== undefined && fields[b] !== undefined)
      reader.problems.push({ where: fields.where, message: `Expected ${a} or ${b}, found both` });
  }
}

// ------------------------------------------------------------------------------------------------------------- a case

function casesOf(fields: CaseFields, defaults: Setup, matrix: MatrixFields | undefined, reader: Reader): Case[] {
  const { name, where, request, steps, play, holds, forAll, expect, matrix: own, ...rest } = fields;
  checkPairs({ ...rest, where }, reader);
  const problem = (message: string): void => void reader.problems.push({ where, message });
  if (request !== undefined && steps !== undefined) problem("Expected request or steps, found both");
  const all: readonly Step[] = steps ?? (request === undefined ? [] : [{ kind: "request", request, where }]);
  if (play !== undefined) checkPlay(fields, problem);
  else if (forAll !== undefined) checkForAll(fields, problem);
  else if (holds !== undefined) problem("Key holds is about what is played, and there is no play");
  else if (all.length === 0 && request === undefined && steps === undefined)
    problem(`Case "${name}" does nothing: it needs request, steps or play`);
  if (play === undefined && expect === undefined && all.every((step) => step.expect === undefined))
    problem(`Case "${name}" expects nothing: it needs expect`);
  const setup = merged(defaults, rest);
  const parts = {
    name,
    where,
    steps: all,
    ...(play && { play: { ...play, holds: holds ?? [] } }),
    ...(forAll && { forAll }),
    ...(expect && { expect }),
    files: [...reader.files],
  };
  return variantsOf({ ...matrix, ...own }).map(({ label, change }) =>
    variantOf(parts, label, merged(setup, change(setup)), reader),
  );
}

/** What a case that is played cannot have: the fuzzer's proxy has one plugin and its own upstreams. */
const notPlayed = [
  "request",
  "steps",
  "forAll",
  "expect",
  "plugins",
  "upstreams",
  "route",
  "routes",
  "listener",
  "properties",
  "logLevel",
  "onUnknownUpstream",
  "onFailure",
  "strict",
  "startTime",
] as const satisfies readonly (keyof CaseFields)[];

/** A property meets the fuzzer's proxy too, and says what it expects. */
function checkForAll(fields: CaseFields, problem: (message: string) => void): void {
  const other = ["holds" as const, ...notPlayed].find(
    (key) => key !== "expect" && key !== "forAll" && fields[key] !== undefined,
  );
  if (other !== undefined) problem(`Expected forAll or ${other}, found both`);
  const wrong = notForAll.find((key) => fields.expect?.[key] !== undefined);
  if (wrong !== undefined) problem(`Cannot expect ${wrong} of all requests: it is not of one exchange`);
}

function checkPlay(fields: CaseFields, problem: (message: string) => void): void {
  const other = notPlayed.find((key) => fields[key] !== undefined);
  if (other !== undefined) problem(`Expected play or ${other}, found both`);
  if (fields.holds === undefined) problem(`Case "${fields.name}" expects nothing: with play it needs holds`);
}

function variantOf(
  parts: Pick<Case, "name" | "where" | "steps" | "play" | "forAll" | "expect" | "files">,
  label: string,
  setup: Setup,
  reader: Reader,
): Case {
  const made: Case = {
    ...parts,
    name: label === "" ? parts.name : `${parts.name} [${label}]`,
    tags: setup.tags ?? [],
    ...(setup.skip !== undefined && { skip: setup.skip }),
    proxy: { ...proxyOptions(setup), filters: filtersOf(setup) },
    upstreams: upstreamsOf(setup),
  };
  checkCase(made, setup, reader);
  return made;
}

interface Variant {
  readonly label: string;
  readonly change: (setup: Setup) => Setup;
}

/** Every combination of the axes. */
function variantsOf(matrix: Partial<Omit<MatrixFields, "where">>): Variant[] {
  let variants: Variant[] = [{ label: "", change: () => ({}) }];
  const cross = <T>(
    axis: readonly { readonly label: string | undefined; readonly value: T }[] | undefined,
    labelOf: (value: T) => string,
    change: (value: T, setup: Setup) => Setup,
  ): void => {
    if (axis === undefined) return;
    variants = variants.flatMap((before) =>
      axis.map(({ label, value }) => ({
        label: [before.label, label ?? labelOf(value)].filter((one) => one !== "").join(", "),
        change: (setup) => ({ ...before.change(setup), ...change(value, setup) }),
      })),
    );
  };
  cross(
    matrix.plugin,
    (path) => basename(path).replace(/\.wasm$/, ""),
    (module, { plugin, configuration }) => ({
      plugin: { ...plugin, module },
      ...(configuration && { configuration }),
    }),
  );
  cross(
    matrix.configuration,
    (bytes) => textOf(bytes).slice(0, 40),
    (configuration) => ({ configuration }),
  );
  cross(
    matrix.envoy,
    (release) => release,
    (envoy) => ({ envoy }),
  );
  return variants;
}

/** What can be wrong between the parts of a case. */
function checkCase(made: Case, setup: Setup, reader: Reader): void {
  const problem = (where: Where, message: string): void => {
    if (reader.problems.every((one) => one.where !== where || one.message !== message))
      reader.problems.push({ where, message });
  };
  const { filters } = made.proxy;
  if (filters.length === 0 && made.forAll === undefined)
    problem(made.where, `Case "${made.name}" has no plugin: it needs plugin or plugins`);
  if (filters.length > 1 && (made.play ?? made.forAll) !== undefined)
    problem(made.where, "What is played meets one plugin, not a chain");
  if (filters.length > 1 && setup.configuration !== undefined)
    problem(made.where, "Key configuration is for one plugin: say it in the list of plugins");
  const names = made.upstreams.map((one) => one.name);
  const known = (name: string, where: Where): void => {
    if (!names.includes(name) && made.proxy.onUnknownUpstream === undefined)
      problem(
        where,
        `Upstream "${name}" is not defined${didYouMean(name, names)}: defined are ${names.join(", ") || "none"}`,
      );
  };
  if (made.proxy.route !== undefined) known(made.proxy.route, made.where);
  for (const { cluster } of made.proxy.routes ?? []) if (cluster !== undefined) known(cluster, made.where);
  const open = new Set<string>();
  let asked = false;
  for (const step of made.steps) {
    if (step.kind === "request") {
      asked = true;
      if (step.name !== undefined && open.has(step.name))
        problem(step.where, `Request "${step.name}" is under way already: take another name`);
      if (step.name !== undefined) open.add(step.name);
    } else if (step.kind === "finish" || step.kind === "abort") {
      if (!open.has(step.name))
        problem(
          step.where,
          `Request "${step.name}" is not under way${didYouMean(step.name, open)}: it begins with request and as`,
        );
      if (step.kind === "finish") open.delete(step.name);
    } else if (step.kind === "answer") {
      known(step.upstream, step.where);
      const held = made.upstreams.find((one) => one.name === step.upstream);
      if (held !== undefined && !held.replies.includes("hold"))
        problem(step.where, `Upstream "${step.upstream}" holds no request: its reply has to be hold`);
    }
    if (step.expect !== undefined) checkExpectations(step.expect, asked, problem);
  }
  if (made.expect !== undefined) checkExpectations(made.expect, asked || made.forAll !== undefined, problem);
}

function checkExpectations(
  expect: Expectations,
  asked: boolean,
  problem: (where: Where, message: string) => void,
): void {
  const keys = Object.keys(expect).filter((key) => key !== "where" && expect[key as keyof Expectations] !== undefined);
  if (keys.length === 0) problem(expect.where, "Expected an expectation, found none");
  if (expect.reply !== undefined && (expect.response !== undefined || expect.upstreamRequest !== undefined)) {
    const other = expect.response === undefined ? "upstreamRequest" : "response";
    problem(expect.where, `Expected reply or ${other}, found both: a reply is a response that asks no upstream`);
  }
  const needsExchange = ["response", "reply", "upstreamRequest", "access", "properties"] as const;
  const needs = needsExchange.find((key) => expect[key] !== undefined);
  if (!asked && needs !== undefined) problem(expect.where, `Cannot check ${needs}: no request was sent before`);
}

function checkNames(cases: readonly Case[], reader: Reader): void {
  const first = new Map<string, Where>();
  for (const { name, where } of cases) {
    const before = first.get(name);
    if (before === undefined) first.set(name, where);
    else
      reader.problems.push({
        where,
        message: `Name "${name}" is taken by the case at line ${before.line}: names are unique`,
      });
  }
}
